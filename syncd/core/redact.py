"""Secrets out of text: well-known shapes become ``[redacted:<kind>]``. Pure."""

import re
from collections.abc import Iterator
from typing import Any

KINDS: dict[str, str] = {
    "private-key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:.*?-----END [A-Z ]*PRIVATE KEY-----|.*)",
    "aws-key": r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])",
    "aws-secret": r"(?i:aws_?secret_?access_?key)[\"'\s:=]{1,8}[A-Za-z0-9/+=]{40}",
    "azure-key": r"(?:Account|SharedAccess)Key=[A-Za-z0-9+/=]{20,}",
    "google-key": r"(?<![A-Za-z0-9])(?:AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,})",
    "digitalocean-token": r"do[opr]_v1_[a-f0-9]{64}",
    "github-token": r"(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})",
    "gitlab-token": r"gl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_-]{20,}",
    "slack-token": r"xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[A-Za-z0-9/_-]{10,}",
    "telegram-token": r"(?<!\d)\d{8,10}:AA[A-Za-z0-9_-]{32,}",
    "discord-webhook": r"discord(?:app)?\.com/api/webhooks/\d+/[A-Za-z0-9_-]+",
    "anthropic-key": r"(?<![A-Za-z0-9_-])sk-ant-[A-Za-z0-9_-]{10,}",
    "openai-key": r"(?<![A-Za-z0-9_-])sk-(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{20,}",
    "huggingface-token": r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{20,}",
    "stripe-key": r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,}",
    "npm-token": r"npm_[A-Za-z0-9]{36}",
    "pypi-token": r"pypi-[A-Za-z0-9_-]{30,}",
    "sendgrid-key": r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    "jwt": r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    "bearer": r"(?i:bearer)\s+[A-Za-z0-9._~+/=-]{12,}",
    "url-password": r"(?<=://)[^\s/:@\"']{1,64}:[^\s/@\"']{1,128}(?=@)",
}  # fmt: skip

SHAPES = re.compile("|".join(f"(?P<{kind.replace('-', '_')}>{shape})" for kind, shape in KINDS.items()), re.DOTALL)

# Each shape holds one of these marks, so bytes without any are clean. An escaped letter could hide one: "\u00" counts
# too. A pattern that begins with a rare literal is searched for at the speed of memchr, which is why they look back.
UNDERSCORED = re.compile(
    rb"_(?:(?<=gh[pousr]_)|(?<=github_pat_)|(?<=do[opr]_v1_)|(?<=hf_)|(?<=_live_)|(?<=_test_)|(?<=whsec_)|(?<=npm_))"
)
DASHED = re.compile(
    rb"-(?:(?<=gl[a-z]{2}-)|(?<=gl[a-z]{3}-)|(?<=xox[abeoprs]-)|(?<=xapp-)|(?<=sk-)|(?<=pypi-)|(?<=SPX-)|(?<=----))"
)
MARKS = (
    b"@", b"\\u00", b"IA", b"Key=", b"AIza", b"ya29.", b"SG.", b"eyJ", b":AA", b"hooks.slack", b"/webhooks/",
    b"earer ", b"EARER ", b"ecret", b"ECRET",
)  # fmt: skip


def suspicious(raw: bytes) -> bool:
    """Tell whether JSON text could hold a secret; quick, and wrong only towards yes."""
    return any(mark in raw for mark in MARKS) or bool(UNDERSCORED.search(raw) or DASHED.search(raw))


def _replaced(match: re.Match[str]) -> str:
    return f"[redacted:{str(match.lastgroup).replace('_', '-')}]"


def redact(text: str) -> str:
    """Return text with each secret replaced by its kind."""
    return SHAPES.sub(_replaced, text)


def redact_tree(data: Any, verbatim: frozenset[str]) -> Any:
    """Return decoded data with every text and key redacted, but for the values of ``verbatim`` keys."""
    if isinstance(data, str):
        return redact(data)
    if isinstance(data, list):
        return [redact_tree(each, verbatim) for each in data]
    if isinstance(data, dict):
        return {
            redact(key): value if key in verbatim and isinstance(value, str) else redact_tree(value, verbatim)
            for key, value in data.items()
        }
    return data


def excerpt(text: str, position: int, before: int = 30, after: int = 30) -> str:
    """Return the text around a position on one line, with no part of a secret that stands there."""
    start, end = max(0, position - before), position + after
    return "".join(_pieces(text, start, end)).replace("\n", " ").replace("\r", " ").strip()


def _pieces(text: str, start: int, end: int) -> Iterator[str]:
    """Yield the text of a window, and for each secret that reaches into it the mark alone."""
    for match in SHAPES.finditer(text):
        if match.end() > start and match.start() < end:
            yield text[start : max(start, match.start())]
            yield _replaced(match)
            start = match.end()
    yield text[start:end]
