"""Failures of upstream systems. Connectors raise them, `gateway.errors` publishes them; nothing between catches them.

A client may read `code` (stable, upper snake case), `retryable` (whether the same request may succeed a little later)
and `public` (one sentence without addresses, bodies or class names). The exception's text is for the operator's log.
"""

from collections.abc import Mapping
from enum import Enum
from typing import ClassVar, Final, Self


class ConnectorError(Exception):
    """Base of all upstream failures; never raised itself.

    `status`: the HTTP status that caused it; None if the cause was not a status.
    `signing_in`: the token endpoint or the login failed, and the request itself was not sent.
    `said`: the beginning of the answer's body, with credentials masked, and `asked`: the request's path and query. Both
    may hold personal data: they are for who runs `gateway check` or `driver-test`, never for a log or a client.
    `retry_after`: seconds for which the system asked not to be asked again.
    `was_asked`: False where a policy kept the request from being sent, so that nothing was learned of the system.
    """

    code: ClassVar[str] = "UPSTREAM_FAILED"
    retryable: ClassVar[bool] = True
    may_have_happened: bool = True
    """After a write: whether the system may have done it all the same."""
    sentence: str = "The {system} system did not answer. Try again in a moment."
    said: str = ""
    asked: str = ""
    retry_after: float | None = None
    was_asked: bool = True

    def __init__(self, system: str, detail: str, *, status: int | None = None, signing_in: bool = False) -> None:
        super().__init__(f"{system}: {detail}")
        self.system, self.detail = system, detail
        self.status, self.signing_in = status, signing_in
        if signing_in:
            self.may_have_happened = False

    @property
    def public(self) -> str:
        """One sentence that a client may read."""
        return self.sentence.format(system=self.system)

    def without_traceback(self) -> Self:
        """A copy without a traceback. Keep this one: a traceback would keep all objects of its frames alive."""
        one = type(self).__new__(type(self), *self.args)
        one.__dict__.update(self.__dict__)
        return one


class Unreachable(ConnectorError):
    """No connection to the system, or it broke before the answer was complete; or no token, as its endpoint is busy.

    Or none was tried, because the operation has failed too often lately.

    `nothing_sent`: no connection was made, so the request cannot have had an effect. Otherwise a write may have been
    done.
    """

    code = "UPSTREAM_UNAVAILABLE"
    sentence = "The {system} system cannot be reached. Try again in a moment."

    def __init__(
        self,
        system: str,
        detail: str,
        *,
        nothing_sent: bool = False,
        status: int | None = None,
        signing_in: bool = False,
    ) -> None:
        super().__init__(system, detail, status=status, signing_in=signing_in)
        self.nothing_sent = nothing_sent
        if nothing_sent:
            self.may_have_happened = False


class TimedOut(ConnectorError):
    """No answer within the system's timeout or the request's deadline, or 408: a write may have been done.

    `cut_short`: the request's deadline left the system less than its timeout.
    """

    code = "UPSTREAM_TIMEOUT"
    sentence = "The {system} system took too long to answer. Ask for less, or try again in a moment."

    def __init__(
        self,
        system: str,
        detail: str,
        *,
        cut_short: bool = False,
        status: int | None = None,
        signing_in: bool = False,
    ) -> None:
        super().__init__(system, detail, status=status, signing_in=signing_in)
        self.cut_short = cut_short


class Busy(ConnectorError):
    """As many calls are under way as may be, and no place became free in time. The system itself is not at fault."""

    code = "UPSTREAM_BUSY"
    may_have_happened = False
    sentence = "The {system} system is at its request limit. Try again in a moment."


class Failed(ConnectorError):
    """The system answered with a server error (5xx)."""

    code = "UPSTREAM_FAILED"
    sentence = "The {system} system failed to answer. Try again in a moment."


class RateLimited(ConnectorError):
    """The system asked us to slow down (429), or to come later (425)."""

    code = "UPSTREAM_RATE_LIMITED"
    may_have_happened = False
    sentence = "The {system} system limits its requests. Try again in a moment."


class Refused(ConnectorError):
    """The system does not accept the credentials (401, 403). `login_wanted`: new credentials may help.

    `of_caller`: no token was given in exchange for the caller's, which says nothing about other callers.
    """

    of_caller: bool = False

    code = "UPSTREAM_REFUSED"
    retryable = False
    may_have_happened = False
    sentence = "The {system} system refused the gateway's credentials. Tell the gateway's operator."

    def __init__(
        self,
        system: str,
        detail: str,
        *,
        login_wanted: bool = False,
        status: int | None = None,
        signing_in: bool = False,
    ) -> None:
        super().__init__(system, detail, status=status, signing_in=signing_in)
        self.login_wanted = login_wanted


class Rejected(ConnectorError):
    """The system rejects the request as wrong (another 4xx, or a redirect): the profile or driver does not fit it."""

    code = "UPSTREAM_REJECTED"
    retryable = False
    may_have_happened = False
    sentence = "The {system} system did not accept the gateway's request. Tell the gateway's operator."


class Reason(Enum):
    """Why a system does not do what it was asked to write, as far as the caller can do something about it."""

    REQUIRED = "required"
    INVALID = "invalid"
    TOO_LONG = "too long"
    NOT_FOUND = "not found"
    NOT_ALLOWED = "not allowed"
    WRONG_STATE = "wrong state"
    AMOUNT_TOO_HIGH = "amount too high"
    CURRENCY_MISMATCH = "currency mismatch"
    ALREADY_PAID = "already paid"
    CONFLICT = "conflict"
    OTHER = "other"


_DECLINED: Final[Mapping[Reason, str]] = {
    Reason.REQUIRED: "The {system} system needs something more for this.",
    Reason.INVALID: "The {system} system does not take this value. Check it.",
    Reason.TOO_LONG: "This is longer than the {system} system takes. Shorten it.",
    Reason.NOT_FOUND: "The {system} system does not have this any more. Look again.",
    Reason.NOT_ALLOWED: "The {system} system does not allow this here.",
    Reason.WRONG_STATE: "This cannot be done as things are now. Look at it again.",
    Reason.AMOUNT_TOO_HIGH: "The amount is more than is open of the bill.",
    Reason.CURRENCY_MISMATCH: "The amount is not in the bill's currency.",
    Reason.ALREADY_PAID: "Nothing is open of the bill: it is paid, or a payment is under way.",
    Reason.CONFLICT: "Somebody else changed this at the same time. Look at it, then try again.",
    Reason.OTHER: "The {system} system refused this for a reason of its own. Nothing was changed.",
}
"""What the person is told."""


class Declined(Rejected):
    """The system has not done what it was asked to write, and says why: the caller can do something about it.

    `attribute`: of the record that was to be written, where the system says which it is; None otherwise.
    `sentence`: for the person, in place of the reason's, where something was written all the same.
    """

    def __init__(
        self, system: str, detail: str, reason: Reason, *, attribute: str | None = None, sentence: str = ""
    ) -> None:
        super().__init__(system, detail)
        self.reason, self.attribute = reason, attribute
        self.sentence = sentence or _DECLINED[reason]


class Garbled(ConnectorError):
    """The answer cannot be decoded: it is not JSON, or not of the expected shape."""

    code = "UPSTREAM_GARBLED"
    sentence = "The {system} system sent an answer that the gateway cannot read. Try again in a moment."


class TooMuch(ConnectorError):
    """The answer has more rows or bytes than the settings allow. Answers are never cut silently."""

    code = "UPSTREAM_TOO_MUCH"
    retryable = False
    sentence = "The {system} system has more data than the gateway reads at once. Ask for less."


class TooLarge(TooMuch):
    """One answer has more bytes than `max_bytes`: it was read up to there, and thrown away."""


class NotSupported(ConnectorError):
    """The product behind the port cannot do this. `field` (such as `Bill.period`): it never has a value for it."""

    code = "NOT_SUPPORTED"
    retryable = False
    may_have_happened = False
    sentence = "The product that is connected as the {system} system cannot answer this. Leave it out."

    def __init__(self, system: str, detail: str, *, field: str = "") -> None:
        super().__init__(system, detail)
        if field:
            self.sentence = f"The connected {{system}} system does not provide {field}. The field is always null."


class NotConfigured(ConnectorError):
    """The settings name no system for this domain."""

    code = "NOT_CONFIGURED"
    retryable = False
    may_have_happened = False
    sentence = "No {system} system is connected to this gateway. The field is always null."

    def __init__(self, system: str) -> None:
        super().__init__(system, f"the settings have no section systems.{system}")


class Cancelled(ConnectorError):
    """The request ended (the client disconnected, or the deadline passed) before the system answered."""

    code = "REQUEST_CANCELLED"
    sentence = "The request ended before the {system} system answered. Send the request again."
