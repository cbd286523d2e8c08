"""Content negotiation: the Accept header (RFC 9110, section 12.5.1) and the media types of GraphQL over HTTP."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

RESPONSE_JSON = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"

_REMEMBERED = 200
"""Characters of the longest header that is cached, so that clients cannot fill the memory."""

_MOST: Final = 100
"""Entries of a list that are read, with empty ones; browsers send ten. 32 KiB of commas took 57 ms."""


@dataclass(frozen=True, slots=True)
class _Range:
    type: str
    quality: float


_OLDER: Final = frozenset({"application/graphql+json", "application/graphql", "text/json", "text/*"})
"""What clients from before the specification accept, and mean JSON."""


def negotiate(accept: str | None) -> str | None:
    """RESPONSE_JSON, JSON, or None where the client takes neither.

    Without a header, or where only a wildcard fits, it is JSON (the specification's rule for old clients). Where both
    are named with the same quality, it is RESPONSE_JSON, as its status codes say more. Older names of JSON stand for it
    where the client takes nothing else.
    """
    known = accept is None or len(accept) <= _REMEMBERED
    return _remembered(accept) if known else _negotiated(accept)


def _negotiated(accept: str | None) -> str | None:
    ranges = _ranges(accept)
    if not ranges:
        return JSON
    (q_response, fit_response), (q_json, fit_json) = _quality(RESPONSE_JSON, ranges), _quality(JSON, ranges)
    if not q_response and not q_json:
        return JSON if any(one.type in _OLDER and one.quality > 0 for one in ranges) else None
    return RESPONSE_JSON if (q_response, fit_response, fit_response == 2) > (q_json, fit_json, False) else JSON


_remembered = lru_cache(maxsize=256)(_negotiated)


def accepts_events(accept: str | None) -> bool:
    """Whether the Accept header names text/event-stream.

    A wildcard is not enough: a client that does not know of event streams would wait for the end of one for ever.
    """
    return any(one.type == EVENTS and one.quality > 0 for one in _ranges(accept))


def accepts_html(accept: str | None) -> bool:
    """Whether the Accept header names text/html, as a browser's does."""
    return any(one.type == "text/html" and one.quality > 0 for one in _ranges(accept))


def _ranges(listed: str | None) -> list[_Range]:
    """The first entries of a list, without empty ones (RFC 9110, 5.6.1.2)."""
    return [_range(part) for part in (listed or "").split(",", _MOST)[:_MOST] if part.strip()]


def _range(part: str) -> _Range:
    media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality, fits = 1.0, True
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = min(max(float(value), 0.0), 1.0)
            except ValueError:
                quality = 0.0
            break  # What follows the weight are extensions of the header, not parameters of the type.
        if name.strip() == "charset":
            fits = value.strip().strip('"') in ("utf-8", "utf8")
    return _Range(media_type, quality if fits else 0.0)


def _quality(media_type: str, ranges: list[_Range]) -> tuple[float, int]:
    """Weight and closeness (2: by name, 1: application/*, 0: */*) of the closest range: the one that counts."""
    for closeness, wanted in ((2, media_type), (1, "application/*"), (0, "*/*")):
        qualities = [one.quality for one in ranges if one.type == wanted]
        if qualities:
            return max(qualities), closeness
    return 0.0, 0


Coding = Literal["zstd", "gzip"]
"""How an answer may be compressed."""


def accepted_coding(accept_encoding: str | None) -> Coding | None:
    """The coding that a client takes: zstd unless it prefers gzip, or None (RFC 9110, section 12.5.3)."""
    if accept_encoding is None:
        return None
    return _known_coding(accept_encoding) if len(accept_encoding) <= _REMEMBERED else _coding(accept_encoding)


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether the Accept-Encoding header names gzip with a weight above 0."""
    return _weights(accept_encoding or "").get("gzip", 0.0) > 0


def _coding(accept_encoding: str) -> Coding | None:
    weights = _weights(accept_encoding)
    zstd, gzip = weights.get("zstd", 0.0), weights.get("gzip", 0.0)
    if zstd > 0 and zstd >= gzip:
        return "zstd"
    return "gzip" if gzip > 0 else None


_known_coding = lru_cache(maxsize=256)(_coding)


def _weights(accept_encoding: str) -> dict[str, float]:
    """Weights of the codings that a header names."""
    return {one.type.removeprefix("x-"): one.quality for one in _ranges(accept_encoding)}
