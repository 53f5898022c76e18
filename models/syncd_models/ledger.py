"""What is remembered about files, changes and runs."""

from datetime import datetime

from sqlmodel import BigInteger, Field, Index, SQLModel, text

from syncd_models.rows.work import CLUSTERED, one_of

FILE_STATES = ("ok", "waiting", "quarantined")
OPERATIONS = ("r", "c", "u", "d")


class File(SQLModel, table=True):
    """The checkpoint: what was last decided about one file."""

    __tablename__ = "files"
    __table_args__ = (one_of("state", FILE_STATES), CLUSTERED)

    workspace: str = Field(primary_key=True)
    path: str = Field(primary_key=True)
    size: int = Field(sa_type=BigInteger)
    mtime_ns: int = Field(sa_type=BigInteger)
    ctime_ns: int = Field(sa_type=BigInteger)
    inode: int = Field(sa_type=BigInteger)
    sha256: str | None = Field(default=None, description="of the bytes last decided about")
    version: int = Field(description="of the projection that was applied")
    state: str
    generation: int = Field(description="contents applied so far; 0: none was ever good")
    notes: str | None = Field(default=None, description="a JSON array of text")
    facts: str | None = Field(default=None, description="JSON: what the session takes from it")


class FileVersion(SQLModel, table=True):
    """One applied content of a file; written from its second one on, then also its first."""

    __tablename__ = "file_versions"
    __table_args__ = (CLUSTERED,)

    workspace: str = Field(primary_key=True)
    path: str = Field(primary_key=True)
    generation: int = Field(primary_key=True)
    sha256: str
    applied_at: datetime | None = None
    lag_ms: float | None = Field(default=None, description="from the file's last write to here")


class RacyFile(SQLModel, table=True):
    """A file written so shortly before it was read that its stamps cannot vouch for it yet."""

    __tablename__ = "racy_files"
    __table_args__ = (CLUSTERED,)

    workspace: str = Field(primary_key=True)
    path: str = Field(primary_key=True)


class Quarantine(SQLModel, table=True):
    """A refused file: why, and where in it. Its last good rows are kept."""

    __tablename__ = "quarantine"
    __table_args__ = (CLUSTERED,)

    workspace: str = Field(primary_key=True)
    path: str = Field(primary_key=True)
    sha256: str | None = None
    reason: str
    line: int | None = None
    column: int | None = None
    excerpt: str | None = None
    first_seen: datetime


class Change(SQLModel, table=True):
    """One row's before and after; append-only."""

    __tablename__ = "changes"
    __table_args__ = (
        one_of("op", OPERATIONS),
        Index("ix_changes_row", "table_name", "row_id", "seq"),
        Index("ix_changes_bundle", "bundle", "seq"),
        # What the past of a whole table asks for: who was first read, and what left, since a moment.
        Index("ix_changes_first", "seq", "bundle", sqlite_where=text("op = 'r'"), postgresql_where=text("op = 'r'")),
        Index("ix_changes_left", "table_name", "seq", sqlite_where=text("op = 'd'"), postgresql_where=text("op = 'd'")),
        {"sqlite_autoincrement": True},
    )

    seq: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(description="never goes back")
    bundle: str
    path: str | None = None
    generation: int | None = None
    table_name: str | None = None
    row_id: str | None = None
    op: str = Field(description="r first read of a bundle, c create, u update, d delete")
    before: str | None = Field(default=None, description="JSON; all columns on delete")
    after: str | None = Field(default=None, description="JSON; all columns on create")
    cause: str = Field(description="scan, watch, sync, retry, upgrade, rebuild, prune")


class Snapshot(SQLModel, table=True):
    """A row as it was right before its first change in one epoch of the change log; NULL: it was not there.

    From the snapshots of the next epochs, and the changes of one, the state at any moment follows without reading what
    happened since.
    """

    __tablename__ = "snapshots"
    __table_args__ = (CLUSTERED,)

    table_name: str = Field(primary_key=True)
    row_id: str = Field(primary_key=True)
    epoch: int = Field(primary_key=True, description="seq divided by the changes of an epoch")
    state: str | None = Field(default=None, description="a JSON array of all columns but synced_rev")


class Run(SQLModel, table=True):
    """The last run of each kind: reconcile, verify, backup, prune."""

    __tablename__ = "runs"

    kind: str = Field(primary_key=True)
    started_at: datetime
    ended_at: datetime | None = None
    result: str = Field(description="JSON")


class Daemon(SQLModel, table=True):
    """A running or ended daemon, as it last said of itself."""

    __tablename__ = "daemons"

    host: str = Field(primary_key=True)
    pid: int = Field(primary_key=True)
    version: str
    started_at: datetime
    beat_at: datetime
    phase: str
    watch_mode: str
    lag_p50_ms: float | None = None
    lag_p95_ms: float | None = None
    lag_p99_ms: float | None = None
    lag_max_ms: float | None = None
    dirty: int = 0
    overflows: int = 0
    restarts: int = 0
    uncovered: str | None = Field(default=None, description="a JSON array of directories")


class Workspace(SQLModel, table=True):
    """A watched root, bound to its name."""

    __tablename__ = "workspaces"

    name: str = Field(primary_key=True)
    root: str
    device: int = Field(sa_type=BigInteger)
    inode: int = Field(sa_type=BigInteger)
    bound_at: datetime
