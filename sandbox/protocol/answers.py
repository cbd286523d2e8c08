"""What goes back to the caller: a status, headers and a body."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson

JSON = b"application/json;charset=utf-8"

_REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}


@dataclass
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


class Refused(Exception):  # it is an answer, not a fault
    """The request is answered with a TM Forum error body."""

    def __init__(self, status: int, message: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers or []

    def answer(self) -> Answer:
        """Return the TMF630 Error."""
        error = {
            "code": str(self.status),
            "reason": _REASONS[self.status],
            "message": self.message,
            "status": str(self.status),
            "@type": "Error",
        }
        return Answer(self.status, encoded(error), headers=self.headers)


def _exact(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value).encode())
    raise TypeError(f"{type(value).__name__} is not JSON")


def encoded(value: Any) -> bytes:
    """Return JSON; a Decimal keeps its digits (12.50 stays 12.50)."""
    return orjson.dumps(value, default=_exact)
