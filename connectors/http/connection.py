"""Connections to systems, which end those that answer without ever answering."""

import functools
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import BadHttpMessage

MOST_INTERIM: Final = 16
"""Interim answers (100 to 199, RFC 9110 section 15.2) before an answer. Systems send none, or one."""

_SLICE: Final = 8 * 1024
"""Bytes that are read at once while only interim answers have come."""


class Connector(aiohttp.TCPConnector):
    """One pool of connections for all systems, without a limit: each system has a concurrency limit of its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(limit=0, ttl_dns_cache=30, **options)
        self._factory = functools.partial(_Connection, loop=self._loop)  # type: ignore[assignment]  # a kind of ResponseHandler


class _Connection(ResponseHandler):
    """Reads answers. aiohttp passes over interim answers without end, and without a pause."""

    _interim = 0
    _has_answer = False

    def set_response_params(self, **given: Any) -> None:
        """A request is sent: its answer comes next."""
        self._interim, self._has_answer = 0, False
        super().set_response_params(**given)

    def data_received(self, data: bytes) -> None:
        """A few bytes at a time, until the head of the answer itself has come."""
        at = 0
        while not self._has_answer and len(data) - at > _SLICE:
            if self._interim > MOST_INTERIM:
                return
            super().data_received(data[at : at + _SLICE])
            at += _SLICE
        super().data_received(data[at:] if at else data)

    def feed_data(self, data: Any, size: int = 0) -> None:
        """One answer's head and its body's stream. An interim answer too many ends the connection."""
        if 100 <= data[0].code < 200 and data[0].code != 101:
            self._interim += 1
            if self._interim == MOST_INTERIM + 1:
                if self.transport is not None:
                    self.transport.close()
                self.set_exception(BadHttpMessage(f"more than {MOST_INTERIM} interim answers"))
        else:
            self._has_answer = True
        if self._interim <= MOST_INTERIM:
            super().feed_data(data, size)
