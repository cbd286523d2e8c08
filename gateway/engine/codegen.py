"""Generates Python from a plan: a function per object type, which makes the object's dictionary and notes its edges.

The functions handle values that match the schema. Any other value raises `UnexpectedValue`, and the block is completed
again, value by value, in `gateway.engine.failures`.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final, TypeVar

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    get_nullable_type,
    specified_scalar_types,
)
from graphql.pyutils import Undefined, inspect
from strawberry.types.scalar import ScalarDefinition

from gateway.engine.declared import DEFINITION, IsOfOtherClass, Prefixing, Writer
from gateway.engine.plan import (
    VALUE_BYTES,
    AttributeField,
    Block,
    EdgeField,
    MutationField,
    ObjectPlan,
    Plan,
    PlannedField,
    Selected,
    StepField,
    TypenameField,
    ValueField,
    WithheldField,
)
from gateway.engine.turns import Work

Build = Callable[[Any], Any]
"""A function from what a block's edge found to the value in the answer."""

LongList = tuple[list[Any], Sequence[Any], Callable[[Sequence[Any]], list[Any]]]
"""A list of the answer that is still empty, what was found for it, and the function from a part of it to the items."""

LONG_LIST: Final = 50
"""Items from which a list is filled later, with turns for others."""

_OF_UNIT: Final = 30
"""Most objects of one function, and most blocks: Python compiles each without an interruption."""

BY_CLASS: Final = "is_type_of_class"
"""Attribute of a type whose `is_type_of` depends on an object's class only."""

_FUNCTION: Final = "blocks"

_TESTS: Final = {
    "String": "{v}.__class__ is str and (len({v}) <= 40 or not size(len({v}) if {v}.isascii() else 3 * len({v})))",
    "ID": "{v}.__class__ is str",
    "Boolean": "{v}.__class__ is bool",
    "Int": "{v}.__class__ is int and -2147483648 <= {v} <= 2147483647",
    "Float": "{v}.__class__ is float and -1.7976931348623157e308 <= {v} <= 1.7976931348623157e308",
}
"""Python tests for values of built-in scalars that coercion would not change. A long text is counted."""


class NullForNonNull(TypeError):
    """A null for a non-null type."""


class UnexpectedValue(Exception):
    """A value does not match the schema, so that `gateway.engine.failures` must complete the block."""


def _unexpected() -> Any:
    raise UnexpectedValue


def coercion(leaf: GraphQLLeafType) -> Callable[[Any], Any]:
    """The leaf type's coercion of a value that is not null. Raises what graphql-core raises."""

    def coerce(value: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        if value is Undefined:
            raise NullForNonNull("There is no value.")
        coerced = leaf.coerce_output_value(value)
        if coerced is Undefined or coerced is None:
            raise TypeError(
                f"Expected `{inspect(leaf)}.coerce_output_value({inspect(value)})` to return non-nullable value,"
                f" returned: {inspect(coerced)}"
            )
        return coerced

    return coerce


def generated(plan: Plan) -> Work[tuple[list[Callable[..., list[Build]]], int]]:
    """Functions that each run of the plan calls: together they return one `Build` for each block, in their order.

    Their parameters are (values, subjects, places, infos, later, size, objects, noted). By field number, `values` has
    the functions from object to value, and `infos` the `info` for types. By number of an edge's field, `subjects` and
    `places` have the lists to which objects and their dictionaries are added. `later` is called with each long list,
    and `size` with the bytes that an answer gets by a list or a long text. `objects` is a dictionary in which one
    leaves its functions for those after it. By number of an object's plan, `noted` has the lists to which objects are
    added of which fields are read that are noted. And how many characters their source has.
    """
    functions: list[Callable[..., list[Build]]] = []
    characters = 0
    for writer in _writers(plan):
        names, written = writer.names, writer.source()
        characters += len(written)
        yield
        exec(compile(written, "<plan>", "exec"), names)  # noqa: S102  # our own text: names and numbers only
        functions.append(names.pop(_FUNCTION))  # or the function would hold what holds it
        yield
    return functions, characters


def source(plan: Plan) -> str:
    """The source of the functions that `generated` returns."""
    return "\n".join(writer.source() for writer in _writers(plan))


_T = TypeVar("_T")


def _units(some: Sequence[_T]) -> list[Sequence[_T]]:
    """What is compiled together."""
    return [some[first : first + _OF_UNIT] for first in range(0, len(some), _OF_UNIT)]


def _writers(plan: Plan) -> list["_Writer"]:
    """Usually one. Of a large plan first of the objects, those within others before these, then of the blocks."""
    if len(plan.objects) <= _OF_UNIT and len(plan.blocks) <= _OF_UNIT:
        return [_Writer(plan.objects, plan.blocks)]
    within_first = _units(plan.objects[::-1])  # what is within an object has a higher number
    objects = [_Writer(one[::-1], [], objects_are_left=True) for one in within_first]
    return objects + [_Writer([], one) for one in _units(plan.blocks)]


class _Writer:
    """Writes the function. In it `o` is an object, `d` its dictionary, `v` a value and `x` an item of a list.

    Names with a number are in `names`, or are bound by the first lines.
    """

    def __init__(
        self, objects: Sequence[ObjectPlan], blocks: Sequence[Block], *, objects_are_left: bool = False
    ) -> None:
        """For these objects, and for the blocks, which it returns. `objects_are_left`: for functions after it."""
        self._objects, self._blocks, self._objects_are_left = objects, blocks, objects_are_left
        self._used: set[int] = set()
        self.names: dict[str, Any] = {
            "unexpected": _unexpected,
            # Other iterables may be readable only once, and a block may be made twice: `failures` reads them.
            "LISTS": frozenset([list, tuple, type({}.values())]),
            "Undefined": Undefined,
        }
        self._values: set[int] = set()
        self._edges: set[int] = set()
        self._tables: list[str] = []
        self._lists: list[str] = []
        self._list_count = 0

    def source(self) -> str:
        bodies = [line for one in self._objects for line in self._object(one)]
        entries: list[str] = []
        for block in self._blocks:
            entries += [f"    def block_{block.number}(v):", f"        return {self._entry(block)}"]
        head = [f"    value_{n} = values[{n}]" for n in sorted(self._values)]
        edges = sorted(self._edges)
        head += [f"    object_of_{n}, place_of_{n} = subjects[{n}].append, places[{n}].append" for n in edges]
        blocks = ", ".join(f"block_{block.number}" for block in self._blocks)
        own = {one.number for one in self._objects}
        head += [f"    object_{n} = objects[{n}]" for n in sorted(self._used - own)]
        head += [f"    note_{one.number} = noted[{one.number}].append" for one in self._objects if one.noted]
        if self._objects_are_left:
            entries += [f"    objects[{n}] = object_{n}" for n in sorted(own)]
        lines = [
            f"def {_FUNCTION}(values, subjects, places, infos, later, size, objects, noted):",
            *head,
            *bodies,
            *self._tables,
            *self._lists,
            *entries,
        ]
        return "\n".join([*lines, f"    return [{blocks}]", ""])

    def _entry(self, block: Block) -> str:
        if block.reached_by is not None:
            return self._value(block.reached_by.type, block.reached_by, "v")
        assert block.selected is not None  # noqa: S101  # the root is an object
        return self._one(block.selected, "v")  # the root object may be None, and is no null value

    def _object(self, one: ObjectPlan) -> list[str]:
        lines = [f"    def object_{one.number}(o):  # {one.type.name}", *self._checked(one)]
        lines += [f"        note_{one.number}(o)"] if one.noted else []
        known = self._known(one)
        tests = [f"known_{number}" for number in sorted(set(known.values()))]
        lines += [f"        known_{number} = {self._question(number)}" for number in sorted(set(known.values()))]
        items = [f"            {field.key!r}: {self._field(one, field, known)}," for field in one.fields]
        edges = [field for field in one.fields if isinstance(field, EdgeField)]
        if not edges:
            return [*lines, "        return {", *items, "        }"]
        if len(known) == len(edges):  # most objects hold all: nothing more is asked of each field then
            whole = [
                f"                {field.key!r}: {self._field(one, field, known, holds=True)}," for field in one.fields
            ]
            lines += [f"        if {' and '.join(tests)}:", "            return {", *whole, "            }"]
        lines += ["        d = {", *items, "        }"]
        for field in edges:
            self._edges.add(field.number)
            when = f"if not known_{known[field.number]}: " if field.number in known else ""
            lines.append(f"        {when}object_of_{field.number}(o); place_of_{field.number}(d)")
        return [*lines, "        return d"]

    def _checked(self, one: ObjectPlan) -> list[str]:
        """Lines that check an object's type. A class is checked once if `is_type_of` depends on it only."""
        # Failures come as values, and nothing else would notice them if only edges are selected.
        checks = ["if isinstance(o, Exception): unexpected()"]
        if not any(isinstance(field, AttributeField) for field in one.fields):
            checks.append("if o is Undefined: unexpected()")
        n, is_type_of = one.number, one.type.is_type_of
        if is_type_of is None or one.is_root:
            return [f"        {check}" for check in checks]
        self.names[f"is_type_{n}"] = is_type_of
        checks.append(f"if not is_type_{n}(o, infos[{one.field_number}]): unexpected()")
        if not getattr(getattr(is_type_of, "__self__", None), BY_CLASS, False):
            return [f"        {check}" for check in checks]
        self.names[f"classes_{n}"] = set()
        seen = [f"        if o.__class__ not in classes_{n}:", *(f"            {check}" for check in checks)]
        return [*seen, f"            classes_{n}.add(o.__class__)"]

    def _known(self, one: ObjectPlan) -> dict[int, int]:
        """For edges whose value the object may already hold: the number of the test for it, by field number."""
        asked: dict[int, int] = {}
        known: dict[int, int] = {}
        for field in one.fields:
            if isinstance(field, EdgeField) and field.edge.known:
                number = asked.setdefault(id(field.edge.known), field.number)
                self.names[f"is_known_{number}"] = field.edge.known
                known[field.number] = number
        return known

    def _question(self, number: int) -> str:
        """The expression that tests whether the object holds what an edge would load; a class test is inlined."""
        asked = self.names[f"is_known_{number}"]
        if not isinstance(asked, IsOfOtherClass):
            return f"is_known_{number}(o)"
        self.names[f"class_{number}"] = asked.kind
        return f"o.__class__ is not class_{number}"

    def _field(self, one: ObjectPlan, field: PlannedField, known: dict[int, int], *, holds: bool = False) -> str:
        """The expression of the field's value. `holds`: the object is known to hold what edges would load."""
        match field:
            case TypenameField():
                return repr(one.type.name)
            case WithheldField():
                return "unexpected()"  # each has an error with its path: `failures` makes them
            case MutationField():
                return "None"
            case EdgeField() if field.number not in known:
                return "None"
            case StepField(step=Prefixing(prefix=prefix)):
                return f"({prefix!r} + o.id)"  # a text, or it raises
            case AttributeField(attribute=name):
                value = f"o.{name}"
            case EdgeField(edge=edge) if isinstance(edge.step, str):
                value = f"o.{edge.step}"
            case _:
                self._values.add(field.number)
                value = f"value_{field.number}(o)"
        assert isinstance(field, ValueField)  # noqa: S101  # there is no other field
        made = self._value(field.type, field, value)
        if field.number not in known or holds:
            return made
        return f"({made} if known_{known[field.number]} else None)"

    def _value(self, kind: GraphQLOutputType, field: ValueField, value: str) -> str:
        """The expression that completes `value`, null included."""
        empty = "None"
        if isinstance(kind, GraphQLNonNull):
            kind, empty = kind.of_type, "unexpected()"
        name, read = (value, value) if value in ("v", "x") else ("v", f"(v := {value})")
        if isinstance(kind, GraphQLList):
            item = self._value(kind.of_type, field, "x")
            size = VALUE_BYTES + _bytes(field.selected)
            short = f"{name}.__class__ in LISTS and (n := len({name})) <= {LONG_LIST} and not size(n * {size})"
            made = f"[{item} for x in {name}] if {short} else {self._long(item, size)}({name})"
        elif isinstance(kind, GraphQLLeafType):
            made = self._leaf(kind, field.number, name)
            if field.mask is not None:
                self.names[f"mask_{field.number}"] = field.mask
                made = f"mask_{field.number}({made})"
        else:
            assert field.selected is not None  # noqa: S101  # a composite type has a selection
            made = self._one(field.selected, name)
        return f"({empty} if {read} is None else {made})"

    def _long(self, item: str, size: int) -> str:
        """The name of a function that makes an empty list, and notes that it is to be filled."""
        number = self._list_count = self._list_count + 1
        self._lists += [
            f"    def items_{number}(some):",
            f"        return [{item} for x in some]",
            f"    def list_{number}(v):",
            "        if v.__class__ not in LISTS: unexpected()",
            f"        size(len(v) * {size})",
            "        made = []",
            f"        later((made, v if v.__class__ is list else [*v], items_{number}))",
            "        return made",
        ]
        return f"list_{number}"

    def _one(self, selected: Selected, name: str) -> str:
        if isinstance(selected.type, GraphQLObjectType):
            only = selected.by_type[selected.type.name].number
            self._used.add(only)
            return f"object_{only}({name})"
        self._used |= {one.number for one in selected.by_type.values()}
        first = next(iter(selected.by_type.values()))
        n = first.number
        self.names[f"resolve_type_{n}"] = selected.type.resolve_type
        self.names[f"type_{n}"] = selected.type
        table = ", ".join(f"{type_name!r}: object_{one.number}" for type_name, one in selected.by_type.items())
        self._tables.append(f"    objects_{n} = {{{table}}}  # {selected.type.name}")
        return f"objects_{n}[resolve_type_{n}({name}, infos[{first.field_number}], type_{n})]({name})"

    def _leaf(self, leaf: GraphQLLeafType, number: int, v: str) -> str:
        """The expression that coerces the variable `v`, which is not null."""
        self.names[f"coerced_{number}"] = coercion(leaf)
        slow = f"coerced_{number}({v})"
        if leaf.name in _TESTS and specified_scalar_types.get(leaf.name) is leaf:
            return f"({v} if {_TESTS[leaf.name].format(v=v)} else {slow})"
        if isinstance(leaf, GraphQLEnumType) and (table := _members(leaf)):
            self.names[f"members_{number}"], self.names[f"enum_{number}"] = table
            return f"(members_{number}[{v}._name_] if {v}.__class__ is enum_{number} else {slow})"
        definition = leaf.extensions.get(DEFINITION)
        serialize: Any = definition.serialize if isinstance(definition, ScalarDefinition) else None
        if serialize is str:  # of a text it is the text
            return f"({v} if {v}.__class__ is str else {slow})"
        if isinstance(serialize, Writer):
            kind, write = f"kind_{leaf.name}", f"write_{leaf.name}"
            self.names |= {kind: serialize.kind, write: serialize.write}
            return f"({write}({v}) if {v}.__class__ is {kind} else {slow})"
        return slow


def block_bytes(block: Block) -> int:
    """About how many bytes one value of the block has as JSON, without the items of its lists."""
    if block.reached_by is not None and isinstance(get_nullable_type(block.reached_by.type), GraphQLList):
        return 0
    return _bytes(block.selected)


def _bytes(selected: Selected | None) -> int:
    """The same for an object of the largest possible type, with the objects in it."""
    return max(map(_object_bytes, selected.by_type.values()), default=0) if selected is not None else 0


def _object_bytes(one: ObjectPlan) -> int:
    embedded = (
        field.selected
        for field in one.fields
        if isinstance(field, ValueField)
        and not isinstance(field, EdgeField | MutationField)
        and not isinstance(get_nullable_type(field.type), GraphQLList)
    )
    return one.bytes + sum(map(_bytes, embedded))


def _members(leaf: GraphQLEnumType) -> tuple[dict[str, str], type[Enum]] | None:
    """The coerced values of an enum's members by name, and its class; None if it is no Python enum."""
    members = getattr(leaf, "wrapped_cls", None)
    if not (isinstance(members, type) and issubclass(members, Enum)):
        return None
    try:
        return {name: leaf.coerce_output_value(member) for name, member in members.__members__.items()}, members
    except (ValueError, GraphQLError):
        return None
