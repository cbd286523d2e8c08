"""Refusals that are written to a connection before anything of a request starts."""

from collections.abc import Iterable, Mapping
from typing import Final

from gateway.errors import RequestError

_REASONS: Final[Mapping[int, bytes]] = {
    400: b"Bad Request",
    408: b"Request Timeout",
    414: b"URI Too Long",
    431: b"Request Header Fields Too Large",
    503: b"Service Unavailable",
    505: b"HTTP Version Not Supported",
}


class TooLargeError(RequestError):
    """The address or the headers are larger than the settings allow."""

    code = "REQUEST_TOO_LARGE"


class TooSlowError(RequestError):
    """The request did not come in time."""

    status = 408
    code = "REQUEST_TIMEOUT"


def written(error: RequestError, more: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The error as it is sent, with these headers, too."""
    response = error.response()
    lines = [b"HTTP/1.1 %d %s\r\n" % (error.status, _REASONS[error.status])]
    lines += [b"%s: %s\r\n" % one for one in (*more, *response.raw_headers)]
    return b"".join([*lines, b"\r\n", bytes(response.body)])
