"""The list of customers, and the search by name, e-mail, phone, and customer, account, bill or ticket number."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from typing_extensions import override

from connectors.crm.port import Customer
from connectors.errors import ConnectorError, NotConfigured
from connectors.records import Fields, Found, Rows, Window
from resolvers.context import Loader, customer_ownership
from resolvers.crm import CustomerById
from resolvers.errors import BadInput, Forbidden
from resolvers.filters import searched
from resolvers.links import CustomerRecordById, customer_fields
from resolvers.loader import Key
from resolvers.nodes import type_and_number
from resolvers.ownership import customers_of
from resolvers.paging import window
from resolvers.viewer import Viewer

_PHONE: Final = re.compile(r"\+?[\d ()/-]{6,}")
_MOST_NAMES: Final = 100
_NOTHING: Final[Fields] = frozenset()


class CustomerSort(Enum):
    """The order of a list of customers."""

    NUMBER = "number"
    NAME = "name"


class CustomerSearch(Key, frozen=True):
    """A search: the text (None for all customers), the order, and the window of rows to read."""

    text: str | None
    sort: CustomerSort
    window: Window


@dataclass(frozen=True, slots=True)
class _Hits:
    """Customers' ids, and how many rows could not be read, of which system if it is not the CRM."""

    ids: Sequence[str]
    unread: int = 0
    unread_of: str = ""


def customer_search(
    _root: Any,
    viewer: Viewer,
    search: str | None = None,
    sort: CustomerSort | None = None,
    first: int | None = None,
    after: str | None = None,
) -> CustomerSearch:
    """The loader's key for the field's arguments. Raises `BadInput`, and `Forbidden` for subscribers."""
    if not viewer.is_staff:
        raise Forbidden("The field customers is for agents and admins. Ask for me, which is your own customer.")
    return CustomerSearch(searched(search), sort or CustomerSort.NUMBER, window(first, after) or Window(0, 1))


class CustomersBySearch(Loader[CustomerSearch, Rows[Customer]]):
    """Customers by search."""

    domain = "crm"
    ownership = customer_ownership
    besides = {"crm": 3, "billing": 2, "ticketing": 1}  # by number, contact and name; then the customers
    primes = CustomerById

    @override
    async def fetch(self, keys: Sequence[CustomerSearch]) -> dict[CustomerSearch, Rows[Customer] | ConnectorError]:
        found = dict(zip(keys, await asyncio.gather(*map(self._search, keys)), strict=True))
        for rows in found.values():
            if isinstance(rows, Rows):
                CustomerRecordById.of(self.context).prime_many(rows.items)
        return found

    async def _search(self, search: CustomerSearch) -> Rows[Customer] | ConnectorError:
        crm, fields = self.context.connectors.crm, self._fields()
        text = None if search.text is None else search.text.strip()
        try:
            if text is None:
                return await crm.customer_list(search.window, fields, by_name=search.sort is CustomerSort.NAME)
            if "@" in text:
                return await crm.customers_reached_by(text, fields)
            if not any(character.isdigit() for character in text):
                return await crm.customers_named(text, search.window, fields) if text else Rows.of(())
            return await self._numbered(text)
        except ConnectorError as failure:
            return failure

    async def _numbered(self, text: str) -> Rows[Customer]:
        """Customers found by a text with digits: it may be a number of any system or part of a name, so all are asked.

        A global id is looked up as its own type only. If a system fails, the customers that others found are returned
        without a total; the failure is raised only if there are none. The same holds for too many names. Rows that
        could not be read are said to the caller, those of the first search that has some.
        """
        kind, number = type_and_number(text)
        searches: dict[str | None, list[Callable[[str], Awaitable[_Hits]]]] = {
            "Customer": [self._customer],
            "BillingAccount": [self._account],
            "Bill": [self._bill],
            "Ticket": [self._ticket],
            None: [self._customer, self._reached, self._named, self._account, self._bill_numbered, self._ticket],
        }
        ids: dict[str, None] = {}
        lacking = _Hits(())
        failures: list[ConnectorError | BadInput] = []
        for attempt in await asyncio.gather(
            *(search(number) for search in searches.get(kind, ())), return_exceptions=True
        ):
            if isinstance(attempt, NotConfigured):
                continue  # a domain without a system has no numbers
            if isinstance(attempt, ConnectorError | BadInput):
                failures.append(attempt)
            elif isinstance(attempt, BaseException):
                raise attempt
            else:
                ids.update(dict.fromkeys(attempt.ids))
                lacking = attempt if attempt.unread and not lacking.unread else lacking
        if failures and not ids:
            raise failures[0]
        records = await CustomerById.of(self.context).load_many(sorted(ids))
        found = [record for record in records if record is not None]
        if not failures and not lacking.unread:
            return Rows.of(found)
        return Rows(found, total=None, complete=False, unread=lacking.unread, unread_of=lacking.unread_of)

    async def _customer(self, number: str) -> _Hits:
        record = await CustomerById.of(self.context).load(number)
        return _Hits([record.id] if record else [])

    async def _reached(self, number: str) -> _Hits:
        if not _PHONE.fullmatch(number):
            return _Hits(())
        dialled = "".join(character for character in number if character.isdigit() or character == "+")
        return self._known(await self.context.connectors.crm.customers_reached_by(dialled, self._fields()))

    async def _named(self, text: str) -> _Hits:
        crm = self.context.connectors.crm
        rows = await crm.customers_named(text, Window(0, _MOST_NAMES + 1), self._fields())
        if len(rows.items) > _MOST_NAMES:
            raise BadInput(f"More than {_MOST_NAMES} names contain the search text {text!r}. Give more of the name.")
        return self._known(rows)

    async def _account(self, number: str) -> _Hits:
        return _owners(await self.context.connectors.billing.accounts(_spelled(number), _NOTHING))

    async def _bill(self, number: str) -> _Hits:
        return _owners(await self.context.connectors.billing.bills([number], _NOTHING))

    async def _bill_numbered(self, number: str) -> _Hits:
        bills = await self.context.connectors.billing.bills_numbered(number, _NOTHING)
        return _Hits(_owners({bill.id: bill for bill in bills.items}).ids, bills.unread, "billing")

    async def _ticket(self, number: str) -> _Hits:
        found = await self.context.connectors.ticketing.tickets(_spelled(number), _NOTHING)
        return _owners(found)

    def _fields(self) -> Fields | None:
        return customer_fields(self.context)

    def _known(self, found: Rows[Customer]) -> _Hits:
        """Ids of the records, which are primed so that they are not read again."""
        CustomerRecordById.of(self.context).prime_many(found.items)
        return _Hits([one.id for one in found.items], found.unread)


def _spelled(number: str) -> list[str]:
    """Spellings to look up: as typed, and in upper case, as systems store numbers with letters."""
    return list(dict.fromkeys([number, number.upper()]))


def _owners(found: Found[Any]) -> _Hits:
    """Customers who own the records. Raises `ConnectorError` if a record or its owner could not be read."""
    ids: list[str] = []
    for record in found.values():
        if isinstance(record, ConnectorError):
            raise record
        ids += customers_of(record)
    return _Hits(ids)
