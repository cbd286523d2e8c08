"""Which answers may be kept by caches: those of persisted documents that are the same for every signed-in caller.

What is shared is declared in the schema (`@cacheControl`). Whatever a document selects beside it, an error, a list that
lacks rows, a field that needs a scope, or any extension of the answer makes it somebody's own: `no-store`.
"""

import hashlib
from typing import Any, Final, Literal

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_leaf_type,
)
from starlette.requests import Request
from starlette.responses import Response

from gateway.engine import Prepared
from gateway.engine.declared import DEFINITION, Guard
from gateway.http.headers import listed
from schema.caching import CacheControl

Sharing = Literal["off", "private", "public"]
"""Who may keep an answer: nobody; the caller's own cache; caches that many callers share, too."""

_NOT_MODIFIED: Final = 304

_DROPPED: Final = frozenset({b"content-length", b"content-type"})
"""Headers that an answer without a body does not have."""

_TRANSPARENT: Final = "__typename"


class Caching:
    """Knows what of a schema is shared."""

    def __init__(self, schema: GraphQLSchema, sharing: Literal["private", "public"]) -> None:
        self._schema, self._sharing = schema, sharing

    def mark(self, response: Response, request: Request, age: int) -> None:
        """Let this whole answer be kept for `age` seconds, or say that the one the client has is still right."""
        kept = (b"cache-control", b"%s, max-age=%d" % (self._sharing.encode(), age))
        varies = b"Accept, Accept-Encoding, Origin" + (b", Authorization" if self._sharing == "private" else b"")
        others = [one for one in response.raw_headers if one[0] not in (b"cache-control", b"vary")]
        response.raw_headers = [*others, kept, (b"vary", varies)]
        validate(response, request)

    def age(self, prepared: Prepared, operation: OperationDefinitionNode) -> int:
        """Seconds for which the answers of an operation may be kept; 0: not at all."""
        known: dict[str | None, int] = prepared.derived.setdefault(self, {})
        name = operation.name.value if operation.name else None
        found = known.get(name)
        if found is None:
            found = known[name] = self._of(prepared.document, operation)
        return found

    def _of(self, document: DocumentNode, operation: OperationDefinitionNode) -> int:
        root = self._schema.query_type
        if operation.operation is not OperationType.QUERY or root is None:
            return 0
        fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
        return self._below(operation.selection_set, root, 0, fragments) or 0

    def _below(
        self, selected: SelectionSetNode, parent: Any, above: int, fragments: dict[str, FragmentDefinitionNode]
    ) -> int | None:
        """The shortest life of what is selected; None where that is nothing but names of types."""
        least: int | None = None
        for one in selected.selections:
            if isinstance(one, FieldNode):
                if one.name.value == _TRANSPARENT:
                    continue
                found = self._field(one, parent, above, fragments)
            elif isinstance(one, FragmentSpreadNode):
                fragment = fragments[one.name.value]
                found = self._fragment(fragment.selection_set, fragment.type_condition.name.value, above, fragments)
            elif isinstance(one, InlineFragmentNode):
                condition = one.type_condition.name.value if one.type_condition else parent.name
                found = self._fragment(one.selection_set, condition, above, fragments)
            else:
                return 0
            if found == 0:
                return 0
            least = found if least is None or found is None else min(least, found)
        return least

    def _fragment(
        self, selected: SelectionSetNode, type_name: str, above: int, fragments: dict[str, FragmentDefinitionNode]
    ) -> int | None:
        return self._below(selected, self._schema.type_map[type_name], above, fragments)

    def _field(
        self, node: FieldNode, parent: Any, above: int, fragments: dict[str, FragmentDefinitionNode]
    ) -> int | None:
        field: GraphQLField | None = getattr(parent, "fields", {}).get(node.name.value)
        if field is None:
            return 0  # of introspection
        directives = getattr(field.extensions.get(DEFINITION), "directives", None) or ()
        if any(isinstance(one, Guard) for one in directives):
            return 0
        hint = next((one for one in directives if isinstance(one, CacheControl)), None)
        kind = get_named_type(field.type)
        age = above if is_leaf_type(kind) or (hint is not None and hint.inherit_max_age is True) else 0
        if hint is not None and isinstance(hint.max_age, int):
            age = hint.max_age
        if not age or node.selection_set is None:
            return age
        below = self._below(node.selection_set, kind, age, fragments)
        return age if below is None else min(age, below)


def validate(response: Response, request: Request) -> None:
    """Give the whole answer an `ETag`; where the client has that one, send it without its body (RFC 9110, 13.1.2)."""
    tag = f'W/"{hashlib.sha256(response.body).hexdigest()[:32]}"'
    response.raw_headers.append((b"etag", tag.encode()))
    given = listed(request.headers, "if-none-match")
    if given is None:
        return
    known = {one.strip().removeprefix("W/") for one in given.split(",")}
    if "*" in known or tag.removeprefix("W/") in known:
        response.status_code, response.body = _NOT_MODIFIED, b""
        response.raw_headers = [one for one in response.raw_headers if one[0] not in _DROPPED]
