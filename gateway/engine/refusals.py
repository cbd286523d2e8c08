"""Requests that the engine does not execute."""

from graphql import GraphQLError


def refuse(message: str, code: str, error: GraphQLError | None = None) -> GraphQLError:
    """A GraphQL error that is the client's own doing: the message and `extensions.code` are shown as they are.

    `error` lends its places in the document.
    """
    if error is None:
        return GraphQLError(message, extensions={"code": code})
    return GraphQLError(message, error.nodes, error.source, error.positions, error.path, extensions={"code": code})
