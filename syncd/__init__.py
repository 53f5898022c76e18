"""syncd keeps a database level with a tree of state files: the files are the truth, the database is the view."""

__version__ = "0.1.0"
