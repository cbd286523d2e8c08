"""Which requests are traced: by the trace that a client or proxy began (W3C Trace Context), or by a share of them."""

import re
from random import getrandbits
from typing import Final

import msgspec
from starlette.datastructures import Headers

_HEADER: Final = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED: Final = 1
_RANGE: Final = 2**64


class Trace(msgspec.Struct, frozen=True, gc=False):
    """A request's place in a trace: ids as hexadecimal digits. `parent` is empty where the trace begins here."""

    trace_id: str
    span_id: str
    parent: str
    is_sampled: bool

    @property
    def passed_on(self) -> tuple[str, str]:
        """The trace's id, and its flags."""
        return self.trace_id, "01" if self.is_sampled else "00"


class Sampler:
    """Begins or continues traces. `share`: of those that begin here, by their id, as other services would decide it."""

    def __init__(self, share: float, *, parent_based: bool = True) -> None:
        self._bound, self._parent_based = round(share * _RANGE), parent_based

    def of(self, headers: Headers) -> Trace:
        """The place of a request with these headers."""
        found = _HEADER.fullmatch(headers.get("traceparent") or "")
        if found is None or (found[1] == "00" and found[5]):
            trace_id = getrandbits(128) or 1
            is_sampled = trace_id % _RANGE < self._bound
            return Trace(f"{trace_id:032x}", _span_id(), "", is_sampled)
        if self._parent_based:
            is_sampled = bool(int(found[4], 16) & _SAMPLED)
        else:
            is_sampled = int(found[2], 16) % _RANGE < self._bound
        return Trace(found[2], _span_id(), found[3], is_sampled)


def _span_id() -> str:
    return f"{getrandbits(64) or 1:016x}"
