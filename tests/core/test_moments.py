"""Times as files write them."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.moments import moment_text, parse_moment, seconds_between, text_moment

NOON = "2026-02-08 12:00:00"


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("2026-02-08T12:00:00Z", NOON),
        ("2026-02-08 12:00", NOON),
        ("2026-02-08t14:00:00+02:00", NOON),
        ("2026-02-08T17:30:00+0530", NOON),
        ("2026-02-08T04-08", NOON),
        ("20260208T120000Z", NOON),
        (" 2026-02-08T12:00:00Z\n", NOON),
        ("2026-02-08T12:00:00.000Z", NOON),
        ("2026-02-08T12:00:00,5Z", "2026-02-08 12:00:00.500000"),
        ("2026-02-08T12:00:00.123456789Z", "2026-02-08 12:00:00.123456"),
        ("2026-02-08", "2026-02-08 00:00:00"),
        (0, "1970-01-01 00:00:00"),
        (1770552000, NOON),
        (1770552000.25, "2026-02-08 12:00:00.250000"),
        (1770552000000, NOON),
        (1770552000123.5, "2026-02-08 12:00:00.123500"),
        (99_999_999_999, "5138-11-16 09:46:39"),
        (100_000_000_000, "1973-03-03 09:46:40"),
    ],
)
def test_a_time_is_read_in_any_usual_form(written: object, stored: str) -> None:
    """ISO 8601 with any offset, or epoch seconds or milliseconds."""
    assert moment_text(parse_moment(written)) == stored


@pytest.mark.parametrize(
    "written",
    [
        *(None, True, [], {}, "", "yesterday", "12:30", "1770552000", "20111103112", "2026-02-30", "2026-W06-7"),
        *("2026-02-08x12:00", "2026-02-08T", "2026-02-08T25:00:00Z", "2026-02-08T12:00:60Z", "202602-08"),
        *("1969-12-31T23:59:59Z", "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"),
        *(-1, 1e30, 10**29, 10**400, "２０２６-02-08"),  # noqa: RUF001  digits of another script
    ],
)
def test_what_is_no_time_since_1970_is_none(written: object) -> None:
    """Numbers as text are no epoch, and years outside 1970 to 9999 are no times."""
    assert parse_moment(written) is None


@pytest.mark.parametrize(
    ("zone", "stored"),
    [(UTC, NOON), (timezone(timedelta(hours=-5)), "2026-02-08 17:00:00")],
)
def test_a_time_without_an_offset_is_in_the_zone_that_is_given(zone: tzinfo, stored: str) -> None:
    """The zone is an argument."""
    assert moment_text(parse_moment("2026-02-08T12:00:00", zone)) == stored


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001  stored times are naive UTC
def test_stored_times_read_back_and_sort_as_text(moment: datetime) -> None:
    """What is written is what is read."""
    text = moment_text(moment)
    assert text_moment(text) == moment
    assert parse_moment(text) == moment
    later = moment_text(moment + timedelta(seconds=1)) if moment.year < 9999 else "~"
    assert text is not None
    assert later is not None
    assert text < later


def test_no_time_is_no_text() -> None:
    """Absence stays absence."""
    assert moment_text(None) is None
    assert text_moment(None) is None


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [(0, 90.5, 90.5), (5, 5, 0), (5, 4, None), (None, 4, None), (5, None, None)],
)
def test_seconds_run_from_start_to_end(start: float | None, end: float | None, seconds: float | None) -> None:
    """There are none without both, nor backwards."""
    assert seconds_between(parse_moment(start), parse_moment(end)) == seconds
