"""Fields of mutations start with new loaders, as records that were loaded before a write may be stale."""

from collections.abc import Awaitable, Callable
from typing import Any

from graphql import GraphQLResolveInfo, GraphQLSchema
from graphql.pyutils import is_awaitable

from gateway.engine.declared import Context


def renew_loaders(schema: GraphQLSchema) -> None:
    """Make every field of the mutation type renew the request's loaders before its resolver and after it.

    So a write does not depend on what was read before an earlier write, and its answer is read after it. This replaces
    the resolvers in `schema`, so that it holds for graphql-core, too.
    """
    for field in schema.mutation_type.fields.values() if schema.mutation_type else ():
        if field.resolve is not None:
            field.resolve = _renewing(field.resolve)


def _renewing(resolve: Callable[..., Any]) -> Callable[..., Any]:
    def resolved(root: Any, info: GraphQLResolveInfo[Context], **arguments: Any) -> Any:
        info.context.renew()
        found = resolve(root, info, **arguments)
        return _then_renewed(found, info.context) if is_awaitable(found) else found

    return resolved


async def _then_renewed(found: Awaitable[Any], context: Context) -> Any:
    try:
        return await found
    finally:
        context.renew()
