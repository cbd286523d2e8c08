"""Python generated from a plan: one function per object, which makes its dictionary and notes the edges that leave it.

The functions are the fast way, for values that are as the schema says. Whatever is not raises, and the block is made
again by `gateway.engine.careful`, which knows about errors.
"""

from collections.abc import Callable
from typing import Any, Final

from graphql import (
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
)
from graphql.pyutils import Undefined

from gateway.engine.declared import IsNot, Prefixing
from gateway.engine.leaves import expression
from gateway.engine.plan import Block, FieldPlan, ObjectPlan, Plan, Selected

Build = Callable[[Any], Any]
"""From the value that a block's edge found to what stands in the answer."""

_BOUND: Final = "bound"

BY_CLASS: Final = "is_type_of_class"
"""Attribute of a type whose `is_type_of` looks at the class of an object only."""


class NotAsPromised(Exception):
    """A value is not what the schema says, or there is none where one must be: to be looked at carefully."""


def _nothing() -> Any:
    raise NotAsPromised


def _wrong_type() -> Any:
    raise NotAsPromised


def builders(plan: Plan) -> Callable[..., list[Build]]:
    """A function of (values, subjects, places, infos) that gives one `Build` per block.

    `values` has, by field number, a function from object to value; `subjects` and `places` have, by number of an
    edge's field, the lists to which objects and their dictionaries are added; `infos` has, by field number, what types
    get as `info`.
    """
    return _Writer(plan).made()


class _Writer:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._names: dict[str, Any] = {
            "NOTHING": _nothing,
            "WRONG": _wrong_type,
            # Other iterables may be read only once, and a block may be made twice: they are left to who reads last.
            "LISTS": frozenset([list, tuple]),
            "UNDEFINED": Undefined,
        }
        self._used: set[int] = set()
        self._edges: set[int] = set()

    def made(self) -> Callable[..., list[Build]]:
        bodies = [line for one in self._plan.objects for line in self._object(one)]
        entries: list[str] = []
        for block in self._plan.blocks:
            entries += [f"    def b{block.number}(v):", f"        return {self._entry(block)}"]
        head = [f"    f{n} = values[{n}]" for n in sorted(self._used)]
        head += [f"    s{n}, p{n} = subjects[{n}].append, places[{n}].append" for n in sorted(self._edges)]
        result = f"    return [{', '.join(f'b{block.number}' for block in self._plan.blocks)}]"
        source = "\n".join([f"def {_BOUND}(values, subjects, places, infos):", *head, *bodies, *entries, result])
        exec(compile(source, "<plan>", "exec"), self._names)  # noqa: S102  # our own text: names and numbers only
        made: Callable[..., list[Build]] = self._names.pop(_BOUND)  # or the function would hold what holds it
        return made

    def _entry(self, block: Block) -> str:
        if block.reached_by is None:  # The root's object is no value: it may be None, and is there nevertheless.
            return self._one(block.selected, "v")
        return self._value(block.reached_by.type, block.reached_by, block.selected, "v")

    def _object(self, one: ObjectPlan) -> list[str]:
        lines = [f"    def o{one.number}(o):", *self._checked(one)]
        known = self._known(one)
        lines += [f"        k{number} = {self._question(number)}" for number in sorted(set(known.values()))]
        items = ", ".join(f"{field.key!r}: {self._field(one, field, known)}" for field in one.fields)
        edges = [field for field in one.fields if field.kind == "edge"]
        if not edges:
            return [*lines, f"        return {{{items}}}"]
        lines.append(f"        d = {{{items}}}")
        for field in edges:
            self._edges.add(field.number)
            when = f"if not k{known[field.number]}: " if field.number in known else ""
            lines.append(f"        {when}s{field.number}(o); p{field.number}(d)")
        return [*lines, "        return d"]

    def _checked(self, one: ObjectPlan) -> list[str]:
        """Lines that look at what an object is. Of a class that was seen to be the type, every object is."""
        # What failed comes as a value, too, and where only edges are selected nothing else would notice.
        checks = ["if isinstance(o, Exception): WRONG()"]
        if not any(field.kind == "attribute" for field in one.fields):
            checks.append("if o is UNDEFINED: WRONG()")
        n, is_type_of = one.number, one.type.is_type_of
        if is_type_of is None or one.is_root:
            return [f"        {check}" for check in checks]
        self._names[f"T{n}"] = is_type_of
        checks.append(f"if not T{n}(o, infos[{one.field_number}]): WRONG()")
        if not getattr(getattr(is_type_of, "__self__", None), BY_CLASS, False):
            return [f"        {check}" for check in checks]
        self._names[f"S{n}"] = set()
        seen = [f"        if o.__class__ not in S{n}:", *(f"            {check}" for check in checks)]
        return [*seen, f"            S{n}.add(o.__class__)"]

    def _known(self, one: ObjectPlan) -> dict[int, int]:
        """Edges whose parent may hold the value already (a leaf): their number, to the number of the question."""
        asked: dict[int, int] = {}
        known: dict[int, int] = {}
        for field in one.fields:
            if field.edge and field.edge.known:
                number = asked.setdefault(id(field.edge.known), field.number)
                self._names[f"K{number}"] = field.edge.known
                known[field.number] = number
        return known

    def _question(self, number: int) -> str:
        """Whether the object holds what an edge would load; what only looks at its class is written out."""
        asked = self._names[f"K{number}"]
        if not isinstance(asked, IsNot):
            return f"K{number}(o)"
        self._names[f"K{number}"] = asked.kind
        return f"not isinstance(o, K{number})"

    def _field(self, one: ObjectPlan, field: FieldPlan, known: dict[int, int]) -> str:
        match field.kind:
            case "typename":
                return repr(one.type.name)
            case "edge" if field.number not in known:
                return "None"
            case "attribute":
                value = f"o.{field.name}"
            case "step" if isinstance(field.step, Prefixing):
                return f"({field.step.prefix!r} + o.id)"  # a text, or it raises
            case "edge" if field.edge and isinstance(field.edge.step, str):
                value = f"o.{field.edge.step}"
            case _:
                self._used.add(field.number)
                value = f"f{field.number}(o)"
        made = self._value(field.type, field, field.selected, value)
        return f"({made} if k{known[field.number]} else None)" if field.kind == "edge" else made

    def _value(self, kind: GraphQLOutputType, field: FieldPlan, selected: Selected | None, value: str) -> str:
        if isinstance(kind, GraphQLNonNull):
            return self._present(kind.of_type, field, selected, value, "NOTHING()")
        return self._present(kind, field, selected, value, "None")

    def _present(
        self, kind: GraphQLOutputType, field: FieldPlan, selected: Selected | None, value: str, empty: str
    ) -> str:
        """`value`, with what stands for null; `x` is a list's item, `v` anything else."""
        if isinstance(kind, GraphQLList):
            item = self._value(kind.of_type, field, selected, "x")
            return (
                f"({empty} if (v := {value}) is None else [{item} for x in (v if v.__class__ in LISTS else WRONG())])"
            )
        name = "y" if value == "x" else "v"
        if isinstance(kind, GraphQLLeafType):
            made = expression(kind, field.number, self._names, name)
        else:
            assert selected is not None  # noqa: S101  # a composite type has a selection
            made = self._one(selected, name)
        return f"({empty} if ({name} := {value}) is None else {made})"

    def _one(self, selected: Selected, name: str) -> str:
        if isinstance(selected.type, GraphQLObjectType):
            return f"o{selected.by_type[selected.type.name].number}({name})"
        first = next(iter(selected.by_type.values()))
        number = first.number
        self._names[f"R{number}"] = selected.type.resolve_type
        self._names[f"A{number}"] = selected.type
        table = ", ".join(f"{type_name!r}: o{plan.number}" for type_name, plan in selected.by_type.items())
        return f"{{{table}}}[R{number}({name}, infos[{first.field_number}], A{number})]({name})"
