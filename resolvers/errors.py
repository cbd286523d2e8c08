"""What the caller did wrong, in words that the caller may read."""

from typing import ClassVar


class PublicError(Exception):
    """Base: its text and `code` are shown to the client as they are."""

    code: ClassVar[str] = "BAD_USER_INPUT"
    retryable: ClassVar[bool] = False


class BadInput(PublicError):
    """An argument that cannot be used: the text names it, and says what would be right."""


class Forbidden(PublicError):
    """The viewer's kind may not ask this at all (not used for single records: those are simply absent)."""

    code = "FORBIDDEN"
