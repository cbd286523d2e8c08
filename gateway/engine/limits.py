"""Limits of a request, and the check of a parsed document against them."""

from dataclasses import dataclass, fields
from typing import Final

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

    max_values: int = 100_000
    max_uncompiled_values: int = 2000
    max_calls: int = 50
    max_rows: int = 20_000
    max_answer_bytes: int = 4 * 1024 * 1024
    max_errors: int = 100

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
    everywhere. Those of the answer are for callers who are not staff.
    """

    max_body_bytes: int = 256 * 1024
    max_characters: int = 64 * 1024
    max_tokens: int = 2000
    max_depth: int = 15
    max_fields: int = 500
    max_aliases: int = 100
    max_root_fields: int = 30


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
