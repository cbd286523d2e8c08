"""How the gateway closes a WebSocket: with which code, and a reason that its client can act on."""

from typing import Final

from starlette.types import Message

MAX_REASON: Final = 123
"""Bytes of the longest reason of a close frame (RFC 6455, section 5.5)."""

RESTART, TRY_LATER = 1012, 1013
"""Codes of the WebSocket protocol, which clients reconnect after."""

BAD_MESSAGE, UNAUTHORIZED, FORBIDDEN, NO_SUBPROTOCOL, NOT_INITIALISED = 4400, 4401, 4403, 4406, 4408
ID_IN_USE, TOO_MANY, NO_PONG = 4409, 4429, 4499
"""Codes of GraphQL's protocol; the last one is not in it, but what its reference client calls a frozen connection."""


def closing(code: int, reason: str) -> Message:
    """A close frame; a reason that is too long ends with dots, between two characters."""
    encoded = reason.encode()
    if len(encoded) > MAX_REASON:
        reason = encoded[: MAX_REASON - 3].decode(errors="ignore") + "..."
    return {"type": "websocket.close", "code": code, "reason": reason}
