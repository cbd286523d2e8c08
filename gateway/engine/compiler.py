"""From an operation to its plan. What a plan cannot express (`NotPlanned`) is left to graphql-core."""

from collections.abc import Iterator, Mapping
from typing import Final
from weakref import ref

from graphql import (
    FragmentDefinitionNode,
    GraphQLAbstractType,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from strawberry.types.field import StrawberryField

from gateway.engine.declared import AT_ONCE, DEFINITION, EDGE, PURE
from gateway.engine.plan import (
    AttributeField,
    Block,
    EdgeField,
    ObjectPlan,
    Plan,
    PlannedField,
    ResolverField,
    Selected,
    StepField,
    TypenameField,
    ValueField,
)
from gateway.engine.prepared import Prepared

MOST_OBJECTS: Final = 1000
"""Most places with a type of a plan: below interfaces that hold interfaces each level multiplies them."""


class NotPlanned(Exception):
    """The operation has something that a plan cannot express; the text says what, in no words of the client's."""


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
        definitions = {
            one.name.value: one for one in prepared.document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        if any(one.variable_definitions for one in definitions.values()):
            raise NotPlanned("a fragment with variables of its own")
        self._fragments = {name: FragmentDetails(one) for name, one in definitions.items()}
        root = schema.get_root_type(operation.operation)
        assert root is not None  # noqa: S101  # validation made sure
        self._plan = Plan(operation, root, definitions)

    def plan(self) -> Plan:
        if self._operation.operation is not OperationType.QUERY:
            raise NotPlanned(f"a {self._operation.operation.value}")
        if self._operation.directives:
            raise NotPlanned("a directive on the operation")
        root = self._plan.root
        collected = collect_fields(self._schema, self._fragments, self._variables, root, self._operation)
        block = self._block(None, Selected(root, {}))
        assert block.selected is not None  # noqa: S101  # as it was made
        block.selected.by_type[root.name] = self._object(root, collected.grouped_field_set, block, None)
        return self._plan

    def _block(self, reached_by: EdgeField | None, selected: Selected | None) -> Block:
        made = Block(reached_by, selected, number=len(self._plan.blocks))
        self._plan.blocks.append(made)
        if reached_by is not None:
            self._plan.by_edge[reached_by.number] = made
        return made

    def _object(
        self,
        parent: GraphQLObjectType,
        grouped: Mapping[str, list[FieldDetails]],
        block: Block,
        above: PlannedField | None,
    ) -> ObjectPlan:
        if len(self._plan.objects) >= MOST_OBJECTS:
            raise NotPlanned("interfaces below interfaces, with too many types together")
        made = ObjectPlan(parent, [], len(self._plan.objects), above.number if above else -1)
        self._plan.objects.append(made)
        made.fields = [self._field(parent, key, details, block, above) for key, details in grouped.items()]
        return made

    def _field(
        self,
        parent: GraphQLObjectType,
        key: str,
        details: list[FieldDetails],
        block: Block,
        above: PlannedField | None,
    ) -> PlannedField:
        made = self._declared(parent, key, details, above)
        self._plan.fields.append(made)
        if isinstance(made, EdgeField):
            block.edges.append(made)
        if isinstance(made, ValueField):
            self._select(made, details, block)
        return made

    def _select(self, made: ValueField, details: list[FieldDetails], block: Block) -> None:
        """What is selected of a field's value: in a block of its own, if that is loaded."""
        named = get_named_type(made.type)
        if not is_leaf_type(named):
            assert is_object_type(named) or is_abstract_type(named)  # noqa: S101  # output types are nothing else
            made.selected = Selected(named, {})
        within = self._block(made, made.selected) if isinstance(made, EdgeField) else block
        if made.selected is None:
            return
        for possible in self._possible(made.selected.type):
            below = collect_subfields(
                self._schema, self._fragments, self._variables, self._operation, possible, details
            )
            made.selected.by_type[possible.name] = self._object(possible, below.grouped_field_set, within, made)

    def _possible(self, named: GraphQLObjectType | GraphQLAbstractType) -> Iterator[GraphQLObjectType]:
        if isinstance(named, GraphQLObjectType):
            yield named
        else:
            yield from self._schema.get_possible_types(named)

    def _declared(
        self, parent: GraphQLObjectType, key: str, details: list[FieldDetails], above: PlannedField | None
    ) -> PlannedField:
        """The field by how its value is come by, from what its declaration says."""
        nodes = [one.node for one in details]
        name = nodes[0].name.value
        core = self._schema.get_field(parent, name)
        if core is None:
            raise NotPlanned(f"{parent.name}.{name}, which the schema does not have")
        place = (key, nodes, parent, core, ref(above) if above else None, len(self._plan.fields))
        if name == "__typename":
            return TypenameField(*place)
        if name.startswith("__"):
            raise NotPlanned("introspection")
        definition = core.extensions.get(DEFINITION)
        if core.extensions.get(AT_ONCE):
            return ResolverField(*place, definition)
        if not isinstance(definition, StrawberryField):
            raise NotPlanned(f"{parent.name}.{name}, which is not a field of Strawberry's")
        if definition.extensions or definition.permission_classes:
            raise NotPlanned(f"{parent.name}.{name}, which has extensions or permissions of its own")
        if (edge := definition.metadata.get(EDGE)) is not None:
            if edge.known and not is_leaf_type(get_named_type(core.type)):
                raise NotPlanned(f"{parent.name}.{name}, which is an object that its parent may hold")
            return EdgeField(*place, definition, edge)
        if (step := definition.metadata.get(PURE)) is not None:
            return StepField(*place, definition, step)
        if definition.is_basic_field:
            return AttributeField(*place, definition, definition.python_name)
        raise NotPlanned(f"{parent.name}.{name}, which has a resolver of its own")
