"""The id of a request: in the answer's header, in the log's lines about the request, and in the audit log."""

import re
from contextvars import ContextVar
from random import getrandbits
from typing import Final

from gateway.http.headers import IndexedHeaders

REQUEST_ID: Final = "X-Request-Id"
_NAME: Final = REQUEST_ID.lower().encode()
_SAFE: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")
"""The id of the request that this task works for; empty where it works for none, as in calls that requests share."""


def identify(headers: IndexedHeaders) -> tuple[bytes, bytes]:
    """Give this task's request its id, and return the answer's header.

    It is what a client or a proxy sent as `X-Request-Id`: 1 to 128 ASCII letters, digits, dots, underscores and
    hyphens. Anything else is replaced by 32 hexadecimal digits.
    """
    given = headers.names.get(_NAME)
    if given is None or not _SAFE.fullmatch(given):
        given = b"%032x" % getrandbits(128)
    current_request_id.set(given.decode())
    return _NAME, given
