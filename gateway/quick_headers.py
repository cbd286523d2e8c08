"""An HTTP request whose headers are looked up, not searched for: each answer asks for some ten of them."""

from typing import TypeVar

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

T = TypeVar("T")


class QuickHeaders(Headers):
    """Starlette's headers are gone through from the first at every look; these are put into a dictionary once.

    Of several with one name the first counts, as there; `getlist` has them all.
    """

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope=scope)
        self._first = dict(reversed(self._list))

    def __getitem__(self, key: str) -> str:
        """The value of a header, in any case. Raises KeyError."""
        try:
            return self._first[key.lower().encode("latin-1")].decode("latin-1")
        except KeyError:
            raise KeyError(key) from None

    def get(self, key: str, default: T | None = None) -> str | T | None:  # type: ignore[override]  # as it is used
        """The same, or `default`."""
        value = self._first.get(key.lower().encode("latin-1"))
        return default if value is None else value.decode("latin-1")


class QuickRequest(Request):
    """Starlette's request with such headers."""

    @property
    def headers(self) -> Headers:
        """The headers, read once."""
        if not hasattr(self, "_headers"):
            self._headers = QuickHeaders(self.scope)
        return self._headers
