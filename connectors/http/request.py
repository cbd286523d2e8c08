"""One request to one system, and its answer, as values."""

from collections.abc import Collection, Hashable, Mapping, Sequence

import msgspec
from multidict import MultiMapping

from connectors.http.scope import Operation, current_operation


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP request. Use `get`, `query` or `write` to make one.

    `target`: path and query, already encoded; begins with a slash and is appended to the system's url.
    `keys`: the requested keys, for the trace; none for a list.
    `operation`: the port's method that sends it; None outside a port.
    `repeatable`: whether it may be sent again if it is unknown whether it had an effect.
    `expected`: further statuses whose answers are decoded, like those below 300 and 404. They count as a success for
    the system's health. Example: 422, if it names the keys that the product does not know.
    `ambiguous`: server errors that the product also sends for mistakes of the client, such as 500. They do not count
    against the system's health; the driver finds out the cause.
    `headers`: further headers of a write, such as another Content-Type or one for its key; never credentials.
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
        """A GET request."""
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
        """A POST of JSON that only reads (GraphQL, a TMF task such as queryUsageConsumption) and may be repeated.

        Within a method marked `@write` it is not repeated.
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
        """A request that changes something (POST, PUT, PATCH, DELETE), with JSON or without a body; never repeated."""
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

    @property
    def about(self) -> Hashable:
        """What `Health` knows the question by; None if it names no keys."""
        return (self.target, *self.keys) if self.keys else None

    def __str__(self) -> str:
        """Method and path, for messages. The query is left out: it may hold personal data."""
        return f"{self.method} {path_of(self.target)}"


class Answer(msgspec.Struct, frozen=True, gc=False):
    """Status, headers and whole body of a success, a 404, or an answer with a status that the request expects.

    `is_repaired`: the body is not as it came, but with replacement characters where texts were broken.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_repaired: bool = False

    def lines(self, name: str) -> Sequence[str]:
        """Every line of this header: a list header may stand on several (RFC 9110, 5.3)."""
        if isinstance(self.headers, MultiMapping):
            return self.headers.getall(name, ())
        return [self.headers[name]] if name in self.headers else ()

    @property
    def is_empty(self) -> bool:
        """Whether it says that there is nothing: 204, or a success without a body or with `null` for one."""
        return self.status < 300 and self.body.strip() in (b"", b"null")


def path_of(target: str) -> str:
    """The path of a target, without the query, which may hold personal data."""
    return target.partition("?")[0]
