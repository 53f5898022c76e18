"""Lenient models of the files that others write, one module a family."""
