"""A request is a value: each way to make one says what it means, and by that whether it may be sent again."""

from collections.abc import Callable
from contextvars import copy_context

import pytest

from connectors.http.request import Request
from connectors.http.scope import Operation, current_operation

READING, WRITING = Operation("tickets"), Operation("open_ticket", is_write=True)


def get() -> Request:
    return Request.get("/cases?name=Kim", ["7"])


def query() -> Request:
    return Request.query("/cases?name=Kim", b"{}", ["7"])


def write() -> Request:
    return Request.write("PUT", "/cases?name=Kim", b"{}", ["7"])


@pytest.mark.parametrize(
    ("made", "operation", "repeatable"),
    [
        (get, None, True),
        (get, READING, True),
        (get, WRITING, True),
        (query, None, True),
        (query, READING, True),
        (query, WRITING, False),
        (write, None, False),
        (write, READING, False),
        (write, WRITING, False),
    ],
)
def test_what_may_be_repeated(made: Callable[[], Request], operation: Operation | None, repeatable: bool) -> None:
    context = copy_context()
    context.run(current_operation.set, operation)
    request = context.run(made)
    assert request.operation is operation
    assert request.repeatable is repeatable


@pytest.mark.parametrize(("made", "text"), [(get, "GET /cases"), (query, "POST /cases"), (write, "PUT /cases")])
def test_a_message_names_nobody(made: Callable[[], Request], text: str) -> None:
    assert str(made()) == text
    assert made().target == "/cases?name=Kim"


def test_equal_requests_are_equal() -> None:
    assert get() == get()
    assert query() != write()


def test_a_request_does_not_change() -> None:
    with pytest.raises(AttributeError):
        get().method = "DELETE"  # type: ignore[misc]
