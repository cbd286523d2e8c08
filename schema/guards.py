"""What only callers with a scope may read: directives at fields, which the engine obeys and the printed schema shows.

A field without a scope is null with the error FORBIDDEN_FIELD (`requires`), or its text is shown in part (`masked`).
Which scopes a caller has is said by the token and the settings (docs/identity.md, "Scopes and masking").
"""

import re
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from enum import Enum
from typing import Any, ClassVar, Final

import strawberry
from graphql import GraphQLField, GraphQLNonNull, GraphQLObjectType, GraphQLSchema
from strawberry.schema_directive import Location

from schema.enums import enumeration
from schema.leaves import Scope

DEFINITION: Final = "strawberry-definition"
"""Extension of a GraphQL field that holds its Strawberry definition."""

HIDDEN: Final = "***"
"""Stands for what is not shown, however long it is."""


class Mask(Enum):
    """How a text looks to callers who may not read it in full."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    NAME = "NAME"
    NUMBERS = "NUMBERS"
    TEXT = "TEXT"


enumeration(
    Mask,
    "Mask",
    "How a text looks to callers who may not read it in full.",
    {
        "EMAIL": "First letters and the ending: maria@mail.example.com is m***@m***.com.",
        "PHONE": "The last two characters of a phone or serial number: +46 8 123 45 67 is ***67.",
        "NAME": "First letters of at most three words: Ivan Svensson is I*** S***.",
        "NUMBERS": "The text, of whose long numbers only the last two digits stand: Phone number ***67.",
        "TEXT": "Nothing of it: ***.",
    },
)


class Scopes(Enum):
    """Every scope that a field of the schema asks for; `SCOPES` says what each lets a caller read."""

    USAGE = "usage:read"
    DOCUMENTS = "document:read"
    STAFF = "staff:read"
    CONTACT = "customer:contact"
    NAME = "customer:name"
    PAYMENT_MEANS = "payment:means"
    TICKET_TEXT = "ticket:text"
    IDENTIFIERS = "resource:identifiers"


SCOPES: Final[Mapping[str, str]] = {
    Scopes.USAGE.value: "what a customer has used",
    Scopes.DOCUMENTS.value: "files: bills as PDF, attachments of tickets",
    Scopes.STAFF.value: "who of the staff works on a ticket",
    Scopes.CONTACT.value: "e-mail addresses and phone numbers of customers",
    Scopes.NAME.value: "names of customers, and of places and billing accounts that are named after them",
    Scopes.PAYMENT_MEANS.value: "means of payment",
    Scopes.TICKET_TEXT.value: "what people wrote in tickets, and who wrote it",
    Scopes.IDENTIFIERS.value: "phone numbers, SIM cards and serial numbers of resources",
}
"""What each scope lets a caller read."""


@strawberry.schema_directive(
    name="requiresScopes",
    locations=[Location.FIELD_DEFINITION],
    description="Who may read the field: a caller with all scopes of one of these lists. For others it is null, with"
    " the error FORBIDDEN_FIELD, and no system is asked for it. The shape is that of Apollo Federation.",
)
class RequiresScopes:
    """`@requiresScopes`."""

    scopes: list[list[Scope]]
    mask: ClassVar[None] = None

    @property
    def needs(self) -> Sequence[Sequence[str]]:
        """The scopes, of which all of one list are enough."""
        return self.scopes


@strawberry.schema_directive(
    name="masked",
    locations=[Location.FIELD_DEFINITION],
    description="Who may read the text in full: a caller with all scopes of one of these lists. To others it looks as"
    " `as` says.",
)
class Masked:
    """`@masked`."""

    shown: Mask = strawberry.directive_field(name="as")
    scopes: list[list[Scope]]

    @property
    def needs(self) -> Sequence[Sequence[str]]:
        """The scopes, of which all of one list are enough."""
        return self.scopes

    @property
    def mask(self) -> Callable[[str], str]:
        """What makes the shown text of the whole one."""
        return _MASKS[self.shown]


def requires(scope: Scopes) -> Any:
    """For a field that callers without the scope may not read, as in ``directives=[requires(Scopes.USAGE)]``."""
    return RequiresScopes(scopes=[[Scope(scope.value)]])


def masked(shown: Mask, scope: Scopes) -> Any:
    """For a text that callers without the scope see in part only."""
    return Masked(shown=shown, scopes=[[Scope(scope.value)]])


def _email(text: str) -> str:
    """`maria@mail.example.com` as `m***@m***.com`; of what is no address, nothing."""
    name, at, host = text.strip().rpartition("@")
    if not at or not name or not host:
        return HIDDEN
    first, dot, last = host.rpartition(".")
    ending = f".{last}" if dot and first and last.isalpha() else ""
    return f"{name[0]}{HIDDEN}@{(first or host)[0]}{HIDDEN}{ending}"


def _phone(text: str) -> str:
    """The last two digits, if there are enough others: `***42`."""
    digits = [one for one in text if one.isalnum()]
    return HIDDEN + "".join(digits[-2:]) if len(digits) >= _TELLING else HIDDEN


def _name(text: str) -> str:
    """The first letter of each of the first three words: `Ivan Svensson` as `I*** S***`."""
    return " ".join(f"{word[0]}{HIDDEN}" for word in text.split()[:3]) or HIDDEN


def _numbers(text: str) -> str:
    """The text, with long numbers as phone numbers are."""
    return _LONG_NUMBER.sub(lambda found: _phone(found[0]), text)


def _text(_text: str) -> str:
    return HIDDEN


_TELLING: Final = 6
"""Characters of a number from which its last two tell little."""

_LONG_NUMBER: Final = re.compile(r"\+?\d[\d\s()./\u2010-\u2015-]{4,}\d")
"""Also with no-break spaces and the hyphens of typesetters between the digits."""

_MASKS: Final[Mapping[Mask, Callable[[str], str]]] = {
    Mask.EMAIL: _email,
    Mask.PHONE: _phone,
    Mask.NAME: _name,
    Mask.NUMBERS: _numbers,
    Mask.TEXT: _text,
}


def describe_guards(field: GraphQLField) -> None:
    """Say in a field's description what it needs: directives at fields are not seen by introspection."""
    directives = getattr(field.extensions.get(DEFINITION), "directives", None) or ()
    for one in directives:
        if isinstance(one, RequiresScopes | Masked):
            field.description = f"{field.description} {_needs(one)}"


def _needs(one: RequiresScopes | Masked) -> str:
    ways = ", or ".join(" and ".join(way) for way in one.needs)
    scopes = "scope" if [len(way) for way in one.needs] == [1] else "scopes"
    if isinstance(one, Masked):
        return f"Shown in part ({one.shown.name}) without the {scopes} {ways}."
    return f"Needs the {scopes} {ways}."


def untightenable(schema: GraphQLSchema, type_name: str, name: str) -> str | None:
    """Why a field cannot need a scope by the settings, if it cannot."""
    kind = schema.type_map[type_name]
    if not isinstance(kind, GraphQLObjectType) or name.startswith("__"):
        return f"{type_name} is no object type: name the field of one"
    if isinstance(kind.fields[name].type, GraphQLNonNull) and kind is not schema.subscription_type:
        return (
            f"{type_name}.{name} can never be null, so nobody can be kept from reading it: a null would take all of its"
            f" {type_name} along. Name the fields that lead there, or those below it"
        )
    return None


def tighten(schema: GraphQLSchema, type_name: str, name: str, needs: Sequence[Sequence[str]]) -> None:
    """Make a field need these scopes, too: all of one list, beside what it needs already. Other schemas stay."""
    kind: Any = schema.type_map[type_name]
    field = kind.fields[name]
    definition = copy(field.extensions[DEFINITION])
    others = [one for one in definition.directives if not isinstance(one, RequiresScopes)]
    before = next((one.needs for one in definition.directives if isinstance(one, RequiresScopes)), [[]])
    ways = [[*dict.fromkeys([*one, *other])] for one in before for other in needs]
    made = RequiresScopes(scopes=[[Scope(scope) for scope in way] for way in ways])
    definition.directives = [*others, made]
    field.extensions = {**field.extensions, DEFINITION: definition}
    field.description = f"{field.description} {_needs(made)}"


def mask_name(schema: GraphQLSchema, type_name: str, name: str) -> str:
    """How the text of a field looks that is masked, by the name of its `Mask`."""
    kind: Any = schema.type_map[type_name]
    return next(
        one.shown.name for one in kind.fields[name].extensions[DEFINITION].directives if isinstance(one, Masked)
    )
