"""What is found by asking around, by one task for all who want it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Generic, TypeVar

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

T = TypeVar("T")


class Sought(Generic[T]):
    """Who gives up waiting does not end the search: the next one waits for what is left of it."""

    def __init__(self, find: Callable[[], Coroutine[Any, Any, T]]) -> None:
        """`find` ends by itself, in some time."""
        self._find = find
        self._task: asyncio.Task[T] | None = None

    def begin(self) -> "asyncio.Task[T]":
        """The search that is under way, or a new one."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._find())
            self._task.add_done_callback(_seen)
        return self._task

    async def found(self) -> T:
        """What it finds. Raises what it raises."""
        return await asyncio.shield(self.begin())

    async def close(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])


def _seen(task: "asyncio.Task[Any]") -> None:
    """Who waited has given up, maybe: that it failed is nothing to complain about then."""
    if not task.cancelled():
        task.exception()


def failures(wrong: Iterable[Exception]) -> str:
    """What those that were asked said, or why they said nothing."""
    return "; ".join(str(error) or "no answer" for error in wrong)


def refusal(wrong: Iterable[Exception]) -> Exception | None:
    """The error of one that does not take user name and password: it says more than that nobody could be asked."""
    return next((error for error in wrong if isinstance(error, AuthenticationError)), None)


async def sent(client: Redis, *command: Any, **options: Any) -> Any:
    """What one server answers a command."""
    return await client.execute_command(*command, **options)  # type: ignore[no-untyped-call]  # redis-py's is untyped
