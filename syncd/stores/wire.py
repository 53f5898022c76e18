"""A connection to a PostgreSQL server that takes our texts, gives our values and raises our errors."""

import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

from syncd.errors import ConfigError, StoreRefused, StoreRejected, StoreUnavailable, SyncdError
from syncd.stores.url import Url
from syncd_models.values import Fault

try:
    import psycopg
    from psycopg.adapt import Buffer, Loader
    from psycopg.conninfo import conninfo_to_dict
    from psycopg.pq import TransactionStatus
except ImportError as error:
    raise ConfigError("there is no driver for PostgreSQL here", "Run: pip install 'syncd[postgres]'") from error

CONNECT_SECONDS = 10
LONGEST_NAME = 63
SESSION = (
    "SET TIME ZONE 'UTC'",
    "SET DateStyle = 'ISO'",
    "SET jit = off",  # to compile a question takes longer than to answer it
    "SET enable_seqscan = off",  # our questions are about ranges of keys, also while the server knows no statistics
    # A machine that fell over holds its locks for two minutes, not for two hours.
    "SET tcp_keepalives_idle = 60",
    "SET tcp_keepalives_interval = 15",
    "SET tcp_keepalives_count = 4",
)


class MomentLoader(Loader):
    """Times as the rows have them: ``YYYY-MM-DD HH:MM:SS``, with microseconds only where there are any."""

    def load(self, data: Buffer) -> str:
        """Return the text of a time whose session is in UTC."""
        text = bytes(data).decode().removesuffix("+00")
        return text if "." not in text else text.ljust(len("YYYY-MM-DD HH:MM:SS.ffffff"), "0")


class FlagLoader(Loader):
    """Flags as SQLite has them: 1 and 0."""

    def load(self, data: Buffer) -> int:
        """Return 1 for true."""
        return int(bytes(data) == b"t")


class NumberLoader(Loader):
    """Sums and means as SQLite has them."""

    def load(self, data: Buffer) -> int | float:
        """Return a whole number where there is no fraction."""
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdecimal() else float(text)


LOADERS: dict[str, type[Loader]] = {"timestamptz": MomentLoader, "bool": FlagLoader, "numeric": NumberLoader}


class Connection:
    """A connection whose texts have question marks, and whose transactions begin and end where they say so."""

    def __init__(self, url: Url, *, plain: bool = False) -> None:
        """Connect; a ``plain`` connection gives the driver's own values. Raises the errors that end this module."""
        self.url = url
        self.schema = ""
        """The one that it sees."""
        with translated(url):
            known = conninfo_to_dict(url.whole)
            wanted: dict[str, Any] = {name: value for name, value in usual().items() if name not in known}
            self._wire = psycopg.connect(url.whole, autocommit=True, **wanted, client_encoding="utf8")
            for kind, loader in LOADERS.items() if not plain else ():
                self._wire.adapters.register_loader(kind, loader)
            self._wire.execute("; ".join(SESSION))

    @property
    def in_transaction(self) -> bool:
        """Tell whether a transaction is open, failed or not."""
        state = self._wire.info.transaction_status
        return state not in {TransactionStatus.IDLE, TransactionStatus.UNKNOWN}

    def execute(self, text: str, values: Sequence[Any] = ()) -> "psycopg.Cursor[Any]":
        """Run a statement; without values it may be several."""
        with translated(self.url):
            if not values:
                return self._wire.execute(text.encode())
            return self._wire.execute(marked(text), values)

    def executemany(self, text: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once for each row of values."""
        if listed := [*rows]:
            with translated(self.url):
                self._wire.cursor().executemany(marked(text), listed)

    def lend(self) -> "psycopg.Connection[Any]":
        """Return the driver's connection, which begins transactions by itself from now on."""
        self._wire.autocommit = False
        return self._wire

    def rollback(self) -> None:
        """Take back what the open transaction did, if there is one and the connection still stands."""
        if self.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection; what it held on the server is let go."""
        with suppress(psycopg.Error):
            self._wire.close()


def usual() -> dict[str, Any]:
    """Return what a connection has unless its address or the environment says otherwise."""
    name = f"syncd {os.getpid()} on {socket.gethostname()}"[:LONGEST_NAME]
    timeout = {} if "PGCONNECT_TIMEOUT" in os.environ else {"connect_timeout": CONNECT_SECONDS}
    return {"application_name": name, **timeout}


@lru_cache(maxsize=1024)
def marked(text: str) -> bytes:
    """Return a text as the driver wants it; there is no question mark in it that is not a place."""
    return text.replace("%", "%%").replace("?", "%s").encode()


# What goes wrong

AGAIN = "Is the server running, and can it be reached from here? Nothing is lost: run `syncd sync` again later."
ADDRESS = "Mend the address: postgresql://USER@HOST:5432/DATABASE."
LOGIN = "Look at user and password: in the address, PGPASSWORD or ~/.pgpass."
CONNECTING: tuple[tuple[str, type[SyncdError], str], ...] = (
    ("no password supplied", StoreRefused, "Put the password into ~/.pgpass, PGPASSWORD or the address."),
    ("authentication failed", StoreRefused, LOGIN),
    ("no pg_hba.conf entry", StoreRefused, "The server lets this user in from elsewhere only: see its pg_hba.conf."),
    ("permission denied", StoreRefused, "Ask the owner of the database for GRANT CONNECT."),
    ('database "', StoreRefused, "Make it with createdb, or name another: postgresql://USER@HOST/DATABASE."),
    ('role "', StoreRefused, "Name a user that the server has: postgresql://USER@HOST/DATABASE."),
    ("invalid ", ConfigError, ADDRESS),
    ("unrecognized configuration parameter", ConfigError, ADDRESS),
    ("too many", StoreUnavailable, "Others hold all its connections; try again later."),
    ("", StoreUnavailable, AGAIN),
)
"""What is said where no connection comes about, and what that means; the first that fits counts."""

WRITABLE = "Is it a standby? Name the server that may be written to."
DAMAGED = "Drop its tables, or choose another --database, and run `syncd sync`: all but the past comes from the files."
RUNNING: tuple[tuple[str, type[SyncdError], str], ...] = (
    ("42501", StoreRefused, "Who writes should own the schema: ask its owner for that, or to GRANT what is missing."),
    ("42", StoreRefused, DAMAGED),
    ("XX", StoreRefused, DAMAGED),
    ("25006", StoreUnavailable, WRITABLE),
    ("531", StoreUnavailable, "Free some space on the server's disk, then run `syncd sync` again; nothing is lost."),
    ("", StoreUnavailable, AGAIN),
)
"""What begins the code of an error, and what that means."""
ASIDES = (" Is the server running", " This probably means")
"""Where a message of the driver goes over to guessing."""
REJECTED = ("22", "23", "54")
"""Codes of rows that the server will never take: bad values, broken promises, too long for an index."""


@contextmanager
def translated(url: Url) -> Iterator[None]:
    """Turn the driver's errors into ours."""
    try:
        yield
    except psycopg.Error as error:
        raise _ours(error, url) from error
    except (OverflowError, UnicodeEncodeError) as error:
        raise StoreRejected(Fault(f"the database refuses its rows: {error}")) from error


def _ours(error: psycopg.Error, url: Url) -> SyncdError:
    code = error.sqlstate or ""
    said = " ".join((error.diag.message_primary or str(error)).split())
    for aside in ASIDES:
        said = said.partition(aside)[0]
    reason = url.without_secrets(said)
    if code.startswith(REJECTED) or (isinstance(error, psycopg.DataError) and not code):
        return StoreRejected(Fault(f"the database refuses its rows: {reason}"))
    if code:
        _, kind, hint = next(each for each in RUNNING if code.startswith(each[0]))
    else:
        _, kind, hint = next(each for each in CONNECTING if each[0] in said)
    return kind(f"the database {url} cannot be used now: {reason}", hint)
