"""What callers change about customers: how they are reached."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from connectors.crm.port import ContactChange, Customer
from connectors.errors import ConnectorError
from connectors.store.writes import Problem
from connectors.writes import UNCHANGED, Change, WriteKey
from resolvers.context import RequestContext
from resolvers.crm import CustomerById
from resolvers.viewer import Viewer
from resolvers.writing import shapes
from resolvers.writing.write import Write

_REACHED: Final = frozenset({"email", "phone"})


def customer_meant(given: str | None, viewer: Viewer) -> str | Problem:
    """The number of the customer that a write is for: a subscriber's own where nothing is said."""
    if given is not None:
        return given
    if len(viewer.customer_ids) == 1 and not viewer.is_staff:
        return viewer.customer_ids[0]
    return Problem("REQUIRED", "This must say which customer it is for.", ("customerId",))


async def customer_owned(context: RequestContext, number: str) -> Sequence[Problem]:
    """Whether the viewer may write for this customer. Raises `ConnectorError`."""
    if not context.viewer.is_staff:
        found: object = number if number in context.viewer.customer_ids else None
    else:
        found = (await CustomerById.of(context).load_all([number]))[number]
    if isinstance(found, ConnectorError):
        raise found.without_traceback()
    return () if found is not None else (Problem("NOT_FOUND", "There is no such customer.", ("customerId",)),)


class UpdateContact(Write):
    """Change a customer's e-mail address or phone number."""

    mutation, system, result, looks_first = "updateContact", "crm", "Customer", False

    def __init__(self, change: ContactChange) -> None:
        super().__init__()
        self.change = change

    @property
    def fingerprint(self) -> str:
        return shapes.fingerprint(self.change)

    @property
    def lock(self) -> str | None:
        return f"Customer:{self.change.customer_id}"

    @property
    def subject(self) -> str:
        return f"Customer:{self.change.customer_id}"

    def shape(self) -> Iterator[Problem]:
        """What is wrong with the input as it is."""
        if self.change.email is UNCHANGED and self.change.phone is UNCHANGED:
            yield Problem("REQUIRED", "This must say what to change: email, phone or both.", ())
        if isinstance(self.change.email, str):
            yield from shapes.email(self.change.email, ("email",))
        if isinstance(self.change.phone, str):
            yield from shapes.phone(self.change.phone, ("phone",))

    def places(self) -> Mapping[str, tuple[str, ...]]:
        return {"email": ("email",), "phone": ("phone",), "customer_id": ("customerId",)}

    async def owned(self, context: RequestContext) -> Sequence[Problem]:
        return await customer_owned(context, self.change.customer_id)

    async def check(self, context: RequestContext) -> Sequence[Problem]:
        return ()

    async def send(self, context: RequestContext, key: WriteKey) -> str:
        await context.connectors.crm.update_contact(self.change, key)
        return self.change.customer_id

    async def find(self, context: RequestContext, key: WriteKey) -> str | None:
        number = self.change.customer_id
        found = (await context.connectors.crm.customers([number], _REACHED)).get(number)
        if isinstance(found, ConnectorError):
            raise found
        return number if found is not None and self._is_done(found) else None

    def _is_done(self, customer: Customer) -> bool:
        return _is(self.change.email, customer.email) and _is(self.change.phone, customer.phone)


def _is(wanted: Change, value: str | None) -> bool:
    return wanted is msgspec.UNSET or (wanted or None) == (value or None)
