"""Customers as this system knows them: by the CRM's number, by the party behind them, or by a number of its own.

A layer over rows that name customers by number. The CRM always says what the others may know its customers by: the
party in ``engagedParty``, the other number as the characteristic ``billingNumber``.
"""

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from sandbox.data.shapes import Row
from sandbox.protocol.query import Condition, Query

CustomersAs = Literal["number", "party", "reference"]

_NO_NUMBER: Final = "none"


@dataclass(frozen=True, slots=True)
class CustomerKeys:
    """How a system writes a customer's number: some text around it, or around another number that runs beside it."""

    before: str = ""
    after: str = ""
    shift: int = 0
    is_party: bool = False

    @classmethod
    def of(cls, known: CustomersAs, reference: str, shift: int) -> "CustomerKeys | None":
        """From the switches; None where it is the number itself."""
        if known == "number":
            return None
        if known == "party":
            return cls("P", is_party=True)
        before, _, after = reference.partition("{}")
        return cls(before, after, shift)

    def write(self, number: str) -> str:
        """Return what the system calls the customer."""
        return f"{self.before}{int(number) + self.shift}{self.after}"

    def read(self, key: str) -> str:
        """Return the number of the customer that the system calls `key`; one that nobody has where it knows nobody."""
        middle = key[len(self.before) : len(key) - len(self.after)]
        if not middle.isdigit() or key != f"{self.before}{middle}{self.after}":
            return _NO_NUMBER
        return str(int(middle) - self.shift)

    def natively(self, query: Query) -> Query:
        """Return the query with customers' numbers, for finding rows that may match."""
        return replace(
            query, groups=tuple(tuple(self._condition(condition) for condition in group) for group in query.groups)
        )

    def row_of(self, row: Row) -> Row:
        """Return the row with customers as the system knows them, wherever in it they are named."""
        return {key: self._value(key, value) for key, value in row.items()}

    def _condition(self, condition: Condition) -> Condition:
        if condition.path != "relatedParty.id":
            return condition
        return replace(condition, values=tuple(map(self.read, condition.values)))

    def _value(self, key: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(key, item) for item in value]
        if not isinstance(value, dict):
            return value
        return self.row_of(self._party(value) if key in ("relatedParty", "payer") else value)

    def _party(self, party: Row) -> Row:
        if party.get("@referredType") != "Customer" or not party.get("id", "").isdigit():
            return party
        changed = party | {"id": self.write(party["id"])}
        return changed | {"@referredType": "Individual"} if self.is_party else changed
