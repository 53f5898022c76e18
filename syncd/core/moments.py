"""Times as files write them, into the one text form that the database compares correctly. Pure."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  naive UTC, as everything in here
MILLISECONDS_FROM = 1e11  # as seconds, this would be the year 5138
# The library takes any character between date and time, and so takes some numbers for times.
ISO = re.compile(r"\d{4}(-?)\d\d\1\d\d(?:[Tt ].+)?", re.ASCII)


def parse_moment(value: object, naive: tzinfo = UTC) -> datetime | None:
    """Return a time as naive UTC, or None if it cannot be read: ISO 8601, or epoch seconds or milliseconds."""
    try:
        if isinstance(value, str):
            moment = _from_iso(value.strip(), naive)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            unit = "milliseconds" if abs(value) >= MILLISECONDS_FROM else "seconds"
            moment = EPOCH + timedelta(**{unit: value})
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return moment if moment >= EPOCH else None


def _from_iso(text: str, naive: tzinfo) -> datetime:
    """Return what ISO 8601 text says as naive UTC; raises ValueError or OverflowError."""
    if not ISO.fullmatch(text):
        raise ValueError(text)
    found = datetime.fromisoformat(text)
    aware = found if found.tzinfo else found.replace(tzinfo=naive)
    return aware.astimezone(UTC).replace(tzinfo=None)


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
