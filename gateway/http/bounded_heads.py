"""The heads of requests, with bounds for their size and their shape.

uvicorn keeps whatever comes: a header without end (which httptools copies anew for each part of it), a million headers.
"""

import re
from typing import Any, Final

from gateway.errors import RequestError
from gateway.http.admission import OverloadedError
from gateway.http.refusals import TooLargeError
from gateway.http.upgrades import UpgradesIgnored
from gateway.server_settings import ConnectionLimits

PROBES: Final = frozenset({b"/healthz", b"/readyz"})
"""Addresses that are answered also when there is no place for a connection."""

PIECE: Final = 4 * 1024
"""Bytes that are parsed at a time, and so how exact the bounds are of what is not complete. Most requests have less."""

_HOST: Final = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]*")


class BoundedHeads(UpgradesIgnored):
    """Tells which heads are too large, or wrong."""

    def __init__(self, *arguments: Any, limits: ConnectionLimits, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._limits = limits
        self._for_probe = False
        """Whether the connection has no place, and may ask for a probe only."""
        self._fed = 0
        """Bytes that were parsed of what is read: of a head but for its first piece, or after a head."""
        self._host = b""
        self.announced = 0
        """Bytes of the body of the request whose head was read last; 0 where it does not say."""
        self.version = ""
        """Its version of HTTP."""
        self.named: dict[bytes, bytes] = {}
        """Its headers; of several with one name the last."""

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. `_wrong_head` looks for those that mean something, which uvicorn does with each."""
        self.headers.append((name.lower(), value))

    def _wrong_head(self) -> RequestError | None:
        """What is wrong with the head that was read; None where it is right, and known from now on."""
        limits, headers = self._limits, self.headers
        if len(self.url) > limits.request_line:
            return self._long_address()
        if len(headers) > limits.headers:
            return self._many_headers()
        if self._fed + PIECE > limits.header_bytes:
            size = sum(len(name) + len(value) + 4 for name, value in headers)
            if size > limits.header_bytes:
                return self._large_headers()
        version = self.version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            return RequestError(f"HTTP/{version} is not spoken here. Use HTTP/1.1.", status=505)
        values = self.named = dict(headers)
        if len(values) < len(headers) or values.get(b"host") != self._host:
            hosts = [value for name, value in headers if name == b"host"]
            if len(hosts) > 1 or (not hosts and version == "1.1"):
                return RequestError(f"The header Host came {len(hosts)} times. Send it once.")
            if hosts and not _HOST.fullmatch(hosts[0]):
                return RequestError("The header Host is no name of a host, with or without a port.")
            if hosts:
                self._host = hosts[0]
        self.announced = int(values.get(b"content-length", 0))
        if b"expect" in values:
            expected = [value.strip().lower() for name, value in headers if name == b"expect"]
            self.expect_100_continue = version == "1.1" and b"100-continue" in expected  # RFC 9110 (10.1.1)
        if b"transfer-encoding" in values:
            codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
            if codings != [b"chunked"] or version == "1.0" or b"content-length" in values:
                return RequestError("The only transfer encoding is 'chunked', once, in HTTP/1.1, without a length.")
        if self._for_probe and bytes(self.url).partition(b"?")[0] not in PROBES:
            return OverloadedError("The gateway has as many connections as it may. Try again in a moment.")
        return None

    def _too_large_already(self) -> RequestError | None:
        """What is wrong with the size of a head that is not complete."""
        limits = self._limits
        if len(self.url) > limits.request_line:
            return self._long_address()
        if len(self.headers) > limits.headers:
            return self._many_headers()
        if self._fed > limits.header_bytes + PIECE + len(self.url):
            return self._large_headers()
        return None

    def _long_address(self) -> RequestError:
        most = self._limits.request_line
        return TooLargeError(f"The address is longer than {most} bytes. Send the document with POST.", status=414)

    def _many_headers(self) -> RequestError:
        return TooLargeError(f"The request has more than {self._limits.headers} headers.", status=431)

    def _large_headers(self) -> RequestError:
        return TooLargeError(f"The headers are larger than {self._limits.header_bytes} bytes.", status=431)
