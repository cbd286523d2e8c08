"""`[scopes]`: which scopes callers have by their kind, and fields that need more of them than the schema says."""

import difflib
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from connectors.strict import Strict
from gateway.auth.scopes import EVERY, Grants
from gateway.auth_settings import AuthSettings
from resolvers.viewer import ViewerKind

if TYPE_CHECKING:
    from schema import Graph

Place = tuple[str | int, ...]

Scopes = tuple[str, ...]

_KINDS: Final = (ViewerKind.CUSTOMER, ViewerKind.AGENT, ViewerKind.ADMIN)


class ScopeSettings(Strict):
    """What callers may read of what the schema guards. Without settings everybody reads it as before there were scopes.

    A scope is one of the schema's (`gateway schema` shows them), or one of `own`.
    """

    customer: Annotated[Scopes, Field(description='Scopes of every subscriber; "*": all.')] = (EVERY,)
    agent: Annotated[Scopes, Field(description='Scopes of every agent; "*": all.')] = (EVERY,)
    admin: Annotated[Scopes, Field(description='Scopes of every admin; "*": all.')] = (EVERY,)
    own: Annotated[Scopes, Field(description="Scopes of your own, beside the schema's.")] = ()
    fields: Annotated[
        dict[str, tuple[Scopes, ...]],
        Field(
            description="What fields need beside what the schema says: by Type.field, lists of scopes of which all of"
            ' one are enough, e.g. { "Query.customers" = [["customer:search"]] }.'
        ),
    ] = {}

    def of_kind(self, kind: ViewerKind) -> Scopes:
        """The scopes of all callers of a kind."""
        found: Scopes = getattr(self, kind.value)
        return found

    def grants(self) -> Grants:
        """Who has which scopes."""
        limited = {kind: frozenset(self.of_kind(kind)) for kind in _KINDS if EVERY not in self.of_kind(kind)}
        if not limited:
            return Grants()
        from schema.guards import SCOPES  # here, because importing the schema takes the better part of a second

        return Grants(limited, frozenset([*SCOPES, *self.own]))

    def tighten(self, graph: "Graph") -> None:
        """Make the fields of this schema, which the caller does not share, need what is set."""
        from schema.guards import tighten

        for place, needs in self.fields.items():
            type_name, _, name = place.partition(".")
            tighten(graph.graphql, type_name, name, needs)


def wrong(settings: ScopeSettings, auth: AuthSettings | None) -> Iterator[tuple[Place, str]]:
    """Names of fields and scopes that do not exist, each with its place in the settings, and fields that must not."""
    named = list(_named(settings, auth))
    if not settings.fields and all(scope == EVERY and place[:2] in _of_kinds() for place, scope in named):
        return
    from schema import build_schema
    from schema.guards import SCOPES, untightenable

    known = [*SCOPES, *settings.own]
    for place, scope in named:
        if scope not in known and not (scope == EVERY and place[:2] in _of_kinds()):
            yield place, f"there is no scope {scope!r}.{_like(scope, known)} Those of your own stand in scopes.own"
    if settings.fields:
        graph = build_schema().graphql
        for field, needs in settings.fields.items():
            where: Place = ("scopes", "fields", field)
            if not needs or not all(needs):
                yield where, "it needs at least one list of scopes, and each list a scope: an empty one bars nobody"
            type_name, _, name = field.partition(".")
            if name not in getattr(graph.type_map.get(type_name), "fields", {}):
                others = [f"{kind}.{one}" for kind, one in _fields(graph)]
                yield where, f"the schema has no field {field!r}.{_like(field, others)}"
            elif why := untightenable(graph, type_name, name):
                yield where, why


def _named(settings: ScopeSettings, auth: AuthSettings | None) -> Iterator[tuple[Place, str]]:
    for kind in _KINDS:
        yield from ((("scopes", kind.value, at), one) for at, one in enumerate(settings.of_kind(kind)))
    for place, needs in settings.fields.items():
        yield from ((("scopes", "fields", place), scope) for way in needs for scope in way)
    for at, issuer in auth.by_place() if auth else ():
        for role, scopes in issuer.claims.role_scopes.items():
            yield from (((*at.split("."), "claims", "role_scopes", role), scope) for scope in scopes)


def _of_kinds() -> Collection[Place]:
    return [("scopes", kind.value) for kind in _KINDS]


def _fields(schema: Any) -> Iterable[tuple[str, str]]:
    for name, kind in schema.type_map.items():
        if not name.startswith("__"):
            yield from ((name, one) for one in getattr(kind, "fields", {}))


def _like(given: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(given, known, n=1, cutoff=0.6)
    return f" Is it {near[0]!r}?" if near else f" There are: {', '.join(known)}." if len(known) < 30 else ""
