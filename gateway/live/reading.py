"""Reads what changed as it is now, once for all: with rights to see everything, to find out whom it concerns."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from connectors import Connectors
from connectors.errors import ConnectorError
from connectors.events.hints import Hint
from connectors.http.scope import RequestScope, request_scope
from connectors.records import Fields
from gateway.engine.selection import Selection
from gateway.live.subscription import Subscriber
from resolvers.changes import Followed, Owners
from resolvers.context import RequestContext
from resolvers.translated_ports import translated
from resolvers.unmasked import Noted, ignored
from resolvers.viewer import Viewer, ViewerKind

_EVERYTHING: Final = Viewer(ViewerKind.AGENT, subject="opticom-gateway")
"""Whom a change concerns is found out for somebody who may see all. What is told passes each viewer's own rights."""


class Reader:
    """Makes contexts, and reads with the gateway's own."""

    def __init__(self, connectors: Connectors, own: Connectors, deadline: float, noted: Noted = ignored) -> None:
        """`own`: the same systems with the gateway's own credentials, where callers' tokens are passed on otherwise.

        `noted` is told what a message shows in full by scopes whose use is noted.
        """
        self.noted = noted
        self.connectors, self._own, self._deadline = connectors, own, deadline

    def heard(self, hint: Hint) -> None:
        """Something may have changed in a system: what is read from now on is read after that."""
        self.connectors.heard(hint)
        if self._own is not self.connectors:
            self._own.heard(hint)

    async def read(
        self, followed: Followed, things: Sequence[str], fields: Fields
    ) -> Mapping[str, tuple[Any, Owners] | ConnectorError | None]:
        """By id: the record and the customers whom it concerns, why it could not be read, or None for no record."""
        selection = {followed.type_name: fields, "Service": frozenset[str](), "BillingAccount": frozenset[str]()}
        context = RequestContext(_EVERYTHING, self._own, translated, selection)
        with request_scope(self._scope(None)):
            try:
                found = await followed.loader.of(context).load_all(things)
                there = {
                    key: one for key, one in found.items() if one is not None and not isinstance(one, ConnectorError)
                }
                owners = await followed.owners(context, list(there.values()))
            finally:
                await context.close()
        concerned = dict(zip(there, owners, strict=True))
        return {key: (one, concerned[key]) if key in there else one for key, one in found.items()}

    def scope(self, subscriber: Subscriber) -> RequestScope:
        """The scope of one message to a subscriber."""
        return self._scope(subscriber.token if self.connectors.forwards else None)

    def context(self, subscriber: Subscriber, selection: Selection) -> RequestContext:
        """The context of one message to a subscriber."""
        return RequestContext(subscriber.viewer, self.connectors, translated, selection)

    def _scope(self, token: str | None) -> RequestScope:
        scope = RequestScope.lasting(self._deadline)
        scope.shows_calls, scope.token, scope.is_current = False, token, True
        return scope
