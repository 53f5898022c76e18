"""PostgreSQL: what is made, what is refused and left untouched, who may write, and what takes the place of what."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Boolean
from sqlmodel import SQLModel

from syncd.engine import Pass, sync_all
from syncd.errors import ConfigError, StoreRefused, StoreRejected, StoreUnavailable
from syncd.families.compound_state import Options, compound_state
from syncd.rebuild import rebuild
from syncd.sources.files import Files
from syncd.stores.locks import AdvisoryLock, advisory_key
from syncd.stores.postgres import FLAGS, MARK, Postgres
from syncd.stores.sql import SqlStore
from syncd.verify import verify
from syncd_models.schema import TABLES, VERSION
from syncd_models.views import VIEWS
from tests.command import example
from tests.postgres import address, ask, database_at, fresh_address, socket
from tests.processes import environment

FAMILY = compound_state(Options())
HOLDER = """
import sys, time
from tests.postgres import database_at
with database_at(sys.argv[1]).lock(sys.argv[2]).held() as mine:
    print(mine, flush=True)
    time.sleep(60)
"""


def now() -> datetime:
    """Return the time as naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


@pytest.fixture
def url() -> str:
    """Lend the address of a schema that is not there yet."""
    return fresh_address()


@pytest.fixture
def database(url: str) -> Postgres:
    """Lend the database at that address."""
    return database_at(url)


@pytest.fixture
def store(database: Postgres) -> Iterator[SqlStore]:
    """Lend an open store with the rows that are always there."""
    with closing(SqlStore(database, database.open(), now)) as made:
        made.seed(FAMILY)
        yield made


@pytest.fixture
def source(tmp_path: Path) -> Files:
    """Lend the example."""
    return Files(FAMILY, "default", example(tmp_path / "state"), 2**24)


def names(url: str) -> set[str]:
    """Return what a schema holds that can be selected from."""
    text = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
    return {name for (name,) in ask(url, text)}


# Making


def test_a_schema_is_made_with_all_tables_and_views(database: Postgres, url: str) -> None:
    """Opened for the first time, everything is there; opened again, nothing changes."""
    assert (database.exists(), database.version(), database.size()) == (False, 0, 0)
    for _ in range(2):
        database.open().close()
        assert names(url) == {MARK, *TABLES, *VIEWS}
    assert (database.exists(), database.version()) == (True, VERSION)
    assert database.size() > 0
    assert database.size("-wal") == 0


def test_columns_keep_their_values_as_sqlite_does(database: Postgres, url: str) -> None:
    """Text is compared by its bytes, whole numbers have 64 bits, and what is true or false is known as such."""
    database.open().close()
    found = ask(
        url,
        "SELECT table_name, column_name, data_type, collation_name FROM information_schema.columns "
        "WHERE table_schema = current_schema()",
    )
    tables = [each for each in found if each[0] in TABLES]
    kinds = {(kind, collation) for _, _, kind, collation in tables}
    times = "timestamp with time zone"
    assert kinds == {("text", "C"), *((kind, None) for kind in ("bigint", "double precision", "boolean", times))}
    assert {(table, column) for table, column, kind, _ in tables if kind == "boolean"} == FLAGS
    declared = SQLModel.metadata.tables.values()
    assert {
        (table.name, each.name) for table in declared for each in table.columns if isinstance(each.type, Boolean)
    } == FLAGS


def test_two_may_make_it_at_once(url: str) -> None:
    """One makes the tables, the other finds them."""
    failed: list[Exception] = []

    def open_one() -> None:
        try:
            database_at(url).open().close()
        except Exception as error:  # noqa: BLE001  whatever it is, the test is to say it
            failed.append(error)

    threads = [threading.Thread(target=open_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert ask(url, "SELECT version FROM syncd_schema") == [(VERSION,)]


def test_an_odd_name_of_a_schema_is_a_name_like_any_other() -> None:
    """Quotes and blanks in it change nothing, and the lock is its own."""
    url = address(socket(), schema="%22Odd%20%5C%22%22name%22").replace("%20%5C", "%5C%20")
    with closing(database_at(url).open()) as connection:
        assert connection.schema == 'Odd "name'
    assert names(url) == {MARK, *TABLES, *VIEWS}


def test_the_schema_of_the_user_counts_where_it_is_there() -> None:
    """So it is for everybody who talks to the server."""
    url = address(socket(), user="somebody")
    ask(address(socket()), "CREATE ROLE somebody LOGIN SUPERUSER")
    with closing(database_at(url).connect()) as connection:
        assert connection.schema == "public"
        connection.execute("CREATE SCHEMA somebody")
    with closing(database_at(url).connect()) as connection:
        assert connection.schema == "somebody"


def test_no_other_schema_of_the_path_is_looked_at(url: str) -> None:
    """Tables of the same names further down the path are not taken for ours."""
    other = fresh_address()
    with closing(database_at(other).open()) as connection:
        second = connection.schema
    both = database_at(f"{url}%2C{second}")
    assert both.version() == 0
    both.open().close()
    assert names(url) == {MARK, *TABLES, *VIEWS}


# Refusing


@pytest.mark.parametrize("adopt", [False, True])
def test_tables_of_another_tool_are_left_untouched(database: Postgres, url: str, *, adopt: bool) -> None:
    """The message offers a schema of its own; there is nothing that --adopt could set aside."""
    with closing(database.connect()) as connection:
        connection.execute(f'CREATE SCHEMA "{connection.schema}"')
        connection.execute("CREATE TABLE tasks (id integer)")
    for attempt in (lambda: database.open(adopt=adopt), database.open_readonly, database.exists, database.version):
        with pytest.raises(StoreRefused, match="its tasks belongs to another tool") as caught:
            attempt()
        assert "?options=-csearch_path%3DNAME" in caught.value.hint
    assert names(url) == {"tasks"}


def test_tables_of_other_names_are_no_matter(database: Postgres, url: str) -> None:
    """A schema is shared with whoever has other names."""
    with closing(database.connect()) as connection:
        connection.execute(f'CREATE SCHEMA "{connection.schema}"')
        connection.execute("CREATE TABLE wishes (id integer)")
    database.open().close()
    assert names(url) == {MARK, "wishes", *TABLES, *VIEWS}


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE syncd_schema SET version = version + 1", "written by a newer syncd"),
        ("UPDATE syncd_schema SET version = version - 1", f"has schema {VERSION - 1}, this release has {VERSION}"),
        ("DELETE FROM syncd_schema", "does not say its version"),
    ],
)
def test_another_version_is_refused(statement: str, message: str, database: Postgres, url: str) -> None:
    """Newer, older or unknown: nothing is read and nothing is written."""
    database.open().close()
    ask(url, statement)
    for attempt in (database.open, database.open_readonly):
        with pytest.raises(StoreRefused, match=message):
            attempt()


def test_there_has_to_be_something_to_read(database: Postgres, url: str) -> None:
    """Who only reads makes nothing."""
    with pytest.raises(StoreRefused, match="there is no database at"):
        database.open_readonly()
    assert names(url) == set()


def test_who_reads_cannot_write(store: SqlStore, database: Postgres) -> None:
    """The server itself refuses."""
    with closing(SqlStore(database, database.open_readonly(), now)) as reader:
        assert len(reader.rows("teams")) == len(store.rows("teams"))
        with pytest.raises(StoreUnavailable, match="read-only"):
            reader.query("DELETE FROM teams")


def test_a_search_path_without_a_schema_is_refused() -> None:
    """Where nothing says which schema is meant, none is guessed."""
    with pytest.raises(StoreRefused, match="no schema is in the search path"):
        database_at(address(socket(), schema="%22%24user%22")).open()


def test_a_damaged_schema_is_refused(store: SqlStore, url: str) -> None:
    """A table that is missing is no reason to go on."""
    ask(url, "DROP TABLE snapshots")
    with pytest.raises(StoreRefused, match="cannot be used now: relation"):
        store.query("SELECT * FROM snapshots")


def test_a_database_that_cannot_hold_every_text_is_refused() -> None:
    """Before anything is made in it; the hint says how to make one that can."""
    ask(address(socket()), "CREATE DATABASE narrow ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    narrow = address(socket(), database="narrow")
    with pytest.raises(StoreRefused, match="is encoded in SQL_ASCII") as caught:
        database_at(narrow).open()
    assert "--encoding=UTF8" in caught.value.hint
    assert names(narrow) == set()


@pytest.mark.parametrize("value", ["nul \0", "torn \ud83d", 2**63, 2**200])
def test_a_value_that_no_column_holds_is_the_rows_fault(value: str | int, store: SqlStore) -> None:
    """Whether the driver or the server finds out."""
    with pytest.raises(StoreRejected), store.transaction():
        store.many("insert", "teams", [("team-x", "X", None, str(value), None, value)])
    assert not store.connection.in_transaction


def test_what_an_index_cannot_hold_is_the_rows_fault(store: SqlStore) -> None:
    """So that the file that gives it is refused, and not the whole run."""
    long = "".join(chr(0x4E00 + n * 7919 % 20000) for n in range(3000))
    with pytest.raises(StoreRejected, match="the database refuses its rows: index row"), store.transaction():
        store.many("insert", "teams", [(long, "name", None, None, None, 0)])
    assert store.query("SELECT COUNT(*) FROM teams WHERE name = 'name'") == [(0,)]


def test_a_connection_that_is_cut_is_the_servers_fault(store: SqlStore, url: str) -> None:
    """The run may be tried again, and what was begun is taken back."""
    pid = store.query("SELECT pg_backend_pid()")[0][0]

    def cut() -> None:
        with store.transaction():
            store.many("insert", "teams", [("team-x", "X", None, None, None, 0)])
            ask(url, f"SELECT pg_terminate_backend({pid})")

    with pytest.raises(StoreUnavailable, match=r"terminating connection|closed"):
        cut()
    assert ask(url, "SELECT COUNT(*) FROM teams WHERE id = 'team-x'") == [(0,)]
    with pytest.raises(StoreUnavailable):
        store.query("SELECT 1")


# Who may write


def holding(url: str, kind: str) -> "subprocess.Popen[str]":
    """Start a process that holds a lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url, kind], env=environment(measured=False), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "True\n"
    return process


def test_a_lock_has_one_holder_and_is_let_go_when_that_dies(database: Postgres, url: str) -> None:
    """The holder has a name, and the kernel's hand is enough to free it."""
    process = holding(url, "daemon")
    lock = database.lock("daemon")
    try:
        with lock.held(wait=False) as mine:
            assert not mine
        assert lock.holder() == f"syncd {process.pid} on {os.uname().nodename}"
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    with lock.held() as mine:
        assert mine
    assert lock.holder() == "an unknown process"


def test_locks_of_other_kinds_and_other_schemas_are_others(database: Postgres) -> None:
    """A writer does not keep a daemon from starting, nor one schema the other's writer."""
    other = database_at(fresh_address())
    with database.lock("writer").held(wait=False) as one, database.lock("daemon").held(wait=False) as two:
        with other.lock("writer").held(wait=False) as three:
            assert (one, two, three) == (True, True, True)
        with database.lock("writer").held(wait=False) as again:
            assert not again


def test_the_writer_lock_is_the_writing_connections_own(store: SqlStore, database: Postgres, url: str) -> None:
    """Whoever loses the connection loses the lock, and cannot write without it."""
    pid = store.query("SELECT pg_backend_pid()")[0][0]
    with store.writer():
        with database.lock("writer").held(wait=False) as other:
            assert not other
        ask(url, f"SELECT pg_terminate_backend({pid})")
        with database.lock("writer").held() as other:
            assert other
        with pytest.raises(StoreUnavailable):
            store.apply(FAMILY, [], "test")


def test_nobody_writes_beside_an_open_transaction(store: SqlStore, database: Postgres) -> None:
    """Also who does not ask for the writer lock waits for it."""
    with store.transaction(), database.lock("writer").held(wait=False) as other:
        assert not other


def test_who_gives_up_waiting_leaves_nothing_open(store: SqlStore, database: Postgres) -> None:
    """The connection is as good as before."""
    store.connection.execute("SET lock_timeout = '50ms'")
    with database.lock("writer").held(), pytest.raises(StoreUnavailable, match="lock timeout"), store.transaction():
        pass
    assert not store.connection.in_transaction
    with store.transaction():
        store.many("insert", "teams", [("team-x", "X", None, None, None, 0)])


def test_a_key_stays_the_same_for_all_time() -> None:
    """Two releases have to agree on it, and so have two machines."""
    assert advisory_key("writer", "public") == -5811878718204008762
    assert len({advisory_key(kind, schema) for kind in ("writer", "daemon") for schema in ("a", "b")}) == 4


def test_a_holder_that_cannot_be_asked_for_is_unknown() -> None:
    """To name a holder is a courtesy, and never a failure."""
    unreachable = database_at(address("/nowhere"))
    assert AdvisoryLock(1, unreachable.connect).holder() == "an unknown process"


def test_a_database_on_a_server_does_not_move_with_its_root(store: SqlStore, source: Files, tmp_path: Path) -> None:
    """A copy of the root under the known name is another root."""
    sync_all(source, store, Pass())
    other = Files(FAMILY, "default", example(tmp_path / "copy"), 2**24)
    with pytest.raises(ConfigError, match="belongs to the root"):
        sync_all(other, store, Pass())


# Taking the place of another


def test_a_rebuild_puts_every_row_in_place(store: SqlStore, source: Files, url: str) -> None:
    """What was changed by hand is as the files say, what others made of the tables is still theirs, nothing is left."""
    sync_all(source, store, Pass())
    ask(url, "UPDATE tasks SET description = 'by hand'")
    ask(url, "CREATE VIEW mine AS SELECT COUNT(*) AS many FROM tasks WHERE description = 'by hand'")
    done = rebuild([source], store, Pass())
    assert done.corrected == store.query("SELECT COUNT(*) FROM tasks")[0][0]
    assert ask(url, "SELECT many FROM mine") == [(0,)]
    assert verify([source], store).differences == []
    assert schemas_like(store) == [store.connection.schema]


def test_what_an_earlier_rebuild_left_is_removed(store: SqlStore, source: Files, database: Postgres) -> None:
    """A rebuild that was killed leaves a schema, and the next one begins with an empty one."""
    sync_all(source, store, Pass())
    left = database.beside()
    left.open().close()
    assert len(schemas_like(store)) == 2
    rebuild([source], store, Pass())
    assert schemas_like(store) == [store.connection.schema]


def test_a_schema_of_somebody_else_is_not_removed(store: SqlStore, database: Postgres) -> None:
    """Also where it has the name that a rebuild needs."""
    schema = f"{store.connection.schema}_rebuild"
    store.query("SELECT 1")
    store.connection.execute(f'CREATE SCHEMA "{schema}"')
    store.connection.execute(f'CREATE TABLE "{schema}".wishes (id integer)')
    with pytest.raises(StoreRefused, match="belongs to another tool"):
        database.beside()
    assert len(schemas_like(store)) == 2


def test_a_rebuild_that_fails_at_the_end_changes_nothing(store: SqlStore, source: Files, database: Postgres) -> None:
    """The old rows are there until the new ones are."""
    sync_all(source, store, Pass())
    before = store.rows("tasks")
    fresh = database.beside()
    fresh.open().close()
    with closing(fresh.connect()) as connection:
        connection.execute("DROP TABLE tasks CASCADE")
    with pytest.raises(StoreRefused, match="tasks"):
        database.take(fresh, store.connection)
    assert store.rows("tasks") == before
    fresh.discard()


def test_only_what_was_made_beside_can_be_removed(store: SqlStore, database: Postgres) -> None:
    """The live schema never goes."""
    database.discard()
    assert store.rows("teams")


def schemas_like(store: SqlStore) -> list[str]:
    """Return the schemas whose names begin with that of a store."""
    text = "SELECT nspname FROM pg_namespace WHERE starts_with(nspname::text, ?) AND nspname::text IN (?, ?) ORDER BY 1"
    schema = store.connection.schema
    return [name for (name,) in store.query(text, (schema, schema, f"{schema}_rebuild"))]
