"""Rows of CRMs that speak TM Forum v4 or v5, and which of their attributes a record's are made of."""

from typing import Any, Final

import msgspec

from connectors.reading.rows import Identified
from connectors.tmf.mapping import Projection
from connectors.tmf.shapes import Many, Money, Ref, RelatedParty, TimePeriod, TypedRef


class MediumCharacteristicRow(msgspec.Struct, rename="camel", gc=False):
    """What v4 says of a contact medium."""

    email_address: str | None = None
    phone_number: str | None = None


class ContactMediumRow(MediumCharacteristicRow, rename="camel"):
    """A way to reach somebody. v5 says itself what v4 says in `characteristic`."""

    preferred: bool | None = None
    characteristic: MediumCharacteristicRow | None = None

    @property
    def said(self) -> MediumCharacteristicRow:
        """Address or number, in either version's place."""
        return self.characteristic or self


class CharacteristicRow(msgspec.Struct, gc=False):
    """A named value; for a customer, that may be what another system knows it by."""

    name: str | None = None
    value: Any = None


class CustomerRow(Identified, rename="camel"):
    """TMF629 Customer."""

    name: str | None = None
    status: str | None = None
    contact_medium: Many[ContactMediumRow] = None
    engaged_party: TypedRef | None = None
    characteristic: Many[CharacteristicRow] = None


class PartyRow(Identified, rename="camel"):
    """TMF632 Individual."""

    given_name: str | None = None
    family_name: str | None = None


class PriceRow(msgspec.Struct, rename="camel", gc=False):
    """An amount with and without tax."""

    tax_included_amount: Money | None = None
    duty_free_amount: Money | None = None


class ProductPriceRow(msgspec.Struct, rename="camel", gc=False):
    """What a product costs, once or again and again."""

    price_type: str | None = None
    recurring_charge_period: str | None = None
    price: PriceRow | None = None


class ProductTermRow(msgspec.Struct, rename="camel", gc=False):
    """For how long a product was bought."""

    valid_for: TimePeriod | None = None


class ProductRow(Identified, rename="camel"):
    """TMF637 Product."""

    name: str | None = None
    status: str | None = None
    start_date: str | None = None
    product_price: Many[ProductPriceRow] = None
    product_term: Many[ProductTermRow] = None
    billing_account: Ref | None = None
    related_party: Many[RelatedParty] = None
    realizing_service: Many[Ref] = None


CUSTOMER: Final = Projection(
    ["id"],
    {
        "name": ["name"],
        "status": ["status"],
        "raw_status": ["status"],
        "email": ["contactMedium"],
        "phone": ["contactMedium"],
        "party_id": ["engagedParty"],
        "party_kind": ["engagedParty"],
        "external_ids": ["characteristic"],
    },
)
PARTY: Final = Projection(["id"], {"given_name": ["givenName"], "family_name": ["familyName"]})
PRODUCT: Final = Projection(
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
