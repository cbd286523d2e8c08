"""Limits of a request, and the check of a parsed document against them."""

from dataclasses import dataclass, fields
from typing import Annotated, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """Limits of one answer.

    As estimated by `gateway.engine.cost` before anything runs: `max_values`, `max_uncompiled_values` for an operation
    that no plan can run (docs/engine.md), which is slower, and not interrupted, and `max_calls` and `max_rows` of each
    system. While the answer is made: `max_answer_bytes`, about as JSON, and `max_errors`, beyond which errors are only
    counted.
    """

    max_values: Annotated[int, "Most values of an answer, as estimated beforehand."] = 100_000
    max_uncompiled_values: Annotated[int, "The same for an operation that no plan can run, which is slower."] = 2000
    max_calls: Annotated[int, "Most calls to each system, as estimated beforehand."] = 50
    max_rows: Annotated[int, "Most rows of each system, as estimated beforehand."] = 20_000
    max_answer_bytes: Annotated[int, "Largest answer, about as JSON."] = 4 * 1024 * 1024
    max_errors: Annotated[int, "Most errors in an answer; more are only counted."] = 100

    def __post_init__(self) -> None:
        for one in fields(self):
            if getattr(self, one.name) < 1:
                raise ValueError(f"{one.name} must be at least 1, not {getattr(self, one.name)}")


STAFF: Final = AnswerLimits(max_values=200_000, max_calls=200, max_rows=100_000, max_answer_bytes=8 * 1024 * 1024)
"""The default for agents and admins."""


@dataclass(frozen=True, slots=True)
class Limits(AnswerLimits):
    """Limits of one request. Fields and aliases are counted with all fragments written out.

    `max_characters` and `max_tokens` also limit the time of parsing and validation, which cannot be interrupted
    everywhere, and `max_variable_values` that of reading variables: 60,000 ids would take 0.2 s. Those of the answer
    are for callers who are not staff.
    """

    max_body_bytes: Annotated[int, "Largest body of a request."] = 256 * 1024
    max_characters: Annotated[int, "Longest document."] = 64 * 1024
    max_tokens: Annotated[int, "Most tokens of a document."] = 2000
    max_depth: Annotated[int, "Deepest field of a document."] = 15
    max_fields: Annotated[int, "Most fields, with all fragments written out."] = 500
    max_aliases: Annotated[int, "Most aliases, with all fragments written out."] = 100
    max_root_fields: Annotated[int, "Most fields of the query itself."] = 30
    max_variable_values: Annotated[int, "Most values in the variables: entries of lists, and of input objects."] = 5000


@dataclass(frozen=True, slots=True)
class PageSizes:
    """Rows of a connection's page: the default without `first` and `last`, and the maximum."""

    default: int = 20
    most: int = 1000


@dataclass(frozen=True, slots=True)
class _Size:
    depth: int = 0
    fields: int = 0
    aliases: int = 0

    def beside(self, other: "_Size") -> "_Size":
        return _Size(max(self.depth, other.depth), self.fields + other.fields, self.aliases + other.aliases)


class _Measure:
    """Measures selection sets. Each fragment is measured once, so the time is linear in the document's length."""

    def __init__(self, document: DocumentNode) -> None:
        self.fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._measured: dict[str, _Size] = {}

    def of(self, selected: SelectionSetNode | None) -> _Size:
        total = _Size()
        for node in selected.selections if selected else ():
            if isinstance(node, FieldNode):
                total = total.beside(self._field(node))
            elif isinstance(node, InlineFragmentNode):
                total = total.beside(self.of(node.selection_set))
            elif isinstance(node, FragmentSpreadNode):
                total = total.beside(self._fragment(node.name.value))
        return total

    def _field(self, node: FieldNode) -> _Size:
        alias = 1 if node.alias else 0
        if node.name.value in ("__schema", "__type"):  # Bounded by graphql-core's own MaxIntrospectionDepthRule.
            return _Size(1, 1, alias)
        below = self.of(node.selection_set)
        return _Size(below.depth + 1, below.fields + 1, below.aliases + alias)

    def _fragment(self, name: str) -> _Size:
        if name not in self._measured:
            self._measured[name] = _Size()  # A cycle ends here; validation reports it.
            fragment = self.fragments.get(name)
            self._measured[name] = self.of(fragment.selection_set) if fragment else _Size()
        return self._measured[name]


def limit_errors(document: DocumentNode, limits: Limits) -> list[GraphQLError]:
    """An error, with the numbers, for each limit that the document exceeds.

    Unused fragments count, too, as they are validated. Call it before validation, which takes more time.
    """
    measure = _Measure(document)
    errors = []
    for definition in document.definitions:
        if not isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            continue
        is_operation = isinstance(definition, OperationDefinitionNode)
        size = measure.of(definition.selection_set)
        for what, is_, limit in (
            ("is {} levels deep", size.depth, limits.max_depth),
            ("selects {} fields, with fragments written out", size.fields, limits.max_fields),
            ("has {} aliases, with fragments written out", size.aliases, limits.max_aliases),
            ("selects {} fields at its root", _width(document, definition), limits.max_root_fields),
        ):
            if is_ > limit:
                name = f"'{definition.name.value}'" if definition.name else "without a name"
                kind = "operation" if is_operation else "fragment"
                message = f"The {kind} {name} {what.format(is_)}; the limit is {limit}. Ask for less in one request."
                errors.append(GraphQLError(message, definition, extensions={"code": "LIMIT_EXCEEDED"}))
    return errors


def _width(document: DocumentNode, definition: OperationDefinitionNode | FragmentDefinitionNode) -> int:
    return len(root_fields(document, definition)) if isinstance(definition, OperationDefinitionNode) else 0


def root_fields(document: DocumentNode, operation: OperationDefinitionNode) -> list[FieldNode]:
    """All fields that an operation selects at its root, with each fragment written out once."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    fields: list[FieldNode] = []
    seen: set[str] = set()
    todo = [operation.selection_set]
    while todo:
        for node in todo.pop().selections:
            if isinstance(node, FieldNode):
                fields.append(node)
            elif isinstance(node, InlineFragmentNode):
                todo.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                if node.name.value in fragments:
                    todo.append(fragments[node.name.value].selection_set)
    return fields
