"""Executes operations: a document is parsed and validated once, compiled to a plan, and run by the plan.

Operations that a plan cannot express are run by Strawberry's executor (graphql-core), with the same answer.
"""

import asyncio
import sys
from collections.abc import Callable, Collection, Coroutine, Hashable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Final

import msgspec
import strawberry
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    parse,
    specified_rules,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types.execution import PreExecutionError

from gateway.engine.compiler import NotPlanned
from gateway.engine.cost import ANY, Besides, Cost, Estimate, Upstreams
from gateway.engine.declared import Context
from gateway.engine.documents import Documents
from gateway.engine.explain import Explanation
from gateway.engine.guards import Guards, Rights
from gateway.engine.limits import AnswerLimits, Limits, PageSizes, limit_errors, root_fields
from gateway.engine.lru import LRU
from gateway.engine.mutations import renew_loaders
from gateway.engine.one_at_a_time import OneAtATime
from gateway.engine.overlapping import overlapping
from gateway.engine.plans import MAX_VARIANTS, Planned, Plans
from gateway.engine.prepared import Prepared
from gateway.engine.refusals import ASK_FOR_LESS, refuse
from gateway.engine.run import MakeRun, Outcome, Run, too_large
from gateway.engine.subscribed import Subscribed
from gateway.engine.turns import Work, at_once, in_turns
from gateway.engine.validation import validated

__all__ = ["Engine", "Estimate", "Explanation", "Outcome", "Prepared", "Rights", "Subscribed", "in_turns"]

CACHED_BYTES: Final = 64 * 1024 * 1024
"""Most bytes of all cached documents with their plans, by default."""

_RULES: Final = (
    *(rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule),
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)
"""The rules of validation but for that of overlapping fields, which takes quadratic time (`overlapping`)."""

_RULES_AT_ONCE: Final = 12
"""Rules by which a long document is validated without an interruption."""

LONG: Final = 2000
"""Characters from which a document is long: what is done with it may be interrupted."""

_BYTES: Final = 20_000
_BYTES_PER_TOKEN: Final = 400
"""What a document holds, and each of its tokens: measured with tracemalloc, and tested."""

_NOT_COMPILING: Final = NotPlanned("the engine compiles nothing")

_NEVER_MET: Final = object()

_running: ContextVar[Prepared] = ContextVar("prepared")


class _AlreadyPrepared(SchemaExtension):
    """Hands Strawberry the parsed and validated document, so that neither is done twice."""

    def on_parse(self) -> Iterator[None]:
        self.execution_context.graphql_document = _running.get().document
        self.execution_context.validation_rules = ()
        yield


_LEFT: Final = 0.1
"""Seconds that graphql-core has to end by itself."""


class Engine:
    """Prepares documents, with a bounded cache, and executes their operations.

    The schema should override `process_errors` to do nothing: errors are logged where they are presented to clients.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        limits: Limits | None = None,
        staff_limits: AnswerLimits | None = None,
        pages: PageSizes | None = None,
        absent: object = _NEVER_MET,
        besides: Besides | None = None,
        served_by: Mapping[str, str] | None = None,
        cached_bytes: int | None = None,
        hide_suggestions: bool = False,
        compiling: bool = True,
        executed: Callable[[str | None], None] | None = None,
        run: MakeRun = Run,
    ) -> None:
        """`hide_suggestions` removes "Did you mean ...?" from messages, for callers who may not read the schema.

        `staff_limits` are those of answers to staff, instead of those in `limits`.
        `pages` are the page sizes of the schema's connections. A field is null, without its step, if its loader gives
        `absent`. `besides` are calls of systems that each call of a system costs, by system, such as the look-up of
        ids; `served_by` names the system that answers in place of another that edges name. Without `compiling`
        graphql-core runs everything. `executed` is called for every operation that runs, with None if a plan runs it,
        else with the reason why graphql-core does. `run` makes the runs of plans, such as
        `gateway.engine.watched.watching` does.
        """
        self.schema = schema
        self.core_schema = schema._schema  # Strawberry has no public name for the schema it wraps.
        if _AlreadyPrepared not in schema.extensions:
            schema.extensions = (*schema.extensions, _AlreadyPrepared)
        renew_loaders(self.core_schema)
        self._guards = Guards(self.core_schema)
        self._guards.enforce()
        self._is_guarded = bool(self._guards)
        self._is_compiling = compiling and _can_be_compiled(schema)
        self._executed, self._run = executed or _ignore_executed, run
        self._limits, self._pages = limits or Limits(), pages or PageSizes()
        self._plans = Plans(
            schema,
            absent,
            self._guards,
            hide_suggestions=hide_suggestions,
            most_values=self._limits.max_variable_values,
        )
        self._staff_limits = staff_limits or self._limits
        self._upstreams = Upstreams(_with_any(besides or {}), served_by or {})
        self._hide_suggestions = hide_suggestions
        self._documents = Documents(cached_bytes or CACHED_BYTES, self.weight)
        self._one_at_a_time = OneAtATime()
        self._executing: set[asyncio.Task[Any]] = set()
        """What graphql-core executes, also where nobody waits for it any more."""

    def prepare(
        self, source: str, admit: Callable[[DocumentNode], None] | None = None, caller: Hashable = ""
    ) -> Prepared | list[GraphQLError]:
        """The parsed and validated document, or errors with a code.

        The codes are GRAPHQL_PARSE_FAILED, GRAPHQL_VALIDATION_FAILED and LIMIT_EXCEEDED.

        `admit` is for callers without a token: it gets the parsed document before the more expensive validation, and
        raises to refuse it. Their documents are not cached, so that they cannot evict those of others.
        `caller` is whose share of the cache a new document takes.
        """
        if not admit and (known := self._documents.get(source, caller)):
            return known
        return at_once(self._preparing(source, admit, caller))

    async def prepare_in_turns(
        self, source: str, admit: Callable[[DocumentNode], None] | None = None, caller: Hashable = ""
    ) -> Prepared | list[GraphQLError]:
        """As `prepare`, with turns for others while a document is prepared. What many send at once is prepared once."""
        if admit:
            return await in_turns(self._preparing(source, admit, caller), begins_at_once=False)
        if known := self._documents.get(source, caller):
            return known
        async with self._one_at_a_time.on(source):
            if known := self._documents.get(source, caller):
                return known
            return await in_turns(self._preparing(source, admit, caller), begins_at_once=False)

    def compiling_ahead(self, source: str, rights: Collection[Rights]) -> Work[Prepared | list[GraphQLError]]:
        """As `prepare`, for a document that whoever asks for it keeps: it takes no place in the cache.

        All its operations are compiled, for callers with each of these rights.
        """
        prepared = yield from self._preparing(source, _admit, "")
        if isinstance(prepared, Prepared) and self._is_compiling:
            lacking = {self._lacking(prepared, one) for one in rights}
            for operation in prepared.operations.values():
                for one in lacking:
                    yield
                    yield from self._plans.ahead(prepared, operation, one)
        return prepared

    def _preparing(
        self, source: str, admit: Callable[[DocumentNode], None] | None, caller: Hashable
    ) -> Work[Prepared | list[GraphQLError]]:
        if len(source) > self._limits.max_characters:
            message = (
                f"The document has {len(source)} characters; the limit is {self._limits.max_characters}."
                " Send long texts as variables."
            )
            return [refuse(message, "LIMIT_EXCEEDED")]
        document = self._parse(source)
        if not isinstance(document, DocumentNode):
            return document
        if admit:
            admit(document)
        yield
        prepared = yield from self._checked(source, document)
        if isinstance(prepared, Prepared) and not admit:
            self._documents.put(prepared, caller)
        return prepared

    def operation(self, prepared: Prepared, operation_name: str | None) -> OperationDefinitionNode | GraphQLError:
        """The operation to run, or an error with the code OPERATION_RESOLUTION_FAILURE."""
        operations = prepared.operations
        if operation_name is None and len(operations) == 1:
            return next(iter(operations.values()))
        if operation_name is not None and (found := operations.get(operation_name)):
            return found
        names = ", ".join(f"'{name}'" for name in operations if name)
        if not operations:
            message = "The document has only fragments. Add an operation."
        elif operation_name is None:
            message = f"The document has more than one operation. Set operationName to one of {names}."
        else:
            right = (
                f"Set operationName to one of {names}." if names else "Its only one has no name: omit operationName."
            )
            message = f"The document has no operation '{operation_name}'. {right}"
        return refuse(message, "OPERATION_RESOLUTION_FAILURE")

    def withholding(self, place: tuple[str, str], rights: Rights) -> GraphQLError | None:
        """The error of a field (type and name) that a caller with these rights may not read; None if it may."""
        guard = self._guards.withholding(*place, self._guards.lacking(rights))
        return guard.error(rights) if guard else None

    def withheld(self, prepared: Prepared, rights: Rights) -> frozenset[tuple[str, str]]:
        """Which fields of the document (type and name) a caller with these rights may not read."""
        return self._guards.withheld(self._lacking(prepared, rights))

    def estimate(
        self,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | None,
        rights: Rights = None,
    ) -> Estimate:
        """What the operation is estimated to cost with these variables: its `cost`, and what is asked of systems.

        Nothing is run. It takes microseconds, so it may be asked before the operation is started, and again. What a
        caller with these rights may not read costs nothing but its null.
        """
        return self._cost(prepared, operation, self._lacking(prepared, rights)).of(variables)

    def _cost(self, prepared: Prepared, operation: OperationDefinitionNode, lacking: int) -> Cost:
        withheld = self._guards.withheld(lacking) if lacking else None
        if not withheld:
            return prepared.cost(operation)
        costs: LRU[Any, Cost] = prepared.derived.setdefault(self, LRU(MAX_VARIANTS))
        key = operation.name.value if operation.name else None, withheld
        found = costs.get(key)
        if found is None:
            found = Cost(self.core_schema, prepared.document, operation, self._pages, withheld, self._upstreams)
            costs.put(key, found)
        return found

    async def execute(
        self,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | None,
        context: Context,
    ) -> Outcome:
        """Run one operation of a prepared document to its end, as `start` does."""
        started = self.start(prepared, operation, variables, context)
        return started if isinstance(started, Outcome) else await started

    def start(
        self,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | None,
        context: Context,
        root: object = None,
        *,
        staff: bool = False,
        is_checked: bool = False,
    ) -> Outcome | Coroutine[Any, Any, Outcome]:
        """Run one operation of a prepared document. Resolvers get `context` as `info.context`.

        `root` is the object whose fields are selected; for a subscription, one event. Nothing is awaited for events
        here: whoever has one runs the operation for it.

        Returns the outcome if nothing has to be awaited, else a coroutine, which must be awaited. An operation whose
        answer could be too large, or that could ask too much of a system, is not run; the error's code is
        LIMIT_EXCEEDED. So is that of an answer that becomes too large, of which nothing is given. `staff` says whose
        limits count. `is_checked` says that `refusal` had nothing against it.
        """
        limits = self._staff_limits if staff else self._limits
        lacking = 0
        if self._is_guarded and context.rights is not None:
            lacking = self._guards.in_document(prepared, self._guards.of_context(context))
        if not is_checked:
            refusal = _too_dear(self._cost(prepared, operation, lacking).of(variables), limits)
            if refusal is not None:
                return Outcome(None, [refusal], executed=False)
        planned = self._plans.known(prepared, operation, variables, lacking) if self._is_compiling else None
        if planned is not None:
            return self._started(planned, prepared, operation, variables, context, root, limits, lacking)
        return self._started_in_turns(prepared, operation, variables, context, root, limits, lacking)

    async def _started_in_turns(
        self,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | None,
        context: Context,
        root: object,
        limits: AnswerLimits,
        lacking: int,
    ) -> Outcome:
        async with self._one_at_a_time.on((prepared, id(operation), lacking)):
            work = self._planned(prepared, operation, variables, lacking)
            planned = await in_turns(work, begins_at_once=False)
        self._documents.weigh_again(prepared)
        started = self._started(planned, prepared, operation, variables, context, root, limits, lacking)
        return started if isinstance(started, Outcome) else await started

    def _started(
        self,
        planned: Planned | list[GraphQLError] | NotPlanned,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | None,
        context: Context,
        root: object,
        limits: AnswerLimits,
        lacking: int,
    ) -> Outcome | Coroutine[Any, Any, Outcome]:
        if isinstance(planned, list):
            return Outcome(None, planned, executed=False)
        if isinstance(planned, Planned):
            self._executed(None)
            return planned.start(context, root, limits, self._run)
        if self._is_compiling:
            refusal = _too_dear(self._cost(prepared, operation, lacking).of(variables), limits, planned)
            if refusal is not None:
                return Outcome(None, [refusal], executed=False)
        self._executed(str(planned))
        return self._by_core(prepared, operation, variables, context, root, limits)

    def subscribed(
        self,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | None,
        *,
        staff: bool = False,
        rights: Rights = None,
    ) -> Subscribed | list[GraphQLError]:
        """What a subscription is about, or the errors for which it can never succeed; nothing is run."""
        limits = self._staff_limits if staff else self._limits
        if (refusal := _too_dear(self.estimate(prepared, operation, variables, rights), limits)) is not None:
            return [refusal]
        return self._plans.subscribed(prepared, operation, variables, rights)

    def explain(
        self,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | None,
        rights: Rights = None,
    ) -> Explanation | list[GraphQLError]:
        """The steps and loads of an operation for a caller with these rights, or errors of variables."""
        found = self._plans.explain(prepared, operation, variables, self._lacking(prepared, rights))
        return found if isinstance(found, list) else found.asking(self._upstreams.served_by)

    def code(
        self,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | None,
        rights: Rights = None,
    ) -> list[str] | list[GraphQLError]:
        """The Python that is generated for an operation: one text, for a mutation one per field at its root.

        Empty if graphql-core runs it. Errors if the variables do not fit.
        """
        return self._plans.code(prepared, operation, variables, self._lacking(prepared, rights))

    def _lacking(self, prepared: Prepared, rights: Rights) -> int:
        if rights is None:
            return 0
        return self._guards.in_document(prepared, self._guards.lacking(rights))

    def _planned(
        self, prepared: Prepared, operation: OperationDefinitionNode, variables: Mapping[str, Any] | None, lacking: int
    ) -> Work[Planned | list[GraphQLError] | NotPlanned]:
        if self._is_compiling:
            return (yield from self._plans.of(prepared, operation, variables, lacking))
        # graphql-core's messages about variables that do not fit have suggestions.
        refused = self._plans.variable_errors(operation, variables) if self._hide_suggestions else None
        return refused or _NOT_COMPILING

    async def _by_core(
        self,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | None,
        context: Context,
        root: object,
        limits: AnswerLimits,
    ) -> Outcome:
        """Run one operation by graphql-core.

        Where this is cancelled, graphql-core is so only after `_LEFT`: it would leave coroutines that it has made and
        not begun. By then it has ended, as nothing is loaded any more, or waits for something else.
        """
        running = _running.set(prepared)
        try:
            executing = asyncio.create_task(
                self.schema.execute(
                    prepared.source,
                    variable_values=dict(variables or {}),
                    context_value=context,
                    root_value=root,
                    operation_name=operation.name.value if operation.name else None,
                )
            )
        finally:
            _running.reset(running)
        self._executing.add(executing)
        executing.add_done_callback(self._executing.discard)
        try:
            result = await asyncio.shield(executing)
        except asyncio.CancelledError:
            asyncio.get_running_loop().call_later(_LEFT, executing.cancel)
            raise
        errors = result.errors or []
        # An error of the executor itself, and not of one field, has no path: variables that do not fit, or
        # (PreExecutionError, as nothing is parsed or validated there) a fault in an extension.
        executed = result.data is not None or any(error.path is not None for error in errors)
        if not executed and not isinstance(result, PreExecutionError):
            errors = [refuse(error.message, "BAD_USER_INPUT", error) for error in errors]
        if result.data is not None and len(msgspec.json.encode(result.data)) > limits.max_answer_bytes:
            return too_large(limits)
        most = limits.max_errors
        return Outcome(result.data, errors[:most], executed, more_errors=max(0, len(errors) - most))

    @property
    def cached(self) -> tuple[int, int]:
        """How many prepared documents are kept, and about how many bytes they hold."""
        return len(self._documents), self._documents.held

    def weight(self, prepared: Prepared) -> int:
        """About how many bytes a document holds, with its plans."""
        return prepared.weight + self._plans.weight(prepared)

    def _parse(self, source: str) -> DocumentNode | list[GraphQLError]:
        limit = self._limits.max_tokens
        try:
            document = parse(source, max_lexical_tokens=limit, max_comments=limit, allow_empty_selection_sets=False)
        except GraphQLError as error:
            return [refuse(error.message, "GRAPHQL_PARSE_FAILED", error)]
        _unlink_tokens(document)
        return document

    def refusal(self, estimate: Estimate, *, staff: bool = False) -> GraphQLError | None:
        """Why `start` refuses an operation of this estimate: it could cost too much. None if it does not."""
        return _too_dear(estimate, self._staff_limits if staff else self._limits)

    def _checked(self, source: str, document: DocumentNode) -> Work[Prepared | list[GraphQLError]]:
        try:
            if errors := limit_errors(document, self._limits):
                return errors[: self._limits.max_errors]
            at_once = _RULES_AT_ONCE if len(source) > LONG else len(_RULES)
            for first in range(0, len(_RULES), at_once):
                yield
                errors = validated(
                    self.core_schema, document, _RULES[first : first + at_once], hide_suggestions=self._hide_suggestions
                )
                if errors:
                    return _invalid(errors[: self._limits.max_errors])
            yield
            if errors := (yield from overlapping(self.core_schema, document)):
                return _invalid(errors[: self._limits.max_errors])
            return (yield from _prepared(source, document, self.core_schema, self._pages, self._upstreams))
        except RecursionError:
            return [refuse("The document nests fragments too deeply. Write some of them out.", "LIMIT_EXCEEDED")]


def _too_dear(found: Estimate, limits: AnswerLimits, not_planned: NotPlanned | None = None) -> GraphQLError | None:
    limit = limits.max_uncompiled_values if not_planned else limits.max_values
    if found.values > limit:
        why = f", because of {not_planned}" if not_planned else ""
        what = f"The answer could have {found.values} values; the limit is {limit}{why}."
    elif found.calls > limits.max_calls:
        what = f"A system could be called {found.calls} times; the limit is {limits.max_calls}."
    elif found.rows > limits.max_rows:
        what = f"A system could be asked for {found.rows} rows; the limit is {limits.max_rows}."
    else:
        return None
    return refuse(f"{what} {ASK_FOR_LESS}", "LIMIT_EXCEEDED")


def _invalid(errors: list[GraphQLError]) -> list[GraphQLError]:
    return [refuse(error.message, "GRAPHQL_VALIDATION_FAILED", error) for error in errors]


def _unlink_tokens(document: DocumentNode) -> None:
    """Nothing reads them in their order any more, in which each refers to the one before and the one after it."""
    token = document.loc.start_token if document.loc else None
    while token is not None:
        token.prev, token.next, token = None, None, token.next


def _with_any(besides: Besides) -> Besides:
    """With what a call costs that may be of any of the systems."""
    most = {one: max(calls.get(one, 0) for calls in besides.values()) for calls in besides.values() for one in calls}
    return {**besides, ANY: most} if most else besides


def _prepared(
    source: str, document: DocumentNode, schema: GraphQLSchema, pages: PageSizes, upstreams: Upstreams
) -> Work[Prepared]:
    operations = {
        definition.name.value if definition.name else None: definition
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
    }
    roots = {
        name: frozenset(field.name.value for field in root_fields(document, operation))
        for name, operation in operations.items()
    }
    costs = {}
    for name, operation in operations.items():
        yield
        costs[name] = Cost(schema, document, operation, pages, upstreams=upstreams)
    weight = _BYTES + sys.getsizeof(source) + _BYTES_PER_TOKEN * document.token_count
    return Prepared(source, document, operations, roots, costs, weight)


def _can_be_compiled(schema: strawberry.Schema) -> bool:
    """Whether plans do all that the schema requires: it has no extensions, directives or own default resolver."""
    has_own = set(schema.extensions) > {_AlreadyPrepared} or schema.directives
    return not has_own and schema.config.default_resolver is getattr


def _admit(_document: DocumentNode) -> None:
    """Let a document in that is not to be cached."""


def _ignore_executed(_fallback: str | None) -> None:
    """The default for `executed`."""
