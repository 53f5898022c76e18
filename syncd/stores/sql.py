"""The store: rows, checkpoints, quarantine and the change log of one database, written together or not at all."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any, Literal

from syncd.core.family import Family
from syncd.core.moments import EPOCH, moment_text
from syncd.core.reconcile import Group, Stamps, grouped
from syncd.stores.changelog import ARCHIVED_AT, ChangeLog
from syncd.stores.database import Connection, Database
from syncd_models.values import Bundle, Checkpoint, Held, Row, Step

PAGE = 4096
NEVER = -1  # a size that no file has: such stamps match nothing


class SqlStore:
    """A database behind the Store port. Reads are plain; writes happen in ``apply`` and ``record`` only."""

    def __init__(self, database: Database, connection: Connection, now: Callable[[], datetime]) -> None:
        """Take an open connection of that database; ``now`` tells the time as naive UTC."""
        self.database = database
        self.connection: Any = connection
        self._now = now
        self._known: set[str] = set()
        self.log = ChangeLog(self)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def beside(self) -> "SqlStore":
        """Return a new, empty store of the same kind, for what is to take this one's place."""
        fresh = self.database.beside()
        try:
            return SqlStore(fresh, fresh.open(), self._now)
        except BaseException:
            fresh.discard()
            raise

    def take(self, fresh: "SqlStore") -> None:
        """Put what another store holds in this one's place, at once; the caller holds the writer lock."""
        fresh.close()
        self.database.take(fresh.database, self.connection)
        self._known.clear()
        self.log.forget()

    def discard(self) -> None:
        """Close the store and remove its database."""
        self.close()
        self.database.discard()

    def unguarded(self, what: Literal["references", "words"]) -> AbstractContextManager[None]:
        """Take rows whatever they point at, or whatever their words; outside of any transaction."""
        return self.database.unguarded(self.connection, what)

    def dangling(self, parent: str) -> list[str]:
        """Return the ids that rows point at and that a table lacks."""
        found: set[str] = set()
        with self.database.translated():
            references = self.database.references(self.connection)
        for table, column, pointed_at in references:
            if pointed_at == parent:
                absent = f'"{column}" NOT IN (SELECT id FROM "{parent}")'  # noqa: S608  names are ours
                found.update(each for (each,) in self.query(f'SELECT "{column}" FROM "{table}" WHERE {absent}'))  # noqa: S608
        return sorted(found)

    @contextmanager
    def writer(self) -> Iterator[None]:
        """Hold the writer lock, from reading files to committing their rows; waits for it."""
        with self.database.writing(self.connection):
            yield

    def query(self, text: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a question. Raises StoreUnavailable or StoreRefused."""
        with self.database.translated():
            found: list[tuple[Any, ...]] = self.connection.execute(text, values).fetchall()
            return found

    def records(self, text: str, *values: Any) -> list[dict[str, Any]]:
        """Return the rows of a question by column name."""
        with self.database.translated():
            cursor = self.connection.execute(text, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    # What is held

    def held(self, family: Family, bundles: Sequence[Bundle], *, whole: bool = False) -> Mapping[Bundle, Held]:
        """Return what is held of the bundles, one question a table; ``whole`` looks for all rows of all."""
        files = self._files(bundles)
        racy = self._racy(bundles)
        generations = self._last_generations(bundles)
        own = self._rows(family, family.bundle_table, bundles)
        seen = [
            each for each in bundles if whole or own[each][0] or files[each] or not family.archived(each.name)
        ]  # fmt: skip
        tables = {
            table: self._rows(family, table, seen) for table in family.tables if seen and table != family.bundle_table
        }
        found = {}
        for bundle in bundles:
            rows = {family.bundle_table: own[bundle][0]}
            foreign: dict[str, str] = {}
            for table, held in tables.items():
                if bundle in held:
                    rows[table] = held[bundle][0]
                    foreign |= held[bundle][1]
            session = rows[family.bundle_table].get(bundle.id)
            archived = session is not None and session[ARCHIVED_AT] is not None
            found[bundle] = Held(files[bundle], rows, foreign, racy[bundle], archived, generations[bundle])
        return found

    def _rows(
        self, family: Family, table: str, bundles: Sequence[Bundle]
    ) -> dict[Bundle, tuple[dict[str, Row], dict[str, str]]]:
        """Return for each bundle its rows, and the owners of rows in its id range that are not its own."""
        ranges = [(n, *each) for n, bundle in enumerate(bundles) for each in family.key_ranges(table, bundle)]
        found: dict[Bundle, tuple[dict[str, Row], dict[str, str]]] = {bundle: ({}, {}) for bundle in bundles}
        for part in batched(ranges, 1000):
            values = ",".join(["(?,?,?)"] * len(part))
            text = (
                f"WITH wanted(n, low, high) AS (VALUES {values}) SELECT wanted.n, t.* FROM wanted "  # noqa: S608
                f'CROSS JOIN "{table}" t WHERE t.id >= wanted.low AND t.id < wanted.high'
            )
            for n, *row in self.query(text, [*chain.from_iterable(part)]):
                bundle = bundles[n]
                if family.owns(bundle, table, tuple(row)):
                    found[bundle][0][row[0]] = tuple(row)
                elif family.archived(bundle.name):  # the data directory's range of ids spans all bundles
                    found[bundle][1][row[0]] = str(row[-2])
        return found

    def _by_path(self, table: str, columns: str, bundles: Sequence[Bundle]) -> Iterator[tuple[Bundle, tuple[Any, ...]]]:
        """Yield ledger rows of the bundles, from the range of paths that each owns."""
        for part in batched(list(enumerate(bundles)), 500):
            values = ",".join(["(?,?,?,?)"] * len(part))
            text = (
                f"WITH wanted(n, workspace, low, high) AS (VALUES {values}) SELECT wanted.n, {columns} FROM wanted "  # noqa: S608
                f'CROSS JOIN "{table}" t WHERE t.workspace = wanted.workspace AND t.path >= wanted.low '
                f"AND t.path < wanted.high"
            )
            wanted = ((n, each.workspace, f"{each.name}/", f"{each.name}0") for n, each in part)
            for n, *row in self.query(text, [*chain.from_iterable(wanted)]):
                yield bundles[n], tuple(row)

    def _files(self, bundles: Sequence[Bundle]) -> dict[Bundle, dict[str, Checkpoint]]:
        found: dict[Bundle, dict[str, Checkpoint]] = {bundle: {} for bundle in bundles}
        columns = ", ".join(f"t.{name}" for name in Checkpoint._fields)
        for bundle, row in self._by_path("files", columns, bundles):
            found[bundle][row[0]] = Checkpoint(*row)
        return found

    def _racy(self, bundles: Sequence[Bundle]) -> dict[Bundle, frozenset[str]]:
        found: dict[Bundle, set[str]] = {bundle: set() for bundle in bundles}
        for bundle, (path,) in self._by_path("racy_files", "t.path", bundles):
            found[bundle].add(path)
        return {bundle: frozenset(paths) for bundle, paths in found.items()}

    def _last_generations(self, bundles: Sequence[Bundle]) -> dict[Bundle, dict[str, int]]:
        found: dict[Bundle, dict[str, int]] = {bundle: {} for bundle in bundles}
        for bundle, (path, generation) in self._by_path("file_versions", "t.path, t.generation", bundles):
            found[bundle][path] = max(generation, found[bundle].get(path, 0))
        return found

    def stamps(self, workspace: str, version: int) -> Iterator[Group]:
        """Yield the checkpoints' stamps by bundle in order of name, a page at a time; doubtful ones match nothing."""
        racy = {path for (path,) in self.query("SELECT path FROM racy_files WHERE workspace = ?", (workspace,))}
        return grouped(self._stamps(workspace, version, racy))

    def _stamps(self, workspace: str, version: int, racy: set[str]) -> Iterator[Stamps]:
        last = ""
        while True:
            page = self.query(
                "SELECT path, CASE WHEN state = 'waiting' OR version <> ? THEN ? ELSE size END, "
                "mtime_ns, ctime_ns, inode "
                "FROM files WHERE workspace = ? AND path > ? ORDER BY path LIMIT ?",
                (version, NEVER, workspace, last, PAGE),
            )
            if racy:
                yield from ((row[0], NEVER, *row[2:]) if row[0] in racy else row for row in page)
            else:
                yield from page
            if len(page) < PAGE:
                return
            last = page[-1][0]

    # What changes

    @contextmanager
    def transaction(self, *, keep: bool = True) -> Iterator[Connection]:
        """Write, all or nothing. Raises StoreRejected for rows that the database refuses, else StoreUnavailable."""
        with self.database.translated():
            self.database.begin(self.connection)
            try:
                yield self.connection
                self.connection.execute("COMMIT" if keep else "ROLLBACK")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                keep = False
                raise
            finally:
                if not keep:
                    self._known.clear()
                    self.log.forget()

    def apply(self, family: Family, steps: Sequence[Step], cause: str, *, trial: bool = False) -> None:
        """Write the steps in one transaction: rows, checkpoints, quarantine and change log.

        A ``trial`` is taken back: it only tells whether the database would take them.
        """
        with self.transaction(keep=not trial):
            now = self.log_moment()
            self._write_rows(family, steps)
            self._archive(family, steps, now)
            self._write_ledger(steps, now)
            self.log.write(family, steps, cause, now)

    def log_moment(self) -> str:
        """Return the time for the change log, which never goes back."""
        return max(moment_text(self._now()) or "", self.log.last()[1])

    def _write_rows(self, family: Family, steps: Sequence[Step]) -> None:
        given = {(each.table, each.row_id) for step in steps for each in step.changes if each.table in family.built_in}
        for table in family.built_in:
            wanted = {
                str(row[0]): (*row, 0)
                for step in steps
                for row in step.references.get(table, ())
                if (table, row[0]) not in given
            }
            missing = [row for row_id, row in wanted.items() if row_id not in self._known]
            self.insert_absent(table, missing)
            self._known.update(str(row[0]) for row in missing)
        # A new row is never an upsert: the id may have become another bundle's since this one was recalled.
        inserts: dict[str, list[Row]] = defaultdict(list)
        upserts: dict[str, list[Row]] = defaultdict(list)
        deletes: dict[str, list[Row]] = defaultdict(list)
        for step in steps:
            for change in step.changes:
                if change.after is None:
                    deletes[change.table].append((change.row_id,))
                else:
                    written = inserts if change.before is None else upserts
                    # A row that no file gives any more is of no file's generation.
                    generation = 0 if change.after[-1] is None else step.generations[str(change.after[-1])]
                    written[change.table].append((*change.after, generation))
        for table in family.tables:
            first = [row for step in steps if step.first for row in step.rows.get(table, ())]
            self.many("insert", table, first + inserts[table])
            self.many("upsert", table, upserts[table])
        for table in reversed(family.tables):
            self.connection.executemany(f'DELETE FROM "{table}" WHERE id = ?', deletes[table])  # noqa: S608

    def run(self, text: str, rows: Sequence[Row]) -> None:
        """Run a statement once for each row of values."""
        self.connection.executemany(text, rows)

    def insert_absent(self, table: str, rows: Sequence[Row]) -> None:
        """Write those rows whose keys are not there yet."""
        self.connection.executemany(f"{self.database.insert(table, 1)} ON CONFLICT DO NOTHING", rows)

    def many(self, how: Literal["insert", "upsert"], table: str, rows: Sequence[Row]) -> None:
        """Write rows, some hundred a statement: the text of each size is made once."""
        text = self.database.insert if how == "insert" else self.database.upsert
        size = self.database.rows_a_statement[how]
        whole = len(rows) - len(rows) % size
        if whole:
            statement = _cached(text, table, size)
            for start in range(0, whole, size):
                self.connection.execute(statement, [*chain.from_iterable(rows[start : start + size])])
        if whole < len(rows):
            self.connection.executemany(_cached(text, table, 1), rows[whole:])

    def _archive(self, family: Family, steps: Sequence[Step], now: str) -> None:
        ids = [(now, step.bundle.id) for step in steps if step.archived]
        text = f'UPDATE "{family.bundle_table}" SET archived_at = ? WHERE id = ? AND archived_at IS NULL'  # noqa: S608
        self.connection.executemany(text, ids)

    def _write_ledger(self, steps: Sequence[Step], now: str) -> None:
        files: list[Row] = []
        versions: list[Row] = []
        former: list[Row] = []
        quarantined: list[Row] = []
        racy: list[Row] = []
        done: dict[str, list[Row]] = {"files": [], "quarantine": [], "racy_files": []}
        for step in steps:
            workspace = step.bundle.workspace
            files += [(workspace, *point) for point in step.checkpoints]
            racy += [(workspace, path) for path in step.racy]
            versions += _versions(step, now)
            former += _former_versions(step)
            quarantined += [(workspace, refusal.path, refusal.sha256, *refusal.fault, now) for refusal in step.refusals]
            left = [(workspace, point.path) for point in step.dropped]
            done["files"] += left
            done["quarantine"] += [*left, *((workspace, path) for path in step.cleared)]
            done["racy_files"] += [*left, *((workspace, path) for path in step.settled)]
        for table, paths in done.items():
            self.connection.executemany(f"DELETE FROM {table} WHERE workspace = ? AND path = ?", paths)  # noqa: S608
        self.many("upsert", "files", files)
        self.insert_absent("file_versions", former)
        self.many("upsert", "file_versions", versions)
        self.many("upsert", "racy_files", racy)
        text = self.database.upsert("quarantine", 1).replace(', "first_seen"=excluded."first_seen"', "")
        self.connection.executemany(text, quarantined)

    def record(self, kind: str, started: str, result: Mapping[str, Any]) -> None:
        """Remember the last run of a kind."""
        with self.writer(), self.transaction():
            row = (kind, started, moment_text(self._now()), json.dumps(result, ensure_ascii=False))
            self.many("upsert", "runs", [row])

    def horizon(self) -> str | None:
        """Return the time before which the change log was pruned; None if it never was."""
        found = self.query("SELECT result FROM runs WHERE kind = 'prune'")
        return json.loads(found[0][0]).get("changes_before") if found else None

    def moment(self) -> str:
        """Return the time as the database writes it."""
        return moment_text(self._now()) or ""

    # Roots and rows that are always there

    def workspaces(self) -> dict[str, tuple[str, int, int]]:
        """Return the bound workspaces: name -> root, device, inode."""
        rows = self.query("SELECT name, root, device, inode FROM workspaces")
        return {name: (root, device, inode) for name, root, device, inode in rows}

    def bind(self, workspace: str, root: str, identity: tuple[int, int]) -> None:
        """Bind a workspace to its root."""
        with self.writer(), self.transaction():
            self.many("upsert", "workspaces", [(workspace, root, *identity, self.moment())])

    def lies_in(self, root: str) -> bool:
        """Tell whether the database itself lies under that root, and so moves along with it."""
        return self.database.lies_in(root)

    def alive(self, family: Family, workspace: str) -> frozenset[str]:
        """Return the ids of the bundles that are not archived."""
        text = f'SELECT id FROM "{family.bundle_table}" WHERE workspace = ? AND archived_at IS NULL'  # noqa: S608
        return frozenset(row_id for (row_id,) in self.query(text, (workspace,)))

    def knows(self, family: Family, bundle: Bundle) -> bool:
        """Tell whether a bundle ever gave a row, or is in quarantine."""
        held = self.held(family, [bundle])[bundle]
        return bool(held.files) or any(held.rows.values())

    def row_ids(self, table: str) -> Iterator[tuple[str, str | None]]:
        """Yield id and source path of every row, a page at a time."""
        last = ""
        while page := self.query(
            f'SELECT id, source_path FROM "{table}" WHERE id > ? ORDER BY id LIMIT ?', (last, PAGE)  # noqa: S608
        ):  # fmt: skip
            yield from page
            last = page[-1][0]

    def rows(self, table: str) -> list[Row]:
        """Return every row of a small table."""
        return self.query(f'SELECT * FROM "{table}" ORDER BY 1')  # noqa: S608

    def seed(self, family: Family) -> None:
        """Insert the built-in rows that are absent."""
        for table, rows in family.built_in.items():
            held = {row_id for (row_id,) in self.query(f'SELECT id FROM "{table}"')}  # noqa: S608
            if absent := [(*row, 0) for row in rows if row[0] not in held]:
                with self.writer(), self.transaction():
                    self.insert_absent(table, absent)


@lru_cache(maxsize=256)
def _cached(text: Callable[[str, int], str], table: str, rows: int) -> str:
    return text(table, rows)


def batched(things: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Yield slices of at most that size."""
    return (things[start : start + size] for start in range(0, len(things), size))


def _versions(step: Step, now: str) -> Iterator[Row]:
    """Yield the versions that a step applies, from a file's second one on."""
    at_ms = (datetime.fromisoformat(now) - EPOCH).total_seconds() * 1000
    for point in step.applied:
        if point.generation > 1:
            lag = at_ms - point.mtime_ns / 1e6
            yield (step.bundle.workspace, point.path, point.generation, point.sha256, now, round(max(lag, 0.0), 3))


def _former_versions(step: Step) -> Iterator[Row]:
    """Yield the versions that give way: the first of a file is not written before it has to be."""
    for point in (*step.superseded, *(point for point in step.dropped if point.state != "quarantined")):
        if point.generation and point.sha256:
            yield (step.bundle.workspace, point.path, point.generation, point.sha256, None, None)
