"""The tree of errors: one branch for each thing that happens next.

SyncdError(message, hint)
├── DocumentError        refuse this file, keep its last good rows, go on
│   ├── DecodeError      the bytes are not the format they claim
│   ├── ShapeError       decoded, but not what the family reads
│   └── StoreRejected    the database refuses the rows
├── TransientError       try again; nothing is lost
│   ├── SourceUnavailable
│   └── StoreUnavailable
└── FatalError           stop and say what to do
    ├── ConfigError
    └── StoreRefused
"""

from syncd_models.values import Fault


class SyncdError(Exception):
    """Something went wrong that the user can do something about: ``hint`` says what."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        """Keep what happened and what to do next."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class DocumentError(SyncdError):
    """One file is refused; its last good rows stay."""

    def __init__(self, fault: Fault) -> None:
        """Keep the reason with its place in the file."""
        super().__init__(fault.reason)
        self.fault = fault


class DecodeError(DocumentError):
    """The bytes are not the format that they claim to be."""


class ShapeError(DocumentError):
    """The file decodes, but is not what its family reads."""


class StoreRejected(DocumentError):
    """The database refuses rows that this file gives."""


class TransientError(SyncdError):
    """It may well work the next time; nothing is lost."""


class SourceUnavailable(TransientError):
    """The root is not there, so nothing can be said about what it holds."""

    exit_code = 4


class StoreUnavailable(TransientError):
    """The database cannot be read or written just now."""


class FatalError(SyncdError):
    """It will not work until somebody does something."""


class ConfigError(FatalError):
    """A setting or an argument is wrong."""

    exit_code = 2


class StoreRefused(FatalError):
    """The database is newer, corrupt, not ours, or held by another."""

    exit_code = 3
