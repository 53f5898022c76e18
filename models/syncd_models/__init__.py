"""Shapes: the documents that others write, and the rows that readers are promised.

``from syncd_models.rows import Task`` is the contract with whoever reads the database from Python.
"""
