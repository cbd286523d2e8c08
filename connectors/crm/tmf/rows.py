"""How CRM records are made of TM Forum v4 or v5 rows, attribute by attribute."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from connectors.crm.port import Customer, CustomerStatus, Party, Product, ProductStatus
from connectors.records import Money
from connectors.tmf import shapes
from connectors.tmf.kinds import date, enum_word, owners, reference, references, text
from connectors.tmf.mapping import Kind, Mapping, source
from connectors.tmf.reader import Reader, enum_table
from connectors.tmf.shapes import TimePeriod, TypedRef, array_of, id_of


class MediumCharacteristicRow(msgspec.Struct, rename="camel", gc=False):
    """An e-mail address or phone number."""

    email_address: str | None = None
    phone_number: str | None = None


class ContactMediumRow(MediumCharacteristicRow, rename="camel"):
    """A contact medium. v4 keeps its value in `characteristic`, v5 in the medium itself."""

    preferred: bool | None = None
    characteristic: MediumCharacteristicRow | None = None

    @property
    def value(self) -> MediumCharacteristicRow:
        """The address or number, in v4 or v5."""
        return self.characteristic or self


class CharacteristicRow(msgspec.Struct, gc=False):
    """A named value, such as the customer's id in another system."""

    name: str | None = None
    value: Any = None


class PriceRow(msgspec.Struct, rename="camel", gc=False):
    """An amount with and without tax."""

    tax_included_amount: shapes.Money | None = None
    duty_free_amount: shapes.Money | None = None


class ProductPriceRow(msgspec.Struct, rename="camel", gc=False):
    """A one-time or recurring price of a product."""

    price_type: str | None = None
    recurring_charge_period: str | None = None
    price: PriceRow | None = None


class ProductTermRow(msgspec.Struct, rename="camel", gc=False):
    """A term of a product's contract."""

    valid_for: TimePeriod | None = None


def contacts(media: Sequence[ContactMediumRow] | None) -> list[MediumCharacteristicRow]:
    """The customer's addresses and numbers, the preferred ones first."""
    return [medium.value for medium in sorted(media or (), key=lambda one: not one.preferred)]


def _email(media: Sequence[ContactMediumRow] | None) -> str | None:
    return next((one.email_address for one in contacts(media) if one.email_address), None)


def _phone(media: Sequence[ContactMediumRow] | None) -> str | None:
    return next((one.phone_number for one in contacts(media) if one.phone_number), None)


def _kind(party: TypedRef | None) -> str | None:
    return party.kind if party else None


def _external_ids(characteristics: Sequence[CharacteristicRow] | None) -> dict[str, str]:
    """Characteristics with a text or a whole number, without names that have several values."""
    found: dict[str, str] = {}
    repeated: set[str] = set()
    for one in characteristics or ():
        if one.name and one.value != "" and isinstance(one.value, str | int) and not isinstance(one.value, bool):
            text = str(one.value)
            if found.setdefault(one.name, text) != text:
                repeated.add(one.name)
    return {name: text for name, text in found.items() if name not in repeated}


def _recurring(prices: Sequence[ProductPriceRow] | None) -> ProductPriceRow | None:
    return next((one for one in prices or () if (one.price_type or "").casefold() == "recurring"), None)


def _price(reader: Reader) -> Callable[[Sequence[ProductPriceRow] | None], Money | None]:
    """The recurring price, with tax if the system tells it."""

    def price(prices: Sequence[ProductPriceRow] | None) -> Money | None:
        recurring = _recurring(prices)
        if recurring is None or recurring.price is None:
            return None
        return reader.money(recurring.price.tax_included_amount) or reader.money(recurring.price.duty_free_amount)

    return price


def _price_period(prices: Sequence[ProductPriceRow] | None) -> str | None:
    return one.recurring_charge_period if (one := _recurring(prices)) else None


def _contract_end(reader: Reader) -> Callable[[Sequence[ProductTermRow] | None], datetime | None]:
    """The last end of the terms."""

    def end(terms: Sequence[ProductTermRow] | None) -> datetime | None:
        spans = (term.valid_for for term in terms or ())
        ends = (reader.date(valid.end_date_time) for valid in spans if valid)
        return max((one for one in ends if one), default=None)

    return end


# TMF629 leaves status free; official samples say Approved and Created.
_CUSTOMER_STATUS: Final = enum_table(CustomerStatus) | {
    "approved": CustomerStatus.ACTIVE,
    "created": CustomerStatus.INITIALIZED,
}

CUSTOMER: Final = Mapping(
    Customer,
    links=("party_id", "external_ids"),
    name=source("name", text),
    status=source("status", enum_word(_CUSTOMER_STATUS, CustomerStatus.UNKNOWN)),
    raw_status=source("status", text),
    email=source("contactMedium", Kind(array_of(ContactMediumRow), lambda _reader: _email)),
    phone=source("contactMedium", Kind(array_of(ContactMediumRow), lambda _reader: _phone)),
    party_id=source("engagedParty", Kind(TypedRef | None, lambda _reader: id_of)),
    party_kind=source("engagedParty", Kind(TypedRef | None, lambda _reader: _kind)),
    external_ids=source("characteristic", Kind(array_of(CharacteristicRow), lambda _reader: _external_ids)),
)
"""TMF629 Customer."""

PARTY: Final = Mapping(Party, given_name=source("givenName", text), family_name=source("familyName", text))
"""TMF632 Individual."""

PRODUCT: Final = Mapping(
    Product,
    always=["owners"],
    owners=source("relatedParty", owners),
    name=source("name", text),
    status=source("status", enum_word(enum_table(ProductStatus), ProductStatus.UNKNOWN)),
    raw_status=source("status", text),
    price=source("productPrice", Kind(array_of(ProductPriceRow), _price)),
    price_period=source("productPrice", Kind(array_of(ProductPriceRow), lambda _reader: _price_period)),
    started_at=source("startDate", date),
    contract_ends_at=source("productTerm", Kind(array_of(ProductTermRow), _contract_end)),
    account_id=source("billingAccount", reference),
    service_ids=source("realizingService", references),
)
"""TMF637 Product."""
