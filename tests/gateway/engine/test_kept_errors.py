"""What is logged keeps its traceback; what clients are told of holds nothing of the request."""

import pytest
from graphql import FieldNode, GraphQLError, NameNode, StringValueNode

from gateway.engine.kept_errors import kept
from resolvers.errors import BadInput


class WithCode(Exception):
    """Somebody else's, who means something else by a code."""

    code = 404


@pytest.mark.parametrize(
    ("error", "is_told"),
    [
        (BadInput("first"), True),
        (GraphQLError("no number", StringValueNode(value="x", block=False)), True),
        (GraphQLError("cannot represent", FieldNode(name=NameNode(value="x"))), False),
        (WithCode(), False),
        (ValueError("a fault"), False),
    ],
    ids=["ours", "an argument", "a value of ours", "with a code", "a fault"],
)
def test_only_what_is_logged_keeps_its_traceback(error: Exception, is_told: bool) -> None:
    def fail() -> None:
        try:
            raise KeyError
        except KeyError as cause:
            raise error from cause

    with pytest.raises(type(error)):
        fail()
    assert kept(error) is error
    assert error.__cause__ is not None
    assert (error.__traceback__ is None, error.__cause__.__traceback__ is None) == (is_told, is_told)
