"""Log events: facts in the past tense, as text on a terminal and as JSON elsewhere. Only this module knows the form."""

import sys
from typing import Any

import structlog

from syncd_models.values import Step


def configure() -> None:
    """Send log events to standard error."""
    drawn: Any = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True), drawn],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )


def log_step(step: Step) -> None:
    """Log what was committed of one bundle."""
    log = structlog.get_logger()
    for refusal in step.refusals:
        fault = refusal.fault
        log.warning("refused", bundle=step.bundle.id, path=refusal.path, reason=fault.reason, line=fault.line)
    if step.archived:
        log.info("archived", bundle=step.bundle.id)
    changes = sum(len(rows) for rows in step.rows.values()) + len(step.changes)
    if changes:
        log.info("committed", bundle=step.bundle.id, changes=changes, first=step.first)
