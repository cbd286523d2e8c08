"""What a subscription tells: that a ticket, an outage, a bill or a payment has changed, how, and whose it is.

How something changed is told by its state as it was read, and by what the same process read of it before: nothing is
kept of it but a digest, whose it is, and whether it had ended.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final

from connectors.assurance.port import Outage
from connectors.billing.port import Bill, BillState, Payment
from connectors.errors import ConnectorError
from connectors.records import Rows, changed
from connectors.ticketing.port import Ticket
from resolvers.assurance import OutageById
from resolvers.billing import BillById, BillingAccountById, PaymentById
from resolvers.context import Loader, RequestContext
from resolvers.errors import BadInput
from resolvers.inventory import ServiceById, ServicesByResource
from resolvers.nodes import local_id
from resolvers.ownership import customers_of, names_no_customer
from resolvers.paging import MAX_PAGE
from resolvers.ticketing import TicketById


class ChangeKind(Enum):
    """What happened to a thing."""

    CREATED = "created"
    CHANGED = "changed"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class ThingChange:
    """A thing that changed, by the system's own id: the root of a subscription's selection."""

    id: str
    event: ChangeKind


@dataclass(frozen=True, slots=True)
class Before:
    """What is remembered of a thing since it was told last."""

    had_ended: bool


@dataclass(frozen=True, slots=True)
class Concern:
    """The numbers of the customers whom a thing concerns; `services`: which of the services that it affects are whose.

    `services` is empty for a thing that is one customer's as a whole.
    """

    customers: frozenset[str] = frozenset()
    services: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def for_customers(self, record: Any, customers: Sequence[str]) -> Any:
        """The record as far as these customers may see it: of thousands of affected services only their own.

        What a subscriber is shown of it is the same, but the others' services need not be looked at for each.
        """
        if not self.services:
            return record
        own = dict.fromkeys(key for one in customers for key in self.services.get(one, ()))
        return changed(record, service_ids=tuple(own))


Owners = Concern | ConnectorError
"""Whom a thing concerns, or why that is unknown."""

_NEW: Final = timedelta(minutes=10)
"""Since its creation, in which something can still be told as new."""

_SAME_MOMENT: Final = timedelta(seconds=2)
"""Between two times that systems with whole seconds give one event."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A type whose changes can be followed.

    `field`: the subscription's. `needs`: attributes that are read to tell whose it is and what happened.
    `is_told`: whether a record in this state is told at all. `has_ended`: whether it was open before and is not now.
    `changed_at`: when it was changed last, by the system's clock; None where the record does not say.
    `owners`: the customers that each record concerns, for a viewer who may see all.
    `kind`: what happened, from the record, what is remembered of it, whether the system said that it was created, and
    when the system said so (None: by a clock that is not the system's).
    """

    field: str
    type_name: str
    loader: type[Loader[str, Any]]
    needs: frozenset[str]
    owners: Callable[[RequestContext, Sequence[Any]], Awaitable[list[Owners]]]
    kind: Callable[[Any, Before | None, bool, datetime | None], ChangeKind]
    has_ended: Callable[[Any], bool] = lambda _record: False
    is_told: Callable[[Any], bool] = lambda _record: True
    changed_at: Callable[[Any], datetime | None] = lambda _record: None

    @property
    def domain(self) -> str:
        """The domain whose system keeps it."""
        return self.loader.domain


async def _named_owners(_context: RequestContext, records: Sequence[Any]) -> list[Owners]:
    return [_named(one) for one in records]


async def _outage_owners(context: RequestContext, records: Sequence[Outage]) -> list[Owners]:
    """An outage concerns the customers of the services that it affects, also by a resource under them."""
    services = await ServiceById.of(context).load_all(_distinct(key for one in records for key in one.service_ids))
    under = await ServicesByResource.of(context).load_all(_distinct(key for one in records for key in one.resource_ids))
    return [_affected(one, services, under) for one in records]


def _affected(outage: Outage, services: Mapping[str, Any], under: Mapping[str, Any]) -> Owners:
    whose = _all_of([*(services[key] for key in outage.service_ids), *(under[key] for key in outage.resource_ids)])
    if isinstance(whose, ConnectorError):
        return whose
    own: dict[str, list[str]] = {one: [] for one in whose.customers}
    for key in outage.service_ids:
        if services[key] is not None:
            for one in customers_of(services[key]):
                own[one].append(key)
    return Concern(whose.customers, own)


def _ticket_kind(record: Ticket, before: Before | None, said_new: bool, at: datetime | None) -> ChangeKind:
    ended = _ended(record.is_open, record.status.value, record.resolved_at, record.updated_at, before)
    return ended or _begun(before, record.created_at, record.updated_at, said_new, at)


def _outage_kind(record: Outage, before: Before | None, said_new: bool, at: datetime | None) -> ChangeKind:
    ended = _ended(record.is_open, record.state.value, record.resolved_at, None, before)
    begins = None if before is not None and before.had_ended else before  # monitoring has one id for each place
    return ended or _begun(begins, record.started_at, None, said_new, at)


def _payment_kind(record: Payment, before: Before | None, said_new: bool, at: datetime | None) -> ChangeKind:
    return _begun(before, record.paid_at, None, said_new, at)


def _bill_kind(record: Bill, before: Before | None, _said_new: bool, at: datetime | None) -> ChangeKind:
    """New is what was billed since yesterday and is not paid yet, whatever the system says: a bill has no time."""
    is_untouched = record.remaining_amount is None or record.remaining_amount == record.amount_due
    yesterday = ((at or datetime.now(UTC)) - timedelta(days=1)).date()
    is_recent = record.bill_date is None or record.bill_date >= yesterday
    is_new = before is None and is_untouched and is_recent and record.state is not BillState.SETTLED
    return ChangeKind.CREATED if is_new else ChangeKind.CHANGED


def _is_issued(record: Bill) -> bool:
    return record.state not in (BillState.NEW, BillState.ON_HOLD)


def _is_over(record: Ticket | Outage) -> bool:
    return not record.is_open


def followed_ids(type_name: str, ids: Sequence[str] | None) -> frozenset[str] | None:
    """The systems' ids of an argument `ids`; None for all. Raises `BadInput`."""
    if ids is None:
        return None
    if len(ids) > MAX_PAGE:
        raise BadInput(f"ids has {len(ids)} entries; the limit is {MAX_PAGE}. Split them into several subscriptions.")
    return frozenset(local_id(type_name, one) for one in ids)


def _ended(
    is_open: bool, word: str, resolved_at: datetime | None, updated_at: datetime | None, before: Before | None
) -> ChangeKind | None:
    """RESOLVED or CLOSED if it ended with this change, CHANGED if it had ended before; None if it is open."""
    if is_open:
        return None
    if before is not None:
        is_news = not before.had_ended
    else:
        is_news = resolved_at is None or updated_at is None or updated_at <= resolved_at + _SAME_MOMENT
    if not is_news:
        return ChangeKind.CHANGED
    return ChangeKind.RESOLVED if word == "resolved" else ChangeKind.CLOSED


def _begun(
    before: Before | None,
    created_at: datetime | None,
    updated_at: datetime | None,
    said_new: bool,
    at: datetime | None,
) -> ChangeKind:
    """CREATED if it is new, as the system says or as its times say; else CHANGED."""
    if before is not None:
        return ChangeKind.CHANGED
    now = at or updated_at
    is_recent = created_at is None or now is None or now - created_at <= _NEW
    is_unchanged = created_at is not None and updated_at is not None and updated_at <= created_at + _SAME_MOMENT
    return ChangeKind.CREATED if is_recent and (said_new or is_unchanged) else ChangeKind.CHANGED


def _named(record: Any) -> Owners:
    try:
        return Concern(frozenset(customers_of(record)))
    except ConnectorError as failure:
        return failure


async def _by_account(context: RequestContext, records: Sequence[Any]) -> list[Owners]:
    """The customers that each record names; for one that names none, those of its account."""
    unnamed = _distinct(one.account_id for one in records if names_no_customer(one) and one.account_id)
    accounts = await BillingAccountById.of(context).load_all(unnamed) if unnamed else {}
    return [_all_of([accounts.get(one.account_id)]) if names_no_customer(one) else _named(one) for one in records]


def _all_of(found: Sequence[Any]) -> Owners:
    """The customers of all records in what was found; the failure of one that could not be read."""
    customers: set[str] = set()
    for one in found:
        if isinstance(one, ConnectorError):
            return one
        for record in one.items if isinstance(one, Rows) else [] if one is None else [one]:
            named = _named(record)
            if isinstance(named, ConnectorError):
                return named
            customers |= named.customers
    return Concern(frozenset(customers))


def _distinct(keys: Any) -> list[str]:
    return list(dict.fromkeys(keys))


FOLLOWED: Final[Mapping[str, Followed]] = {
    one.field: one
    for one in (
        Followed(
            "ticketChanged",
            "Ticket",
            TicketById,
            frozenset({"status", "created_at", "updated_at", "resolved_at", "is_open"}),
            _named_owners,
            _ticket_kind,
            _is_over,
            changed_at=lambda ticket: ticket.updated_at,
        ),
        Followed(
            "outageChanged",
            "Outage",
            OutageById,
            frozenset({"state", "started_at", "resolved_at", "is_open", "service_ids", "resource_ids"}),
            _outage_owners,
            _outage_kind,
            _is_over,
        ),
        Followed(
            "billIssued",
            "Bill",
            BillById,
            frozenset({"account_id", "state", "bill_date", "amount_due", "remaining_amount"}),
            _by_account,
            _bill_kind,
            is_told=_is_issued,
        ),
        Followed(
            "paymentChanged",
            "Payment",
            PaymentById,
            frozenset({"account_id", "status", "paid_at"}),
            _by_account,
            _payment_kind,
        ),
    )
}
"""What can be followed, by the field of the subscription."""
