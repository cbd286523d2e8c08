"""Where systems post what changed: `/events/{domain}/{secret}`, and `/events/{domain}` for those that sign.

They are answered at once, before anything is done about it: some wait for the answer inside their own requests, give up
on a listener that is slow, or drop the event for those after it. TM Forum's files say that an event goes to
`{callback}/listener/{eventName}`; the TM Forum's own components post to the callback itself. Both are taken.
"""

import logging
from collections.abc import Callable
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.events.listening import Listening
from connectors.events.post import Outcome
from gateway.errors import MethodNotAllowedError, NoSuchAddressError, RequestError
from gateway.http.rates import REQUEST, RateLimitedError, Rates, hold
from gateway.http.request import read_body

logger = logging.getLogger("gateway.events")

MOST_BYTES: Final = 64 * 1024
"""Of an event. Of a record only the id is read, whatever else comes with it."""


class MalformedEventError(RequestError):
    """The event cannot be read."""

    def __init__(self) -> None:
        super().__init__("The event cannot be read. It must be JSON as the product sends it, with the record's id.")


class TooManyEventsError(RequestError):
    """The system sends more than the setting `events_per_second`."""

    status = 429
    code = "LIMIT_EXCEEDED"

    def __init__(self) -> None:
        super().__init__("Too many events. Send them more slowly.", headers={"Retry-After": "1"})


class EventEndpoint:
    """`POST` only. `count` is told the system (or `unknown`) and what became of the event.

    What is refused costs its address as much as any request does. Events that are taken cost nothing: they have a limit
    of their own.
    """

    def __init__(self, listening: Listening, count: Callable[[str, str], None], rates: Rates | None = None) -> None:
        self._listening, self._count, self._rates = listening, count, rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._response(request)
        except RequestError as error:
            response = self._refusal(scope, error).response()
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    def _refusal(self, scope: Scope, error: RequestError) -> RequestError:
        """The refusal, or that its address has had too many."""
        if self._rates is None or isinstance(error, TooManyEventsError):
            return error
        try:
            self._rates.spend(self._rates.stranger(scope), REQUEST)
        except RateLimitedError as limited:
            hold(scope, limited)
            return limited
        return error

    async def _response(self, request: Request) -> Response:
        if request.method != "POST":
            raise MethodNotAllowedError(request.method, "POST")
        domain, secret = request.path_params["domain"], request.path_params.get("secret")
        try:
            body = await read_body(request, MOST_BYTES)
        except RequestError:
            self._count(self._listening.mailbox.known(domain), Outcome.TOO_LARGE)
            raise
        posted = self._listening.post(domain, secret, dict(request.headers), body)
        outcome = posted.outcome if posted else Outcome.TOO_FREQUENT
        self._count(posted.domain if posted else self._listening.mailbox.known(domain), outcome)
        if posted is not None and posted.reason:
            logger.info("an event for %s is refused as %s: %s", posted.domain, outcome, posted.reason)
        match outcome:
            case Outcome.FORGED:
                raise NoSuchAddressError
            case Outcome.MALFORMED:
                raise MalformedEventError
            case Outcome.TOO_FREQUENT:
                raise TooManyEventsError
        is_listener = "name" in request.path_params
        return Response(status_code=self._listening.mailbox.listener_status(domain) if is_listener else 204)


def event_routes(endpoint: ASGIApp) -> list[BaseRoute]:
    """The addresses at which `endpoint`, an `EventEndpoint`, answers."""
    return [
        Route("/events/{domain}", endpoint),
        Route("/events/{domain}/{secret}", endpoint),
        Route("/events/{domain}/{secret}/listener/{name}", endpoint),
    ]
