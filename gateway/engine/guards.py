"""Fields that need a right: which right, and what a caller without it gets.

A field is withheld (null, with an error, and nothing is loaded for it) or masked (its text is shown in part). A guard
is a directive in the field's Strawberry definition that has the shape of `declared.Guard`. Rights are texts, and whose
they are is not known here. What a caller lacks is a number, of which each bit stands for a guard: plans are made for
such a number, so that nothing is asked for each object, and a caller who lacks nothing has the number 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLString,
    Visitor,
    get_named_type,
    is_introspection_type,
    visit,
)
from graphql.pyutils import is_awaitable

from gateway.engine.declared import DEFINITION, Context, Guard
from gateway.engine.prepared import Prepared
from gateway.engine.refusals import refuse

WITHHELD: Final = "FORBIDDEN_FIELD"
"""Code of the error of a field that is withheld."""

Rights = frozenset[str] | None
"""What a caller may do; None: everything."""

_MOST_KNOWN: Final = 256
"""Most sets of rights whose numbers are remembered."""

_NOTHING: Final = frozenset[tuple[str, str]]()


@dataclass(frozen=True, slots=True)
class FieldGuard:
    """A guard of one field: any of `needs` will do, if the caller has all rights in it. Without a mask: withheld."""

    type_name: str
    name: str
    number: int
    needs: tuple[frozenset[str], ...]
    mask: Callable[[str], str] | None

    @property
    def bit(self) -> int:
        """What stands for it among what is lacking."""
        return 1 << self.number

    def is_open(self, rights: Rights) -> bool:
        """Whether these rights are enough."""
        return rights is None or any(one <= rights for one in self.needs)

    def error(self, rights: Rights) -> GraphQLError:
        """The error of a field that is withheld. It names the rights that are missing."""
        missing = [sorted(one - (rights or frozenset())) for one in self.needs]
        ways = ", or ".join(" and ".join(f"'{right}'" for right in way) for way in missing)
        scopes = "scope" if len(missing) == 1 == len(missing[0]) else "scopes"
        return refuse(
            f"Reading {self.type_name}.{self.name} needs the {scopes} {ways}, which this caller does not have."
            " Leave the field out, or sign in with more.",
            WITHHELD,
        )


@dataclass(frozen=True, slots=True)
class FieldGuards:
    """The guards of one field."""

    withholds: FieldGuard | None
    masks: FieldGuard | None


class Guards:
    """All guards of a schema.

    What a caller lacks is a number: a bit for each guard that is not open to it and, `count` bits further up, for each
    mask whose lifting is noted. Nothing is noted of who may do everything.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        """Raises TypeError for a guard of a field that cannot have it."""
        self._schema = schema
        self.of_field: dict[tuple[str, str], FieldGuards] = {}
        self._all: list[FieldGuard] = []
        for kind in schema.type_map.values():
            if isinstance(kind, GraphQLObjectType) and not is_introspection_type(kind):
                for name, field in kind.fields.items():
                    directives = getattr(field.extensions.get(DEFINITION), "directives", None) or ()
                    if found := [one for one in directives if isinstance(one, Guard)]:
                        self.of_field[kind.name, name] = self._guards(kind, name, found)
        self._count = len(self._all)
        self._names = frozenset(name for _, name in self.of_field)
        self._known: dict[tuple[Rights, frozenset[str]], int] = {}

    def __bool__(self) -> bool:
        return bool(self._all)

    def _guards(self, kind: GraphQLObjectType, name: str, found: Sequence[Guard]) -> FieldGuards:
        field, place = kind.fields[name], f"{kind.name}.{name}"
        withholds = [one for one in found if one.mask is None]
        masks = [one for one in found if one.mask is not None]
        if len(withholds) > 1 or len(masks) > 1:
            raise TypeError(f"{place} has two guards of one sort")
        # A null would make the whole object null, with all that the caller may read. A subscription is not begun.
        if withholds and isinstance(field.type, GraphQLNonNull) and kind is not self._schema.subscription_type:
            raise TypeError(f"{place} can never be null, so it cannot be withheld: only fields that may be null can")
        if masks and get_named_type(field.type) is not GraphQLString:
            raise TypeError(f"{place} is no text, so it cannot be masked")
        return FieldGuards(
            self._guard(kind.name, name, withholds[0]) if withholds else None,
            self._guard(kind.name, name, masks[0]) if masks else None,
        )

    def _guard(self, type_name: str, name: str, one: Guard) -> FieldGuard:
        needs = tuple(map(frozenset[str], one.needs))
        made = FieldGuard(type_name, name, len(self._all), needs, one.mask)
        self._all.append(made)
        return made

    def lacking(self, rights: Rights, noted: frozenset[str] = frozenset()) -> int:
        """The number of what a caller with these rights lacks. `noted` are the rights whose use is noted."""
        if rights is None or not self._all:
            return 0
        number = self._known.get((rights, noted))
        if number is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            number = self._known[rights, noted] = self._number(rights, noted)
        return number

    def of_context(self, context: Context) -> int:
        """The number of what the caller of this context lacks."""
        return self.lacking(context.rights, context.noted_rights) if self._all else 0

    def _number(self, rights: frozenset[str], noted: frozenset[str]) -> int:
        number = 0
        for one in self._all:
            if not one.is_open(rights):
                number |= one.bit
            elif one.mask is not None and noted and not one.is_open(rights - noted):
                number |= one.bit << self._count
        return number

    def in_document(self, prepared: Prepared, lacking: int) -> int:
        """What is lacking of what a document may ask for, by the names of its fields."""
        if not lacking:
            return 0
        asked: int | None = prepared.derived.get(self)
        if asked is None:
            names = _Names()
            visit(prepared.document, names)
            of_names = [one.bit for one in self._all if one.name in names.found]
            asked = prepared.derived[self] = sum(of_names) * ((1 << self._count) + 1)
        return lacking & asked

    def withheld(self, lacking: int) -> frozenset[tuple[str, str]]:
        """The fields that are withheld, by the names of their type and their own."""
        if not lacking:
            return _NOTHING
        return frozenset((one.type_name, one.name) for one in self._all if one.mask is None and lacking & one.bit)

    def withholding(self, type_name: str, name: str, lacking: int) -> FieldGuard | None:
        """The guard that withholds a field, if one does."""
        guard = found.withholds if (found := self.of_field.get((type_name, name))) else None
        return guard if guard is not None and lacking & guard.bit else None

    def masking(self, type_name: str, name: str, lacking: int) -> FieldGuard | None:
        """The guard that masks a field, if one does."""
        guard = found.masks if (found := self.of_field.get((type_name, name))) else None
        return guard if guard is not None and lacking & guard.bit else None

    def notes(self, type_name: str, name: str, lacking: int) -> bool:
        """Whether it is to be noted that a field is read in full."""
        guard = found.masks if (found := self.of_field.get((type_name, name))) else None
        return guard is not None and bool(lacking & guard.bit << self._count)

    def enforce(self) -> None:
        """Make the schema's resolvers obey, for operations that graphql-core runs. This changes the schema."""
        for (type_name, name), found in self.of_field.items():
            kind: Any = self._schema.type_map[type_name]
            kind.fields[name].resolve = self._obeying(kind.fields[name].resolve, type_name, name, found)

    def _obeying(
        self, resolve: Callable[..., Any], type_name: str, name: str, found: FieldGuards
    ) -> Callable[..., Any]:
        withholds, masks = found.withholds, found.masks

        def resolved(parent: Any, info: GraphQLResolveInfo[Context], **arguments: Any) -> Any:
            lacking = self.of_context(info.context)
            if withholds is not None and lacking & withholds.bit:
                raise withholds.error(info.context.rights)
            value = resolve(parent, info, **arguments)
            if masks is None or not lacking:
                return value
            if lacking & masks.bit:
                assert masks.mask is not None  # noqa: S101  # a guard that masks has one
                return _masked_later(value, masks.mask) if is_awaitable(value) else masked(value, masks.mask)
            if self.notes(type_name, name, lacking):
                info.context.note_read(type_name, (name,), (parent,))
            return value

        return resolved


class _Names(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        """Note the field's name."""
        self.found.add(node.name.value)


def masked(value: Any, mask: Callable[[str], str]) -> Any:
    """A text, or those of a list, as the mask shows them. Raises for what cannot be a text, as its type does."""
    if value is None or isinstance(value, Exception):
        return value
    if isinstance(value, list | tuple):
        return [masked(one, mask) for one in value]
    return mask(GraphQLString.coerce_output_value(value))


async def _masked_later(value: Any, mask: Callable[[str], str]) -> Any:
    return masked(await value, mask)
