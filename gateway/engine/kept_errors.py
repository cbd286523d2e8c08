"""Errors that are kept as values until the answer is made."""

from graphql import GraphQLError, ValueNode


def kept(error: Exception) -> Exception:
    """The error; without its traceback where clients are told of it, so that nobody looks for one.

    They are told of what says whether it is `retryable`, and of arguments that cannot be used. The frames of a
    traceback hold what was under way when it was raised, all of the request, which holds the error. Only Python's
    garbage collector frees that, at a time when others wait.
    """
    if hasattr(error, "retryable") or (isinstance(error, GraphQLError) and _is_of_arguments(error)):
        raised: BaseException | None = error
        while raised is not None and raised.__traceback__ is not None:
            raised.__traceback__ = None
            raised = raised.__cause__ or raised.__context__
    return error


def _is_of_arguments(error: GraphQLError) -> bool:
    return bool(error.nodes) and all(isinstance(one, ValueNode) for one in error.nodes or ())
