"""An operation compiled to data: per place and type the fields, each as an attribute, a pure function or an edge.

What a plan cannot express (`NotPlanned`) is run by graphql-core, with the same answer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from weakref import ref

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLAbstractType,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    ValueNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from strawberry.types.field import StrawberryField

from gateway.engine.declared import AT_ONCE, DEFINITION, EDGE, PURE, Ahead, Edge, Step
from gateway.engine.prepared import Prepared

MOST_OBJECTS: Final = 1000
"""Most places with a type of a plan: below interfaces that hold interfaces each level multiplies them."""

Kind = Literal["typename", "attribute", "step", "resolver", "edge"]


class NotPlanned(Exception):
    """The operation has something that a plan cannot express; the text says what, in no words of the client's."""


@dataclass(eq=False, slots=True, weakref_slot=True)
class FieldPlan:
    """One field of one type at one place: how its value is come by, and what is selected of it."""

    key: str
    nodes: list[FieldNode]
    details: list[FieldDetails]
    parent: GraphQLObjectType
    core: GraphQLField
    kind: Kind
    name: str
    selected: "Selected | None"
    step: Step | None = None
    edge: Edge | None = None
    definition: StrawberryField | None = None
    above: "ref[FieldPlan] | None" = None
    """The field whose value the object is that has this one; None at the root. What an error makes null goes by it.

    Weak, as that field holds this one: a plan that is forgotten goes at once, and leaves nothing to the collector.
    """
    number: int = 0

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
class ObjectPlan:
    """What is selected of one object type at one place, in the answer's order."""

    type: GraphQLObjectType
    fields: list[FieldPlan]
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
    """What is made without waiting: the operation's root, or what one edge found and all that hangs on it directly.

    `edges` leave it: each is a load for all objects of the block together.
    """

    reached_by: FieldPlan | None
    selected: Selected
    edges: list[FieldPlan] = field(default_factory=list)
    number: int = 0
    _early: "tuple[list[FieldPlan], list[Ahead]] | None" = None
    _loads: "list[list[FieldPlan]] | None" = None

    @property
    def loads(self) -> list[list[FieldPlan]]:
        """The edges; together stand those that get leaves of the same record, which is waited for once."""
        if self._loads is None:
            by_loader: dict[object, list[FieldPlan]] = {}
            for plan in self.edges:
                edge = plan.edge
                is_alike = edge and isinstance(edge.key, str) and not edge.many and plan.selected is None
                by_loader.setdefault((edge.loader, edge.key) if edge and is_alike else plan, []).append(plan)
            self._loads = list(by_loader.values())
        return self._loads

    @property
    def early(self) -> tuple[list[FieldPlan], list[Ahead]]:
        """What can be begun with by the keys that lead here: edges out of it, and shortcuts."""
        if self._early is None:
            self._early = self.same_id(), [ahead for _plan, ahead in self.shortcuts()]
        return self._early

    def same_id(self, *, known: bool = False) -> list[FieldPlan]:
        """Edges out of the record that was looked for by its id, which need no more than that id.

        Those whose value the record may hold itself only where `known` asks for them: they wait for it.
        """
        edge = self.reached_by.edge if self.reached_by else None
        if edge is None or edge.many or not edge.by_id or edge.step is not None:
            return []
        own = {plan.number for one in self.selected.by_type.values() for plan in one.fields}
        return [
            plan
            for plan in self.edges
            if plan.number in own and plan.edge and plan.edge.same_id and (known or plan.edge.known is None)
        ]

    def shortcuts(self) -> list[tuple[FieldPlan, Ahead]]:
        """Edges that can be begun with by the keys of the edge that leads here."""
        loader = self.reached_by.edge.loader if self.reached_by and self.reached_by.edge else None
        return [
            (plan, plan.edge.ahead)
            for plan in self.edges
            if plan.edge and plan.edge.ahead and plan.edge.ahead.over is loader
        ]


@dataclass(eq=False, slots=True)
class Plan:
    """A compiled operation. `blocks[0]` is the root; every edge's field has one of its own."""

    operation: OperationDefinitionNode
    blocks: list[Block]
    objects: list[ObjectPlan]
    fields: list[FieldPlan]
    by_edge: dict[int, Block]
    fragments: Mapping[str, FragmentDefinitionNode]


def compiled(
    schema: GraphQLSchema, prepared: Prepared, operation: OperationDefinitionNode, variables: VariableValues
) -> Plan:
    """The plan of an operation for these values of the variables in @skip and @include. Raises `NotPlanned`."""
    try:
        return _Compiler(schema, prepared, operation, variables).plan()
    except GraphQLError as error:  # a null for a variable that has a default
        raise NotPlanned("a null in @skip or @include") from error


class _Compiler:
    def __init__(
        self, schema: GraphQLSchema, prepared: Prepared, operation: OperationDefinitionNode, variables: VariableValues
    ) -> None:
        self._schema, self._operation, self._variables = schema, operation, variables
        self._definitions = {
            one.name.value: one for one in prepared.document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        if any(one.variable_definitions for one in self._definitions.values()):
            raise NotPlanned("a fragment with variables of its own")
        self._fragments = {name: FragmentDetails(one) for name, one in self._definitions.items()}
        self._plan = Plan(operation, [], [], [], {}, self._definitions)

    def plan(self) -> Plan:
        if self._operation.operation is not OperationType.QUERY:
            raise NotPlanned(f"a {self._operation.operation.value}")
        if self._operation.directives:
            raise NotPlanned("a directive on the operation")
        root = self._schema.query_type
        assert root is not None  # noqa: S101  # validation made sure
        collected = collect_fields(self._schema, self._fragments, self._variables, root, self._operation)
        block = Block(None, Selected(root, {}))
        self._add(block)
        block.selected.by_type[root.name] = self._object(root, collected.grouped_field_set, block, None)
        return self._plan

    def _add(self, block: Block) -> None:
        block.number = len(self._plan.blocks)
        self._plan.blocks.append(block)

    def _object(
        self,
        parent: GraphQLObjectType,
        grouped: Mapping[str, list[FieldDetails]],
        block: Block,
        above: FieldPlan | None,
    ) -> ObjectPlan:
        if len(self._plan.objects) >= MOST_OBJECTS:
            raise NotPlanned("interfaces below interfaces, with too many types together")
        made = ObjectPlan(parent, [], len(self._plan.objects), above.number if above else -1)
        self._plan.objects.append(made)
        made.fields = [self._field(parent, key, details, block, above) for key, details in grouped.items()]
        return made

    def _field(
        self, parent: GraphQLObjectType, key: str, details: list[FieldDetails], block: Block, above: FieldPlan | None
    ) -> FieldPlan:
        name = details[0].node.name.value
        core = self._schema.get_field(parent, name)
        if core is None:
            raise NotPlanned(f"{parent.name}.{name}, which the schema does not have")
        nodes = [one.node for one in details]
        made = FieldPlan(key, nodes, details, parent, core, "typename", name, None, above=ref(above) if above else None)
        made.number = len(self._plan.fields)
        self._plan.fields.append(made)
        if name == "__typename":
            return made
        if name.startswith("__"):
            raise NotPlanned("introspection")
        self._way(made)
        within = block
        if made.kind == "edge":
            block.edges.append(made)
        named = get_named_type(core.type)
        if is_leaf_type(named):
            if made.kind == "edge":
                within = Block(made, Selected(parent, {}))
                self._add(within)
                self._plan.by_edge[made.number] = within
            return made
        assert is_object_type(named) or is_abstract_type(named)  # noqa: S101  # output types are nothing else
        made.selected = Selected(named, {})
        if made.kind == "edge":
            within = Block(made, made.selected)
            self._add(within)
            self._plan.by_edge[made.number] = within
        for possible in self._possible(named):
            below = collect_subfields(
                self._schema, self._fragments, self._variables, self._operation, possible, details
            )
            made.selected.by_type[possible.name] = self._object(possible, below.grouped_field_set, within, made)
        return made

    def _possible(self, named: GraphQLObjectType | GraphQLAbstractType) -> Iterator[GraphQLObjectType]:
        if isinstance(named, GraphQLObjectType):
            yield named
        else:
            yield from self._schema.get_possible_types(named)

    def _way(self, made: FieldPlan) -> None:
        """How the field's value is come by, from what its declaration says."""
        place = f"{made.parent.name}.{made.name}"
        definition = made.core.extensions.get(DEFINITION)
        if made.core.extensions.get(AT_ONCE):
            made.kind, made.definition = "resolver", definition
            return
        if not isinstance(definition, StrawberryField):
            raise NotPlanned(f"{place}, which is not a field of Strawberry's")
        made.definition = definition
        if definition.extensions or definition.permission_classes:
            raise NotPlanned(f"{place}, which has extensions or permissions of its own")
        if (edge := definition.metadata.get(EDGE)) is not None:
            made.kind, made.edge = "edge", edge
            if edge.known and not is_leaf_type(get_named_type(made.type)):
                raise NotPlanned(f"{place}, which is an object that its parent may hold")
        elif (step := definition.metadata.get(PURE)) is not None:
            made.kind, made.step = "step", step
        elif definition.is_basic_field:
            made.kind, made.name = "attribute", definition.python_name
        else:
            raise NotPlanned(f"{place}, which has a resolver of its own")
