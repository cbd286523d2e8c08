"""The tree of upstream failures: translated here once, published by `gateway.errors` once, caught nowhere between.

Every class says what a client may know: `code` (stable, upper snake case), `retryable` (would the same request
have a chance a little later), and `public` (one sentence without addresses, bodies or class names). The exception's
own text is for the operator's log.
"""

from typing import ClassVar, Self


class ConnectorError(Exception):
    """A system did not give what it was asked for. Base of the tree; never raised itself.

    `status`: the HTTP status of the answer that means this; None where it is not an answer's status that does.
    `about_token`: it came of asking a token endpoint, so that the system itself was not asked.
    """

    code: ClassVar[str] = "UPSTREAM_FAILED"
    retryable: ClassVar[bool] = True
    sentence: str = "The {system} system did not answer. Try again in a moment."

    def __init__(self, system: str, detail: str, *, status: int | None = None, about_token: bool = False) -> None:
        super().__init__(f"{system}: {detail}")
        self.system, self.detail = system, detail
        self.status, self.about_token = status, about_token

    @property
    def public(self) -> str:
        """One sentence that a client may read."""
        return self.sentence.format(system=self.system)

    def anew(self) -> Self:
        """The same failure, to be raised where this one is kept: a traceback holds on to all that it went through."""
        one = type(self).__new__(type(self), *self.args)
        one.__dict__.update(self.__dict__)
        return one


class Unreachable(ConnectorError):
    """No connection, or it broke before an answer came. `at_all`: there was none to begin with, and nothing was sent.

    Without `at_all` nobody knows what became of the request: a write may have been done.
    """

    code = "UPSTREAM_UNAVAILABLE"
    sentence = "The {system} system cannot be reached. Try again in a moment."

    def __init__(self, system: str, detail: str, *, at_all: bool = False, about_token: bool = False) -> None:
        super().__init__(system, detail, about_token=about_token)
        self.at_all = at_all


class TimedOut(ConnectorError):
    """No answer within the system's timeout or within what the request's deadline left: a write may have been done.

    `cut_short`: the system was given less than its time, because the client's own ran out.
    """

    code = "UPSTREAM_TIMEOUT"
    sentence = "The {system} system took too long to answer. Ask for less, or try again in a moment."

    def __init__(self, system: str, detail: str, *, cut_short: bool = False, about_token: bool = False) -> None:
        super().__init__(system, detail, about_token=about_token)
        self.cut_short = cut_short


class Busy(ConnectorError):
    """As many calls as the system bears are under way, and no place came free in time: our own queue, not its fault."""

    code = "UPSTREAM_BUSY"
    sentence = "The {system} system is at its request limit. Try again in a moment."


class Failed(ConnectorError):
    """The system answered with a server error (5xx)."""

    code = "UPSTREAM_FAILED"
    sentence = "The {system} system failed to answer. Try again in a moment."


class RateLimited(ConnectorError):
    """The system asked us to slow down (429)."""

    code = "UPSTREAM_RATE_LIMITED"
    sentence = "The {system} system limits its requests. Try again in a moment."


class Refused(ConnectorError):
    """The system does not accept the gateway's credentials (401, 403). `login_wanted`: other ones may help."""

    code = "UPSTREAM_REFUSED"
    retryable = False
    sentence = "The {system} system refused the gateway's credentials. Tell the gateway's operator."

    def __init__(
        self,
        system: str,
        detail: str,
        *,
        login_wanted: bool = False,
        status: int | None = None,
        about_token: bool = False,
    ) -> None:
        super().__init__(system, detail, status=status, about_token=about_token)
        self.login_wanted = login_wanted


class Rejected(ConnectorError):
    """The system calls our request wrong (other 4xx, or a redirect): a profile or a driver that does not fit."""

    code = "UPSTREAM_REJECTED"
    retryable = False
    sentence = "The {system} system did not accept the gateway's request. Tell the gateway's operator."


class Garbled(ConnectorError):
    """The answer is not what the driver can read: not JSON, HTML, another shape."""

    code = "UPSTREAM_GARBLED"
    sentence = "The {system} system sent an answer that the gateway cannot read. Try again in a moment."


class TooMuch(ConnectorError):
    """More rows or bytes than the settings allow: said, never silently cut."""

    code = "UPSTREAM_TOO_MUCH"
    retryable = False
    sentence = "The {system} system has more data than the gateway reads at once. Ask for less."


class NotSupported(ConnectorError):
    """The product behind this port cannot answer such a question. `field`: for no record, as in `Bill.period`."""

    code = "NOT_SUPPORTED"
    retryable = False
    sentence = "The product that is connected as the {system} system cannot answer this."

    def __init__(self, system: str, detail: str, *, field: str = "") -> None:
        super().__init__(system, detail)
        if field:
            self.sentence = f"The connected {{system}} system does not provide {field}. The field is always null."


class NotConfigured(ConnectorError):
    """The settings name no system for this domain."""

    code = "NOT_CONFIGURED"
    retryable = False
    sentence = "No {system} system is connected to this gateway. The field is always null."

    def __init__(self, system: str) -> None:
        super().__init__(system, f"the settings have no section systems.{system}")


class Cancelled(ConnectorError):
    """The request ended (the client hung up, or the deadline passed) while the system was being asked."""

    code = "REQUEST_CANCELLED"
    sentence = "The request ended before the {system} system answered. Send the request again."
