"""The address of a database server, and the same without what nobody may read."""

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

SCHEMES = ("postgresql", "postgresql+psycopg", "postgres")
SECRETS = frozenset(("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"))
"""Parameters that are left out wherever the address is shown."""
HOSTS = re.compile(r"(?:(?:[^\[\]:,]*|\[[^\[\]]*\])(?::\d*)?(?:,|$))*")
BAD_PERCENT = re.compile(r"%(?![0-9a-fA-F]{2})")
SHOWN = "***"


@dataclass(frozen=True, slots=True)
class Url:
    """A PostgreSQL address; as text, it shows no password."""

    whole: str = field(repr=False)
    """As the driver wants it, password and all."""
    shown: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What may never stand in a message, in every spelling."""

    def __str__(self) -> str:
        """Show the address without its password."""
        return self.shown

    def without_secrets(self, text: str) -> str:
        """Return a text of the driver's in which no secret of this address stands."""
        for secret in self.secrets:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", SHOWN, text)
        return text


def parse_url(text: str) -> Url:
    """Return a PostgreSQL address. Raises ValueError with a message that has nothing of the address but its scheme."""
    scheme, _, rest = text.partition("://")
    if scheme not in SCHEMES:
        known = re.fullmatch(r"[a-z][a-z0-9+.-]{0,30}", scheme)
        raise ValueError(f"{f'{scheme}://' if known else 'this address'} is neither a path nor postgresql://")
    try:
        parts = urlsplit(f"postgresql://{rest}")
    except ValueError:
        raise ValueError(f"this {scheme}:// address cannot be read") from None
    if not text.isprintable() or not _sound(rest, parts):
        raise ValueError(f"this {scheme}:// address cannot be read; in a password, write % as %25, @ as %40, : as %3A, "
                         "/ as %2F, ? as %3F, # as %23 and & as %26")  # fmt: skip
    login, at, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    given = [each for each in parts.query.split("&") if each]
    kept = "&".join(each for each in given if not _is_secret(each))
    shown = f"postgresql://{user}{at if user else ''}{hosts}{parts.path}" + (f"?{kept}" if kept else "")
    secrets = {password, *(each.partition("=")[2] for each in given if _is_secret(each))}
    spelled = {spelling for each in secrets for spelling in (each, unquote(each)) if spelling}
    return Url(f"postgresql://{rest}", shown, tuple(sorted(spelled, key=len, reverse=True)))


def _is_secret(parameter: str) -> bool:
    return unquote(parameter.partition("=")[0]) in SECRETS


def _sound(rest: str, parts: SplitResult) -> bool:
    """Tell whether an address is split where its writer meant it to be: a bare character of a password splits too."""
    login, _, hosts = parts.netloc.rpartition("@")
    return (
        "#" not in rest
        and "@" not in login + parts.path
        and BAD_PERCENT.search(rest) is None
        and HOSTS.fullmatch(hosts) is not None
        and all("=" in each and "@" not in each.partition("=")[0] for each in parts.query.split("&") if each)
    )
