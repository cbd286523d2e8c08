"""A port says of each of its methods what may be done with it, or the gateway does not start."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

import pytest

from connectors import DOMAINS
from connectors.ports import Effect, Mark, batch, fresh, marks, read, write


class Port(Protocol):
    @batch("ids")
    async def by_id(self, ids: Sequence[str]) -> Any: ...

    @read
    async def everything(self) -> Any: ...

    @fresh
    async def written(self, key: str) -> Any: ...

    @write
    async def change(self, key: str) -> Any: ...

    def open_document(self, key: str) -> Any: ...


def test_every_mark_is_read_and_what_is_no_coroutine_needs_none() -> None:
    assert marks(Port) == {
        "by_id": Mark(Effect.READ, "ids"),
        "everything": Mark(Effect.READ),
        "written": Mark(Effect.FRESH),
        "change": Mark(Effect.WRITE),
    }
    assert [name for name, mark in marks(Port).items() if mark.is_write] == ["change"]


def test_a_method_without_a_mark_is_refused_by_its_name() -> None:
    class Coroutine(Port, Protocol):
        async def open_ticket(self, new: str) -> Any: ...

    class Generator(Port, Protocol):
        async def changes(self) -> AsyncIterator[str]:
            yield ""

    for port, name in ((Coroutine, "open_ticket"), (Generator, "changes")):
        with pytest.raises(TypeError, match=rf"{port.__name__}\.{name}: say @batch, @read, @fresh or @write"):
            marks(port)


def test_keys_that_are_no_parameter_are_refused() -> None:
    class Misspelt(Protocol):
        @batch("idz")
        async def by_id(self, ids: Sequence[str]) -> Any: ...

    with pytest.raises(TypeError, match=r'Misspelt\.by_id: @batch\("idz"\) names no parameter of it'):
        marks(Misspelt)


@pytest.mark.parametrize("domain", DOMAINS)
def test_all_that_is_read_is_promised(domain: str) -> None:
    """What only the conformance suite knows would be checked of no driver; what it does not know, never."""
    row = DOMAINS[domain]
    assert {one.name for one in row.promises.methods} == {
        name for name, mark in marks(row.port).items() if mark.effect is Effect.READ
    }
