"""Errors of requests that the engine refuses to execute."""

from graphql import GraphQLError


def refuse(message: str, code: str, error: GraphQLError | None = None) -> GraphQLError:
    """A GraphQL error caused by the client. Clients see the message and `extensions.code`.

    The locations are those of `error`.
    """
    if error is None:
        return GraphQLError(message, extensions={"code": code})
    return GraphQLError(message, error.nodes, error.source, error.positions, error.path, extensions={"code": code})
