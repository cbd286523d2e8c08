"""Built blocks, and the paths of their values in the answer, which are computed for errors only."""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.engine.plan import Block

PathStep = str | int


class BuiltBlock(msgspec.Struct, eq=False):
    """A block with its values, and the dictionaries of the block above that hold them."""

    block: Block
    values: list[Any]
    above: "BuiltBlock | None"
    places: Sequence[dict[str, Any]]
    _paths: dict[int, tuple[int, tuple[PathStep, ...]]] | None = None

    def path_to(self, value: int) -> list[PathStep]:
        """Path of the value with this number in the answer."""
        if self.above is None or self.block.reached_by is None:
            return []
        return [*self.above.path_of(self.places[value]), self.block.reached_by.key]

    def path_of(self, place: dict[str, Any]) -> list[PathStep]:
        """Path of a dictionary of this block in the answer."""
        if self._paths is None:
            self._paths = {}
            for number, value in enumerate(self.values):
                self._note(number, value, ())
        number, path = self._paths[id(place)]
        return [*self.path_to(number), *path]

    def _note(self, number: int, value: Any, path: tuple[PathStep, ...]) -> None:
        assert self._paths is not None  # noqa: S101  # called by path_of only
        if isinstance(value, dict):
            if id(value) not in self._paths:
                self._paths[id(value)] = (number, path)
                for key, one in value.items():
                    self._note(number, one, (*path, key))
        elif isinstance(value, list):
            for place, one in enumerate(value):
                self._note(number, one, (*path, place))
