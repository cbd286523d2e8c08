"""One request to one system, and its answer, as values."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from connectors.http.scope import Operation, current_operation


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is sent, and what may be done about it. Made by `get`, `query` or `write`, which say what is meant.

    `target`: path and query, which begin with a slash, are already encoded, and are appended to the system's url.
    `keys`: those that are asked for, none for a list; the trace shows them.
    `operation`: the port's method that this is done for; None where no port is called.
    `repeatable`: whether it may be sent again when it is not known what became of it.
    `expected`: statuses whose answers are read, as those below 300 and a 404 are: a 422 may say which key the product
    does not know. They do not count against the system's health, unless reading them fails.
    `ambiguous`: server errors that say nothing about the system's health, because the product answers so to the
    client's own mistakes, too. The driver finds out which it was.
    `headers`: what a write says besides, such as another Content-Type or a header for its key; never credentials.
    """

    method: str
    target: str
    body: bytes | None = None
    keys: Sequence[str] = ()
    operation: Operation | None
    repeatable: bool
    expected: Collection[int] = ()
    ambiguous: Collection[int] = ()
    headers: Mapping[str, str] = {}

    @classmethod
    def get(
        cls, target: str, keys: Sequence[str] = (), *, expected: Collection[int] = (), ambiguous: Collection[int] = ()
    ) -> "Request":
        """A GET."""
        return cls(
            method="GET",
            target=target,
            keys=keys,
            operation=current_operation.get(),
            repeatable=True,
            expected=expected,
            ambiguous=ambiguous,
        )

    @classmethod
    def query(
        cls,
        target: str,
        body: bytes,
        keys: Sequence[str] = (),
        *,
        expected: Collection[int] = (),
        ambiguous: Collection[int] = (),
    ) -> "Request":
        """A POST of JSON that only asks (GraphQL, a TMF task such as queryUsageConsumption), and so may be repeated.

        Not within an operation that writes: there a POST is not trusted to do nothing.
        """
        operation = current_operation.get()
        return cls(
            method="POST",
            target=target,
            body=body,
            keys=keys,
            operation=operation,
            repeatable=operation is None or not operation.is_write,
            expected=expected,
            ambiguous=ambiguous,
        )

    @classmethod
    def write(
        cls,
        method: str,
        target: str,
        body: bytes | None = None,
        keys: Sequence[str] = (),
        *,
        expected: Collection[int] = (),
        ambiguous: Collection[int] = (),
        headers: Mapping[str, str] | None = None,
    ) -> "Request":
        """What changes something (POST, PUT, PATCH, DELETE), with JSON or without a body: sent once, never repeated."""
        return cls(
            method=method,
            target=target,
            body=body,
            keys=keys,
            operation=current_operation.get(),
            repeatable=False,
            expected=expected,
            ambiguous=ambiguous,
            headers=headers or {},
        )

    def __str__(self) -> str:
        """Method and path, for messages: what a query asks for holds names and numbers of people."""
        return f"{self.method} {path_of(self.target)}"


class Answer(msgspec.Struct, frozen=True, gc=False):
    """Status, headers and whole body of a success, a 404, or an answer with a status that the request expects."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def path_of(target: str) -> str:
    """What a log may say of a question: its filters hold names and numbers of people."""
    return target.partition("?")[0]
