"""Alembic's way in: it runs on the connection that ``syncd.stores.migrate`` passes."""

from alembic import context
from sqlmodel import SQLModel

from syncd_models import ledger, rows

modules = (rows, ledger)  # imported for the tables that they declare
connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
