"""How one system names what another keeps: the customers, and records that its own rows refer to.

It stands in the settings (``systems.<domain>.customer_key`` and ``references``) and is looked up by the resolvers.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Literal, Self, get_type_hints

CUSTOMER_KEY: Final = r"^(customer\.id|party\.id|external:\S+)$"
"""What may stand in the settings as `customer_key`."""

REFERENCE: Final = r"^[^{}]*\{id\}[^{}]*$"
"""What may stand in the settings as one of `references`: how the id is written, with ``{id}`` for it."""

Entity = str
"""What rows of another system refer to, such as `service`."""


@dataclass(frozen=True, slots=True)
class RefersTo:
    """Marks a record's attribute (in its annotation) that holds ids of another system's records, and says of what."""

    entity: Entity


@cache
def references_of(record: Any) -> Mapping[str, Entity]:
    """The attributes of a kind of record (its class) that hold ids of another system's records, and of what."""
    hints = get_type_hints(record, include_extras=True)
    return {
        name: mark.entity
        for name in getattr(record, "__struct_fields__", ())
        for mark in getattr(hints[name], "__metadata__", ())
        if isinstance(mark, RefersTo)
    }


def referred_to(port: type[Any]) -> list[Entity]:
    """Of what the records beside a port hold ids, sorted: what its system's `references` may say something about."""
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
    """What a system knows customers by: the `party` (TMF632), or an `external` reference that the CRM keeps."""

    kind: Literal["party", "external"]
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """From the settings' spelling; None for ``customer.id``, where there is nothing to look up."""
        if text == "customer.id":
            return None
        if text == "party.id":
            return cls("party")
        return cls("external", text.removeprefix("external:"))

    def __str__(self) -> str:
        return "party.id" if self.kind == "party" else f"external:{self.name}"

    @property
    def attributes(self) -> frozenset[str]:
        """The attributes of `connectors.crm.port.Customer` that hold it."""
        return frozenset({"party_id", "party_kind"} if self.kind == "party" else {"external_ids"})

    @property
    def is_unique(self) -> bool:
        """Whether two customers with the same one are a mistake. A party may well be a customer twice."""
        return self.kind == "external"


@dataclass(frozen=True, slots=True)
class Reference:
    """How a system writes the id of another system's record, such as ``urn:ngsi-ld:service:{id}``."""

    before: str
    after: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """From the settings' spelling, which fits `REFERENCE`."""
        before, _, after = text.partition("{id}")
        return cls(before, after)

    def write(self, key: str) -> str:
        """The other system's id as this system has it."""
        return f"{self.before}{key}{self.after}"

    def read(self, text: str) -> str | None:
        """The other system's id; None where the text is not written so."""
        size = len(self.before) + len(self.after)
        if len(text) <= size or not (text.startswith(self.before) and text.endswith(self.after)):
            return None
        return text[len(self.before) : len(text) - len(self.after)]


@dataclass(frozen=True, slots=True)
class Links:
    """One system's way to name what others keep. By default every id is the other system's own."""

    customer_key: CustomerKey | None = None
    references: Mapping[str, Reference] = field(default_factory=dict)

    @classmethod
    def parse(cls, customer_key: str, references: Mapping[Entity, str]) -> Self:
        """From the settings."""
        return cls(CustomerKey.parse(customer_key), {name: Reference.parse(text) for name, text in references.items()})
