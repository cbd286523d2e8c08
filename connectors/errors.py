"""The tree of upstream failures: translated here once, published by `gateway.errors` once, caught nowhere between.

Every class says what a client may know: `code` (stable, upper snake case), `retryable` (would the same request
have a chance a little later), and `public` (one sentence without addresses, bodies or class names). The exception's
own text is for the operator's log.
"""

from typing import ClassVar, Self


class ConnectorError(Exception):
    """A system did not give what it was asked for. Base of the tree; never raised itself.

    `status`: the HTTP status of the answer that means this; None where it is not an answer's status that does.
    `from_token_endpoint`: it came of asking a token endpoint, so that the system itself was not asked.
    """

    code: ClassVar[str] = "UPSTREAM_FAILED"
    retryable: ClassVar[bool] = True
    sentence: str = "The {system} system did not answer this field."

    def __init__(
        self, system: str, detail: str, *, status: int | None = None, from_token_endpoint: bool = False
    ) -> None:
        super().__init__(f"{system}: {detail}")
        self.system, self.detail = system, detail
        self.status, self.from_token_endpoint = status, from_token_endpoint

    @property
    def public(self) -> str:
        """One sentence that a client may read."""
        return self.sentence.format(system=self.system)

    def without_traceback(self) -> Self:
        """The same failure, to be raised where this one is kept: a traceback holds on to all that it went through."""
        one = type(self).__new__(type(self), *self.args)
        one.__dict__.update(self.__dict__)
        return one


class Unreachable(ConnectorError):
    """No connection to the system, or it broke before the answer was complete.

    `nothing_sent`: no connection was made, so the request cannot have had an effect. Otherwise a write may have been
    done.
    """

    code = "UPSTREAM_UNAVAILABLE"
    sentence = "The {system} system cannot be reached at the moment."

    def __init__(
        self, system: str, detail: str, *, nothing_sent: bool = False, from_token_endpoint: bool = False
    ) -> None:
        super().__init__(system, detail, from_token_endpoint=from_token_endpoint)
        self.nothing_sent = nothing_sent


class TimedOut(ConnectorError):
    """No answer within the system's timeout or within what the request's deadline left: a write may have been done.

    `cut_short`: the system was given less than its time, because the client's own ran out.
    """

    code = "UPSTREAM_TIMEOUT"
    sentence = "The {system} system took too long to answer."

    def __init__(self, system: str, detail: str, *, cut_short: bool = False, from_token_endpoint: bool = False) -> None:
        super().__init__(system, detail, from_token_endpoint=from_token_endpoint)
        self.cut_short = cut_short


class Busy(ConnectorError):
    """As many calls as the system bears are under way, and no place came free in time: our own queue, not its fault."""

    code = "UPSTREAM_BUSY"
    sentence = "The {system} system is being asked as much as it bears at the moment."


class Failed(ConnectorError):
    """The system answered with a server error (5xx)."""

    code = "UPSTREAM_FAILED"
    sentence = "The {system} system failed while answering this field."


class RateLimited(ConnectorError):
    """The system asked us to slow down (429)."""

    code = "UPSTREAM_RATE_LIMITED"
    sentence = "The {system} system is limiting requests at the moment."


class Refused(ConnectorError):
    """The system does not accept the gateway's credentials (401, 403). `login_wanted`: other ones may help."""

    code = "UPSTREAM_REFUSED"
    retryable = False
    sentence = "The {system} system refused the gateway."

    def __init__(
        self,
        system: str,
        detail: str,
        *,
        login_wanted: bool = False,
        status: int | None = None,
        from_token_endpoint: bool = False,
    ) -> None:
        super().__init__(system, detail, status=status, from_token_endpoint=from_token_endpoint)
        self.login_wanted = login_wanted


class Rejected(ConnectorError):
    """The system calls our request wrong (other 4xx, or a redirect): a profile or a driver that does not fit."""

    code = "UPSTREAM_REJECTED"
    retryable = False
    sentence = "The {system} system did not accept the question."


class Garbled(ConnectorError):
    """The answer is not what the driver can read: not JSON, HTML, another shape."""

    code = "UPSTREAM_GARBLED"
    sentence = "The {system} system gave an answer that cannot be read."


class TooMuch(ConnectorError):
    """More rows or bytes than the settings allow: said, never silently cut."""

    code = "UPSTREAM_TOO_MUCH"
    retryable = False
    sentence = "The {system} system has more data for this field than may be read at once: ask for less."


class NotSupported(ConnectorError):
    """The product behind this port cannot answer such a question. `field`: for no record, as in `Bill.period`."""

    code = "NOT_SUPPORTED"
    retryable = False
    sentence = "The {system} system cannot answer this field."

    def __init__(self, system: str, detail: str, *, field: str = "") -> None:
        super().__init__(system, detail)
        if field:
            self.sentence = f"The {{system}} system that is connected here does not have {field}: it is always null."


class NotConfigured(ConnectorError):
    """The settings name no system for this domain."""

    code = "NOT_CONFIGURED"
    retryable = False
    sentence = "No {system} system is connected to this gateway: the field is always null."

    def __init__(self, system: str) -> None:
        super().__init__(system, f"the settings have no section systems.{system}")


class Cancelled(ConnectorError):
    """The request ended (the client hung up, or the deadline passed) while the system was being asked."""

    code = "REQUEST_CANCELLED"
    sentence = "The request ended before the {system} system answered."
