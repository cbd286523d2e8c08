"""An HTTP request whose headers are looked up, not searched for: each answer asks for some ten of them."""

from functools import lru_cache
from typing import TypeVar

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Receive, Scope

T = TypeVar("T")


class IndexedHeaders(Headers):
    """Starlette's headers are gone through from the first at every look; these are put into a dictionary once.

    Of several with one name the first counts, as there; `getlist` has them all.
    """

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope=scope)
        self._first = dict(reversed(self._list))

    def __getitem__(self, key: str) -> str:
        """The value of a header, in any case. Raises KeyError."""
        try:
            return self._first[_name(key)].decode("latin-1")
        except KeyError:
            raise KeyError(key) from None

    def get(self, key: str, default: T | None = None) -> str | T | None:  # type: ignore[override]  # as it is used
        """The same, or `default`."""
        value = self._first.get(_name(key))
        return default if value is None else value.decode("latin-1")


@lru_cache(maxsize=256)
def _name(key: str) -> bytes:
    """A header's name as it is in a request; those that are looked up are few, and always the same."""
    return key.lower().encode("latin-1")


class IndexedRequest(Request):
    """Starlette's request with such headers, read once."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self._headers = IndexedHeaders(scope)

    @property
    def headers(self) -> Headers:
        """The headers."""
        return self._headers
