"""How a Redis (or Valkey) is asked: each question in a time of its own, and cancelled when it should be."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from connectors.store.address import Address, Kind, Node, located
from connectors.store.cluster import RedisCluster
from connectors.store.sentinel import RedisBySentinel
from connectors.store.writes import StoreUnavailable

T = TypeVar("T")

_CONNECT_TIMEOUT: Final = 5.0
"""Seconds for opening or closing a connection where no question waits for it, as at the end."""


def redis_at(address: Address, *, connections: int = 64, decode: bool = False) -> Redis:
    """A client without a timeout of its own: `asked` has it. Who finds none of its `connections` free waits.

    Of a cluster each node has so many. For the primary of Sentinels they are asked before each new connection.

    With `socket_timeout` redis-py would send by `asyncio.wait_for`, which in Python 3.11 loses a task's cancellation
    that comes in the same moment as the result, so that the task goes on for ever.
    """
    place = located(address)
    options: dict[str, Any] = {
        "socket_timeout": None,
        "socket_connect_timeout": _CONNECT_TIMEOUT,
        "decode_responses": decode,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,  # with 3, redis-py 8 asks over idle connections that are dead, as after a restart
    }

    def client(node: Node | None, given: Mapping[str, Any], most: int = connections) -> Redis:
        where = {} if node is None else {"host": node[0], "port": node[1]}
        return Redis.from_pool(
            BlockingConnectionPool(max_connections=most, timeout=None, **{**options, **given, **where})
        )

    if place.kind is Kind.CLUSTER:
        return RedisCluster(place, lambda node: client(node, place.options))
    if place.kind is Kind.SENTINEL:
        return RedisBySentinel(
            place,
            connections,
            options,
            sentinel=lambda node: client(node, place.sentinel_options, 1),
            server=lambda node: client(node, place.options, 1),
        )
    return client(None, place.options)


async def alone(redis: Redis, address: Address, key: str) -> Redis:
    """A new client of the one server that has this key now, for what keeps a connection. To be asked by `asked`."""
    return await redis.alone(key) if isinstance(redis, RedisCluster) else redis_at(address, connections=1)


async def primaries(redis: Redis) -> Sequence[Redis]:
    """A client of each server that has keys now, closed with `redis`. To be asked by `asked`."""
    return await redis.primaries() if isinstance(redis, RedisCluster) else [redis]


async def renew(redis: Redis) -> None:
    """Close the connections that nobody uses now: they may lead to a server that is not the one any more."""
    if isinstance(redis, RedisCluster):
        await redis.renew()
    else:
        await redis.connection_pool.disconnect(inuse_connections=False)


async def asked(command: Callable[[], Awaitable[T]], seconds: float) -> T:
    """What a command answers within so many seconds, its connection included.

    Raises StoreUnavailable where the server cannot be reached, does not answer in time, or refuses it.
    """
    try:
        async with asyncio.timeout(seconds):
            return await command()
    except TimeoutError as error:
        raise StoreUnavailable(f"Redis: no answer within {seconds:g} s") from error
    except (RedisError, OSError) as error:
        raise StoreUnavailable(f"Redis: {error}") from error
