"""uvicorn's HTTP protocol, except that an `Upgrade` other than to a WebSocket is ignored, as RFC 9110 (7.8) has it.

The JDK's HttpClient offers `Upgrade: h2c` with every first request, and so does `curl --http2`. httptools takes any
such head for the end of HTTP on the connection: it reads no body, and takes what comes next for another request. So
bytes that were a body would be one, written by whoever wrote the body. uvicorn 0.54.0 with httptools 0.9.0 answers the
request without its body, and goes on with that parser.

This module may go with the release of uvicorn that closes https://github.com/Kludex/uvicorn/issues/2722 or of httptools
that closes https://github.com/MagicStack/httptools/issues/124, once tests/gateway/http/test_upgrades.py passes without.
"""

from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class UpgradesIgnored(HttpToolsProtocol):
    """Answers a request that offers an upgrade as if it did not, and `CONNECT` as the last of its connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._stops = False
        self._without_upgrade: bytes | None = None
        self._is_over = False

    def data_received(self, data: bytes) -> None:
        """Read what has come; a request whose upgrade is ignored is read once more without it."""
        while data and not self._is_over:
            try:
                self.parser.feed_data(data)
                return
            except HttpParserUpgrade as upgrade:
                rest = data[upgrade.args[0] :]
            except HttpParserError:
                self.send_400_response("Invalid HTTP request received.")
                return
            head, self._without_upgrade = self._without_upgrade, None
            if head is None:
                if self._stops:  # else it is a tunnel, which is refused
                    self.handle_websocket_upgrade()
                return
            self.parser = _parser(self)
            data = head + rest

    def on_headers_complete(self) -> None:
        """Start the request that has this head, if it is one that stays HTTP."""
        self._stops = False
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                self._refuse_tunnel()
                return
            self._stops = True
            if not self._is_websocket():
                self._without_upgrade = self._head()
                return
        super().on_headers_complete()
        self.headers = []  # for trailers, which are no headers of the request (RFC 9110, 6.5.1)

    def _should_upgrade(self) -> bool:
        """Whether the parser stops at this head, so that it is no request yet."""
        return self._stops

    def _is_websocket(self) -> bool:
        """Whether this is the handshake of RFC 6455 (4.2.1), with nothing under way that it would cut off.

        Several lines of a list count as one (RFC 9110, 5.3).
        """
        return (
            self.ws_protocol_class is not None
            and self.parser.get_method() == b"GET"
            and self.parser.get_http_version() == "1.1"
            and (self.cycle is None or self.cycle.response_complete)
            and self._listed(b"upgrade") == [b"websocket"]
            and not any(name == b"transfer-encoding" for name, _ in self.headers)
            and all(value.strip() == b"0" for name, value in self.headers if name == b"content-length")
        )

    def _listed(self, wanted: bytes) -> list[bytes]:
        values = (value for name, value in self.headers if name == wanted)
        return [one.strip().lower() for value in values for one in value.split(b",")]

    def _head(self) -> bytes:
        """The head as it came, without the header `Upgrade`."""
        first = b"%s %s HTTP/%s\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        lines = [b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        return b"".join([first, *lines, b"\r\n"])

    def _refuse_tunnel(self) -> None:
        """Let the application refuse it in its turn; what follows is no HTTP to anybody (RFC 9110, 9.3.6)."""
        self.url = b"/"  # It has no path: its target is a host and a port.
        super().on_headers_complete()
        self.cycle.keep_alive = False
        self._is_over = True


def _parser(protocol: HttpToolsProtocol) -> HttpRequestParser:
    """A parser as uvicorn makes it: a request that is sent after `Connection: close` is no error, and unanswered."""
    made = HttpRequestParser(protocol)
    made.set_dangerous_leniencies(lenient_data_after_close=True)
    return made
