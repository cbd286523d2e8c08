"""Who may run which operations, decided from the fields at an operation's root before it runs."""

from collections.abc import Sequence
from typing import Literal

from graphql import DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode

from gateway.engine import Prepared
from gateway.engine.limits import root_fields
from gateway.errors import RequestError
from resolvers.viewer import Viewer, ViewerKind

IntrospectionFor = Literal["nobody", "staff", "signed-in", "everyone"]
"""Who may read the schema by introspection."""

TraceFor = Literal["staff", "signed-in", "signed-in with keys"]
"""Who may see the upstream calls of an answer, and whether subscribers see their keys."""

_INTROSPECTION = frozenset({"__schema", "__type"})


class SignInRequiredError(RequestError):
    """The request has no token, and its operation needs one."""

    status = 401
    code = "UNAUTHENTICATED"

    def __init__(self) -> None:
        message = "Sign in first. The request needs a header 'Authorization: Bearer <token>'."
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class StaffOnlyError(RequestError):
    """A subscriber asks for what agents and admins may see."""

    status = 403
    code = "FORBIDDEN"

    def __init__(self, what: str) -> None:
        """`what`, with its verb: "Events are"."""
        super().__init__(f"{what} shown to agents and admins only. Use a token of one.")


def may_introspect(viewer: Viewer, introspection_for: IntrospectionFor) -> bool:
    """Whether a viewer may read the schema."""
    if introspection_for == "signed-in":
        return viewer.kind is not ViewerKind.ANONYMOUS
    return introspection_for == "everyone" or (introspection_for == "staff" and viewer.is_staff)


def check_public(schema: GraphQLSchema, document: DocumentNode, introspection_for: IntrospectionFor) -> None:
    """Let a document that came without a token go on to validation, or raise SignInRequiredError.

    Every operation in it may select public fields only. Where the schema is public, too, so may fields that do not
    exist: validation says so, and tells nothing new. Where it is not, there are no fragments and no variables either,
    whose types could be found out by guessing.
    """
    is_open = introspection_for == "everyone"
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            root = schema.get_root_type(definition.operation)
            private = root.fields.keys() if is_open and root else None
            for field in root_fields(document, definition):
                name = field.name.value
                if name != "__typename" and (private is None or name in private):
                    raise SignInRequiredError
            if is_open or not definition.variable_definitions:
                continue
        elif is_open:
            continue
        raise SignInRequiredError


def check_validation_public(errors: Sequence[GraphQLError], introspection_for: IntrospectionFor) -> None:
    """Raise SignInRequiredError if a caller without a token must not see these validation errors.

    They would reveal names of a schema that is not public to callers who guess.
    """
    if introspection_for == "everyone":
        return
    if any((error.extensions or {}).get("code") == "GRAPHQL_VALIDATION_FAILED" for error in errors):
        raise SignInRequiredError


def may_trace(viewer: Viewer, trace_for: TraceFor) -> bool:
    """Whether a viewer may see the upstream calls of its answers."""
    return viewer.is_staff or (trace_for != "staff" and viewer.is_signed_in)


def check_access(
    prepared: Prepared, operation: OperationDefinitionNode, viewer: Viewer, introspection_for: IntrospectionFor
) -> None:
    """Let an operation pass, or raise RequestError.

    Without a token only `__typename` is public, and the schema where `introspection_for` says so; all else is a 401.
    """
    roots = prepared.root_names(operation)
    if viewer.is_signed_in and roots.isdisjoint(_INTROSPECTION):
        return
    allowed = may_introspect(viewer, introspection_for)
    public = {"__typename", *(_INTROSPECTION if allowed else ())}
    if viewer.kind is ViewerKind.ANONYMOUS and not roots <= public:
        raise SignInRequiredError
    if roots & _INTROSPECTION and not allowed:
        raise RequestError(
            "This caller may not read the schema (introspection). Ask the gateway's operator for it.",
            code="INTROSPECTION_DISABLED",
        )
