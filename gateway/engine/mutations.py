"""What was loaded before a write may be stale after it: fields of mutations begin with loaders anew."""

from collections.abc import Awaitable, Callable
from typing import Any

from graphql import GraphQLResolveInfo, GraphQLSchema
from graphql.pyutils import is_awaitable

from gateway.engine.declared import Context


def renew_loaders(schema: GraphQLSchema) -> None:
    """Let every field of the mutation type forget the request's loaders before its resolver, and when that is done.

    So a write decides by nothing that was read before an earlier one, and what it answers is read after it, whoever
    executes the operation. It is the schema's resolvers that are changed.
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
