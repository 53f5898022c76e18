"""An address never shows its password, and one that may be misread is refused before anybody reads it."""

import pytest

from syncd.stores.url import SCHEMES, parse_url

SECRET = "hush%2Fhush"  # noqa: S105  no real one
SPELLINGS = (SECRET, "hush/hush")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_way_to_name_the_kind_means_the_same(scheme: str) -> None:
    """The driver gets the one that it knows."""
    assert parse_url(f"{scheme}://me@host:5432/db").whole == "postgresql://me@host:5432/db"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:{}@host/db", "postgresql://me@host/db"),
        ("postgresql://me:{}@/db?host=/tmp/x", "postgresql://me@/db?host=/tmp/x"),
        ("postgresql://:{}@host/db", "postgresql://host/db"),
        ("postgresql://me@host/db?password={}&sslmode=require", "postgresql://me@host/db?sslmode=require"),
        ("postgresql://me@host/db?pass%77ord={}", "postgresql://me@host/db"),
        ("postgresql://host/db?sslpassword={}&user=me", "postgresql://host/db?user=me"),
        ("postgresql://me:{}@[::1]:5432,other:1/db", "postgresql://me@[::1]:5432,other:1/db"),
    ],
)
def test_a_password_is_not_shown(text: str, shown: str) -> None:
    """It stands in what the driver gets and nowhere else, and is taken out of what the driver says."""
    url = parse_url(text.format(SECRET))
    assert (str(url), url.whole) == (shown, text.format(SECRET))
    assert "hush" not in repr(url)
    for spelling in SPELLINGS:
        assert url.without_secrets(f"cannot use {spelling!r} here") == "cannot use '***' here"


def test_a_short_password_does_not_spoil_a_message() -> None:
    """Only whole words are taken out."""
    assert parse_url("postgresql://me:a@host/db").without_secrets("a password is a must") == "*** password is *** must"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:hush/hush@host/db",
        "postgresql://me:12/hush@host/db",
        "postgresql://me:hush?hush@host/db",
        "postgresql://me:12?hush@host/db",
        "postgresql://me:hush#hush@host/db",
        "postgresql://me:hush@hush@host/db",
        "postgresql://me:hush%zz@host/db",
        "postgresql://me@host:hush/db",
        "postgresql://[hush/db",
        "postgresql://host/db?hush",
        "postgresql://host/db\n?password=hush",
        "mysql://me:hush@host/db",
        "me:hush@host://db",
    ],
)
def test_an_address_that_may_be_misread_is_refused_without_a_word_of_it(text: str) -> None:
    """A bare character of a password would end it early, and the rest would be shown as a host."""
    with pytest.raises(ValueError, match=r"address|neither") as caught:
        parse_url(text)
    assert "hush" not in str(caught.value)
