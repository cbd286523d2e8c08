"""Whose address a request came from: the connection's, or the one that trusted proxies name."""

import re
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv6Network
from typing import Final, Literal

from starlette.types import Scope

from gateway.http.trusted_proxies import TrustedProxies, parsed

ForwardedBy = Literal["X-Forwarded-For", "Forwarded"]
"""The header in which proxies name the client. The other one may be the client's own, as no proxy looked at it."""

_FOR: Final = re.compile(r'(?:^|;)\s*for\s*=\s*(?:"([^"]*)"|([^;,"\s]*))', re.IGNORECASE)
_SITE: Final = 64
"""Bits of an IPv6 address that a site has in common: whoever has one address has all others of its site."""

_LONGEST: Final = 128
"""Characters of an address with a zone and a port."""


class ClientAddresses:
    """Finds the client's address. Headers are believed from `trusted` proxies only."""

    def __init__(self, trusted: TrustedProxies, header: ForwardedBy) -> None:
        self._trusted, self._header = trusted, header.lower().encode()

    def __call__(self, scope: Scope) -> str:
        """The address, of IPv6 its first half; empty where there is none, as on a Unix socket."""
        client = scope.get("client")
        address = client[0] if client else ""
        if self._trusted and address in self._trusted and self._header in dict(scope["headers"]):
            for hop in self._hops(scope):
                if (known := _parsed(hop)) is None:
                    break  # the hop before wrote it, and nobody knows who that is of
                address = known
                if address not in self._trusted:
                    break
        return _site(address) if ":" in address else address

    def _hops(self, scope: Scope) -> Iterator[str]:
        """What proxies wrote, the last one first."""
        lines = [value.decode("latin-1") for name, value in scope["headers"] if name == self._header]
        for element in reversed(",".join(lines).split(",")):
            if self._header == b"forwarded":
                found = _FOR.search(element)
                yield (found[1] or found[2] or "") if found else ""
            else:
                yield element.strip()


def _parsed(hop: str) -> str | None:
    """The address of a hop, which may have a port; None for a name that proxies made up, and for nonsense."""
    return _parsed_short(hop) if len(hop) <= _LONGEST else None


@lru_cache(4096)
def _parsed_short(hop: str) -> str | None:
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    return parsed(hop)


@lru_cache(1024)
def _site(address: str) -> str:
    known = _parsed(address)
    if known is None or ":" not in known:
        return known or address
    return str(IPv6Network((known, _SITE), strict=False).network_address)
