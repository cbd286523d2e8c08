"""A primary whom Sentinels know: asked for before each new connection, so that a failover is followed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import SSLConnection
from redis.asyncio.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import RedisError

from connectors.store.address import Node, Place
from connectors.store.sought import Sought, failures, refusal, sent

_SEEK: Final = 1.0
"""Seconds in which a Sentinel, and the server that it names, answer."""


class _Primary:
    """Which server it is now. It stands for the pool that redis-py's connections of this kind ask."""

    is_master: Final = True
    check_connection: Final = False

    def __init__(self, place: Place, sentinel: Callable[[Node], Redis], server: Callable[[Node], Redis]) -> None:
        self._place, self._sentinel, self._server = place, sentinel, server
        self._sought = Sought(self._find)
        self._last: Node | None = None
        self.pool: BlockingConnectionPool | None = None

    async def get_master_address(self) -> Node:
        """Host and port, as any Sentinel says, and as the server there agrees. Raises redis-py's ConnectionError."""
        address = await self._sought.found()
        if address != self._last and self._last is not None and self.pool is not None:
            await self.pool.disconnect(inuse_connections=False)
        self._last = address
        return address

    async def _find(self) -> Node:
        """Ask all at once, so that one that is away costs no time."""
        asked = [asyncio.create_task(self._named(node)) for node in self._place.nodes]
        wrong: list[Exception] = []
        try:
            for answer in asyncio.as_completed(asked):
                try:
                    return await answer
                except (RedisError, OSError, TimeoutError) as error:
                    wrong.append(error)
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        told = f"no Sentinel names a primary of {self._place.name!r} that is one: {failures(wrong)}"
        raise refusal(wrong) or NoConnection(told)

    async def _named(self, sentinel: Node) -> Node:
        """As https://redis.io/docs/latest/develop/reference/sentinel-clients/ says, ROLE included."""
        async with asyncio.timeout(_SEEK):
            client = self._sentinel(sentinel)
            try:
                found: Any = await sent(client, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._place.name)
            finally:
                await client.aclose()
            if found is None:
                raise NoConnection(f"the Sentinel {_shown(sentinel)} knows no such name")
            host, port = (one.decode() if isinstance(one, bytes) else str(one) for one in found)
            primary = (host, int(port))
            client = self._server(primary)
            try:
                role: Sequence[Any] = await sent(client, "ROLE")
            finally:
                await client.aclose()
            if role[0] not in (b"master", "master"):
                raise NoConnection(f"{_shown(primary)} is none any more, or not yet")
            return primary

    async def close(self) -> None:
        """End what is under way."""
        await self._sought.close()


class RedisBySentinel(Redis):
    """A client of the primary."""

    def __init__(
        self,
        place: Place,
        connections: int,
        options: Mapping[str, Any],
        *,
        sentinel: Callable[[Node], Redis],
        server: Callable[[Node], Redis],
    ) -> None:
        """`options`: of connections, beside the place's. `sentinel`, `server`: clients of one that is asked once."""
        self._primary, given = _Primary(place, sentinel, server), {**options, **place.options}
        is_secure = given.pop("connection_class", None) is SSLConnection
        pool = BlockingConnectionPool(
            max_connections=connections,
            timeout=None,
            connection_class=SentinelManagedSSLConnection if is_secure else SentinelManagedConnection,
            connection_pool=self._primary,
            **given,
        )
        self._primary.pool = pool
        super().__init__(connection_pool=pool)
        self.auto_close_connection_pool = True

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close the connections."""
        await self._primary.close()
        await super().aclose(close_connection_pool)


def _shown(node: Node) -> str:
    return f"{node[0]}:{node[1]}"
