"""Origins of pages that may open a WebSocket (RFC 6455, section 10.2): browsers do not restrict that by themselves."""

from collections.abc import Collection


def is_allowed(origin: str, host: str, origins: Collection[str]) -> bool:
    """Whether a page of this origin may connect to the gateway, which the client calls `host`.

    Its own pages may, and those of `origins`: as they are, "*" for all, or with "*" as the port for any port.
    """
    scheme, _, authority = origin.partition("://")
    if authority and authority == host:
        return True
    name = authority if authority.endswith("]") else authority.rpartition(":")[0] or authority
    return not {"*", origin, f"{scheme}://{name}:*"}.isdisjoint(origins)
