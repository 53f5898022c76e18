"""The tables and views as PostgreSQL wants them; imported only where a schema is made."""

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Dialect, Double, MetaData, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import SQLModel

from syncd_models import ledger, rows
from syncd_models.views import VIEWS

TYPES: dict[type, TypeEngine[Any]] = {
    str: Text(collation="C"),  # bytes are compared, as SQLite does and as ranges of ids need it
    int: BigInteger(),
    float: Double(),
    bool: Boolean(),
    datetime: DateTime(timezone=True),
}

# Where dates are counted with, and where numbers are cut. Means are sums divided: AVG squares what it is given.
OWN_VIEWS = {
    "v_session_progress": """
        SELECT s.id, s.workspace, s.status, s.branch_name, COUNT(t.id) AS tasks,
               COUNT(*) FILTER (WHERE t.status = 'pending') AS pending,
               COUNT(*) FILTER (WHERE t.status = 'in_progress') AS in_progress,
               COUNT(*) FILTER (WHERE t.status = 'completed') AS completed,
               COUNT(*) FILTER (WHERE t.status = 'failed') AS failed,
               COUNT(*) FILTER (WHERE t.status = 'blocked') AS blocked,
               CASE WHEN COUNT(t.id) = 0 THEN 0.0
                    ELSE ROUND(100.0 * COUNT(*) FILTER (WHERE t.status = 'completed') / COUNT(t.id), 1) END AS percent,
               TRUNC(EXTRACT(EPOCH FROM COALESCE(s.completed_at, now()) - s.started_at))::bigint AS age_seconds
        FROM sessions s LEFT JOIN tasks t ON t.session_id = s.id
        WHERE s.archived_at IS NULL
        GROUP BY s.id""",
    "v_stale_sessions": """
        SELECT s.id, s.workspace, s.status, s.branch_name, MAX(f.mtime_ns) AS last_write_ns,
               TRUNC(EXTRACT(EPOCH FROM now()))::bigint - MAX(f.mtime_ns) / 1000000000 AS silent_seconds
        FROM sessions s
        JOIN files f ON f.workspace = s.workspace
            AND f.path >= CASE WHEN s.workspace = 'default' THEN s.id ELSE substr(s.id, length(s.workspace) + 2) END
                || '/'
            AND f.path < CASE WHEN s.workspace = 'default' THEN s.id ELSE substr(s.id, length(s.workspace) + 2) END
                || '0'
        WHERE s.archived_at IS NULL AND s.status = 'in_progress'
        GROUP BY s.id
        HAVING MAX(f.mtime_ns) / 1000000000 < TRUNC(EXTRACT(EPOCH FROM now()))::bigint - 3600""",
    "v_daily_metrics": """
        SELECT to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, metric_name, COUNT(*) AS points,
               SUM(metric_value) AS total, SUM(metric_value) / COUNT(*) AS mean, MIN(metric_value) AS lowest,
               MAX(metric_value) AS highest
        FROM metrics WHERE recorded_at IS NOT NULL
        GROUP BY day, metric_name""",
    "v_llm_cost": """
        SELECT to_char(u.used_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, u.model, t.agent_id, COUNT(*) AS calls,
               SUM(u.input_tokens) AS input_tokens, SUM(u.output_tokens) AS output_tokens, SUM(u.cost_usd) AS cost_usd
        FROM llm_usage u LEFT JOIN tasks t ON t.id = u.task_id
        GROUP BY day, u.model, t.agent_id""",
    "v_leaderboard": """
        SELECT agent_id, name, emoji, team_id, completed, xp,
               CASE WHEN xp > 0 THEN 1 + TRUNC(LEAST(xp / 100, 9e16))::bigint ELSE 1 END AS level
        FROM (SELECT done.*, 10 * done.completed + COALESCE(
                  (SELECT SUM(r.reward_value) FROM rewards r
                   WHERE r.entity_id IN (done.agent_id, CASE WHEN lower(substr(done.agent_id, 1, 6)) = 'agent-'
                                                             THEN substr(done.agent_id, 7) END)
                     AND (r.entity_type IS NULL OR lower(r.entity_type) = 'agent')), 0) AS xp
              FROM (SELECT a.id AS agent_id, a.name, a.emoji, a.team_id,
                           (SELECT COUNT(*) FROM tasks t
                            WHERE t.status = 'completed' AND t.agent_id = a.id) AS completed
                    FROM agents a) done) earned""",
}


@cache
def statements() -> tuple[str, ...]:
    """Return the texts that make all tables, indexes and views, in order."""
    modules, copied = (rows, ledger), MetaData()  # imported for the tables that they declare
    tables = [table.to_metadata(copied) for table in SQLModel.metadata.sorted_tables if modules]
    for table in tables:
        for column in table.columns:
            _retype(column)
    indexes = [index for table in tables for index in sorted(table.indexes, key=lambda index: str(index.name))]
    dialect: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    made = [str(CreateTable(table).compile(dialect=dialect)) for table in tables]
    made += [str(CreateIndex(index).compile(dialect=dialect)) for index in indexes]
    return (*made, *(f"CREATE VIEW {name} AS {OWN_VIEWS.get(name, query)}" for name, query in VIEWS.items()))


def _retype(column: Column[Any]) -> None:
    """Give a column the type that keeps its values as SQLite does; the server numbers nothing by itself."""
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    column.type = TYPES[kind.python_type]
    column.autoincrement = False
