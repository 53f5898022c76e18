"""A chronicle: what rows were is written down as it happens, and the change log is held to it afterwards."""

import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from syncd.core.moments import moment_text
from syncd.core.patience import Patience
from syncd.core.walk import EPOCH
from syncd.engine import Pass
from syncd.history import Moment, row_at, session_at, table_at, tables
from syncd.prune import Pruned, prune
from syncd.stores.changelog import ChangeLog
from syncd.stores.sql import SqlStore
from syncd.stores.sqlite import SQLite
from syncd_models.values import DEFAULT_WORKSPACE, Bundle
from tests.trees import Edit, Tree, apply_edit, edited, edits, trees, write_tree
from tests.workbench import Rows, Workbench

Row: TypeAlias = dict[str, Any]
BEGINNING = datetime(2026, 3, 1, 12)  # noqa: DTZ001  naive UTC, as in the store
NEVER = 36_500
"""Days after which nothing is old."""
INSTANT = timedelta(microseconds=1)
MOST_ROWS = 12


@dataclass
class Clock:
    """A clock that stands still unless it is moved; it may be moved back."""

    now: datetime = BEGINNING

    def __call__(self) -> datetime:
        """Return the time as naive UTC."""
        return self.now


def moment_of(at: str, shift: timedelta = timedelta()) -> str:
    """Return a time so much later, as the database writes it."""
    return moment_text(datetime.fromisoformat(at) + shift) or ""


@dataclass
class Chronicle:
    """A workbench with a clock, and its rows at every moment at which anything was done."""

    bench: Workbench
    clock: Clock = field(default_factory=Clock)
    states: dict[str, Rows] = field(default_factory=dict)
    """Time of the change log -> every row that comes from files."""
    since: dict[str, str] = field(default_factory=dict)
    """Id of a session -> the moment from which on its past is known."""
    pruned: set[str] = field(default_factory=set)
    """Sessions that were pruned and have not come back."""
    forgotten: list[str] = field(default_factory=list)
    """Moments of which nothing is known any more."""
    first: str | None = None
    horizon: str = ""
    """What was before is pruned."""

    @property
    def tables(self) -> tuple[str, ...]:
        """Name the tables whose rows have a past."""
        return tables(self.bench.family)

    def sync(self, *, mirror: bool = False) -> None:
        """Bring the database level with the files, taking every absence at its word, and write down what it holds."""
        self.bench.sync(Pass(accept_missing=True, patience=Patience(grace=0.0), mirror=mirror))
        self.observe()

    def wait(self, shift: timedelta) -> None:
        """Move the clock."""
        self.clock.now += shift

    def observe(self) -> None:
        """Write down every row; what was written down for times that the log has not reached was put right since."""
        store = self.bench.store
        at = store.log_moment()
        self.states = {then: state for then, state in self.states.items() if then < at}
        self.states[at] = self.bench.rows(self.tables)
        for session in self.states[at]["sessions"]:
            if session in self.pruned or session not in self.since:
                self.since[session] = max(at, self.horizon)
                self.pruned.discard(session)
        if self.first is None and store.log.last()[0]:
            self.first = at
            self.forgotten += [then for then in self.states if then < at]
        if self.first is None:
            self.states.clear()
        if at < self.horizon:  # the clock was set back to a time of which nothing is known
            self.forgotten.append(at)
            del self.states[at]

    def prune(self, cutoff: str, *, sessions: bool = True, changes: bool = True) -> Pruned:
        """Remove what is older than a moment, hold that to what was there, and forget it too."""
        days = (0 if sessions else NEVER, 0 if changes else NEVER)
        now = datetime.fromisoformat(cutoff)
        held = self.bench.rows(self.tables)
        said = prune(self.bench.store, self.bench.family, now, days, dry=True)
        found = prune(self.bench.store, self.bench.family, now, days)
        assert said == found
        old = [name for name, row in held["sessions"].items() if row["archived_at"] and row["archived_at"] < cutoff]
        assert found.sessions == (sorted(old) if sessions else [])
        assert found.rows == sum(len(each) for each in self._of(found.sessions, held).values())
        self._forget_sessions(found.sessions)
        [(oldest,)] = self.bench.store.query("SELECT COALESCE(MIN(at), '') FROM changes")
        # Where only pruned sessions had been read by then, nothing is left that tells of an earlier time.
        self._forget_before(max(found.changes_before or oldest, self.horizon))
        self.observe()
        return found

    def _of(self, sessions: Collection[str], state: Rows) -> Rows:
        """Return the rows of these sessions."""
        owner = self.bench.family.owner
        return {
            table: {row_id: row for row_id, row in rows.items() if owner(table, row_id, row["source_path"]) in sessions}
            for table, rows in state.items()
        }

    def _forget_sessions(self, sessions: Collection[str]) -> None:
        at = self.bench.store.log_moment()
        self.since |= dict.fromkeys(sessions, max(at, self.horizon))
        self.pruned |= {*sessions}
        for state in self.states.values():
            for table, rows in self._of(sessions, state).items():
                for row_id in rows:
                    del state[table][row_id]

    def _forget_before(self, horizon: str) -> None:
        self.horizon = horizon
        known = max((at for at in self.states if at <= horizon), default=None)
        state = deepcopy(self.states[known]) if known else None
        self.forgotten += [at for at in self.states if at < horizon]
        self.states = {at: state for at, state in self.states.items() if at >= horizon}
        if state is not None:
            self.states[horizon] = state

    # What the log is held to

    def check(self) -> None:
        """Hold the log to every moment that was written down, and to the time between them."""
        moments = sorted(self.states)
        for at, later in zip_longest(moments, moments[1:]):
            self.check_tables(at, self.states[at])
            self.check_sessions(at, self.states[at])
            self.check_rows(at, self.states[at])
            between = moment_of(at, INSTANT)
            if later and between < later:
                self.check_tables(between, self.states[at], ("sessions", "tasks"))
        self.check_unknown()

    def check_tables(self, at: str, state: Rows, names: Sequence[str] = ()) -> None:
        """Hold whole tables at a moment to what they were."""
        store, family = self.bench.store, self.bench.family
        later = {session for session, since in self.since.items() if since > at}
        for table in names or self.tables:
            found = table_at(store, family, table, at)
            assert found.known, (at, table)
            assert {name for name in found.unknown if not name.endswith("data")} == later, at
            self._compare(table, found, state[table], at)

    def _compare(self, table: str, found: Moment, wanted: dict[str, Row], at: str) -> None:
        rows = {row["id"]: row for row in found.rows[table]}
        assert [*rows] == sorted(rows)
        if table in self.bench.family.built_in:  # a row that is made of its id alone leaves no entry when it comes
            for row_id in rows.keys() - wanted.keys():
                made = self.bench.family.made(table, row_id)
                assert tuple(rows.pop(row_id).values()) == made, (at, table, row_id)
        assert rows == wanted, (at, table)

    def check_sessions(self, at: str, state: Rows) -> None:
        """Hold each session at a moment to what it was."""
        store, family = self.bench.store, self.bench.family
        for session, since in self.since.items():
            found = session_at(store, family, family.bundle_named(session), at)
            assert found.known == (since <= at), (at, session)
            if found.known:
                rows = {(table, row["id"]): row for table, each in found.rows.items() for row in each}
                own = self._of({session}, state)
                wanted = {(table, row_id): row for table, each in own.items() for row_id, row in each.items()}
                assert rows == wanted, (at, session)
            else:
                assert (found.rows, found.unknown) == ({}, (session,)), (at, session)

    def check_rows(self, at: str, state: Rows) -> None:
        """Hold single rows at a moment to what they were: those that changed before all."""
        for table, row_id in self.telling():
            found = row_at(self.bench.store, self.bench.family, table, row_id, at)
            row = state[table].get(row_id)
            if row is not None:
                assert (found.known, found.rows) == (True, {table: [row]}), (at, table, row_id)
            elif found.known and table not in self.bench.family.built_in:
                assert found.rows == {table: []}, (at, table, row_id)
            elif not found.known:
                assert not found.rows

    def telling(self) -> list[tuple[str, str]]:
        """Return the rows that tell most: those that differ between moments, and a few that do not."""
        seen: dict[tuple[str, str], list[Row | None]] = {}
        for state in self.states.values():
            for table, rows in state.items():
                for row_id in rows:
                    seen.setdefault((table, row_id), [])
        for (table, row_id), versions in seen.items():
            for state in self.states.values():
                row = state[table].get(row_id)
                if row not in versions:
                    versions.append(row)
        return sorted(seen, key=lambda key: (-len(seen[key]), key))[:MOST_ROWS]

    def check_unknown(self) -> None:
        """Hold moments before the first one to being unknown, also for tables, sessions and rows."""
        store, family = self.bench.store, self.bench.family
        if self.first is None:
            return
        moments = [*self.forgotten, moment_of(max(self.first, self.horizon), -INSTANT)]
        for at in (each for each in moments if each <= store.log_moment()):  # a clock set back has some of them to come
            found = [table_at(store, family, table, at) for table in ("sessions", "leads", "agents")]
            found += [session_at(store, family, family.bundle_named(name), at) for name in self.since]
            found += [row_at(store, family, *key, at) for key in self.telling()]
            for each in found:
                assert (each.known, each.rows) == (False, {}), at


# Random pasts

SIZES = (1, 2, 3, 7, 40, EPOCH)
"""Entries of an epoch: small ones, so that few changes cross many."""


@dataclass(frozen=True)
class Turn:
    """Something that happens to a whole directory: it leaves, or everything in it is as it was earlier."""

    kind: Literal["leave", "restore"]
    directory: int
    earlier: int = 0


@dataclass(frozen=True)
class Cut:
    """A prune: of what is older than one of the moments that were written down."""

    moment: int
    after: timedelta
    sessions: bool
    changes: bool


@dataclass(frozen=True)
class Event:
    """What happens between two syncs, how far the clock moves meanwhile, and what is pruned after the second."""

    edits: tuple[Edit, ...]
    turn: Turn | None
    pause: timedelta
    mirror: bool
    cut: Cut | None = None


PAUSES = (timedelta(0), timedelta(0), INSTANT, timedelta(seconds=1), timedelta(days=1), -INSTANT, -timedelta(hours=1))
turns = st.one_of(
    st.none(),
    st.builds(Turn, st.just("leave"), st.integers(0, 9)),
    st.builds(Turn, st.just("restore"), st.integers(0, 9), st.integers(0, 9)),
)
cuts = st.builds(
    Cut, st.integers(0, 9), st.sampled_from((timedelta(0), INSTANT, timedelta(hours=1))), st.booleans(), st.booleans()
)


def pasts(*, pruned: bool = False) -> SearchStrategy[tuple[Tree, list[Event]]]:
    """Draw a tree and what becomes of it."""

    def events(tree: Tree) -> SearchStrategy[tuple[Tree, list[Event]]]:
        one = st.builds(
            Event,
            edits(tree, max_size=3).map(tuple),
            turns,
            st.sampled_from(PAUSES),
            st.sampled_from((False, False, False, True)),
            st.one_of(st.none(), cuts) if pruned else st.none(),
        )
        return st.tuples(st.just(tree), st.lists(one, min_size=1, max_size=7))

    return trees(max_sessions=3).flatmap(events)


def relive(past: tuple[Tree, list[Event]], epoch: int, workspace: str) -> None:
    """Let a past happen, and hold what the log says of it to what was written down."""
    with chronicle(epoch, workspace) as told:
        live(told, *past)
        told.check()


def live(chronicle: Chronicle, tree: Tree, events: Sequence[Event]) -> None:
    """Let a past happen, syncing after each event."""
    write_tree(chronicle.bench.root, tree)
    chronicle.sync()
    history = [tree]
    for event in events:
        chronicle.wait(event.pause)
        now = history[-1]
        for edit in event.edits:
            apply_edit(chronicle.bench.root, edit)
            now = edited(now, edit)
        if event.turn:
            now = turned(chronicle.bench.root, event.turn, now, history)
        history.append(now)
        chronicle.sync(mirror=event.mirror)
        if event.cut and chronicle.states:
            moments = sorted(chronicle.states)
            cutoff = moment_of(moments[event.cut.moment % len(moments)], event.cut.after)
            cutoff = min(cutoff, chronicle.bench.store.log_moment())
            chronicle.prune(cutoff, sessions=event.cut.sessions, changes=event.cut.changes)


def turned(root: Path, turn: Turn, now: Tree, history: Sequence[Tree]) -> Tree:
    """Do one turn on disk, and return the tree after it."""
    names = sorted({path.partition("/")[0] for tree in history for path in tree if "/" in path})
    if not names:
        return now
    name = names[turn.directory % len(names)]
    shutil.rmtree(root / name, ignore_errors=True)
    after = {path: data for path, data in now.items() if not path.startswith(f"{name}/")}
    if turn.kind == "restore":
        earlier = history[turn.earlier % len(history)]
        back = {path: data for path, data in earlier.items() if path.startswith(f"{name}/")}
        write_tree(root, back)
        after |= back
    return after


@contextmanager
def chronicle(epoch: int = EPOCH, workspace: str = DEFAULT_WORKSPACE) -> Iterator[Chronicle]:
    """Lend a chronicle of an empty root, with so many entries of the log an epoch."""
    with (
        TemporaryDirectory() as folder,
        closing(Workbench(Path(folder, "state"), Path(folder, "test.db"), workspace)) as bench,
    ):
        clock = Clock()
        bench.store.close()
        database = SQLite(bench.database)
        bench.store = SqlStore(database, database.open(), clock)
        bench.store.log = ChangeLog(bench.store, epoch)
        yield Chronicle(bench, clock)


def bundle(name: str) -> Bundle:
    """Return a bundle of the default workspace."""
    return Bundle(DEFAULT_WORKSPACE, name)
