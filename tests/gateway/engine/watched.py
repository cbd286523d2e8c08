"""graphql-core, watched: every error it meets, also those that it does not tell because a sibling's came first.

Judged by graphql-core's own run and nothing else: its siblings are all waited for here, where it would give them up,
so that each error can say what it would have made null.
"""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from graphql import GraphQLError, is_non_null_type, located_error
from graphql.execution import executor
from graphql.execution.collect_fields import FieldDetails
from graphql.execution.executor import CollectedErrors, Executor
from graphql.pyutils import Path

Position = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """An error, what it makes null, and in which stretch of code without waiting it happened."""

    error: GraphQLError
    position: Position
    stretch: int


@dataclass
class Watch:
    """What is seen while graphql-core runs."""

    seen: list[Seen] = field(default_factory=list)
    _stretches: dict[int, int] = field(default_factory=dict)
    _beside: dict[int, list[GraphQLError]] = field(default_factory=dict)
    _kept: list[GraphQLError] = field(default_factory=list)
    _stretch: int = 0
    _task: object = None

    def met(self, error: GraphQLError) -> None:
        """An error on its way up, maybe not for the first time."""
        if id(error) in self._stretches:
            return
        task = asyncio.current_task()
        if task is not self._task:
            self._task = task
            self._stretch += 1
            asyncio.get_running_loop().call_soon(self._ended)
        self._stretches[id(error)] = self._stretch
        self._kept.append(error)  # so that its id stays its own

    def _ended(self) -> None:
        self._task = None

    def beside(self, first: GraphQLError, other: GraphQLError) -> None:
        """Of siblings only the first one's error goes on its way; the other would have gone the same."""
        self._beside.setdefault(id(first), []).append(other)

    def stopped(self, error: GraphQLError, path: Path | None) -> None:
        """An error made this place null; () for the whole answer."""
        self.met(error)
        position = tuple(path.as_list()) if path else ()
        self.seen.append(Seen(error, position, self._stretches[id(error)]))
        for other in self._beside.get(id(error), ()):
            self.stopped(other, path)


@contextmanager
def watched() -> Iterator[Watch]:
    """Watch what is run by graphql-core inside; one run at a time."""
    watch = Watch()
    collect = CollectedErrors.add

    def add(self: CollectedErrors, error: GraphQLError, path: Path | None) -> None:
        watch.stopped(error, path)
        collect(self, error, path)

    def handle(self: Executor[Any], raised: Exception, kind: Any, details: list[FieldDetails], path: Path) -> None:
        error = located_error(raised, [one.node for one in details], path.as_list())
        watch.met(error)
        if is_non_null_type(kind):
            raise error
        self.collected_errors.add(error, path)

    async def all_of(*some: Awaitable[Any]) -> list[Any]:
        found = await asyncio.gather(*some, return_exceptions=True)
        failed = [one for one in found if isinstance(one, BaseException)]
        for other in failed[1:]:
            if isinstance(failed[0], GraphQLError) and isinstance(other, GraphQLError):
                watch.beside(failed[0], other)
        if failed:
            raise failed[0]
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CollectedErrors, "add", add)
        patch.setattr(Executor, "handle_field_error", handle)
        patch.setattr(executor, "gather_with_cancel", all_of)
        yield watch
