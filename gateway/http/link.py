"""What a connection that stays open needs of its server beside ASGI: to be cut off, and to learn that the server ends.

uvicorn's protocols as `HttpProtocol` and `WebSocketProtocol` extend them offer it in the scope of each request.
"""

from collections.abc import Callable
from typing import Final, Protocol
from weakref import ref

from starlette.types import Scope

EXTENSION: Final = "gateway.link"
"""Key in the scope's `extensions`; its value is a weak reference to the Link, which holds the scope."""


class Link(Protocol):
    """One connection, as its server sees it."""

    leave: Callable[[], None] | None
    """Called when the server ends, instead of closing the connection; whoever sets it closes in time."""

    def abort(self) -> None:
        """Cut the connection off, and send nothing that still waits."""


def link_of(scope: Scope) -> Link:
    """The link of a request. Raises RuntimeError where its server offers none."""
    reference: ref[Link] | None = scope.get("extensions", {}).get(EXTENSION)
    link = reference() if reference else None
    if link is None:
        raise RuntimeError("connections that stay open need HttpProtocol and WebSocketProtocol of the gateway")
    return link
