"""syncd keeps a relational database level with a tree of state files: the files are the truth, the database the view."""

__version__ = "0.1.0"
