"""An operation as data: for each place and type its fields, whose class says where the value comes from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from weakref import ref

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLAbstractType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
)
from strawberry.types.field import StrawberryField

from gateway.engine.declared import Edge, Prefetch, Step
from gateway.engine.guards import FieldGuard

VALUE_BYTES: Final = 16
"""Bytes that a value of an answer counts as, beside the name of its field. Longer texts count by their length."""

_PUNCTUATION: Final = len('"":,')

_FIELDS_AT_ONCE: Final = 500
"""Fields that are made between two interruptions, by a rough count."""


@dataclass(eq=False, slots=True, weakref_slot=True)
class PlannedField:
    """One field of one type at one place. `key` is its key in the answer.

    `above` is the field whose value is the object that has this field; None at the root. Nulls propagate along it. It
    is a weak reference, so that a plan has no reference cycle for the garbage collector.
    """

    key: str
    nodes: list[FieldNode]
    parent: GraphQLObjectType
    core: GraphQLField
    above: "ref[PlannedField] | None"
    number: int

    @property
    def name(self) -> str:
        """The field's name in the schema."""
        return self.nodes[0].name.value

    @property
    def type(self) -> GraphQLOutputType:
        """The field's type in the schema."""
        return self.core.type

    @property
    def takes_variables(self) -> bool:
        """Whether its arguments contain variables."""
        return any(_has_variable(argument.value) for argument in self.nodes[0].arguments or ())


def _has_variable(value: ValueNode) -> bool:
    if isinstance(value, VariableNode):
        return True
    if isinstance(value, ListValueNode):
        return any(map(_has_variable, value.values))
    return isinstance(value, ObjectValueNode) and any(_has_variable(field.value) for field in value.fields)


@dataclass(eq=False, slots=True)
class TypenameField(PlannedField):
    """`__typename`."""


@dataclass(eq=False, slots=True)
class ValueField(PlannedField):
    """A field with a value. `selected` is the selection of the value; None for leaves."""

    definition: StrawberryField | None
    selected: "Selected | None" = field(init=False, default=None)
    mask: Callable[[str], str] | None = field(init=False, default=None)
    """What is shown of its text. Resolvers mask theirs themselves."""


@dataclass(eq=False, slots=True)
class AttributeField(ValueField):
    """A field that is an attribute of its object."""

    attribute: str


@dataclass(eq=False, slots=True)
class StepField(ValueField):
    """A field that is a pure function of its object."""

    step: Step


@dataclass(eq=False, slots=True)
class ResolverField(ValueField):
    """A field with a synchronous resolver."""


@dataclass(eq=False, slots=True)
class EdgeField(ValueField):
    """A field that is loaded along an edge, for all objects of a block together. Its value has a block of its own."""

    edge: Edge


@dataclass(eq=False, slots=True)
class WithheldField(ValueField):
    """A field that the caller may not read: null with an error. Nothing is loaded for it, nor for what is below it."""

    guard: FieldGuard


@dataclass(eq=False, slots=True)
class MutationField(ValueField):
    """A field of the mutation type, whose resolver is awaited. Its value has a block of its own."""


@dataclass(eq=False, slots=True)
class ObjectPlan:
    """The selection on one object type at one place, in the order of the answer."""

    type: GraphQLObjectType
    fields: list[PlannedField]
    number: int = 0
    field_number: int = -1
    """Number of the field whose value the object is; -1 for the root."""
    noted: tuple[str, ...] = ()
    """Names of fields of which is noted that they are read in full."""

    @property
    def bytes(self) -> int:
        """About how many bytes its JSON has, without what is below it."""
        return sum(len(one.key) + _PUNCTUATION + VALUE_BYTES for one in self.fields)

    @property
    def is_root(self) -> bool:
        """Whether it is the operation's root, whose type is not checked."""
        return self.field_number < 0


@dataclass(eq=False, slots=True)
class Selected:
    """The selection at one place, for each type that is possible there."""

    type: GraphQLObjectType | GraphQLAbstractType
    by_type: dict[str, ObjectPlan]


@dataclass(eq=False, slots=True)
class Block:
    """A part of the answer that is made without waiting: the root or what a field found, down to the next edges.

    Each of its `edges` is a load for all objects of the block together.
    """

    reached_by: EdgeField | MutationField | None
    selected: Selected | None
    edges: list[EdgeField] = field(default_factory=list)
    objects: list[ObjectPlan] = field(default_factory=list)
    number: int = 0
    fields: int = 0
    """How many fields its objects have, of all types together."""
    _early: "tuple[list[EdgeField], list[Prefetch]] | None" = None
    _loads: "list[list[EdgeField]] | None" = None

    @property
    def at_once(self) -> int:
        """How many of its values, or items of long lists, are made between two interruptions."""
        return max(1, _FIELDS_AT_ONCE // (self.fields + 1))

    @property
    def loads(self) -> list[list[EdgeField]]:
        """The edges in groups. Edges of a group are leaves of the same record, which is loaded once."""
        if self._loads is None:
            by_loader: dict[object, list[EdgeField]] = {}
            for one in self.edges:
                edge = one.edge
                is_alike = isinstance(edge.key, str) and not edge.many and one.selected is None
                by_loader.setdefault((edge.loader, edge.key) if is_alike else one, []).append(one)
            self._loads = list(by_loader.values())
        return self._loads

    @property
    def early(self) -> tuple[list[EdgeField], list[Prefetch]]:
        """What can be prefetched by the keys that lead to this block: edges by the same id, and shortcuts."""
        if self._early is None:
            self._early = self.same_id(), [prefetch for _field, prefetch in self.shortcuts()]
        return self._early

    def same_id(self, *, known: bool = False) -> list[EdgeField]:
        """Edges whose key is the id by which the block's record is loaded.

        Edges whose value the record may already hold wait for the record; they are included only with `known`.
        """
        edge = self.reached_by.edge if isinstance(self.reached_by, EdgeField) else None
        if edge is None or edge.many or not edge.by_id or edge.step is not None or self.selected is None:
            return []
        own = {one.number for of_type in self.selected.by_type.values() for one in of_type.fields}
        return [
            one for one in self.edges if one.number in own and one.edge.same_id and (known or one.edge.known is None)
        ]

    def shortcuts(self) -> list[tuple[EdgeField, Prefetch]]:
        """Edges that can be prefetched by the keys of the edge that leads to this block."""
        loader = self.reached_by.edge.loader if isinstance(self.reached_by, EdgeField) else None
        return [
            (one, one.edge.prefetch) for one in self.edges if one.edge.prefetch and one.edge.prefetch.over is loader
        ]


@dataclass(eq=False, slots=True)
class Plan:
    """A compiled operation; for a mutation one field at its root, which is `mutation`.

    `blocks[0]` is the root. Every awaited field has a block of its own, by field number in `below`.
    """

    operation: OperationDefinitionNode
    root: GraphQLObjectType
    fragments: Mapping[str, FragmentDefinitionNode]
    blocks: list[Block] = field(default_factory=list)
    objects: list[ObjectPlan] = field(default_factory=list)
    fields: list[PlannedField] = field(default_factory=list)
    below: dict[int, Block] = field(default_factory=dict)
    mutation: MutationField | None = None
    noting: list[ObjectPlan] = field(default_factory=list)
    """Objects of which fields are noted that are read in full."""
