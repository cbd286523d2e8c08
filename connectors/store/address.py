"""Where a Redis (or Valkey) is: one server, a cluster, or servers of which Sentinels know which is the primary.

| form | meaning |
| --- | --- |
| `redis://user:password@host:6379/0` | one server; `unix:///path` is one on this machine |
| `redis+cluster://user:password@host:6379,host:6379` | a cluster, by some of its nodes |
| `redis+sentinel://user:password@host:26379,host:26379/name/0` | the primary that Sentinels have under that name |

With `rediss` for `redis` all is TLS. User name and password are the servers'; what the Sentinels want is
`sentinel_username` and `sentinel_password` in the query. Other options of the query are redis-py's (`ssl_ca_certs`).

User name and password are as they are now, where they stand in a file.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NamedTuple, TypeAlias, cast
from urllib.parse import SplitResult, unquote, urlsplit

from redis.asyncio.connection import parse_url
from redis.credentials import CredentialProvider

from connectors.secret_files import Secret

Address: TypeAlias = str | Secret
"""In one of the forms above."""

Node: TypeAlias = tuple[str, int]
"""Host and port."""


class Kind(Enum):
    """What stands at an address, and which port its nodes have where none is given."""

    ONE = "redis"
    CLUSTER = "redis+cluster"
    SENTINEL = "redis+sentinel"

    @property
    def port(self) -> int:
        """The usual one."""
        return 26379 if self is Kind.SENTINEL else 6379


class Place(NamedTuple):
    """An address that was read. `nodes` and `name` (of the primary) are for clusters and Sentinels.

    `options`: what redis-py's connections are to be told, with host and port where there is one server.
    `sentinel_options`: the same for the Sentinels.
    """

    kind: Kind
    nodes: tuple[Node, ...]
    name: str
    options: Mapping[str, Any]
    sentinel_options: Mapping[str, Any]


FORMS: Final = (
    "must begin with redis://, rediss:// (TLS) or unix://; with redis+cluster:// or rediss+cluster:// and nodes"
    " of a cluster (host:6379,host:6379); or with redis+sentinel:// or rediss+sentinel:// and Sentinels, and the name"
    " that they have for the primary (host:26379,host:26379/name)"
)


def read(text: str) -> Place:
    """What an address says. Raises ValueError, which says what would be right and holds nothing of the address."""
    scheme, separator, _ = text.partition("://")
    tls = "s" if scheme.startswith("rediss") else ""
    plain = scheme.replace("rediss", "redis", 1)
    if not separator or plain not in {*(one.value for one in Kind), "unix"}:
        raise ValueError(FORMS)
    kind = Kind.ONE if plain == "unix" else Kind(plain)
    if kind is Kind.ONE:
        return Place(kind, (), "", dict(parse_url(text)), {})
    parts = urlsplit(text)
    who, _, hosts = parts.netloc.rpartition("@")
    nodes = tuple(_node(one, kind) for one in hosts.split(","))
    name, database = _path(parts, kind)
    first = f"{who}@node" if who else "node"
    options = dict(parse_url(f"redis{tls}://{first}/{database}?{parts.query}"))
    options.pop("host")
    if options.pop("db", None):
        options["db"] = database
    asked = {key: value for key, value in options.items() if key.startswith("ssl_") or key == "connection_class"}
    for key in ("username", "password"):
        if given := options.pop(f"sentinel_{key}", None):
            asked[key] = given
    return Place(kind, nodes, name, options, asked if kind is Kind.SENTINEL else {})


def _node(text: str, kind: Kind) -> Node:
    wrong = ValueError(f"names its nodes as host:port,host:port, each with a port up to 65535, as in a:{kind.port}")
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port or kind.port
    except ValueError:
        raise wrong from None
    if not host or not text.isprintable() or " " in text:
        raise wrong
    return unquote(host), port


def _path(parts: SplitResult, kind: Kind) -> tuple[str, int]:
    given = [unquote(one) for one in parts.path.split("/")[1:]]
    if kind is Kind.CLUSTER:
        if given not in ([], [""], ["0"]):
            raise ValueError("has a path: a cluster has no database but 0; leave /... out")
        return "", 0
    name, *database = given or [""]
    if not name or len(database) > 1 or not all(one.isdecimal() for one in database):
        raise ValueError(
            "must say under which name the Sentinels know the primary, and may say which database, as in"
            " redis+sentinel://host:26379,host:26379/mymaster/0"
        )
    return name, int(database[0]) if database else 0


class _InFile(CredentialProvider):
    """Read for each new connection."""

    def __init__(self, address: Secret) -> None:
        self._address = address

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """Password, or user name and password."""
        found = read(self._address.text).options
        user, password = found.get("username"), found.get("password", "")
        return cast("tuple[str, str]", (user, password)) if user else (cast("str", password),)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """The same."""
        return self.get_credentials()


def located(address: Address) -> Place:
    """Where it is, and what connections are to be told.

    A new password of a file counts for new connections. Whether there is a password, and where the servers are, are
    decided at the start.
    """
    if isinstance(address, str):
        return read(address)
    place = read(address.text)
    if address.file is None or not place.options.get("password"):
        return place
    others = {key: value for key, value in place.options.items() if key not in ("username", "password")}
    return place._replace(options={**others, "credential_provider": _InFile(address)})
