"""One subscription: what it is about, the messages that wait for its client, and a digest of those that it was told."""

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


MOST_SAID: Final = 100
"""Things of which it is remembered what a client was told last."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """The body of a GraphQL answer (`{"data": ...}`), as JSON.

    `content`: a digest of what it shows; None where it shows nothing, and only says that something changed. `is_news`:
    it is told although it shows what was told before.
    """

    body: bytes
    content: int | None = None
    is_news: bool = True


class Subscription:
    """What one client follows.

    Of each thing only the newest message waits. `extensions.skipped` of a message says how many older ones its client
    was not told since the last one that it took. What shows the same as the last one about its thing is not told.
    """

    __slots__ = ("_said", "_skipped", "_waiting", "_wake", "operation", "prepared", "subscriber", "variables")

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
        self._said: dict[str, int] | None = None
        self._skipped = 0

    def tell(self, thing: str, message: Message) -> int | None:
        """Let a message about a thing, named by its global id, wait.

        Returns how many older ones it pushes out; None where it says nothing new.
        """
        if self._was_said(thing, message):
            return None
        waiting = self._waiting
        if waiting is None:
            self._waiting = {thing: message.body}
            self._wake()
            return 0
        pushed_out = 0
        if waiting.pop(thing, None) is not None:
            pushed_out = 1
        elif len(waiting) >= MOST_WAITING:
            unsaid = next(iter(waiting))
            del waiting[unsaid]
            if self._said is not None:
                self._said.pop(unsaid, None)
            pushed_out = 1
        waiting[thing] = message.body
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

    def _was_said(self, thing: str, message: Message) -> bool:
        """Whether it shows what the last message about the thing did, and is no news. It is remembered for the next."""
        content = message.content
        if content is None:
            return False
        if self._said is None:
            self._said = {thing: content}
            return False
        if self._said.pop(thing, None) == content and not message.is_news:
            self._said[thing] = content
            return True
        if len(self._said) >= MOST_SAID:
            del self._said[next(iter(self._said))]
        self._said[thing] = content
        return False


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
