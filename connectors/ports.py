"""What may be done with each method of a port: its mark. Whoever stands between a caller and a driver reads it.

| mark | shared between requests | repeated | stored |
| --- | --- | --- | --- |
| `@batch("ids")`, `@read` | yes | yes | yes |
| `@fresh` | no | yes | no |
| `@write` | no | no | no |

A method without a mark is refused at start, so that nobody adds a write that is treated as a read.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar

M = TypeVar("M", bound=Callable[..., Any])

_MARK: Final = "mark"


class Effect(Enum):
    """What calling a method may be taken for."""

    READ = "read"
    FRESH = "fresh"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Mark:
    """One method's mark.

    `keys` is the parameter whose items are asked for side by side and answered by key. Where those are records, they
    are the same to a driver by the attributes `known_by`, and answered by the first of these.
    """

    effect: Effect
    keys: str | None = None
    known_by: tuple[str, ...] = ()

    @property
    def is_write(self) -> bool:
        """Whether a call changes something: it is sent once, whatever happens."""
        return self.effect is Effect.WRITE


def batch(keys: str, *, known_by: tuple[str, ...] = ()) -> Callable[[M], M]:
    """Mark a read that takes many keys (the parameter `keys`) and gives a mapping by key: `Found`, or of `Rows`."""
    return lambda method: _marked(method, Mark(Effect.READ, keys, known_by))


def read(method: M) -> M:
    """Mark a read that is shared only with calls that are the same in every argument."""
    return _marked(method, Mark(Effect.READ))


def fresh(method: M) -> M:
    """Mark a read of what is so now, such as whether a write happened: repeated, but never shared nor stored."""
    return _marked(method, Mark(Effect.FRESH))


def write(method: M) -> M:
    """Mark what changes something: sent once, for one caller."""
    return _marked(method, Mark(Effect.WRITE))


def _marked(method: M, mark: Mark) -> M:
    setattr(method, _MARK, mark)
    return method


def marks(port: type[Any]) -> Mapping[str, Mark]:
    """The marks of a port's methods, by name.

    Raises TypeError for a coroutine or asynchronous generator without a mark, and where its `keys` are no parameter.
    """
    found: dict[str, Mark] = {}
    for name, method in inspect.getmembers(port, _is_asynchronous):
        mark = getattr(method, _MARK, None)
        if not isinstance(mark, Mark):
            raise TypeError(f"{port.__name__}.{name}: say @batch, @read, @fresh or @write")
        if mark.keys is not None and mark.keys not in inspect.signature(method).parameters:
            raise TypeError(f'{port.__name__}.{name}: @batch("{mark.keys}") names no parameter of it')
        found[name] = mark
    return found


def _is_asynchronous(method: Any) -> bool:
    return inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method)
