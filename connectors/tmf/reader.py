"""Decodes values that TM Forum systems spell differently: owners, money, dates, enums."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from decimal import Decimal
from enum import Enum
from typing import Final, TypeVar

from connectors import records
from connectors.http.health import Health
from connectors.http.scope import current_scope
from connectors.reading.dates import Dates, parsed_date
from connectors.reading.warn_once import WarnOnce
from connectors.records import STRANGERS, UNNAMED, Known, Owners
from connectors.tmf.profile import PARTY_TYPES, Profile
from connectors.tmf.shapes import PARTIES, Money, RelatedParty, TimePeriod, folded, id_of, ids

E = TypeVar("E", bound=Enum)

_DIGITS: Final = 34
"""Most digits of a number, before and after the point and in total: those of IEEE 754 decimal128."""
_MOST_KEPT: Final = 1000
_TYPE_UNKNOWN: Final = "add it to party_types (or set party_type_is_role, if it is a role)"


class EnumDecoder(dict[str | None, E]):
    """A cache from status words to enum members, filled by `read`. Words that decode to `unknown` are not cached."""

    def __init__(self, read: Callable[[str | None], E], unknown: E) -> None:
        super().__init__({None: unknown})
        self._read, self._unknown = read, unknown

    def __missing__(self, raw: str | None) -> E:
        found = self._read(raw)
        if found is not self._unknown and len(self) < _MOST_KEPT:
            self[raw] = found
        return found


class Reader:
    """Decodes values leniently: one that cannot be decoded becomes None or UNKNOWN, and is logged once."""

    def __init__(
        self,
        system: str,
        profile: Profile,
        customer_key: str = "customer.id",
        health: Health | None = None,
    ) -> None:
        """`customer_key` is the system's setting; with `party.id`, related parties are persons and companies.

        `health` keeps what is noticed about the system's answers.
        """
        self._system, self._health = system, health
        self.warn_once = WarnOnce(system, notice=health.notice if health else None)
        zone = profile.timezone if "timezone" in profile.model_fields_set else None
        dates = Dates(zone, self.warn_once, no_date=profile.no_date_years)
        self.date = dates.read
        """Decodes a point in time; one without a time zone gets the profile's. None for no date or an invalid one."""
        self.day, self.day_end = dates.day, dates.day_end
        """Decode a day, and when it ends: in the profile's time zone; as written where the profile names none."""
        self._own = profile.words
        self._words = {folded(word): standard for word, standard in profile.words.items()}
        self._roles = frozenset(map(folded, profile.party_roles))
        types = profile.party_types
        self._of_parties = customer_key == "party.id"
        if customer_key == "party.id" and "party_types" not in profile.model_fields_set:
            types = PARTY_TYPES
        self._types = frozenset(map(folded, types))
        self._typed_by_role = profile.party_type_is_role
        self._owning: dict[tuple[str | None, str | None], bool] = {}
        self._single: dict[tuple[str | int | None, str | None, str | None, str | None], Owners] = {}

    def is_unclear(self, text: str | None) -> bool:
        """Whether a date is said that cannot be read; neither no date nor one that means none."""
        if not text or text == "0" or text.startswith("0000-00-00"):
            return False
        try:
            parsed_date(text)
        except (ValueError, OverflowError):
            return True
        return False

    def owners(self, parties: Sequence[RelatedParty] | None) -> Owners:
        """The customers among the related parties, by the profile's roles and types; letter case is ignored.

        Role and type must both fit: the id of an Individual is not a customer number, whatever the role. A party
        without a role is an owner only if its type is one of the roles, so that a missing role never grants access.
        `Strangers` if the only customers have other types; `Unnamed` if there is no customer.
        """
        if not parties:
            return UNNAMED
        if len(parties) > 1 or parties[0].party_or_party_role is not None:
            return self._owners(parties)
        # Most rows name one party, and the rows of one customer name the same. The key holds all that decides.
        (one,) = parties
        key = one.id, one.role, one.referred_type, one.type
        owners = self._single.get(key)
        if owners is None:
            owners = self._owners(parties)
            if len(self._single) >= _MOST_KEPT:
                self._single.clear()
            self._single[key] = owners
        return owners

    def _owners(self, parties: Sequence[RelatedParty]) -> Owners:
        owning = [one for one in parties if self._owns(one)]
        found = ids([one.party for one in owning])
        if found:
            return Known(found, self._kinds(found, owning))
        return STRANGERS if any(map(self._is_strange, parties)) else UNNAMED

    def _is_strange(self, party: RelatedParty) -> bool:
        """Whether the party has a customer's role, but a type whose ids are not customer numbers."""
        if id_of(party.party) is None or folded(party.role) not in self._roles:
            return False
        kind = party.party.kind or party.kind
        self.warn_once(f"rows name their customer as {kind!r}, which is not in party_types: these rows have no owner")
        return True

    def explain_unowned(self, parties: Sequence[RelatedParty], asked: Set[str], resource: str) -> bool:
        """Say why a row is nobody's that was asked for, if it names one of them under another role or type: whether.

        That is said to the operator (once in the log, in `systems` and in `gateway check`), and to staff who trace.
        """
        named = [party for party in parties if id_of(party.party) in asked and not self._owns(party)]
        for party in named:
            role, kind = folded(party.role), folded(party.party.kind or party.kind)
            if role and role not in self._roles:
                how, right = f"with the role {party.role!r:.60}", "add it to party_roles"
            elif kind and kind not in self._types:
                how, right = f"as {(party.party.kind or party.kind)!r:.60}", _TYPE_UNKNOWN
            else:
                how, right = "without a role", "name the type among party_roles"
            what = (
                f"{resource} rows name the customer asked for {how}, so that they are left out: {right} if it owns them"
            )
            self._lose(what)
        return bool(named)

    def explain_ownerless(self, resource: str) -> None:
        """Say that rows that came for customers name nobody at all, as `explain_unowned` does."""
        self._lose(f"{resource} rows that were asked for by customer have no relatedParty, so that they are left out")

    def _lose(self, what: str) -> None:
        self.warn_once(what)
        if self._health is not None:
            self._health.lose(what)
        if scope := current_scope.get():
            scope.notice(self._system, what)

    def payer(self, party: RelatedParty | None) -> Owners:
        """The customer that a party is, whatever its role; `UNNAMED` unless its type is one of the profile's."""
        known = id_of(party.party) if party is not None and folded(party.party.kind) in self._types else None
        return Known((known,), self._kinds((known,), [party])) if known and party is not None else UNNAMED

    def _kinds(self, found: Sequence[str], parties: Sequence[RelatedParty]) -> tuple[str, ...]:
        """What the row says of each id; an id that it gives to a person and to a company is of either."""
        if not self._of_parties:
            return ()
        said: dict[str, set[str]] = {}
        for one in parties:
            if (ident := id_of(one.party)) is not None:
                said.setdefault(ident, set()).add(folded(one.party.kind or one.kind))
        return tuple(next(iter(said[ident])) if len(said[ident]) == 1 else "" for ident in found)

    def _owns(self, party: RelatedParty) -> bool:
        """Whether role and type fit. Results are cached, because few combinations occur."""
        inner = party.party_or_party_role
        key = party.role, (party.kind if inner is None else inner.kind or party.kind)
        known = self._owning.get(key)
        if known is None:
            role, kind = map(folded, key)
            is_role = kind in self._roles and (kind in self._types or kind not in PARTIES or self._typed_by_role)
            known = role in self._roles and (not kind or kind in self._types or is_role) if role else is_role
            if len(self._owning) < _MOST_KEPT:
                self._owning[key] = known
        return known

    def money(self, value: Money | None) -> records.Money | None:
        """The money as a record; None unless it has a valid amount and a currency."""
        if value is None or not value.unit or (amount := self.number(value.value)) is None:
            return None
        return records.Money(amount, value.unit.strip().upper())

    def number(self, value: Decimal | None) -> Decimal | None:
        """The number; None if it is not finite or has more than 34 digits."""
        if value is None or (value.is_finite() and len(text := str(value)) <= _DIGITS and "E" not in text):
            return value  # the usual case, without counting digits
        if not value.is_finite() or abs(value.adjusted()) > _DIGITS or len(value.as_tuple().digits) > _DIGITS:
            self.warn_once("an amount is not finite, or is longer than any amount")
            return None
        return value

    def small_number(self, value: int | str | None) -> int | None:
        """The whole number; None for a text, and for one that is beyond the 32 bits of GraphQL's Int."""
        if not isinstance(value, int):
            return None
        if not -(2**31) <= value < 2**31:
            self.warn_once("a number is larger than any that stands here")
            return None
        return value

    def period(self, period: TimePeriod | None) -> records.Period | None:
        """A period of days. Start and end are swapped if the end comes first, as in some official examples."""
        if period is None:
            return None
        start, end = self.day(period.start_date_time), self.day(period.end_date_time)
        if start and end and end < start:
            start, end = end, start
        return records.Period(start, end)

    def decode_enum(self, table: Mapping[str, E], raw: str | None, unknown: E) -> E:
        """The member for a status word, translated by the profile's `words`. Case and outer blanks are ignored."""
        if raw is None:
            return unknown
        text = raw.strip()
        found = table.get(folded(self._words.get(folded(text), text)))
        if found is None:
            self.warn_once(f"sends the unknown word {raw!r}: add its standard form to the profile's `words`")
            return unknown
        return found

    def standard_word(self, raw: str | None) -> str | None:
        """The standard's word for this one by the profile's `words`; the word itself if they have none."""
        return None if raw is None else self._words.get(folded(raw), raw)

    def enum_decoder(self, table: Mapping[str, E], unknown: E) -> "EnumDecoder[E]":
        """`decode_enum` for one table, with a cache."""
        return EnumDecoder(lambda raw: self.decode_enum(table, raw, unknown), unknown)

    def spellings(self, standard: Iterable[str]) -> list[str]:
        """The standard words, and the words of the profile that mean the same."""
        wanted = list(standard)
        known = {folded(word) for word in wanted}
        return wanted + [own for own, word in self._own.items() if folded(word) in known]

    def own_word(self, standard: str) -> str:
        """How the system itself spells a standard word: the profile's first word for it, or the standard's."""
        wanted = folded(standard)
        return next((own for own, word in self._own.items() if folded(word) == wanted), standard)


def enum_table(members: Iterable[E]) -> dict[str, E]:
    """Enum members by their case-folded value, for `Reader.decode_enum`."""
    return {folded(str(member.value)): member for member in members}
