"""Where a Redis (or Valkey) is, with user name and password as they are now, where they stand in a file."""

from typing import Any, TypeAlias
from urllib.parse import urlsplit

from redis.asyncio.connection import parse_url
from redis.credentials import CredentialProvider

from connectors.secret_files import Secret

Address: TypeAlias = str | Secret
"""As redis-py reads it (redis://user:password@host:port/database)."""


class _InFile(CredentialProvider):
    """Read for each new connection."""

    def __init__(self, address: Secret) -> None:
        self._address = address

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """Password, or user name and password."""
        found = parse_url(self._address.text)
        user, password = found.get("username"), found.get("password", "")
        return (user, password) if user else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """The same."""
        return self.get_credentials()


def located(address: Address) -> dict[str, Any]:
    """What `from_url` of redis-py's pools and clients is to be told.

    A new password of a file counts for new connections. Whether there is a password, and where the server is, are
    decided at the start.
    """
    if isinstance(address, str):
        return {"url": address}
    if address.file is None or not parse_url(address.text).get("password"):
        return {"url": address.text}
    parts = urlsplit(address.text)
    without = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return {"url": without, "credential_provider": _InFile(address)}
