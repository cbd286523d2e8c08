"""Translates the customer numbers in rows and queries to this system's keys: party ids, or numbers of its own.

The CRM always tells the keys that other systems may use: the party id in ``engagedParty``, the other number as the
characteristic ``billingNumber``.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from sandbox.data.shapes import Row
from sandbox.protocol.query import Condition, Query

CustomersAs = Literal["number", "party", "reference"]

_NO_NUMBER: Final = "none"


@dataclass(frozen=True, slots=True)
class CustomerKeys:
    """How a system writes a customer's number: with text around it, and shifted by a constant."""

    before: str = ""
    after: str = ""
    shift: int = 0
    is_party: bool = False

    @classmethod
    def of(cls, known: CustomersAs, reference: str, shift: int) -> "CustomerKeys | None":
        """Make the keys for the switches; None if the key is the customer number itself."""
        if known == "number":
            return None
        if known == "party":
            return cls("P", is_party=True)
        before, _, after = reference.partition("{}")
        return cls(before, after, shift)

    def write(self, number: str) -> str:
        """Return the system's key for the customer."""
        return f"{self.before}{int(number) + self.shift}{self.after}"

    def read(self, key: str) -> str:
        """Return the number of the customer with this key; a number that does not exist for an invalid key."""
        middle = key[len(self.before) : len(key) - len(self.after)]
        if not middle.isdigit() or key != f"{self.before}{middle}{self.after}":
            return _NO_NUMBER
        return str(int(middle) - self.shift)

    def with_numbers(self, query: Query) -> Query:
        """Return the query with customer numbers in place of keys, to find the rows that may match."""
        return replace(
            query, groups=tuple(tuple(self._condition(condition) for condition in group) for group in query.groups)
        )

    def row_of(self, row: Row, party_type: Callable[[str], str]) -> Row:
        """Return the row with the system's keys in place of customer numbers; a party has a type by the number."""
        return {key: self._value(key, value, party_type) for key, value in row.items()}

    def _condition(self, condition: Condition) -> Condition:
        if condition.path != "relatedParty.id":
            return condition
        return replace(condition, values=tuple(map(self.read, condition.values)))

    def _value(self, key: str, value: Any, party_type: Callable[[str], str]) -> Any:
        if isinstance(value, list):
            return [self._value(key, item, party_type) for item in value]
        if not isinstance(value, dict):
            return value
        return self.row_of(self._party(value, party_type) if key in ("relatedParty", "payer") else value, party_type)

    def _party(self, party: Row, party_type: Callable[[str], str]) -> Row:
        if party.get("@referredType") != "Customer" or not party.get("id", "").isdigit():
            return party
        changed = party | {"id": self.write(party["id"])}
        return changed | {"@referredType": party_type(party["id"])} if self.is_party else changed
