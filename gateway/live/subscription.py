"""One subscription: what it is about, and the messages that wait for its client."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec
from graphql import GraphQLError, OperationDefinitionNode

from gateway.engine import Prepared
from resolvers.viewer import Viewer

MOST_WAITING: Final = 100
"""Things of which the newest message waits for a client that does not read."""


class Subscriber(msgspec.Struct, frozen=True, eq=False):
    """Who subscribes, with the token that is passed on to systems that want it (`ForwardAuth`)."""

    viewer: Viewer
    token: str | None = None


class Subscription:
    """What one client follows. Messages are bodies of GraphQL answers (`{"data": ...}`), as JSON.

    Of each thing only the newest message waits. `extensions.skipped` of a message says how many older ones its client
    was not told since the last one that it took.
    """

    __slots__ = ("_skipped", "_waiting", "_wake", "operation", "prepared", "subscriber", "variables")

    def __init__(
        self,
        subscriber: Subscriber,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        wake: Callable[[], None],
    ) -> None:
        """`wake` is called when a message waits where none did. It must not wait, and takes nothing itself."""
        self.subscriber, self.prepared, self.operation, self.variables = subscriber, prepared, operation, variables
        self._wake = wake
        self._waiting: dict[str, bytes] | None = None
        self._skipped = 0

    def tell(self, thing: str, message: bytes) -> int:
        """Let a message about a thing, named by its global id, wait. Returns how many older ones it pushes out."""
        waiting = self._waiting
        if waiting is None:
            self._waiting = {thing: message}
            self._wake()
            return 0
        pushed_out = 0
        if waiting.pop(thing, None) is not None:
            pushed_out = 1
        elif len(waiting) >= MOST_WAITING:
            del waiting[next(iter(waiting))]
            pushed_out = 1
        waiting[thing] = message
        self._skipped += pushed_out
        return pushed_out

    def take(self) -> list[bytes]:
        """The messages that wait, oldest first; none wait then."""
        if self._waiting is None:
            return []
        taken, skipped = [*self._waiting.values()], self._skipped
        self._waiting, self._skipped = None, 0
        if skipped:
            taken[0] = _with_skipped(taken[0], skipped)
        return taken


class Feed(Protocol):
    """Tells subscriptions what changes, until they are removed. It never ends one itself."""

    def add(self, subscription: Subscription) -> list[GraphQLError]:
        """Tell it what changes from now on. Errors where that can never succeed; then it is not added."""

    def remove(self, subscription: Subscription) -> None:
        """Tell it nothing any more. Nothing happens where it is not there."""


def _with_skipped(message: bytes, skipped: int) -> bytes:
    """The message with `extensions.skipped`, which no message has that was made once for many."""
    body = msgspec.json.decode(message, type=dict[str, msgspec.Raw])
    extensions = msgspec.json.decode(body.get("extensions", b"{}"), type=dict[str, msgspec.Raw])
    extensions["skipped"] = msgspec.Raw(str(skipped).encode())
    body["extensions"] = msgspec.Raw(msgspec.json.encode(extensions))
    return msgspec.json.encode(body)
