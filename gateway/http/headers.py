"""A request with indexed headers: each answer reads about ten of them, and Starlette's are searched each time."""

from functools import lru_cache
from typing import TypeVar, overload

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Receive, Scope

T = TypeVar("T")


class IndexedHeaders(Headers):
    """Starlette's headers with a dictionary by name.

    Of several headers with one name the first counts, as in Starlette; `getlist` returns all.
    """

    def __init__(self, scope: Scope) -> None:
        self._list = scope["headers"]  # a list, as uvicorn makes it
        self.names = self._first = dict(reversed(self._list))
        """By names as in ASGI: to look for what is hardly ever sent costs no call."""
        self._repeats = len(self._first) < len(self._list)

    def __getitem__(self, key: str) -> str:
        """The value of a header; the name's case does not matter. Raises KeyError."""
        try:
            return self._first[_name(key)].decode("latin-1")
        except KeyError:
            raise KeyError(key) from None

    @overload
    def get(self, key: str) -> str | None: ...

    @overload
    def get(self, key: str, default: T) -> str | T: ...

    def get(self, key: str, default: T | None = None) -> str | T | None:
        """The value of a header, or `default`."""
        value = self._first.get(_name(key))
        return default if value is None else value.decode("latin-1")

    def listed(self, key: str) -> str | None:
        """The value of a header that is a list; None without one. See `listed`."""
        value = self._first.get(_name(key))
        if value is None or not self._repeats:
            return None if value is None else value.decode("latin-1")
        return ", ".join(super().getlist(key))

    def getlist(self, key: str) -> list[str]:
        """The values of all headers with this name, in their order."""
        if self._repeats:
            return super().getlist(key)
        value = self._first.get(_name(key))
        return [] if value is None else [value.decode("latin-1")]


def listed(headers: Headers, key: str) -> str | None:
    """The value of a header that is a list, such as Accept; None without one.

    Several lines are one list (RFC 9110, 5.3): proxies and clients write them as they like.
    """
    if isinstance(headers, IndexedHeaders):
        return headers.listed(key)
    values = headers.getlist(key)
    return ", ".join(values) if values else None


@lru_cache(maxsize=256)
def _name(key: str) -> bytes:
    """A header's name as in ASGI. The cache is small because few names are looked up."""
    return key.lower().encode("latin-1")


class IndexedRequest(Request):
    """Starlette's request with `IndexedHeaders`, and with attributes where that one has properties."""

    headers: IndexedHeaders = IndexedHeaders({"headers": []})
    method: str = ""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self.headers, self.method = IndexedHeaders(scope), scope["method"]
