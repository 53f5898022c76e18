"""Versioned changes of the schema, run by Alembic; the first one makes everything."""
