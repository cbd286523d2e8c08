"""CRM by TM Forum v4: TMF629 Customer, TMF632 Party, TMF637 Product Inventory."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from connectors.crm.port import Customer, CustomerStatus, Party, Product, ProductStatus
from connectors.grouping import grouped, mapped, narrowed
from connectors.http import HttpClient
from connectors.profile import Profile
from connectors.records import Fields, Found, Money, Rows, Window
from connectors.tmf630 import Collection, Identified, Projection
from connectors.tmf_shapes import Money as TmfMoney
from connectors.tmf_shapes import Reader, Ref, RelatedParty, TimePeriod, by_word, ids, money, owners


class _MediumCharacteristic(msgspec.Struct, rename="camel"):
    email_address: str | None = None
    phone_number: str | None = None


class _ContactMedium(msgspec.Struct, rename="camel"):
    preferred: bool | None = None
    characteristic: _MediumCharacteristic = msgspec.field(default_factory=_MediumCharacteristic)


class _Customer(Identified, rename="camel"):
    name: str | None = None
    status: str | None = None
    contact_medium: list[_ContactMedium] = []
    engaged_party: Ref | None = None


class _Party(Identified, rename="camel"):
    given_name: str | None = None
    family_name: str | None = None


class _Price(msgspec.Struct, rename="camel"):
    tax_included_amount: TmfMoney | None = None
    duty_free_amount: TmfMoney | None = None


class _ProductPrice(msgspec.Struct, rename="camel"):
    price_type: str | None = None
    recurring_charge_period: str | None = None
    price: _Price | None = None


class _ProductTerm(msgspec.Struct, rename="camel"):
    valid_for: TimePeriod | None = None


class _Product(Identified, rename="camel"):
    name: str | None = None
    status: str | None = None
    start_date: str | None = None
    product_price: list[_ProductPrice] = []
    product_term: list[_ProductTerm] = []
    billing_account: Ref | None = None
    related_party: list[RelatedParty] = []
    realizing_service: list[Ref] = []


_CUSTOMER: Final = Projection(
    ["id"],
    {
        "name": ["name"],
        "status": ["status"],
        "raw_status": ["status"],
        "email": ["contactMedium"],
        "phone": ["contactMedium"],
        "party_id": ["engagedParty"],
        "party_kind": ["engagedParty"],
    },
)
_PARTY: Final = Projection(["id"], {"given_name": ["givenName"], "family_name": ["familyName"]})
_PRODUCT: Final = Projection(
    ["id", "relatedParty"],
    {
        "name": ["name"],
        "status": ["status"],
        "raw_status": ["status"],
        "price": ["productPrice"],
        "price_period": ["productPrice"],
        "started_at": ["startDate"],
        "contract_ends_at": ["productTerm"],
        "account_id": ["billingAccount"],
        "service_ids": ["realizingService"],
    },
)
# TMF629 leaves status free; official samples say Approved and Created.
_CUSTOMER_STATUS: Final = by_word(CustomerStatus) | {
    "approved": CustomerStatus.ACTIVE,
    "created": CustomerStatus.INITIALIZED,
}
_PRODUCT_STATUS: Final = by_word(ProductStatus)


class TmfCrm:
    """The CRM port over TM Forum v4."""

    def __init__(self, http: HttpClient, profile: Profile) -> None:
        self.http, self._profile = http, profile
        self._reader = Reader(http.name, profile)
        base = "/tmf-api/customerManagement/v4", "/tmf-api/party/v4", "/tmf-api/productInventory/v4"
        self._customers = Collection(http, profile, f"{base[0]}/customer", _Customer, _CUSTOMER)
        self._individuals = Collection(http, profile, f"{base[1]}/individual", _Party, _PARTY)
        self._products = Collection(http, profile, f"{base[2]}/product", _Product, _PRODUCT)

    async def probe(self) -> None:
        """One cheap read, for health."""
        await self._customers.page([], Window(0, 1), fields=frozenset(), sort=None)

    async def customers(self, ids: Sequence[str], fields: Fields | None) -> Found[Customer]:
        """See `CrmPort`."""
        return mapped(await self._customers.by_ids(ids, fields), self._customer)

    async def customer_list(self, window: Window, fields: Fields | None) -> Rows[Customer]:
        """See `CrmPort`."""
        page = await self._customers.page([], window, fields=fields, sort="id")
        return Rows([self._customer(row) for row in page.rows], window.offset, page.total, complete=False)

    async def customers_named(self, text: str, window: Window, fields: Fields | None) -> Rows[Customer]:
        """See `CrmPort`. The name is read back from each row: a server may not know the operator."""
        condition = self._customers.containing("name", text)
        asked = None if fields is None else fields | {"name"}
        page = await self._customers.page([condition], window, fields=asked, sort="id", keys=[text])
        rows = Rows([self._customer(row) for row in page.rows], window.offset, page.total, complete=False)
        return rows.keep(lambda customer: text.casefold() in (customer.name or "").casefold())

    async def customers_reached_by(self, contact: str, fields: Fields | None) -> Mapping[str, Customer]:
        """See `CrmPort`."""
        attribute = "emailAddress" if "@" in contact else "phoneNumber"
        asked = None if fields is None else fields | {"email", "phone"}
        rows = await self._customers.drain(
            [(f"contactMedium.characteristic.{attribute}", list(dict.fromkeys([contact, contact.lower()])))],
            fields=asked,
            keys=[contact],
        )
        return {str(row.id): self._customer(row) for row in rows if _reaches(row, contact)}

    async def parties(self, customers: Sequence[Customer], fields: Fields | None) -> Found[Party]:
        """See `CrmPort`. Organizations have neither given nor family name, so they are not asked for."""
        wanted = [c.party_id for c in customers if c.party_id and (c.party_kind or "").casefold() != "organization"]
        found = await self._individuals.by_ids(list(dict.fromkeys(wanted)), fields) if wanted else {}
        return mapped(found, lambda row: Party(id=str(row.id), given_name=row.given_name, family_name=row.family_name))

    async def products(self, ids: Sequence[str], fields: Fields | None) -> Found[Product]:
        """See `CrmPort`."""
        return mapped(await self._products.by_ids(ids, fields), self._product)

    async def products_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Product]]:
        """See `CrmPort`."""
        return await narrowed(
            self._products,
            "relatedParty.id",
            customer_ids,
            window,
            self._product,
            lambda product: product.customer_ids,
            fields=fields,
            sort="id",
        )

    async def products_of_services(self, service_ids: Sequence[str], fields: Fields | None) -> Found[Rows[Product]]:
        """See `CrmPort`."""
        asked = None if fields is None else fields | {"service_ids"}
        batches = await self._products.by_keys("realizingService.id", service_ids, fields=asked)
        return grouped(batches, self._product, lambda product: product.service_ids)

    def _customer(self, row: _Customer) -> Customer:
        party = row.engaged_party
        media = sorted(row.contact_medium, key=lambda medium: not medium.preferred)
        return Customer(
            id=str(row.id),
            name=row.name,
            status=self._reader.word(_CUSTOMER_STATUS, row.status, CustomerStatus.UNKNOWN),
            raw_status=row.status,
            email=next((m.characteristic.email_address for m in media if m.characteristic.email_address), None),
            phone=next((m.characteristic.phone_number for m in media if m.characteristic.phone_number), None),
            party_id=str(party.id) if party else None,
            party_kind=party.referred_type if party else None,
        )

    def _product(self, row: _Product) -> Product:
        recurring = next((p for p in row.product_price if (p.price_type or "").casefold() == "recurring"), None)
        ends = (self._reader.date(term.valid_for.end_date_time) for term in row.product_term if term.valid_for)
        return Product(
            id=str(row.id),
            customer_ids=owners(row.related_party, self._profile),
            name=row.name,
            status=self._reader.word(_PRODUCT_STATUS, row.status, ProductStatus.UNKNOWN),
            raw_status=row.status,
            price=_amount(recurring),
            price_period=recurring.recurring_charge_period if recurring else None,
            started_at=self._reader.date(row.start_date),
            contract_ends_at=max((end for end in ends if end), default=None),
            account_id=str(row.billing_account.id) if row.billing_account else None,
            service_ids=ids(row.realizing_service),
        )


def _amount(price: _ProductPrice | None) -> Money | None:
    if price is None or price.price is None:
        return None
    return money(price.price.tax_included_amount) or money(price.price.duty_free_amount)


def _reaches(row: _Customer, contact: str) -> bool:
    wanted = contact.casefold()
    return any(
        wanted in ((m.characteristic.email_address or "").casefold(), (m.characteristic.phone_number or "").casefold())
        for m in row.contact_medium
    )
