"""Types that TM Forum's APIs share, decoded leniently: a part that cannot be read costs only itself."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

from connectors.reading.texts import caseless

T = TypeVar("T")

Array: TypeAlias = list[T] | None
"""An array; some servers send null for an empty one."""


def array_of(kind: Any) -> Any:
    """`Array[kind]` for a type that is known at run time."""
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
    """A period of time, as the server writes it."""

    start_date_time: str | None = None
    end_date_time: str | None = None


class Ref(msgspec.Struct, gc=False):
    """A reference by id. `href` is never followed."""

    id: str | int | None = None
    name: str | None = None
    referred_type: str | None = msgspec.field(name="@referredType", default=None)

    @property
    def kind(self) -> str | None:
        """The type of the target, such as Customer."""
        return self.referred_type


class TypedRef(Ref, gc=False):
    """A reference whose @type may name the target's type; in v5 it may also be the target itself, by value."""

    type: str | None = msgspec.field(name="@type", default=None)

    @property
    def kind(self) -> str | None:
        """The type of the target: @referredType, or the @type of an object given by value."""
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
"""The target's type by the reference's own @type. The id of a Party is a person's or company's, not a customer number;
a PartyRoleRef leaves open which role it refers to, as v4 does without a type.
"""


PARTIES: Final = frozenset({"customer", "individual", "organization", "party"})
"""Types of parties. These words are never taken as roles."""


class RelatedParty(TypedRef, rename="camel", gc=False):
    """A party and its role. v4 keeps the party beside the role, v5 in an object of its own, by reference or by value.

    Some servers put the role into @referredType, and send entries with an empty id.
    """

    role: str | None = None
    party_or_party_role: TypedRef | None = None

    @property
    def kind(self) -> str | None:
        """The party's type: @referredType, or the @type if it is one of `PARTIES`."""
        return self.referred_type or (self.type if folded(self.type) in PARTIES else None)

    @property
    def party(self) -> Ref:
        """The reference to the party, in v4 or v5."""
        return self.party_or_party_role or self


class RelatedEntity(Ref, gc=False):
    """A reference to the subject of a record: v4 keeps it beside the role, v5 in an object of its own."""

    entity: TypedRef | None = None

    @property
    def target(self) -> Ref:
        """The reference to the subject, in v4 or v5."""
        return self.entity or self


class Place(Ref, gc=False):
    """A reference to a place: v4 keeps it beside the role, v5 in an object of its own."""

    place: TypedRef | list[msgspec.Raw] | None = None  # a list: v4's site by value, which has places of its own

    @property
    def target(self) -> Ref:
        """The reference to the place, in v4 or v5."""
        return self.place if isinstance(self.place, TypedRef) else self


class Attachment(msgspec.Struct, rename="camel", gc=False):
    """A file: inline as base64, or at a URL of the same system."""

    id: str | int | None = None
    name: str | None = None
    mime_type: str | None = None
    url: str | None = None
    content: str | None = None
    size: object = None
    """A quantity in the standard. Whatever comes instead must not cost the file."""


def id_of(ref: Ref | None) -> str | None:
    """The reference's id as a string; None if it has none."""
    return None if ref is None or ref.id is None or ref.id == "" else str(ref.id)


def ids(refs: Iterable[Ref] | None) -> tuple[str, ...]:
    """The references' ids as strings, in order, without repeats."""
    if not refs:
        return ()
    found = [str(ref.id) for ref in refs if ref.id is not None and ref.id != ""]
    return tuple(found) if len(found) < 2 else tuple(dict.fromkeys(found))  # a single id needs no check


def folded(text: str | None) -> str:
    """A word for comparison: in one case and one form, without outer blanks; empty for None."""
    word = (text or "").strip()
    return word.casefold() if word.isascii() else caseless(word)
