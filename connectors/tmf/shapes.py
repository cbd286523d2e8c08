"""Shapes and words that TM Forum's APIs share (FACTS.md, section 2), read leniently (section 6)."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from connectors import records
from connectors.records import Unlinked
from connectors.tmf.profile import PARTY_TYPES, Profile

logger = logging.getLogger("gateway.connectors")

E = TypeVar("E", bound=Enum)
T = TypeVar("T")

_DIGITS: Final = 34
_MOST_KEPT: Final = 1000
"""Most digits before, behind and in all of a number: those of IEEE 754 decimal128."""

Many: TypeAlias = list[T] | None
"""An array; some servers say null where there is nothing."""


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
        return self.referred_type or _REFERENCES.get(_word(self.type), self.type)


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


_PARTIES: Final = frozenset({"customer", "individual", "organization", "party"})
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
        return self.referred_type or (self.type if _word(self.type) in _PARTIES else None)

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


class Words(dict[str | None, E]):
    """Words and what they mean; `read` says it of a new one. What is not known is asked again each time."""

    def __init__(self, read: Callable[[str | None], E], unknown: E) -> None:
        super().__init__({None: unknown})
        self._read, self._unknown = read, unknown

    def __missing__(self, raw: str | None) -> E:
        found = self._read(raw)
        if found is not self._unknown and len(self) < _MOST_KEPT:
            self[raw] = found
        return found


class Reader:
    """Reads what systems spell differently; what cannot be read is None or UNKNOWN, and is logged once."""

    def __init__(self, system: str, profile: Profile, customer_key: str = "customer.id") -> None:
        """`customer_key` is the system's own; where it is the party's id, rows name persons and companies."""
        self._system = system
        self._zone: tzinfo = UTC if profile.timezone == "UTC" else ZoneInfo(profile.timezone)
        self._own = profile.words
        self._words = {word.strip().casefold(): standard for word, standard in profile.words.items()}
        self._roles = frozenset(map(_word, profile.party_roles))
        types = profile.party_types
        if customer_key == "party.id" and "party_types" not in profile.model_fields_set:
            types = PARTY_TYPES
        self._types = frozenset(map(_word, types))
        self._typed_by_role = profile.party_type_is_role
        self._told: set[str] = set()
        self._owning: dict[tuple[str | None, str | None], bool] = {}
        self._single: dict[tuple[str | int | None, str | None, str | None, str | None], tuple[str, ...]] = {}

    def owners(self, parties: Sequence[RelatedParty] | None) -> tuple[str, ...]:
        """Customer numbers of the related parties that own the row, by the profile's roles and types, in any case.

        Both must fit: the id of an Individual is no customer number, whatever the role. A party without a role is an
        owner only where its type is such a role: a missing word must not open a row. A row whose only customers are of
        other types is nobody's (`Unlinked`), which is not the same as naming nobody.
        """
        if not parties:
            return ()
        if len(parties) > 1 or parties[0].party_or_party_role is not None:
            return self._owners(parties)
        # Most rows name one party, and the rows of one customer the same: all that is looked at is in this key.
        (one,) = parties
        said = one.id, one.role, one.referred_type, one.type
        owners = self._single.get(said)
        if owners is None:
            owners = self._owners(parties)
            if owners.__class__ is tuple:
                if len(self._single) >= _MOST_KEPT:
                    self._single.clear()
                self._single[said] = owners
        return owners

    def _owners(self, parties: Sequence[RelatedParty]) -> tuple[str, ...]:
        found = ids([one.party_or_party_role or one for one in parties if self._owns(one)])
        return found or (Unlinked() if any(map(self._is_strange, parties)) else ())

    def _is_strange(self, party: RelatedParty) -> bool:
        """Whether it is a customer by its role and of a type whose id is no customer number here."""
        if id_of(party.party) is None or _word(party.role) not in self._roles:
            return False
        kind = party.party.kind or party.kind
        self.tell(f"rows name their customer as {kind!r}, which is none of party_types: they are nobody's")
        return True

    def customer(self, party: RelatedParty | None) -> str | None:
        """The customer number of a party whose role is beside the point: None unless its type says that it is one."""
        return id_of(party.party) if party is not None and _word(party.party.kind) in self._types else None

    def _owns(self, party: RelatedParty) -> bool:
        """Whether role and type fit; the same few come again and again."""
        inner = party.party_or_party_role
        said = party.role, (party.kind if inner is None else inner.kind or party.kind)
        known = self._owning.get(said)
        if known is None:
            role, kind = map(_word, said)
            is_role = kind in self._roles and (kind in self._types or kind not in _PARTIES or self._typed_by_role)
            known = role in self._roles and (not kind or kind in self._types or is_role) if role else is_role
            if len(self._owning) < _MOST_KEPT:
                self._owning[said] = known
        return known

    def money(self, value: Money | None) -> records.Money | None:
        """The record's money; None unless both amount and currency are there, and the amount is one."""
        if value is None or not value.unit or (amount := self.number(value.value)) is None:
            return None
        return records.Money(amount, value.unit.strip().upper())

    def number(self, value: Decimal | None) -> Decimal | None:
        """The number, None where it is not finite or so long that writing it down would be work."""
        if value is None or (value.is_finite() and len(text := str(value)) <= _DIGITS and "E" not in text):
            return value  # hardly any is longer; its digits need not be counted one by one
        if not value.is_finite() or abs(value.adjusted()) > _DIGITS or len(value.as_tuple().digits) > _DIGITS:
            self.tell("an amount is not finite, or is longer than any amount")
            return None
        return value

    def date(self, text: str | None) -> datetime | None:
        """A date with its zone; without one it is in the profile's. The open ends 9999-... are no date."""
        if not text:
            return None
        try:
            parsed = datetime.fromisoformat(text.strip())
        except ValueError:
            self.tell(f"the date {text!r} cannot be read")
            return None
        if parsed.year >= 9999:
            return None
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=self._zone)

    def period(self, period: TimePeriod | None) -> records.Period | None:
        """A period; ends that are the wrong way round (seen in official examples) are put right."""
        if period is None:
            return None
        start, end = self.date(period.start_date_time), self.date(period.end_date_time)
        if start and end and end < start:
            start, end = end, start
        return records.Period(start, end)

    def word(self, table: Mapping[str, E], raw: str | None, unknown: E) -> E:
        """The enum member for a status word: vendor words by the profile, case and blanks aside."""
        if raw is None:
            return unknown
        text = raw.strip()
        found = table.get(self._words.get(text.casefold(), text).casefold())
        if found is None:
            self.tell(f"the word {raw!r} is not known: name its standard form in the profile (words)")
            return unknown
        return found

    def words(self, table: Mapping[str, E], unknown: E) -> "Words[E]":
        """The members for all words of a table, each read once."""
        return Words(lambda raw: self.word(table, raw, unknown), unknown)

    def spellings(self, standard: Iterable[str]) -> list[str]:
        """How the system may spell these standard words: as they are, and its own words for them."""
        wanted = list(standard)
        known = {word.casefold() for word in wanted}
        return wanted + [own for own, word in self._own.items() if word.strip().casefold() in known]

    def tell(self, what: str) -> None:
        """Log, once, something about the system that its operator should know."""
        if what not in self._told and len(self._told) < 1000:
            self._told.add(what)
            logger.warning("%s: %s", self._system, what)


def _word(text: str | None) -> str:
    return (text or "").strip().casefold()


def by_word(members: Iterable[E]) -> dict[str, E]:
    """A table for `Reader.word`: enum members by their value, which is the standard's word, without case."""
    return {str(member.value).casefold(): member for member in members}


def text(value: Any) -> str | None:
    """A characteristic's value as text, None for none."""
    return None if value is None else str(value)
