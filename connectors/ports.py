"""Marks on a port's methods: whether calls may be shared, repeated or stored. Wrappers of drivers read them.

| mark | shared between requests | repeated | stored |
| --- | --- | --- | --- |
| `@batch("ids")`, `@read` | yes | yes | yes |
| `@fresh` | no | yes | no |
| `@write`, `@write_of("Ticket")` | no | no | no |

The gateway does not start with an unmarked method, so that a new write is never treated as a read.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, TypeVar

M = TypeVar("M", bound=Callable[..., Any])

_MARK: Final = "mark"


class Effect(Enum):
    """The effect of calling a method. The module's table says what follows from it."""

    READ = "read"
    FRESH = "fresh"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Mark:
    """One method's mark.

    `keys` is the parameter that holds the batch's keys. If the keys are records, `key_attributes` are the attributes by
    which they are equal; the result is a mapping by the first of these. `changes`: the graph's types of whose records a
    write may change one; none if it may change anything in its system.
    """

    effect: Effect
    keys: str | None = None
    key_attributes: tuple[str, ...] = ()
    changes: frozenset[str] = frozenset()

    @property
    def is_write(self) -> bool:
        """Whether a call changes something, and is therefore sent only once."""
        return self.effect is Effect.WRITE


def batch(keys: str, *, key_attributes: tuple[str, ...] = ()) -> Callable[[M], M]:
    """Mark a read that takes many keys (the parameter named `keys`) and returns a mapping by key."""
    return lambda method: _marked(method, Mark(Effect.READ, keys, key_attributes))


def read(method: M) -> M:
    """Mark a read that is shared only with calls that have the same arguments."""
    return _marked(method, Mark(Effect.READ))


def fresh(method: M) -> M:
    """Mark a read that must see the current state (such as whether a write happened): never shared or stored."""
    return _marked(method, Mark(Effect.FRESH))


def write(method: M) -> M:
    """Mark a method that changes something: it is sent once, for one caller."""
    return _marked(method, Mark(Effect.WRITE))


def write_of(*types: str) -> Callable[[M], M]:
    """Mark a method like `write`, that changes records of these types of the graph only."""
    return lambda method: _marked(method, Mark(Effect.WRITE, changes=frozenset(types)))


def _marked(method: M, mark: Mark) -> M:
    setattr(method, _MARK, mark)
    return method


_MARKS: Final[dict[type[Any], Mapping[str, Mark]]] = {}
"""Those that have been read, by port."""


def marks(port: type[Any]) -> Mapping[str, Mark]:
    """The marks of a port's methods, by name.

    Raises TypeError for an asynchronous method without a mark, or with a mark whose `keys` is not a parameter.
    """
    if known := _MARKS.get(port):
        return known
    found: dict[str, Mark] = {}
    for name, method in inspect.getmembers(port, _is_asynchronous):
        mark = getattr(method, _MARK, None)
        if not isinstance(mark, Mark):
            raise TypeError(f"{port.__name__}.{name}: say @batch, @read, @fresh or @write")
        if mark.keys is not None and mark.keys not in inspect.signature(method).parameters:
            raise TypeError(f'{port.__name__}.{name}: @batch("{mark.keys}") names no parameter of it')
        found[name] = mark
    return _MARKS.setdefault(port, MappingProxyType(found))


def _is_asynchronous(method: Any) -> bool:
    return inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method)
