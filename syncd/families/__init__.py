"""Kinds of files: what each knows how to read, and what becomes of it. Pure."""
