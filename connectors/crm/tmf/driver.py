"""CRM by TM Forum v4 and v5: TMF629 Customer, TMF632 Party, TMF637 Product Inventory."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from connectors.crm.port import Customer, Party, Product
from connectors.crm.tmf.rows import CUSTOMER, PARTY, PRODUCT, ContactMediumRow, contacts
from connectors.crm.tmf.writes import ContactWrites
from connectors.events.speaking import Telling
from connectors.http.client import HttpClient
from connectors.links import CustomerKey
from connectors.reading.grouping import complete_rows, map_rows
from connectors.reading.order import BY_ID, Order, sorted_records
from connectors.reading.texts import contains, forms, same
from connectors.records import Fields, Found, Rows, Window
from connectors.tmf.capabilities import RequiredFilter, existing, one_by_one, unsupported
from connectors.tmf.collection import Collection
from connectors.tmf.events import TmfEvents
from connectors.tmf.lists import all_under, list_page, page_under
from connectors.tmf.profile import Profile
from connectors.tmf.reader import Reader
from connectors.tmf.versions import SPELLINGS

_CONTACTS: Final = ("contactMedium.characteristic.emailAddress", "contactMedium.characteristic.phoneNumber")
_KNOWN_AS: Final = {"party.id": "engagedParty.id", "an external reference": "characteristic.value"}
"""The two kinds of keys of `customers_known_as`, and the filter that each needs."""
_BY_NAME: Final = Order("name", "name")


class TmfCrm(ContactWrites):
    """The CRM port over TM Forum v4 and v5."""

    telling: ClassVar[Telling] = Telling.HUB

    def __init__(self, http: HttpClient, profile: Profile) -> None:
        self.http, self._profile = http, profile
        self._spelled = SPELLINGS[profile.version]
        customer = self._spelled.path("/tmf-api/customerManagement/v4/customer")
        super().__init__(http, profile, customer)
        individual = self._spelled.path("/tmf-api/party/v4/individual")
        product = self._spelled.path("/tmf-api/productInventory/v4/product")
        reader, version = Reader(http.name, profile, http.system.customer_key, http.health), profile.version
        self._customers = Collection(http, profile, customer, CUSTOMER.bound(reader, version))
        self._individuals = Collection(http, profile, individual, PARTY.bound(reader, version))
        self._products = Collection(http, profile, product, PRODUCT.bound(reader, version))
        self.events = TmfEvents(http.name, profile, [customer, individual, product])
        contacts = [self._spelled.filter(one) for one in _CONTACTS]
        questions: dict[str, Sequence[RequiredFilter]] = {
            "customers_named": [(self._customers, "name.regex")],
            "customers_reached_by": [(self._customers, one) for one in contacts],
            "products_of_customers": [(self._products, self._spelled.filter("relatedParty.id"))],
            "products_of_services": [(self._products, "realizingService.id")],
        }
        self._unsupported = unsupported(
            questions,
            {Customer: self._customers, Party: self._individuals, Product: self._products},
            {
                "customers": self._customers,
                "customer_list": self._customers,
                "parties": self._individuals,
                "products": self._products,
            },
        )
        ways = [
            f"By {way}: {why}"
            for way, one in _KNOWN_AS.items()
            if (why := self._customers.askable.reason_unsupported(one))
        ]
        if ways:
            self._unsupported = {**self._unsupported, "customers_known_as": " ".join(ways)}
        questions["customers_known_as"] = [(self._customers, one) for one in _KNOWN_AS.values()]
        self.one_by_one = one_by_one(
            questions, {"customers": self._customers, "parties": self._individuals, "products": self._products}
        )

    @property
    def unsupported(self) -> Mapping[str, str]:
        """Methods and attributes that this installation does not support according to its profile, with reasons.

        `customers_known_as` is included if one of its two kinds of keys is not supported.
        """
        return {**self._unsupported, **self.lacking()}

    @property
    def empty_is_404(self) -> bool:
        """Whether this installation answers an empty list with 404."""
        return self._customers.profile.empty_is_404

    async def probe(self) -> None:
        await existing(self._customers, self._products, self._individuals).page([], Window(0, 1), fields=frozenset())

    async def customers(self, ids: Sequence[str], fields: Fields | None) -> Found[Customer]:
        return map_rows(await self._customers.by_ids(ids, fields), self._customers.record_factory(fields))

    async def customer_list(self, window: Window, fields: Fields | None, *, by_name: bool = False) -> Rows[Customer]:
        order = _BY_NAME if by_name else BY_ID
        return await list_page(self._customers, [], window, fields=fields, order=order)

    async def customers_named(self, text: str, window: Window, fields: Fields | None) -> Rows[Customer]:
        """Each row's name is checked, because the server may not support the operator."""
        condition = self._customers.contains_filter("name", text)
        asked = None if fields is None else fields | {"name"}
        return await list_page(
            self._customers,
            [condition],
            window,
            fields=asked,
            order=BY_ID,
            wanted=lambda customer: contains(customer.name, text),
            keys=[text],
        )

    async def customers_reached_by(self, contact: str, fields: Fields | None) -> Rows[Customer]:
        attribute = self._spelled.filter(_CONTACTS["@" not in contact])
        asked = None if fields is None else fields | {"email", "phone"}
        page = await self._customers.drain(
            [(attribute, list(dict.fromkeys([*forms(contact), *forms(contact.lower())])))],
            fields=asked,
            keys=[contact],
        )
        record = self._customers.record_factory(asked)
        found = [record(row) for row in page.rows if _reaches(row.contact_medium, contact)]
        if page.unreadable and not found:
            raise self._customers.unreadable(contact)
        return complete_rows(sorted_records(found, BY_ID), len(page.unreadable))

    async def customers_known_as(
        self, key: CustomerKey, values: Sequence[str], fields: Fields | None
    ) -> Found[Rows[Customer]]:
        """An external reference is a characteristic of the customer (TMF629) and is searched by its value."""
        asked = None if fields is None else fields | key.attributes
        if key.kind == "party":
            return await all_under(
                self._customers,
                "engagedParty.id",
                values,
                lambda one: [one.party_id] if one.party_id else [],
                fields=asked,
            )
        return await all_under(
            self._customers,
            "characteristic.value",
            values,
            lambda one: [one.external_ids[key.name]] if key.name in one.external_ids else [],
            fields=asked,
        )

    async def parties(self, customers: Sequence[Customer], fields: Fields | None) -> Found[Party]:
        """Organizations have neither given nor family name, so they are not requested."""
        wanted = [c.party_id for c in customers if c.party_id and (c.party_kind or "").casefold() != "organization"]
        found = await self._individuals.by_ids(list(dict.fromkeys(wanted)), fields) if wanted else {}
        return map_rows(found, self._individuals.record_factory(fields))

    async def products(self, ids: Sequence[str], fields: Fields | None) -> Found[Product]:
        return map_rows(await self._products.by_ids(ids, fields), self._products.record_factory(fields))

    async def products_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Product]]:
        return await page_under(
            self._products,
            self._spelled.filter("relatedParty.id"),
            customer_ids,
            window,
            lambda product: product.customer_ids,
            fields=fields,
            order=BY_ID,
        )

    async def products_of_services(self, service_ids: Sequence[str], fields: Fields | None) -> Found[Rows[Product]]:
        asked = None if fields is None else fields | {"service_ids"}
        return await all_under(
            self._products,
            "realizingService.id",
            service_ids,
            lambda product: product.service_ids,
            fields=asked,
        )


def _reaches(media: Sequence[ContactMediumRow] | None, contact: str) -> bool:
    return any(same(one.email_address, contact) or same(one.phone_number, contact) for one in contacts(media))
