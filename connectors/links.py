"""How a system writes ids of other systems' records: the customers that own its rows, and records its rows refer to.

Operators set this (``systems.<domain>.customer_key`` and ``references``); the resolvers translate the ids.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Literal, Self, get_type_hints

CUSTOMER_KEY: Final = r"^(customer\.id|party\.id|external:\S+)$"
"""Pattern of the setting `customer_key`."""

REFERENCE: Final = r"^[^{}]*\{id\}[^{}]*$"
"""Pattern of a value of the setting `references`: a text in which ``{id}`` stands for the id."""

Entity = str
"""A type of record that rows of another system refer to, such as `service`."""


@dataclass(frozen=True, slots=True)
class RefersTo:
    """Annotates a record's attribute that holds ids of another system's records of type `entity`."""

    entity: Entity


@cache
def references_of(record: Any) -> Mapping[str, Entity]:
    """The attributes of a record class that hold ids of other systems' records, each with these records' type."""
    hints = get_type_hints(record, include_extras=True)
    return {
        name: mark.entity
        for name in getattr(record, "__struct_fields__", ())
        for mark in getattr(hints[name], "__metadata__", ())
        if isinstance(mark, RefersTo)
    }


def referred_to(port: type[Any]) -> list[Entity]:
    """The types of record, sorted, to which the port's records refer: the keys allowed in the system's `references`."""
    records = [one for one in vars(sys.modules[port.__module__]).values() if isinstance(one, type)]
    held = {
        entity
        for record in records
        if record.__module__ == port.__module__
        for entity in references_of(record).values()
    }
    return sorted(held)


@dataclass(frozen=True, slots=True)
class CustomerKey:
    """The key of a customer in a system: its `party` (TMF632), or an `external` reference that the CRM keeps."""

    kind: Literal["party", "external"]
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse the setting `customer_key`; None for ``customer.id``, which needs no translation."""
        if text == "customer.id":
            return None
        if text == "party.id":
            return cls("party")
        return cls("external", text.removeprefix("external:"))

    def __str__(self) -> str:
        return "party.id" if self.kind == "party" else f"external:{self.name}"

    @property
    def attributes(self) -> frozenset[str]:
        """The attributes of `connectors.crm.port.Customer` that hold this key."""
        return frozenset({"party_id", "party_kind"} if self.kind == "party" else {"external_ids"})

    @property
    def is_unique(self) -> bool:
        """Whether two customers with the same key are an error. One party may be several customers."""
        return self.kind == "external"


@dataclass(frozen=True, slots=True)
class Reference:
    """How a system writes the id of another system's record, such as ``urn:ngsi-ld:service:{id}``."""

    before: str
    after: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a value of the setting `references`, which matches `REFERENCE`."""
        before, _, after = text.partition("{id}")
        return cls(before, after)

    def write(self, key: str) -> str:
        """The id as this system writes it."""
        return f"{self.before}{key}{self.after}"

    def read(self, text: str) -> str | None:
        """The id in a text of this system; None if the text does not have this form."""
        size = len(self.before) + len(self.after)
        if len(text) <= size or not (text.startswith(self.before) and text.endswith(self.after)):
            return None
        return text[len(self.before) : len(text) - len(self.after)]


@dataclass(frozen=True, slots=True)
class Links:
    """How one system writes ids of other systems' records. By default it uses their own ids."""

    customer_key: CustomerKey | None = None
    references: Mapping[str, Reference] = field(default_factory=dict)

    @classmethod
    def parse(cls, customer_key: str, references: Mapping[Entity, str]) -> Self:
        """Parse the settings `customer_key` and `references`."""
        return cls(CustomerKey.parse(customer_key), {name: Reference.parse(text) for name, text in references.items()})
