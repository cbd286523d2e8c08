"""Icinga's event stream: one JSON object a line, for as long as the connection lasts.

It has no ids, no replay and no heartbeat. Whoever follows it asks what has changed each time that it has begun anew.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence, Set
from typing import Final

import aiohttp
import msgspec

from connectors.assurance.icinga.records import moment
from connectors.assurance.icinga.rows import SERVICE_WORDS
from connectors.errors import Rejected, TimedOut, TooLarge, Unreachable
from connectors.events.hints import Change, Hint, Source
from connectors.http.client import HttpClient
from connectors.http.request import Request
from connectors.http.transport import CONNECTION_ERRORS

TYPES: Final = (
    "StateChange",
    "Flapping",
    "AcknowledgementSet",
    "AcknowledgementCleared",
    "DowntimeStarted",
    "DowntimeTriggered",
    "DowntimeRemoved",
)
"""Icinga takes any word here, and sends nothing for one that it does not know."""

LONGEST: Final = 1024 * 1024
"""Bytes of an event. The output of a check may be long."""


class _Downtime(msgspec.Struct):
    host_name: str
    service_name: str = ""


class _Event(msgspec.Struct):
    """An event; a host's has no service. One of a downtime has all of it under `downtime`."""

    type: str
    timestamp: float
    host: str | None = None
    service: str | None = None
    state: float | None = None
    state_type: float | None = None
    downtime: _Downtime | None = None


_EVENT: Final = msgspec.json.Decoder(_Event)


class IcingaStream:
    """Reads the stream. `words` are the states that are outages; `quiet` as in the options."""

    def __init__(self, http: HttpClient, words: Set[str], quiet: float, warn_once: Callable[[str], None]) -> None:
        self._http, self._words, self._quiet, self._warn_once = http, words, quiet, warn_once

    async def follow(self) -> AsyncGenerator[Sequence[Hint], None]:
        """Hints as they come; at first none, when it has begun. Ends after `quiet` seconds without an event.

        Raises `ConnectorError`, also where the connection ends.
        """
        http = self._http
        body = msgspec.json.encode({"queue": f"opticom-gateway-{secrets.token_hex(8)}", "types": TYPES})
        request = Request.query("/v1/events", body)
        given = {"Accept": "application/json", "Content-Type": "application/json"}
        try:
            async with asyncio.timeout(http.system.timeout):
                response = await http.opened(request, http.address(request.target), given)
        except TimeoutError as error:
            raise TimedOut(http.name, f"{request} did not answer in time") from error
        try:
            http.raise_for_status(response, request, None, http.credentials.wants_login(response))
            if response.status == 404:
                raise Rejected(http.name, f"{request}: 404: the gateway's user lacks the permission events/*")
            if response.status != 200:
                raise http.failure(request, aiohttp.ClientPayloadError(f"answered {response.status}"))
            yield ()
            async for line in self._lines(response, request):
                if (hint := self.hint(line)) is not None:
                    yield (hint,)
        finally:
            response.close()

    def hint(self, line: bytes) -> Hint | None:
        """What an event is about; None for a change that is no hard one, and what cannot be read."""
        try:
            event = _EVENT.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._warn_once("sends events that cannot be read: what they tell is found by polling")
            return None
        host, service = event.host, event.service
        if event.downtime is not None:
            host, service = event.downtime.host_name, event.downtime.service_name
        if not host or (event.type == "StateChange" and event.state_type == 0):
            return None
        name = f"{host}!{service}" if service else host
        begins = event.type == "StateChange" and self._is_outage(event, is_service=bool(service))
        return Hint(
            domain=self._http.name,
            type="Outage",
            id=name,
            change=Change.CREATED if begins else Change.CHANGED,
            source=Source.STREAM,
            at=event.timestamp if moment(event.timestamp) else time.time(),
            event_id=f"{event.type} {name} {event.timestamp}",
        )

    def _is_outage(self, event: _Event, *, is_service: bool) -> bool:
        state = int(event.state or 0)
        return (SERVICE_WORDS.get(state) if is_service else "down" if state else None) in self._words

    async def _lines(self, response: aiohttp.ClientResponse, request: Request) -> AsyncIterator[bytes]:
        kept = b""
        while True:
            try:
                async with asyncio.timeout(self._quiet):
                    part = await response.content.readany()
            except TimeoutError:
                return
            except CONNECTION_ERRORS as error:
                raise self._http.failure(request, error) from error
            if not part:
                raise Unreachable(self._http.name, f"{request}: the connection was closed")
            *lines, kept = (kept + part).split(b"\n")
            if len(kept) > LONGEST:
                raise TooLarge(self._http.name, f"{request}: an event of more than {LONGEST} bytes")
            for line in lines:
                if line.strip():
                    yield line
