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


class WriteInProgress(PublicError):
    """The same key is being written, and has not ended in time."""

    code = "IDEMPOTENCY_IN_PROGRESS"
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            "This is still being done. Send it again with the same idempotencyKey to learn what came of it."
        )


class OutcomeUnknown(PublicError):
    """The write was sent, and nobody can tell now whether it happened."""

    code = "OUTCOME_UNKNOWN"
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            "It is not known whether this was done. Send it again with the same idempotencyKey to find out: it is not"
            " done twice."
        )


class PaymentUnknown(OutcomeUnknown):
    """The payment was sent, and nobody can tell now whether it was made."""

    code = "PAYMENT_UNKNOWN"


class WriteNotDone(PublicError):
    """This request did not write; what became of an earlier one with the same key is found out by the next."""

    code = "WRITE_NOT_DONE"
    retryable = True

    def __init__(self, why: str) -> None:
        super().__init__(f"{why} This request changed nothing: send it again with the same idempotencyKey.")
