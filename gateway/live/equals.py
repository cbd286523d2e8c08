"""Subscriptions that are told the same: the same operation and variables, asked with the same rights."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from graphql import OperationDefinitionNode

from gateway.engine import Prepared
from gateway.engine.selection import Selection
from gateway.live.subscription import Subscription

IMPERSONAL: Final = frozenset({"Subscription", "OutageChange", "Outage"})
"""Types whose fields are the same for every subscriber. What selects others is made for each customer."""


@dataclass(eq=False, slots=True)
class Equals:
    """Subscriptions whose messages are made once. The first one's viewer is who asks."""

    key: Hashable
    prepared: Prepared
    operation: OperationDefinitionNode
    selection: Selection
    members: dict[Subscription, None] = field(default_factory=dict)

    @property
    def first(self) -> Subscription:
        """The one that has been there for longest."""
        return next(iter(self.members))


@dataclass(eq=False, slots=True)
class Member:
    """One subscription, the others that are told the same, and the ids that it follows (None: all)."""

    subscription: Subscription
    equals: Equals
    ids: frozenset[str] | None

    @property
    def customers(self) -> tuple[str, ...]:
        """The numbers of the subscriber's customers."""
        return self.subscription.subscriber.viewer.customer_ids


def key_of(subscription: Subscription, selection: Selection, *, forwards: bool) -> Hashable:
    """Subscriptions with the same key are told the same. `forwards`: a system is shown each caller's own token."""
    subscriber = subscription.subscriber
    viewer = subscriber.viewer
    rights: tuple[Hashable, ...] = (viewer.kind,)
    if forwards:
        rights = (viewer, subscriber.token)
    elif viewer.is_staff:
        rights = (viewer.kind, viewer.roles)
    elif not selection.keys() <= IMPERSONAL:
        rights = (viewer.kind, viewer.customer_ids, viewer.roles)
    rights += (viewer.scopes, viewer.noted_scopes)
    if viewer.noted_scopes:  # who reads in full by them is told to the audit log, and nobody else's name
        rights += (viewer.issuer, viewer.subject)
    return subscription.prepared, id(subscription.operation), _variables(subscription.variables), rights


def _variables(given: Mapping[str, Any]) -> Hashable:
    try:
        return orjson.dumps(given, option=orjson.OPT_SORT_KEYS) if given else b""
    except TypeError:  # a number beyond 64 bits, or values nested deeply: such variables equal no others
        return object()
