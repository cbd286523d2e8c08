"""Who follows the things of one type: found by the thing's customers, its id, or because staff may see all."""

from collections.abc import Iterable, Iterator
from itertools import chain

from gateway.live.equals import Equals, Member
from gateway.live.subscription import Subscription


class Audience:
    """The members of one type's subscriptions."""

    def __init__(self) -> None:
        self._members: dict[Subscription, Member] = {}
        self._equals: dict[object, Equals] = {}
        self._all: set[Member] = set()
        self._by_id: dict[str, set[Member]] = {}
        self._by_customer: dict[str, set[Member]] = {}

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Equals]:
        """The groups of equal subscriptions."""
        return iter(self._equals.values())

    def add(self, subscription: Subscription, equals: Equals, ids: frozenset[str] | None) -> None:
        """Add a subscription to its equals. `equals` is dropped where there is a group with its key already."""
        equals = self._equals.setdefault(equals.key, equals)
        equals.members[subscription] = None
        member = self._members[subscription] = Member(subscription, equals, ids)
        for members in self._places(member):
            members.add(member)

    def remove(self, subscription: Subscription) -> None:
        """Remove a subscription, if it is there."""
        member = self._members.pop(subscription, None)
        if member is None:
            return
        for index, key in self._keys(member):
            index[key].discard(member)
            if not index[key]:
                del index[key]
        self._all.discard(member)
        del member.equals.members[subscription]
        if not member.equals.members:
            del self._equals[member.equals.key]

    def member(self, subscription: Subscription) -> Member | None:
        """The subscription as it is followed now; None if it is not."""
        return self._members.get(subscription)

    def staff(self, thing: str) -> Iterable[Member]:
        """Those who may see all, and follow this thing."""
        return chain(self._all, self._by_id.get(thing, ()))

    def of(self, thing: str, customers: frozenset[str]) -> Iterable[Member]:
        """The subscribers among these customers who follow this thing, each once."""
        known = self._by_customer
        if len(customers) > len(known):
            customers = customers & known.keys()
        found = dict.fromkeys(chain.from_iterable(known.get(one, ()) for one in customers))
        return [one for one in found if one.ids is None or thing in one.ids]

    def _places(self, member: Member) -> Iterator[set[Member]]:
        if member.subscription.subscriber.viewer.is_staff and member.ids is None:
            yield self._all
        for index, key in self._keys(member):
            yield index.setdefault(key, set())

    def _keys(self, member: Member) -> Iterator[tuple[dict[str, set[Member]], str]]:
        viewer = member.subscription.subscriber.viewer
        if not viewer.is_staff:
            yield from ((self._by_customer, one) for one in set(viewer.customer_ids))
        elif member.ids is not None:
            yield from ((self._by_id, one) for one in member.ids)
