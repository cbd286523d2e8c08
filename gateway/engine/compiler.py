"""Compiles an operation to a plan. Raises `NotPlanned` for what a plan cannot express and graphql-core must run."""

from collections.abc import Iterator, Mapping
from functools import partial
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

from gateway.engine.declared import DEFINITION, EDGE, PURE, SYNCHRONOUS
from gateway.engine.guards import Guards
from gateway.engine.plan import (
    AttributeField,
    Block,
    EdgeField,
    MutationField,
    ObjectPlan,
    Plan,
    PlannedField,
    ResolverField,
    Selected,
    StepField,
    TypenameField,
    ValueField,
    WithheldField,
)
from gateway.engine.prepared import Prepared

MAX_OBJECTS: Final = 1000
"""Most object types at places of a plan. Interfaces below interfaces multiply them at each level."""


class NotPlanned(Exception):
    """A plan cannot express the operation. The text says why, without text of the client."""


def compiled(
    schema: GraphQLSchema,
    prepared: Prepared,
    operation: OperationDefinitionNode,
    variables: VariableValues,
    guards: Guards,
    lacking: int,
) -> list[Plan]:
    """The plan of an operation for these values of the variables in @skip and @include. Raises `NotPlanned`.

    It is for callers who lack this much of what is guarded.

    For a mutation there is one plan per field at its root, to be run one after the other. A subscription is planned as
    a query is: its plan is run for each event.
    """
    try:
        return _Compiler(schema, prepared, operation, variables, guards, lacking).plans()
    except GraphQLError as error:  # a null for a variable that has a default
        raise NotPlanned("a null in @skip or @include") from error


class _Compiler:
    def __init__(
        self,
        schema: GraphQLSchema,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        variables: VariableValues,
        guards: Guards,
        lacking: int,
    ) -> None:
        self._schema, self._operation, self._variables = schema, operation, variables
        self._guards, self._lacking = guards, lacking
        definitions = {
            one.name.value: one for one in prepared.document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        if any(one.variable_definitions for one in definitions.values()):
            raise NotPlanned("a fragment with variables of its own")
        self._fragments = {name: FragmentDetails(one) for name, one in definitions.items()}
        root = schema.get_root_type(operation.operation)
        assert root is not None  # noqa: S101  # validation made sure
        self._new_plan = partial(Plan, operation, root, definitions)
        self._plan = self._new_plan()
        self._objects = 0

    def plans(self) -> list[Plan]:
        kind = self._operation.operation
        if self._operation.directives:
            raise NotPlanned("a directive on the operation")
        root = self._plan.root
        selected = collect_fields(self._schema, self._fragments, self._variables, root, self._operation)
        fields = selected.grouped_field_set
        if kind is OperationType.MUTATION:
            return [self._of_root({key: details}) for key, details in fields.items()]
        return [self._of_root(fields)]

    def _of_root(self, fields: Mapping[str, list[FieldDetails]]) -> Plan:
        made = self._plan = self._new_plan()
        selected = Selected(made.root, {})
        selected.by_type[made.root.name] = self._object(made.root, fields, self._block(None, selected), None)
        return made

    def _block(self, reached_by: EdgeField | MutationField | None, selected: Selected | None) -> Block:
        made = Block(reached_by, selected, number=len(self._plan.blocks))
        self._plan.blocks.append(made)
        if reached_by is not None:
            self._plan.below[reached_by.number] = made
        return made

    def _object(
        self,
        parent: GraphQLObjectType,
        grouped: Mapping[str, list[FieldDetails]],
        block: Block,
        above: PlannedField | None,
    ) -> ObjectPlan:
        self._objects += 1
        if self._objects > MAX_OBJECTS:
            raise NotPlanned("interfaces below interfaces, with too many types together")
        made = ObjectPlan(parent, [], len(self._plan.objects), above.number if above else -1)
        self._plan.objects.append(made)
        block.objects.append(made)
        made.fields = [self._field(parent, key, details, block, above) for key, details in grouped.items()]
        if self._lacking:
            names = dict.fromkeys(one.name for one in made.fields if not isinstance(one, ResolverField | WithheldField))
            made.noted = tuple(one for one in names if self._guards.notes(parent.name, one, self._lacking))
            if made.noted:
                self._plan.noting.append(made)
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
        block.fields += 1
        if isinstance(made, EdgeField):
            block.edges.append(made)
        if isinstance(made, MutationField):
            self._plan.mutation = made
        if isinstance(made, ValueField) and not isinstance(made, WithheldField):
            self._select(made, details, block)
        return made

    def _select(self, made: ValueField, details: list[FieldDetails], block: Block) -> None:
        """Plan the selection of a field's value, in a block of its own if the value is awaited."""
        named = get_named_type(made.type)
        if not is_leaf_type(named):
            assert is_object_type(named) or is_abstract_type(named)  # noqa: S101  # output types are nothing else
            made.selected = Selected(named, {})
        within = self._block(made, made.selected) if isinstance(made, EdgeField | MutationField) else block
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
        """The planned field, of the class that its declaration, and what the caller lacks, call for."""
        made = self._unmasked(parent, key, details, above)
        if self._lacking and isinstance(made, ValueField) and not isinstance(made, ResolverField | MutationField):
            guard = self._guards.masking(parent.name, made.name, self._lacking)
            made.mask = guard.mask if guard else None
        return made

    def _unmasked(
        self, parent: GraphQLObjectType, key: str, details: list[FieldDetails], above: PlannedField | None
    ) -> PlannedField:
        nodes = [one.node for one in details]
        name = nodes[0].name.value
        core = self._schema.get_field(parent, name)
        if core is None:
            raise NotPlanned(f"{parent.name}.{name}, which the schema does not have")
        place = (key, nodes, parent, core, ref(above) if above else None, len(self._plan.fields))
        if name == "__typename":
            return TypenameField(*place)
        if name.startswith("__") or parent.name.startswith("__"):  # introspection, whose resolvers only read the schema
            return ResolverField(*place, None)
        definition = core.extensions.get(DEFINITION)
        guard = self._guards.withholding(parent.name, name, self._lacking) if self._lacking else None
        if guard is not None:
            return WithheldField(*place, definition, guard)
        if above is None and self._operation.operation is OperationType.MUTATION:
            return MutationField(*place, definition)
        if core.extensions.get(SYNCHRONOUS):
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
