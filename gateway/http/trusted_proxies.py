"""Which connections are those of proxies that the operator trusts: each has those of many clients, and says whose."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

_REMEMBERED: Final = 1024
"""Addresses of which it is remembered whether they are proxies'."""


class TrustedProxies:
    """Addresses and networks, and whoever is on a Unix socket, which has no address. One can be pickled."""

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network] = (), *, on_unix_socket: bool = False) -> None:
        """`on_unix_socket`: the gateway listens on one, which only those reach who may open its file."""
        self._networks, self._on_unix_socket = tuple(networks), on_unix_socket
        self._known: dict[str, bool] = {}

    def __bool__(self) -> bool:
        """Whether there may be any."""
        return bool(self._networks) or self._on_unix_socket

    def __contains__(self, address: str) -> bool:
        """Whether this is one, by the address of a connection; empty on a Unix socket."""
        if not address:
            return self._on_unix_socket
        known = self._known.get(address)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[address] = self._is_within(address)
        return known

    def _is_within(self, address: str) -> bool:
        known = parsed(address)
        return known is not None and any(ip_address(known) in network for network in self._networks)


def parsed(address: str) -> str | None:
    """The address in its usual form, one of IPv4 also where it came as one of IPv6; None for what is none."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(known, IPv6Address) and known.ipv4_mapped:
        return str(known.ipv4_mapped)
    return str(known)
