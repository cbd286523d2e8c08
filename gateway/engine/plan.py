"""An operation as data: per place and type the fields, each of the class that says how its value is come by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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

from gateway.engine.declared import Ahead, Edge, Step


@dataclass(eq=False, slots=True, weakref_slot=True)
class PlannedField:
    """One field of one type at one place. `key` is what its value is called in the answer.

    `above` is the field whose value the object is that has this one; None at the root. What an error makes null goes by
    it. Weak, as that field holds this one: a plan that is forgotten goes at once, and leaves nothing to the collector.
    """

    key: str
    nodes: list[FieldNode]
    parent: GraphQLObjectType
    core: GraphQLField
    above: "ref[PlannedField] | None"
    number: int

    @property
    def name(self) -> str:
        """As the schema calls it."""
        return self.nodes[0].name.value

    @property
    def type(self) -> GraphQLOutputType:
        """The field's type as the schema declares it."""
        return self.core.type

    @property
    def takes_variables(self) -> bool:
        """Whether its arguments may be others in the next request."""
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
    """A field with a value out of its object. `selected` is what is selected of it; None for leaves."""

    definition: StrawberryField | None
    selected: "Selected | None" = field(init=False, default=None)


@dataclass(eq=False, slots=True)
class AttributeField(ValueField):
    """An attribute of the object."""

    attribute: str


@dataclass(eq=False, slots=True)
class StepField(ValueField):
    """A pure function of the object."""

    step: Step


@dataclass(eq=False, slots=True)
class ResolverField(ValueField):
    """What its resolver says, which answers at once."""


@dataclass(eq=False, slots=True)
class EdgeField(ValueField):
    """What is loaded along an edge, for all objects of a block together. The value has a block of its own."""

    edge: Edge


@dataclass(eq=False, slots=True)
class MutationField(ValueField):
    """A field of the mutation type: what its resolver says, which is waited for. The value has a block of its own."""


@dataclass(eq=False, slots=True)
class ObjectPlan:
    """What is selected of one object type at one place, in the answer's order."""

    type: GraphQLObjectType
    fields: list[PlannedField]
    number: int = 0
    field_number: int = -1
    """Of the field that the object is the value of; -1 for the root."""

    @property
    def is_root(self) -> bool:
        """Whether it is the operation's root, whose type nobody asks for."""
        return self.field_number < 0


@dataclass(eq=False, slots=True)
class Selected:
    """What is selected at one place, for each type that can be there."""

    type: GraphQLObjectType | GraphQLAbstractType
    by_type: dict[str, ObjectPlan]


@dataclass(eq=False, slots=True)
class Block:
    """What is made without waiting: the root, or what was found by one field and all that hangs on it directly.

    `edges` leave it: each is a load for all objects of the block together.
    """

    reached_by: EdgeField | MutationField | None
    selected: Selected | None
    edges: list[EdgeField] = field(default_factory=list)
    number: int = 0
    _early: "tuple[list[EdgeField], list[Ahead]] | None" = None
    _loads: "list[list[EdgeField]] | None" = None

    @property
    def loads(self) -> list[list[EdgeField]]:
        """The edges; together stand those that get leaves of the same record, which is waited for once."""
        if self._loads is None:
            by_loader: dict[object, list[EdgeField]] = {}
            for one in self.edges:
                edge = one.edge
                is_alike = isinstance(edge.key, str) and not edge.many and one.selected is None
                by_loader.setdefault((edge.loader, edge.key) if is_alike else one, []).append(one)
            self._loads = list(by_loader.values())
        return self._loads

    @property
    def early(self) -> tuple[list[EdgeField], list[Ahead]]:
        """What can be begun with by the keys that lead here: edges out of it, and shortcuts."""
        if self._early is None:
            self._early = self.same_id(), [ahead for _field, ahead in self.shortcuts()]
        return self._early

    def same_id(self, *, known: bool = False) -> list[EdgeField]:
        """Edges out of the record that was looked for by its id, which need no more than that id.

        Those whose value the record may hold itself only where `known` asks for them: they wait for it.
        """
        edge = self.reached_by.edge if isinstance(self.reached_by, EdgeField) else None
        if edge is None or edge.many or not edge.by_id or edge.step is not None or self.selected is None:
            return []
        own = {one.number for of_type in self.selected.by_type.values() for one in of_type.fields}
        return [
            one for one in self.edges if one.number in own and one.edge.same_id and (known or one.edge.known is None)
        ]

    def shortcuts(self) -> list[tuple[EdgeField, Ahead]]:
        """Edges that can be begun with by the keys of the edge that leads here."""
        loader = self.reached_by.edge.loader if isinstance(self.reached_by, EdgeField) else None
        return [(one, one.edge.ahead) for one in self.edges if one.edge.ahead and one.edge.ahead.over is loader]


@dataclass(eq=False, slots=True)
class Plan:
    """A compiled operation, or of a mutation one field at its root, which is then `mutation`.

    `blocks[0]` is the root; every field that is waited for has a block of its own, by its number in `below`.
    """

    operation: OperationDefinitionNode
    root: GraphQLObjectType
    fragments: Mapping[str, FragmentDefinitionNode]
    blocks: list[Block] = field(default_factory=list)
    objects: list[ObjectPlan] = field(default_factory=list)
    fields: list[PlannedField] = field(default_factory=list)
    below: dict[int, Block] = field(default_factory=dict)
    mutation: MutationField | None = None
