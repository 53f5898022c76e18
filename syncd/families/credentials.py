"""What may be a credential, and what is left of an integration without any. Pure.

Generous on purpose: what is left out by mistake still stands in its file, and what is stored by mistake is a leak.
"""

import re
from typing import Any
from unicodedata import normalize

from syncd.core.redact import redact
from syncd_models.values import Fault

PARTS = (
    *("password", "passwd", "passwort", "kennwort", "contrasena", "motdepasse", "senha", "wachtwoord", "пароль"),
    *("密码", "密碼", "パスワード", "passphrase", "passcode", "secret", "geheim", "schlussel", "credential", "token"),
    *("apikey", "accesskey", "privatekey", "authorization", "oauth", "bearer", "cookie", "webhook", "signature"),
    *("connectionstring", "connstr", "keystore", "kubeconfig", "serviceaccount", "mnemonic", "jwt", "hmac"),
)
ENDINGS = ("key", "pwd", "pass", "pw", "auth")
WORDS = frozenset(
    {
        "auth",
        "cert",
        "certificate",
        "certs",
        "cred",
        "creds",
        "csrf",
        "dsn",
        "hook",
        "hooks",
        "key",
        "keys",
        "mfa",
        "otp",
    }
    | {"pass", "pat", "pem", "pfx", "pin", "private", "pw", "pwd", "recovery", "salt", "sas", "seed", "sid", "sig"}
    | {"signing", "totp", "xsrf"}
)
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
ABOUT = frozenset({"has_credentials", "hasCredentials"})
NAMES = frozenset(
    {"name", "key", "id", "label", "variable", "var", "env", "field", "header", "setting", "property", "option"}
    | {"parameter", "param", "k", "n"}
)
PAIR = 2
VALUES = frozenset({"value", "val", "v", "data", "content", "default", "text"})


def is_credential(name: str) -> bool:
    """Tell whether a name speaks of a credential, in any case, with any separators and accents."""
    plain = normalize("NFKD", name)
    letters = "".join(letter for letter in plain if letter.isalpha()).casefold()
    return (
        any(part in letters for part in PARTS)
        or letters.endswith(ENDINGS)
        or any(word.lower() in WORDS for word in WORD.findall(plain))
    )


def holds(value: Any, *, named: bool = False) -> bool:
    """Tell whether anything in here stands under a name that speaks of a credential, or shows one by itself."""
    if isinstance(value, list):
        return any(holds(each, named=named) for each in value)
    if isinstance(value, str):
        return (named and bool(value.strip())) or gives(value) or redact(value) != value
    if not isinstance(value, dict):
        return named and value is not None and not isinstance(value, bool)
    names = _names(value)
    spoken = any(is_credential(value[key]) for key in names)
    return any(
        holds(each, named=named or (spoken and key.lower() in VALUES) or _speaks(key, each))
        for key, each in value.items()
        if key not in ABOUT and key not in names
    )


def _speaks(key: str, value: Any) -> bool:
    """Tell whether a key speaks of a credential; a number of tokens is none."""
    return is_credential(key) and not ("tokens" in key.lower() and isinstance(value, (int, float)))


def _names(setting: dict[str, Any]) -> list[str]:
    """Return the keys of an object of name and value, as lists of settings have them, that hold its name."""
    if VALUES.isdisjoint(key.lower() for key in setting):
        return []
    return _naming(setting)


def _naming(found: dict[str, Any]) -> list[str]:
    return [key for key, value in found.items() if key.lower() in NAMES and isinstance(value, str)]


def without(value: Any, *, listed: bool = False) -> Any:
    """Return what is left of a value without all that may be a credential; GONE if nothing is."""
    if isinstance(value, str):
        found = bare(value)
        return GONE if found is None else found
    if isinstance(value, list):
        kept = [] if _given_apart(value) else [without(each, listed=True) for each in value]
        return [each for each in kept if each is not GONE]
    if not isinstance(value, dict):
        return value
    names = _names(value)
    if any(is_credential(value[key]) for key in (_naming(value) if listed else names)):
        return GONE
    left = {redact(key): without(each) for key, each in value.items() if key in names or not is_credential(key)}
    return {key: each for key, each in left.items() if each is not GONE}


GONE = object()


def _given_apart(found: list[Any]) -> bool:
    """Tell whether a list is a pair, or arguments of a command, of which one names a credential and the next is it."""
    names = (each for each in found if isinstance(each, str) and (each.startswith("-") or len(found) == PAIR))
    return any(is_credential(name) and not gives(name) for name in names)


# A word is never tried from its middle, so that a long one does not take its length squared.
ASSIGNED = re.compile(r"(?<![\w.-])([\w.-]++)[\"']?\s*+(?:[=:](?!//)|=>)\s*+\S|(?<!\S)--?([\w-]++)\s++\S")
SCHEME = re.compile(r"(?<![\w+.-])(?:basic|bearer|digest|token)\s++(?:(?=\S*[\d=])\S{6}|\S{16})", re.IGNORECASE)
ADDRESS = re.compile(r"://(\S++)")


def bare(text: str) -> str | None:
    """Return a text less known secrets, and its addresses less user, password and query; None if it gives more."""
    found = ADDRESS.sub(_bare_address, redact(text))
    signed_in = (":" in word.rpartition("@")[0].rpartition("://")[2] for word in found.split() if "@" in word)
    return None if gives(found) or any(signed_in) else found


def gives(text: str) -> bool:
    """Tell whether a text gives a name that speaks of a credential a value."""
    return any(is_credential(name or flag) for name, flag in ASSIGNED.findall(text)) or bool(SCHEME.search(text))


def _bare_address(match: re.Match[str]) -> str:
    """Return an address less user, password and query, and less the path of a hook, which is its key."""
    rest = match[1]
    before, _, after = rest.rpartition("@")
    if ":" in before.partition("/")[0] or "/" not in before:
        rest = after
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    return "://" + (rest.partition("/")[0] if "hook" in rest.lower() else rest)


def cleared(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an integration less every credential, saying whether it has any."""
    said = any(entry.get(key) is True for key in ABOUT)
    left = {key: without(value) for key, value in entry.items() if key not in ABOUT and not is_credential(key)}
    kept = {key: value for key, value in left.items() if value is not GONE}
    return kept | {"id": entry.get("id"), "has_credentials": said or holds(entry)}


NOT_A_NUMBER = " is not a number"


def speaks_of_integrations(raw: bytes) -> bool:
    """Tell whether bytes that cannot be read may hold integrations, however JSON spells the word."""
    text = re.sub(rb"\\u00([0-7][0-9a-fA-F])", lambda found: bytes.fromhex(found[1].decode()), raw.replace(b"\0", b""))
    return b'"integrations"' in text.lower()


def discreet(fault: Fault) -> Fault:
    """Return a fault that quotes nothing of its file."""
    _, told, rest = fault.reason.partition(NOT_A_NUMBER)
    return fault._replace(reason=f"something{told}{rest}" if told else fault.reason, excerpt=None)
