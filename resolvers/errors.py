"""Errors that are the caller's doing. Clients see their text."""

from typing import ClassVar


class PublicError(Exception):
    """Base class: clients see its text and its `code`."""

    code: ClassVar[str] = "BAD_USER_INPUT"
    retryable: ClassVar[bool] = False


class BadInput(PublicError):
    """An argument's value cannot be used. The text names the argument and says what would be right."""


class Forbidden(PublicError):
    """This kind of viewer may not use the field. Records that a viewer may not see are null instead."""

    code = "FORBIDDEN"
