"""Which requests are traced: by the trace that a client or proxy began (W3C Trace Context), or by a share of them."""

import re
from random import getrandbits
from typing import Final

import msgspec

from gateway.http.headers import IndexedHeaders

_HEADER: Final = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_NAME: Final = b"traceparent"
_SAMPLED: Final = 1
_RANGE: Final = 2**64


class Trace(msgspec.Struct, gc=False):
    """A request's place in a trace: ids as hexadecimal digits. `parent` is empty where the trace begins here.

    One that begins here and is not sampled has no id until it is passed on (`ids`): then it is made of its `low` half.
    """

    is_sampled: bool
    trace_id: str = ""
    span_id: str = ""
    parent: str = ""
    low: int = 0

    @property
    def ids(self) -> tuple[str, str]:
        """The trace's id, and its flags."""
        if not self.trace_id:
            self.trace_id = _trace_id(self.low)
        return self.trace_id, "01" if self.is_sampled else "00"


class Sampler:
    """Begins or continues traces. `share`: of those that begin here, by their id, as other services would decide it."""

    def __init__(self, share: float, *, parent_based: bool = True, passes_on: bool = True) -> None:
        """`passes_on`: systems are told of traces, also of those that are not sampled."""
        self._bound, self._parent_based, self._passes_on = round(share * _RANGE), parent_based, passes_on

    def of(self, headers: IndexedHeaders | None) -> Trace | None:
        """The place of a request with these headers; None where nobody is told of it."""
        if headers is not None and _NAME in headers.names:
            continued = self._continued(headers["traceparent"])
            if continued is not None:
                return continued
        low = getrandbits(64) or 1
        if low < self._bound:
            return Trace(True, _trace_id(low), _span_id())
        return Trace(False, low=low) if self._passes_on else None

    def _continued(self, given: str) -> Trace | None:
        found = _HEADER.fullmatch(given)
        if found is None or (found[1] == "00" and found[5]):
            return None
        if self._parent_based:
            is_sampled = bool(int(found[4], 16) & _SAMPLED)
        else:
            is_sampled = int(found[2], 16) % _RANGE < self._bound
        return Trace(is_sampled, found[2], _span_id(), found[3])


def _trace_id(low: int) -> str:
    return f"{getrandbits(64):016x}{low:016x}"


def _span_id() -> str:
    return f"{getrandbits(64) or 1:016x}"
