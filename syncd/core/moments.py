"""Times as files write them, into the one text form that the database compares correctly. Pure."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeAlias

Moment: TypeAlias = str | int | float | None

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  naive UTC, as everything in here
MILLISECONDS_FROM = 1e11  # as seconds, this would be the year 5138


def parse_moment(value: Moment, naive: tzinfo = UTC) -> datetime | None:
    """Return a time as naive UTC, or None if it cannot be read: ISO 8601, or epoch seconds or milliseconds."""
    if value is None:
        return None
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value.strip())
            aware = found if found.tzinfo else found.replace(tzinfo=naive)
            moment = aware.astimezone(UTC).replace(tzinfo=None)
        else:
            seconds = value / 1000 if abs(value) >= MILLISECONDS_FROM else value
            moment = EPOCH + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return None
    return moment if moment >= EPOCH else None


def moment_text(moment: datetime | None) -> str | None:
    """Return ``YYYY-MM-DD HH:MM:SS``, with microseconds only where there are any."""
    return moment.isoformat(" ") if moment else None


def text_moment(text: object) -> datetime | None:
    """Return the time that ``moment_text`` wrote."""
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """Return the seconds from start to end; None where one is missing or the end comes first."""
    if start is None or end is None or end < start:
        return None
    return (end - start).total_seconds()
