"""Shapes that TM Forum's APIs share (FACTS.md, section 2), decoded leniently (section 6)."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

T = TypeVar("T")

Array: TypeAlias = list[T] | None
"""An array; some servers say null where there is nothing."""


def array_of(kind: Any) -> Any:
    """The type `Array` of a kind, where a type is a value."""
    return list[kind] | None


class Money(msgspec.Struct, gc=False):
    """`{unit, value}`: a JSON number, read as an exact decimal."""

    unit: str | None = None
    value: Decimal | None = None


class Quantity(msgspec.Struct, gc=False):
    """`{amount, units}`."""

    amount: Decimal | None = None
    units: str | None = None


class TimePeriod(msgspec.Struct, rename="camel", gc=False):
    """From and to as the server spells them."""

    start_date_time: str | None = None
    end_date_time: str | None = None


class Ref(msgspec.Struct, gc=False):
    """A reference by id. `href` is never followed."""

    id: str | int | None = None
    name: str | None = None
    referred_type: str | None = msgspec.field(name="@referredType", default=None)

    @property
    def kind(self) -> str | None:
        """What it refers to, such as a Customer."""
        return self.referred_type


class TypedRef(Ref, gc=False):
    """A reference that may say what it refers to in its @type; or, in v5, the very object that it would refer to."""

    type: str | None = msgspec.field(name="@type", default=None)

    @property
    def kind(self) -> str | None:
        """What it refers to: @referredType, or the @type of the object itself."""
        return self.referred_type or _REFERENCES.get(folded(self.type), self.type)


_REFERENCES: Final = {
    "": None,
    "partyref": "Party",
    "partyrole": None,
    "partyroleref": None,
    "partyreforpartyroleref": None,
    "placeref": None,
    "relatedparty": None,
}
"""What is known of the target where all that is said is that this is a reference. The id of a Party is a person's or a
company's, and no customer number; a PartyRoleRef leaves open to which role it leads, as v4 does without a type.
"""


PARTIES: Final = frozenset({"customer", "individual", "organization", "party"})
"""What a party's id is the id of: words that are types, and no roles, also where they are used as such."""


class RelatedParty(TypedRef, rename="camel", gc=False):
    """A party and its role. v4 keeps the party beside the role, v5 in an object of its own, by reference or by value.

    Some servers put the role into @referredType, and send entries with an empty id.
    """

    role: str | None = None
    party_or_party_role: TypedRef | None = None

    @property
    def kind(self) -> str | None:
        """What the party is: @referredType, or the @type where that is a party's and not the reference's own."""
        return self.referred_type or (self.type if folded(self.type) in PARTIES else None)

    @property
    def party(self) -> Ref:
        """Who it is, in either version's place."""
        return self.party_or_party_role or self


class RelatedEntity(Ref, gc=False):
    """What a record is about: v4 keeps the reference beside the role, v5 in an object of its own."""

    entity: TypedRef | None = None

    @property
    def target(self) -> Ref:
        """What it is, in either version's place."""
        return self.entity or self


class Place(Ref, gc=False):
    """Where something is: v4 keeps the reference beside the role, v5 in an object of its own."""

    place: TypedRef | list[msgspec.Raw] | None = None  # a list: v4's site by value, which has places of its own

    @property
    def target(self) -> Ref:
        """Where it is, in either version's place."""
        return self.place if isinstance(self.place, TypedRef) else self


class Attachment(msgspec.Struct, rename="camel", gc=False):
    """A file: inline as base64, or at an address of the same system."""

    id: str | int | None = None
    name: str | None = None
    mime_type: str | None = None
    url: str | None = None
    content: str | None = None


def id_of(ref: Ref | None) -> str | None:
    """The id that a reference holds, as a string; None where it holds none."""
    return None if ref is None or ref.id is None or ref.id == "" else str(ref.id)


def ids(refs: Iterable[Ref] | None) -> tuple[str, ...]:
    """Ids of references, as strings, in order, without repeats."""
    if not refs:
        return ()
    found = [str(ref.id) for ref in refs if ref.id is not None and ref.id != ""]
    return tuple(found) if len(found) < 2 else tuple(dict.fromkeys(found))  # one cannot repeat itself


def folded(text: str | None) -> str:
    """A word as it is compared: without regard to case and to blanks around it; empty for none."""
    return (text or "").strip().casefold()
