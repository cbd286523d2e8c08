"""Errors that are kept as values until the answer is made."""

from graphql import GraphQLError


def kept(error: Exception) -> Exception:
    """The error; without its traceback where it has a `code`, so that clients are told of it and nobody looks for it.

    The frames of a traceback hold what was under way when it was raised, all of the request, which holds the error.
    Only Python's garbage collector frees that, at a time when others wait.
    """
    if isinstance(error, GraphQLError) or hasattr(error, "code"):
        raised: BaseException | None = error
        while raised is not None and raised.__traceback__ is not None:
            raised.__traceback__ = None
            raised = raised.__cause__ or raised.__context__
    return error
