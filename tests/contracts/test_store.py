"""What every store must do, whatever database stands behind it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import pytest

from syncd.core.advance import advance
from syncd.core.family import Family
from syncd.errors import StoreRejected
from syncd.families.compound_state import Options, compound_state
from syncd.stores.sql import SqlStore
from syncd.stores.sqlite import SQLite
from syncd_models.values import Bundle, Held, Look, Member, Stat, Step
from tests.postgres import fresh_database

BUNDLE = Bundle("default", "session-1")
NEIGHBOUR = Bundle("default", "session-1-2")
ELSEWHERE = Bundle("web", "session-1")
PATH = "session-1/backend.json"

Open: TypeAlias = Callable[[], SqlStore]


def now() -> datetime:
    """Return the time as naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


@contextmanager
def sqlite_stores(folder: Path) -> Iterator[Open]:
    """Lend a function that opens one more store on the same SQLite file."""
    opened: list[SqlStore] = []

    def open_one() -> SqlStore:
        database = SQLite(folder / "contract.db")
        opened.append(SqlStore(database, database.open(), now))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@contextmanager
def postgres_stores(folder: Path) -> Iterator[Open]:
    """Lend a function that opens one more store on the same schema of a real server."""
    del folder
    database = fresh_database()
    opened: list[SqlStore] = []

    def open_one() -> SqlStore:
        opened.append(SqlStore(database, database.open(), now))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


ADAPTERS = {"sqlite": sqlite_stores, "postgres": postgres_stores}


def stat(number: int) -> Stat:
    """Return stamps."""
    return Stat(10, number, number, number)


def look(bundle: Bundle, data: bytes, *, number: int = 1, stem: str = "backend") -> Look:
    """Return a look at a bundle of one file."""
    member = Member(stat(number), data, sha256=f"{hash(data)}")
    return Look(bundle, {f"{bundle.name}/{stem}.json": member})


@pytest.mark.parametrize("adapter", ADAPTERS)
class TestStore:
    """One suite over all adapters."""

    @pytest.fixture
    def open_store(self, adapter: str, tmp_path: Path) -> Iterator[Open]:
        """Lend the adapter's way to open one more store."""
        with ADAPTERS[adapter](tmp_path) as open_one:
            yield open_one

    @pytest.fixture
    def store(self, open_store: Open, family: Family) -> SqlStore:
        """Lend an open store with the rows that are always there."""
        store = open_store()
        store.seed(family)
        return store

    @pytest.fixture
    def family(self) -> Family:
        """Lend the family that the rows are of."""
        return compound_state(Options())

    def put(self, store: SqlStore, family: Family, seen: Look) -> Step:
        """Take one look to the store, as the engine does."""
        held = store.held(family, [seen.bundle])[seen.bundle]
        step = advance(family, seen, held)
        assert step is not None
        store.apply(family, [step], "test")
        return step

    def test_nothing_is_held_of_a_stranger(self, store: SqlStore, family: Family) -> None:
        """A bundle that was never seen has neither rows nor checkpoints."""
        assert store.held(family, [BUNDLE]) == {BUNDLE: Held(rows={"sessions": {}})}
        assert not store.knows(family, BUNDLE)

    def test_what_is_applied_is_held(self, store: SqlStore, family: Family) -> None:
        """Rows come back as they went, each with the generation of its file behind it, and the checkpoints too."""
        step = self.put(store, family, look(BUNDLE, b'{"task": "A", "metrics": {"n": 1.5}}'))
        held = store.held(family, [BUNDLE])[BUNDLE]
        for table, rows in step.rows.items():
            assert sorted(held.rows[table].values()) == sorted(rows)
        assert tuple(held.files.values()) == step.checkpoints
        assert store.knows(family, BUNDLE)
        assert advance(family, look(BUNDLE, b'{"task": "A", "metrics": {"n": 1.5}}'), held) is None

    def test_bundles_with_names_alike_are_kept_apart(self, store: SqlStore, family: Family) -> None:
        """``session-1`` is not ``session-1-2``, and not the session of that name in another workspace."""
        bundles = (BUNDLE, NEIGHBOUR, ELSEWHERE)
        for bundle in bundles:
            self.put(store, family, look(bundle, b'{"concerns": ["one"]}'))
        for bundle, held in store.held(family, bundles).items():
            assert [*held.rows["sessions"]] == [bundle.id]
            assert [*held.rows["tasks"]] == [f"task-{bundle.id}-backend"]
            assert [*held.rows["concerns"]] == [f"task-{bundle.id}-backend/concern/0"]
            assert [*held.files] == [f"{bundle.name}/backend.json"]

    def test_a_row_of_another_bundle_in_the_range_has_an_owner(self, store: SqlStore, family: Family) -> None:
        """The task ``2-x`` of ``session-1`` would have the id of the task ``x`` of ``session-1-2``."""
        self.put(store, family, look(BUNDLE, b"{}", stem="2-backend"))
        self.put(store, family, look(NEIGHBOUR, b"{}", stem="frontend"))
        held = store.held(family, [BUNDLE, NEIGHBOUR])
        assert held[BUNDLE].foreign == {"task-session-1-2-frontend": "session-1-2/frontend.json"}
        assert held[NEIGHBOUR].foreign == {"task-session-1-2-backend": "session-1/2-backend.json"}

    def test_steps_are_applied_together_or_not_at_all(self, store: SqlStore, family: Family) -> None:
        """One row that the database refuses takes the whole transaction back."""
        good = advance(family, look(NEIGHBOUR, b"{}"), Held())
        bad = advance(family, look(BUNDLE, b"{}"), Held())
        assert good
        assert bad
        rows = [(*row[:4], "no such status", *row[5:]) for row in bad.rows["sessions"]]
        with pytest.raises(StoreRejected):
            store.apply(family, [good, replace(bad, rows={**bad.rows, "sessions": rows})], "test")
        assert not store.knows(family, NEIGHBOUR)
        assert store.query("SELECT COUNT(*) FROM changes") == [(0,)]
        store.apply(family, [good, bad], "test")
        assert store.knows(family, NEIGHBOUR)

    def test_a_trial_leaves_no_trace(self, store: SqlStore, family: Family) -> None:
        """A trial only tells whether it would work; what it made on the side is made again when it counts."""
        step = advance(family, look(BUNDLE, b"{}", stem="db-architect"), Held())
        assert step
        store.apply(family, [step], "test", trial=True)
        assert not store.knows(family, BUNDLE)
        assert store.query("SELECT id FROM agents WHERE id = 'agent-db-architect'") == []
        store.apply(family, [step], "test")
        assert store.query("SELECT name FROM agents WHERE id = 'agent-db-architect'") == [("Db Architect",)]

    def test_stamps_come_by_bundle_in_order_of_name(self, store: SqlStore, family: Family) -> None:
        """A slash ends each name, so that ``session-1-2`` comes before ``session-1``."""
        for number, bundle in enumerate((BUNDLE, NEIGHBOUR, ELSEWHERE)):
            self.put(store, family, look(bundle, b"{}", number=number))
        assert [*store.stamps("default", family.version)] == [
            ("session-1-2/", [("session-1-2/backend.json", *stat(1))]),
            ("session-1/", [("session-1/backend.json", *stat(0))]),
        ]
        assert [name for name, _ in store.stamps("web", family.version)] == ["session-1/"]

    def test_stamps_that_vouch_for_nothing_match_nothing(self, store: SqlStore, family: Family) -> None:
        """A racy file, a waiting one and one of an older projection are to be looked at whatever their stamps say."""
        racy = look(BUNDLE, b"{}")
        member = racy.members[PATH]
        self.put(store, family, replace(racy, members={PATH: member._replace(racy=True)}))
        torn = look(NEIGHBOUR, b"{")
        path, half = next(iter(torn.members.items()))
        self.put(store, family, replace(torn, members={path: half._replace(fresh=True)}))
        self.put(store, family, look(Bundle("default", "session-3"), b"{}"))
        assert [(name, size) for name, [(_, size, *_)] in store.stamps("default", family.version)] == [
            ("session-1-2/", -1), ("session-1/", -1), ("session-3/", 10),
        ]  # fmt: skip
        assert {size for _, [(_, size, *_)] in store.stamps("default", family.version + 1)} == {-1}

    def test_a_refusal_is_kept_until_it_is_cleared(self, store: SqlStore, family: Family) -> None:
        """The quarantine remembers when it first saw a file, and forgets it with the first good content."""
        seen = []
        for data in (b"{", b"[", b"{}"):
            self.put(store, family, look(BUNDLE, data))
            seen.append(store.query("SELECT reason, first_seen FROM quarantine"))
        assert len(seen[0]) == len(seen[1]) == 1
        assert seen[0][0][1] == seen[1][0][1]
        assert seen[0][0][0] != seen[1][0][0] or seen[0] == seen[1]
        assert seen[2] == []

    def test_an_archived_bundle_is_not_alive(self, store: SqlStore, family: Family) -> None:
        """Its rows stay, its checkpoints leave."""
        self.put(store, family, look(BUNDLE, b"{}"))
        assert store.alive(family, "default") == {BUNDLE.id}
        self.put(store, family, Look(BUNDLE, {}, vanished=True))
        held = store.held(family, [BUNDLE])[BUNDLE]
        assert (store.alive(family, "default"), held.archived, held.files) == (frozenset(), True, {})
        assert held.rows["tasks"]
        assert store.knows(family, BUNDLE)

    def test_a_workspace_is_bound_to_one_root(self, store: SqlStore) -> None:
        """The last binding counts."""
        assert store.workspaces() == {}
        store.bind("web", "/old", (1, 2))
        store.bind("web", "/new", (3, 4))
        assert store.workspaces() == {"web": ("/new", 3, 4)}

    def test_a_second_store_sees_what_the_first_wrote(self, store: SqlStore, open_store: Open, family: Family) -> None:
        """Nothing that counts is remembered in a process."""
        self.put(store, family, look(BUNDLE, b"{}"))
        other = open_store()
        assert other.knows(family, BUNDLE)
        self.put(other, family, look(BUNDLE, b'{"task": "B"}', number=2))
        held = store.held(family, [BUNDLE])[BUNDLE]
        assert held.files[PATH].generation == 2

    def test_one_writes_at_a_time(self, store: SqlStore, open_store: Open) -> None:
        """The second writer waits until the first has left."""
        other, order = open_store(), []
        inside = threading.Event()

        def second() -> None:
            inside.wait()
            with other.writer():
                order.append("second")

        thread = threading.Thread(target=second)
        thread.start()
        with store.writer():
            inside.set()
            thread.join(0.2)
            order.append("first")
        thread.join()
        assert order == ["first", "second"]

    def test_every_row_has_an_id_and_a_source(self, store: SqlStore, family: Family) -> None:
        """Rows are counted over as many pages as there are; a small table comes whole."""
        for number in range(3):
            self.put(store, family, look(Bundle("default", f"session-{number}"), b"{}"))
        assert [*store.row_ids("tasks")] == [
            (f"task-session-{number}-backend", f"session-{number}/backend.json") for number in range(3)
        ]
        assert len(store.rows("agents")) == len(family.built_in["agents"])

    def test_the_rows_that_are_always_there_are_never_changed(self, store: SqlStore, family: Family) -> None:
        """Seeding inserts what is absent, and no more."""
        before = store.rows("agents")
        store.seed(family)
        assert store.rows("agents") == before

    def test_the_last_run_of_a_kind_is_remembered(self, store: SqlStore) -> None:
        """A newer run replaces the older one."""
        for number in range(2):
            store.record("reconcile", store.moment(), {"number": number})
        assert store.query("SELECT kind, result FROM runs") == [("reconcile", '{"number": 1}')]
