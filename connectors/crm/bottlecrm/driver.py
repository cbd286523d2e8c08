"""CRM by BottleCRM 1.35 (PyPI django-crm). A customer is an account with a customer number in a custom field.

BottleCRM reads one account per call, so the docstrings tell the calls that each method takes for N keys and T accounts.
It has no projection either: `fields` can save whole calls (see `BottleCrm.parties`), but not columns.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final, NoReturn, TypeVar

from connectors.crm.bottlecrm.batches import BatchReader
from connectors.crm.bottlecrm.client import SEARCH_HITS, Rest, is_filter_value, is_uuid
from connectors.crm.bottlecrm.events import BottleCrmEvents
from connectors.crm.bottlecrm.options import BottleCrmOptions
from connectors.crm.bottlecrm.rows import Account, Contact, equals_ignoring_case, text_of
from connectors.crm.bottlecrm.writes import ContactUpdate
from connectors.crm.port import ContactChange, Customer, CustomerStatus, Party, Product
from connectors.errors import ConnectorError, Declined, Garbled, NotSupported, Reason, TooMuch
from connectors.events.speaking import Telling
from connectors.http.client import HttpClient
from connectors.links import CustomerKey
from connectors.reading.concurrently import run_concurrently
from connectors.reading.nothing_sent import nothing_sent
from connectors.reading.order import BY_ID, Order, sorted_records
from connectors.reading.rows import RowPage, Unreadable, distinct_rows
from connectors.reading.texts import contains, forms
from connectors.reading.totals import credible
from connectors.records import Fields, Found, Rows, Window, changed
from connectors.writes import WriteKey

T = TypeVar("T")

_STATUS: Final = {
    True: (CustomerStatus.ACTIVE, "active"),
    False: (CustomerStatus.CLOSED, "inactive"),
    None: (CustomerStatus.UNKNOWN, None),
}
"""The status for is_active, with the product's own word. BottleCRM calls the list of inactive ones closed_accounts."""

_NO_PRODUCTS: Final = "BottleCRM keeps a catalogue of products, but not which of them a customer has."


_BY_NAME: Final = Order("name", "name")


class BottleCrm:
    """The CRM port over BottleCRM's REST API."""

    telling: ClassVar[Telling] = Telling.SIGNED

    unsupported: ClassVar[Mapping[str, str]] = {
        "products": _NO_PRODUCTS,
        "products_of_customers": _NO_PRODUCTS,
        "products_of_services": _NO_PRODUCTS,
    }
    """Methods of the port that BottleCRM does not support, with reasons."""

    one_by_one: ClassVar[Mapping[str, str]] = {
        "customers": "BottleCRM reads one account per call; for many keys the whole list is read.",
        "parties": "BottleCRM reads the contacts of one account per call; for many keys the whole list is read.",
    }
    """Methods that take one call per key, with reasons."""

    def __init__(self, http: HttpClient, options: BottleCrmOptions) -> None:
        self.http, self._options = http, options
        self.events = BottleCrmEvents(http.name)
        self._rest = Rest(http, options.max_url, options.page_size)
        self._batches = BatchReader(self._rest, options.list_share)
        self._contact_update = ContactUpdate(self._rest)

    async def probe(self) -> None:
        """Read one account."""
        await self._rest.accounts({}, [])(0, 1)

    async def customers(self, ids: Sequence[str], fields: Fields | None) -> Found[Customer]:
        """One call per id, concurrently; or all pages of the list, if it has at most `list_share` accounts per id.

        A number that two accounts have is `Garbled`, because the customer is ambiguous.
        """
        wanted = [key for key in dict.fromkeys(ids) if is_filter_value(key)]
        try:
            page = await self._batches.whole_list_if_cheaper("accounts", self._rest.accounts({}, wanted), len(wanted))
        except ConnectorError as failure:
            return dict.fromkeys(wanted, failure)
        if page is not None:
            return self._by_number(page, frozenset(wanted))
        return await self._batches.for_each_key(wanted, self._numbered)

    async def customer_list(self, window: Window, fields: Fields | None, *, by_name: bool = False) -> Rows[Customer]:
        """Reads all accounts, one call per `page_size`, because BottleCRM sorts them by random ids."""
        page = await self._rest.everything(self._rest.accounts({}, []))
        rows = self._rows(page, lambda _customer: True)
        return changed(rows, items=sorted_records(rows.items, _BY_NAME)) if by_name else rows

    async def customers_named(self, text: str, window: Window, fields: Fields | None) -> Rows[Customer]:
        """One call per `page_size` of matching accounts, for each form of Unicode that the text has.

        Each account's name is checked again.
        """
        if text and not is_filter_value(text):
            return Rows.of(())
        asked = [self._rest.accounts({"name": form} if form else {}, [text]) for form in forms(text)]
        pages = await run_concurrently(list(map(self._rest.everything, asked)))
        found = [entry for page in pages for entry in page.entries]
        page = pages[0] if len(pages) == 1 else RowPage(distinct_rows(found), None)
        return self._rows(page, lambda customer: contains(customer.name, text))

    async def customers_reached_by(self, contact: str, fields: Fields | None) -> Rows[Customer]:
        """One call (for an e-mail address two) for each form of Unicode, concurrently; one for each account found.

        Accounts cannot be filtered by phone number, only their contacts can. Raises `TooMuch` if the search may have
        left out accounts, or if more contacts match than one page holds: the filters also match parts of a number, such
        as a country code.
        """
        if not is_filter_value(contact):
            return Rows.of(())
        searches = [self._accounts_of_contacts(form, contact) for form in forms(contact)]
        if "@" in contact:
            searches += [self._accounts_with_mail(form, contact) for form in forms(contact)]
        hits = await run_concurrently(searches)
        accounts, unread = list(dict.fromkeys(key for keys, _ in hits for key in keys)), sum(count for _, count in hits)
        found = await self._batches.for_each_key(accounts, self._rest.account)
        if failure := next((one for one in found.values() if isinstance(one, ConnectorError)), None):
            raise failure
        reached = [one for one in found.values() if isinstance(one, Account) and one.has_contact(contact)]
        customers = {customer.id: customer for account in reached if (customer := self._customer(account))}
        if unread and not customers:
            raise Garbled(self.http.name, f"{unread} contacts cannot be read, which may be anybody's")
        return Rows(sorted_records(customers.values(), BY_ID), 0, None if unread else len(customers), unread=unread)

    async def customers_known_as(
        self, key: CustomerKey, values: Sequence[str], fields: Fields | None
    ) -> Found[Rows[Customer]]:
        """One call per value: an external reference is a custom field of the account.

        Raises `NotSupported` for party ids: BottleCRM cannot find accounts by their contacts' ids.
        """
        if key.kind == "party":
            raise NotSupported(
                self.http.name, "accounts cannot be found by their contacts: use external:NAME as customer_key"
            )

        async def one(value: str) -> Rows[Customer]:
            page = await self._rest.everything(self._rest.accounts({f"cf_{key.name}": value}, [value]))
            return self._rows(page, lambda customer: customer.external_ids.get(key.name) == value)

        return await self._batches.for_each_key(
            [value for value in dict.fromkeys(values) if is_filter_value(value)], one
        )

    async def parties(self, customers: Sequence[Customer], fields: Fields | None) -> Found[Party]:
        """One call per party, concurrently; or all pages of the list, if it has up to `list_share` contacts per party.

        No calls for companies, or if no name is selected. The person is the account's only contact, or the only one
        with the account's e-mail address; otherwise the names are None.
        """
        asked = [c.party_id for c in customers if c.party_id and c.party_kind != "Organization" and is_uuid(c.party_id)]
        wanted = list(dict.fromkeys(asked))
        if fields is not None and not fields & {"given_name", "family_name"}:
            return {key: Party(id=key) for key in wanted}
        try:
            page = await self._batches.whole_list_if_cheaper("contacts", self._rest.contacts({}, wanted), len(wanted))
        except ConnectorError as failure:
            return dict.fromkeys(wanted, failure)
        known = _only_contacts(page, wanted) if page else {}
        return known | await self._batches.for_each_key([key for key in wanted if key not in known], self._party)

    async def products(self, ids: Sequence[str], fields: Fields | None) -> Found[Product]:
        self._refuse("products")

    async def products_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Product]]:
        self._refuse("products_of_customers")

    async def products_of_services(self, service_ids: Sequence[str], fields: Fields | None) -> Found[Rows[Product]]:
        self._refuse("products_of_services")

    async def update_contact(self, change: ContactChange, key: WriteKey) -> None:
        """Two reads; up to two writes, the contact's and the account's, and a read after them."""
        with nothing_sent():
            found = await self._numbered(change.customer_id) if is_filter_value(change.customer_id) else None
            if isinstance(found, ConnectorError):
                raise found
            if found is None or found.party_id is None:
                detail = "no account has the customer number"
                raise Declined(self.http.name, detail, Reason.NOT_FOUND, attribute="customer_id")
        await self._contact_update.make(found.party_id, change)

    def _refuse(self, method: str) -> NoReturn:
        raise NotSupported(self.http.name, self.unsupported[method])

    async def _numbered(self, key: str) -> Customer | ConnectorError | None:
        """The customer with this number. Two rows are requested, to notice a second account with the number."""
        filters = {f"cf_{self._options.customer_number}": key}
        part = await self._rest.accounts(filters, [key])(0, 2)
        return self._by_number(RowPage(part.entries, part.total), frozenset([key])).get(key)

    def _by_number(self, page: RowPage[Account], wanted: frozenset[str]) -> dict[str, Customer | ConnectorError]:
        """Customers by number. If an account is unreadable, numbers without a customer are `Garbled`."""
        found: dict[str, Customer | ConnectorError] = {}
        for account in page.rows:
            if (customer := self._customer(account)) and customer.id in wanted:
                found[customer.id] = self._ambiguous(customer.id) if customer.id in found else customer
        if page.unreadable:
            hidden = Garbled(self.http.name, f"{len(page.unreadable)} accounts cannot be read, perhaps this one")
            found.update(dict.fromkeys(wanted - found.keys(), hidden))
        return found

    def _rows(self, page: RowPage[Account], wanted: Callable[[Customer], bool]) -> Rows[Customer]:
        """The complete list, by number. The total is None if accounts are unreadable or share a number."""
        numbered = [customer for account in page.rows if (customer := self._customer(account))]
        times = Counter(customer.id for customer in numbered)
        twice = [key for key, count in times.items() if count > 1]
        for key in twice:
            self._rest.warn_once(self._ambiguous(key).detail)
        if unnumbered := len(page.rows) - len(numbered):
            self._rest.warn_once(
                f"has {unnumbered} accounts without a {self._options.customer_number}: they are not customers"
            )
        items = sorted_records((one for one in numbered if times[one.id] == 1 and wanted(one)), BY_ID)
        if page.unreadable and not page.rows:
            raise Garbled(self.http.name, f"none of the {len(page.unreadable)} accounts that came can be read")
        total = None if twice or page.unreadable else len(items)
        return Rows(items, 0, total, complete=True, unread=len(page.unreadable))

    async def _accounts_of_contacts(self, form: str, contact: str) -> tuple[list[str], int]:
        """UUIDs of the accounts of contacts with exactly this address or number; the filter also matches parts.

        And how many contacts cannot be read.
        """
        filters = {"email" if "@" in contact else "phone": form}
        page = await self._rest.contacts(filters, [contact])(0, self._options.page_size)
        size = self._options.page_size
        is_count = credible(page.longest) is not None and page.came <= page.longest
        if page.came < page.longest if is_count else page.came >= size:
            many = page.longest if is_count else page.came
            raise TooMuch(self.http.name, f"the addresses or numbers of {many} contacts contain this text")
        people = [one for one in page.entries if isinstance(one, Contact) and one.has_contact(contact)]
        unread = sum(isinstance(one, Unreadable) for one in page.entries)
        return [key for person in people for key in person.accounts() if is_uuid(key)], unread

    async def _accounts_with_mail(self, form: str, contact: str) -> tuple[list[str], int]:
        """UUIDs of the accounts whose own e-mail address this is; none of them is unreadable."""
        hits = await self._rest.search(form)
        accounts = [hit for hit in hits if hit.type == "account" and is_uuid(str(hit.id))]
        if len(accounts) >= SEARCH_HITS:
            raise TooMuch(self.http.name, f"{len(accounts)} or more accounts have this e-mail address")
        return [str(hit.id) for hit in accounts if equals_ignoring_case(hit.subtitle, contact)], 0

    async def _party(self, key: str) -> Party | None:
        account = await self._rest.account(key)
        if account is None:
            return None
        people = account.contacts or []
        if len(people) > 1:
            people = [
                person for person in people if account.email and equals_ignoring_case(person.email, account.email)
            ]
        return _party_of(key, people[0]) if len(people) == 1 else Party(id=key)

    def _customer(self, account: Account) -> Customer | None:
        """The customer for an account; None if the account has no customer number."""
        fields = account.custom_fields or {}
        number = text_of(fields.get(self._options.customer_number))
        if number is None:
            return None
        called = text_of(account.name)
        if called and self._options.name_with_number:
            called = called.removesuffix(f" ({number})")
        segment = text_of(fields.get(self._options.segment))
        is_company = segment and segment.casefold() in {one.casefold() for one in self._options.organization_segments}
        return Customer(
            id=number,
            name=called,
            status=_STATUS[account.is_active][0],
            raw_status=_STATUS[account.is_active][1],
            email=text_of(account.email),
            phone=text_of(account.phone),
            party_id=str(account.id),
            external_ids={
                name: text
                for name, value in fields.items()
                if name not in (self._options.customer_number, self._options.segment) and (text := text_of(value))
            },
            party_kind=None if segment is None else "Organization" if is_company else "Individual",
        )

    def _ambiguous(self, number: str) -> Garbled:
        return Garbled(self.http.name, f"two accounts or more have the customer number {number[:100]!r}: keep one")


def _only_contacts(page: RowPage[Contact], accounts: Sequence[str]) -> dict[str, Party]:
    """Parties of the accounts that have a single contact; none at all if a contact is unreadable."""
    people: dict[str, list[Contact]] = {key: [] for key in accounts}
    for person in page.rows:
        for link in person.linked_accounts or ():
            if link.id in people:
                people[link.id].append(person)
    return {} if page.unreadable else {key: _party_of(key, one[0]) for key, one in people.items() if len(one) == 1}


def _party_of(key: str, person: Contact) -> Party:
    return Party(id=key, given_name=person.first_name or None, family_name=person.last_name or None)
