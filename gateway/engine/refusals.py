"""Errors of requests that the engine refuses to execute."""

from typing import Final

from graphql import GraphQLError

ASK_FOR_LESS: Final = "Ask for fewer rows (first, last, ids) or for fewer fields of each row, or split the request."


def refuse(message: str, code: str, error: GraphQLError | None = None) -> GraphQLError:
    """A GraphQL error caused by the client. Clients see the message and `extensions.code`.

    The locations are those of `error`.
    """
    if error is None:
        return GraphQLError(message, extensions={"code": code})
    return GraphQLError(message, error.nodes, error.source, error.positions, error.path, extensions={"code": code})
