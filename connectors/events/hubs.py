"""The gateway as a listener at a system's TM Forum hub (TMF630, `POST` and `DELETE {base}/hub`).

Hubs lose registrations when they restart, refuse one that they have (409), or send everything twice if they take it
twice. So the gateway registers again and again, and gives up the registration before as soon as there is a new one.
"""

import logging
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from connectors.errors import ConnectorError, NotSupported, Rejected
from connectors.events.speaking import Hub
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request

logger = logging.getLogger("gateway.events")

_REFUSED: Final = (405, 501)


class _Registration(msgspec.Struct):
    id: str | int | None = None


class HubListener:
    """One hub of one system, at which what `callback` gives is registered, or not yet: each time as it is then."""

    def __init__(self, http: HttpClient, hub: Hub, callback: Callable[[], str]) -> None:
        self._http, self._hub, self._callback = http, hub, callback
        self._id: str | None = None
        self._said: str | None = None

    @property
    def registration(self) -> str | None:
        """The hub's id of the registration, as far as it told one."""
        return self._id

    async def register(self) -> bool:
        """Register, also where that was done before. Whether the hub has the callback now; why not is logged once."""
        try:
            given = await self._post()
        except ConnectorError as failure:
            self._say(f"cannot be registered at: {failure}")
            return False
        self._say("")
        before, self._id = self._id, given or self._id
        if given and before and before != given:
            await self._delete(before)
        return True

    async def unregister(self) -> None:
        """Give the registration up. A hub that does not know it any more, or cannot be reached, has none."""
        given, self._id = self._id, None
        if given is not None:
            await self._delete(given)

    def forget(self) -> None:
        """Another process registers from now on, with the same callback."""
        self._id = None

    async def _post(self) -> str | None:
        """The id of the registration; None where the hub says that it has one, or does not tell."""
        kind = {"@type": self._hub.type} if self._hub.type else {}
        body = msgspec.json.encode({**kind, "callback": self._callback()})
        request = Request.write("POST", self._hub.path, body, expected=(409, *_REFUSED))

        def read(answer: Answer) -> str | None:
            if answer.status == 404 or answer.status in _REFUSED:
                raise NotSupported(self._http.name, f"{request}: {answer.status}, there is no hub")
            if answer.status == 409:
                return None
            given = msgspec.json.decode(answer.body, type=_Registration).id if answer.body.strip() else None
            located = urlsplit(answer.headers.get("Location", "")).path.rstrip("/").rpartition("/")
            if given in (None, "") and located[0].endswith("/hub"):
                given = located[2]
            return None if given in (None, "") else str(given)

        return await self._http.send(request, read)

    async def _delete(self, given: str) -> None:
        target = f"{self._hub.path}/{quote(given, safe='')}"
        request = Request.write("DELETE", target, expected=(410, *_REFUSED))
        try:
            await self._http.send(request, lambda _answer: None)
        except Rejected as failure:
            logger.info("%s%s keeps the registration %s: %s", self._http.name, self._hub.path, given, failure)
        except ConnectorError as failure:
            logger.warning("%s%s may still send events: %s", self._http.name, self._hub.path, failure)

    def _say(self, what: str) -> None:
        if what and self._said is None:
            logger.warning("%s: the hub %s %s", self._http.name, self._hub.path, what)
        elif not what and self._said is not None:
            logger.info("%s: the hub %s is registered at again", self._http.name, self._hub.path)
        self._said = what or None
