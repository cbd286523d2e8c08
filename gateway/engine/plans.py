"""Plans of prepared documents: compiled once per operation and values of the variables in @skip and @include."""

from collections.abc import Collection, Coroutine, Mapping
from itertools import product
from typing import Any, Final

import msgspec
import strawberry
from graphql import (
    DirectiveNode,
    GraphQLError,
    OperationDefinitionNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.values import VariableValues, get_variable_values

from gateway.engine.allowance import Allowance
from gateway.engine.bound_steps import BoundSteps
from gateway.engine.codegen import block_bytes, generated, source
from gateway.engine.compiler import NotPlanned, compiled
from gateway.engine.declared import Context
from gateway.engine.explain import Explanation, explained
from gateway.engine.guards import Guards
from gateway.engine.limits import AnswerLimits, Limits
from gateway.engine.lru import LRU
from gateway.engine.plan import Plan
from gateway.engine.prepared import Prepared
from gateway.engine.refusals import refuse
from gateway.engine.run import Compiled, MakeRun, Outcome, Run
from gateway.engine.selection import selection_of
from gateway.engine.subscribed import Subscribed, subscribed
from gateway.engine.turns import Work, at_once

MAX_VARIANTS: Final = 16
"""Most plans of one document. Two variables in @skip or @include make four."""


_VARIED: Final = 2
"""Most variables in @skip and @include for all of whose values an operation is compiled ahead."""

_BYTES: Final = 3000
_BYTES_PER_CHARACTER: Final = 7
"""What a plan holds, for each character of its generated code: measured with tracemalloc, and tested."""


_LIMITS: Final = AnswerLimits()


class Planned(msgspec.Struct, frozen=True):
    """An operation ready to run with a request's variables. A mutation has one part per field at its root."""

    parts: tuple[Compiled, ...]
    variables: VariableValues

    def start(
        self, context: Context, root: object = None, limits: AnswerLimits = _LIMITS, run: MakeRun = Run
    ) -> Outcome | Coroutine[Any, Any, Outcome]:
        """The outcome, or a coroutine that returns it. `root` is the object whose fields the operation selects."""
        allowance = Allowance(limits)
        if len(self.parts) == 1:
            return run(self.parts[0], context, self.variables, allowance).start(root)
        return self._one_after_the_other(context, allowance, run)

    async def _one_after_the_other(self, context: Context, allowance: Allowance, run: MakeRun) -> Outcome:
        """Run each field at the root with its selection; stop after one that makes the answer null."""
        data: dict[str, Any] = {}
        errors: list[GraphQLError] = []
        for part in self.parts:
            started = run(part, context, self.variables, allowance).start(None)
            outcome = started if isinstance(started, Outcome) else await started
            errors += outcome.errors
            if outcome.data is None:
                return Outcome(None, errors, executed=True, more_errors=allowance.more_errors)
            data |= outcome.data
        return Outcome(data, errors, executed=True, more_errors=allowance.more_errors)


class _Variants:
    """The plans of one document. `selection_variables` are the names of the variables in @skip and @include."""

    def __init__(self, selection_variables: tuple[str, ...]) -> None:
        self.selection_variables = selection_variables
        self.made: LRU[Any, tuple[Compiled, ...] | NotPlanned] = LRU(MAX_VARIANTS, None, _weight)

    def key(self, operation: OperationDefinitionNode, variables: VariableValues, lacking: int) -> tuple[object, ...]:
        """The key in `made` of the plans of an operation with these variables, for who lacks this much."""
        name = operation.name.value if operation.name else None
        if not self.selection_variables:
            return name, lacking
        # Another operation of the document may have a variable of the same name and another type.
        given = map(variables.coerced.get, self.selection_variables)
        return name, lacking, *(value if isinstance(value, bool) else None for value in given)


class Plans:
    """The plans of one schema. They are stored with the document that they were made from.

    `lacking` is what the caller lacks of what the document asks for (`Guards.in_document`).
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        absent: object,
        guards: Guards,
        *,
        hide_suggestions: bool = False,
        most_values: int = Limits().max_variable_values,
    ) -> None:
        self._guards, self._most_values = guards, most_values
        self._schema, self._converter = schema._schema, schema.schema_converter  # neither has a public name
        self._absent = absent
        self._hide_suggestions = hide_suggestions

    def known(
        self, prepared: Prepared, operation: OperationDefinitionNode, given: Mapping[str, Any] | None, lacking: int
    ) -> Planned | list[GraphQLError] | NotPlanned | None:
        """As `of`, if the operation was compiled before; else None."""
        variants: _Variants | None = prepared.derived.get(self)
        if variants is None:
            return None
        variables = self._variables(operation, given)
        if isinstance(variables, list):
            return variables
        made = variants.made.get(variants.key(operation, variables, lacking))
        return Planned(made, variables) if isinstance(made, tuple) else made

    def of(
        self, prepared: Prepared, operation: OperationDefinitionNode, given: Mapping[str, Any] | None, lacking: int
    ) -> Work[Planned | list[GraphQLError] | NotPlanned]:
        """The operation ready to run, errors if the variables do not fit, or why graphql-core must run it."""
        variables = self._variables(operation, given)
        if isinstance(variables, list):
            return variables
        made = yield from self._variant(prepared, operation, variables, lacking)
        return made if isinstance(made, NotPlanned) else Planned(made, variables)

    def ahead(self, prepared: Prepared, operation: OperationDefinitionNode, lacking: int) -> Work[None]:
        """Compile an operation before it is asked, for each value of up to two variables in @skip and @include."""
        selecting = selection_variables(prepared)
        definitions = [one for one in operation.variable_definitions or () if one.variable.name.value in selecting]
        names = [one.variable.name.value for one in definitions] if len(definitions) <= _VARIED else []
        for values in product((False, True), repeat=len(names)):
            variables = self._coerced(definitions, dict(zip(names, values, strict=True)))
            if not isinstance(variables, list):
                yield from self._variant(prepared, operation, variables, lacking)

    def weight(self, prepared: Prepared) -> int:
        """About how many bytes the plans of a document hold."""
        variants: _Variants | None = prepared.derived.get(self)
        return variants.made.weight if variants else 0

    def subscribed(
        self,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        given: Mapping[str, Any] | None,
        rights: frozenset[str] | None,
    ) -> Subscribed | list[GraphQLError]:
        """What a subscription is about, or the errors for which it can never succeed with these rights."""
        variables = self._coerced(operation.variable_definitions or (), given)
        if isinstance(variables, list):
            return variables
        found = subscribed(self._schema, prepared, operation, variables)
        if isinstance(found, Subscribed) and (kind := self._schema.subscription_type) is not None:
            guard = self._guards.withholding(kind.name, found.field, self._guards.lacking(rights))
            return [guard.error(rights)] if guard else found
        return found

    def variable_errors(
        self, operation: OperationDefinitionNode, given: Mapping[str, Any] | None
    ) -> list[GraphQLError] | None:
        """Errors of variables that do not fit, for an operation that no plan runs; else None."""
        coerced = self._coerced(operation.variable_definitions or (), given)
        return coerced if isinstance(coerced, list) else None

    def _variables(
        self, operation: OperationDefinitionNode, given: Mapping[str, Any] | None
    ) -> VariableValues | list[GraphQLError]:
        definitions = operation.variable_definitions
        return self._coerced(definitions, given) if definitions else VariableValues({}, {})

    def _coerced(
        self, definitions: Collection[VariableDefinitionNode], given: Mapping[str, Any] | None
    ) -> VariableValues | list[GraphQLError]:
        given = dict(given or {})
        if _has_more_values(given, self._most_values):
            message = f"The variables have more than {self._most_values} values, which is the limit. Split the request."
            return [refuse(message, "LIMIT_EXCEEDED")]
        coerced = get_variable_values(
            self._schema, definitions, given, max_errors=50, hide_suggestions=self._hide_suggestions
        )
        if isinstance(coerced, list):
            return [refuse(one.message, "BAD_USER_INPUT", one) for one in coerced]
        return coerced

    def _variant(
        self, prepared: Prepared, operation: OperationDefinitionNode, variables: VariableValues, lacking: int
    ) -> Work[tuple[Compiled, ...] | NotPlanned]:
        variants: _Variants | None = prepared.derived.get(self)
        if variants is None:
            variants = prepared.derived[self] = _Variants(selection_variables(prepared))
        key = variants.key(operation, variables, lacking)
        made = variants.made.get(key)
        if made is None:
            made = yield from self._compiled(prepared, operation, variables, lacking)
            variants.made.put(key, made)
        return made

    def explain(
        self, prepared: Prepared, operation: OperationDefinitionNode, given: Mapping[str, Any] | None, lacking: int
    ) -> Explanation | list[GraphQLError]:
        """The steps of the operation, or errors if variables in @skip or @include do not fit."""
        made = self._for_explaining(prepared, operation, given, lacking)
        if isinstance(made, list):
            return made
        if isinstance(made, NotPlanned):
            return Explanation(fallback=str(made))
        selection = selection_of(self._schema, prepared, operation, self._guards.withheld(lacking))
        return explained([one.plan for one in made], selection)

    def code(
        self, prepared: Prepared, operation: OperationDefinitionNode, given: Mapping[str, Any] | None, lacking: int
    ) -> list[str] | list[GraphQLError]:
        """The generated source of each plan; empty if graphql-core runs the operation. Errors as in `explain`."""
        made = self._for_explaining(prepared, operation, given, lacking)
        if isinstance(made, list):
            return made
        return [] if isinstance(made, NotPlanned) else [source(one.plan) for one in made]

    def _for_explaining(
        self, prepared: Prepared, operation: OperationDefinitionNode, given: Mapping[str, Any] | None, lacking: int
    ) -> tuple[Compiled, ...] | NotPlanned | list[GraphQLError]:
        """The plans to explain. Variables may be missing or wrong, except those in @skip and @include."""
        selecting = selection_variables(prepared)
        definitions = [one for one in operation.variable_definitions or () if one.variable.name.value in selecting]
        variables = self._coerced(definitions, given)
        if isinstance(variables, list):
            return variables
        return at_once(self._variant(prepared, operation, variables, lacking))

    def _compiled(
        self, prepared: Prepared, operation: OperationDefinitionNode, variables: VariableValues, lacking: int
    ) -> Work[tuple[Compiled, ...] | NotPlanned]:
        try:
            plans = compiled(self._schema, prepared, operation, variables, self._guards, lacking)
        except NotPlanned as reason:
            why = str(reason)
        else:
            parts = []
            for plan in plans:
                yield
                parts.append((yield from self._with_functions(plan)))
            return tuple(parts)
        return NotPlanned(why)  # a new one: the traceback of the first would keep the request's variables

    def _with_functions(self, plan: Plan) -> Work[Compiled]:
        blocks, characters = yield from generated(plan)
        steps, sizes = BoundSteps(plan, self._converter), [block_bytes(one) for one in plan.blocks]
        return Compiled(plan, blocks, characters, steps, self._schema, self._absent, sizes)


def _has_more_values(given: Mapping[str, Any], most: int) -> bool:
    count, todo = 0, list[Collection[Any]]([given.values()])
    while todo:
        values = todo.pop()
        count += len(values)
        if count > most:
            return True
        for one in values:
            if isinstance(one, list):
                todo.append(one)
            elif isinstance(one, dict):
                todo.append(one.values())
    return False


def _weight(made: tuple[Compiled, ...] | NotPlanned) -> int:
    if isinstance(made, NotPlanned):
        return _BYTES
    return sum(_BYTES + _BYTES_PER_CHARACTER * one.characters for one in made)


class _SelectionVariables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        """Note the variables of @skip and @include."""
        if node.name.value in ("skip", "include"):
            values = (argument.value for argument in node.arguments or ())
            self.names.update(value.name.value for value in values if isinstance(value, VariableNode))


def selection_variables(prepared: Prepared) -> tuple[str, ...]:
    """Names of the variables in @skip and @include anywhere in the document."""
    found = _SelectionVariables()
    visit(prepared.document, found)
    return tuple(sorted(found.names))
