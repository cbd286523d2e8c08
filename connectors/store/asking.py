"""How a Redis (or Valkey) is asked: each question in a time of its own, and cancelled when it should be."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from connectors.store.address import Address, located
from connectors.store.writes import StoreUnavailable

T = TypeVar("T")

_CONNECT_TIMEOUT: Final = 5.0
"""Seconds for opening or closing a connection where no question waits for it, as at the end."""


def redis_at(address: Address, *, connections: int = 64, decode: bool = False) -> Redis:
    """A client without a timeout of its own: `asked` has it. Who finds none of its `connections` free waits.

    With `socket_timeout` redis-py would send by `asyncio.wait_for`, which in Python 3.11 loses a task's cancellation
    that comes in the same moment as the result, so that the task goes on for ever.
    """
    return Redis.from_pool(
        BlockingConnectionPool.from_url(
            **located(address),
            max_connections=connections,
            timeout=None,
            socket_timeout=None,
            socket_connect_timeout=_CONNECT_TIMEOUT,
            decode_responses=decode,
            retry=Retry(NoBackoff(), 0),
            protocol=2,  # with 3, redis-py 8 asks over idle connections that are dead, as after a restart
        )
    )


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
