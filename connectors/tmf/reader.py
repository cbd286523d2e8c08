"""Reads what TM Forum systems spell differently (FACTS.md, sections 2 and 6): owners, money, dates and words."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Final, TypeVar

from connectors import records
from connectors.reading.dates import Dates
from connectors.reading.warn_once import WarnOnce
from connectors.records import STRANGERS, UNNAMED, Known, Owners
from connectors.tmf.profile import PARTY_TYPES, Profile
from connectors.tmf.shapes import PARTIES, Money, RelatedParty, TimePeriod, folded, id_of, ids

E = TypeVar("E", bound=Enum)

_DIGITS: Final = 34
"""Most digits before, behind and in all of a number: those of IEEE 754 decimal128."""
_MOST_KEPT: Final = 1000


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
        self.warn_once = WarnOnce(system)
        self.date = Dates(profile.timezone, self.warn_once).read
        """A date with its zone, or None; one that comes without a zone is in the profile's."""
        self._own = profile.words
        self._words = {word.strip().casefold(): standard for word, standard in profile.words.items()}
        self._roles = frozenset(map(folded, profile.party_roles))
        types = profile.party_types
        if customer_key == "party.id" and "party_types" not in profile.model_fields_set:
            types = PARTY_TYPES
        self._types = frozenset(map(folded, types))
        self._typed_by_role = profile.party_type_is_role
        self._owning: dict[tuple[str | None, str | None], bool] = {}
        self._single: dict[tuple[str | int | None, str | None, str | None, str | None], Owners] = {}

    def owners(self, parties: Sequence[RelatedParty] | None) -> Owners:
        """The customers among the related parties, by the profile's roles and types, in any case.

        Both must fit: the id of an Individual is no customer number, whatever the role. A party without a role is an
        owner only where its type is such a role: a missing word must not open a row. A row whose only customers are of
        other types is `Strangers`', which is not the same as naming nobody (`Unnamed`).
        """
        if not parties:
            return UNNAMED
        if len(parties) > 1 or parties[0].party_or_party_role is not None:
            return self._owners(parties)
        # Most rows name one party, and the rows of one customer the same: all that is looked at is in this key.
        (one,) = parties
        said = one.id, one.role, one.referred_type, one.type
        owners = self._single.get(said)
        if owners is None:
            owners = self._owners(parties)
            if len(self._single) >= _MOST_KEPT:
                self._single.clear()
            self._single[said] = owners
        return owners

    def _owners(self, parties: Sequence[RelatedParty]) -> Owners:
        found = ids([one.party_or_party_role or one for one in parties if self._owns(one)])
        if found:
            return Known(found)
        return STRANGERS if any(map(self._is_strange, parties)) else UNNAMED

    def _is_strange(self, party: RelatedParty) -> bool:
        """Whether it is a customer by its role and of a type whose id is no customer number here."""
        if id_of(party.party) is None or folded(party.role) not in self._roles:
            return False
        kind = party.party.kind or party.kind
        self.warn_once(f"rows name their customer as {kind!r}, which is none of party_types: they are nobody's")
        return True

    def customer(self, party: RelatedParty | None) -> str | None:
        """The customer number of a party whose role is beside the point: None unless its type says that it is one."""
        return id_of(party.party) if party is not None and folded(party.party.kind) in self._types else None

    def _owns(self, party: RelatedParty) -> bool:
        """Whether role and type fit; the same few come again and again."""
        inner = party.party_or_party_role
        said = party.role, (party.kind if inner is None else inner.kind or party.kind)
        known = self._owning.get(said)
        if known is None:
            role, kind = map(folded, said)
            is_role = kind in self._roles and (kind in self._types or kind not in PARTIES or self._typed_by_role)
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
            self.warn_once("an amount is not finite, or is longer than any amount")
            return None
        return value

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
            self.warn_once(f"the word {raw!r} is not known: name its standard form in the profile (words)")
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

    def own_word(self, standard: str) -> str:
        """How the system itself spells a standard word: the profile's first word for it, or the standard's."""
        wanted = folded(standard)
        return next((own for own, word in self._own.items() if folded(word) == wanted), standard)


def by_word(members: Iterable[E]) -> dict[str, E]:
    """A table for `Reader.word`: enum members by their value, which is the standard's word, without case."""
    return {str(member.value).casefold(): member for member in members}
