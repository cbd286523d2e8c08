"""The garbage collector holds up nobody for longer than others may wait."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from gateway.commands.garbage import FULL_LOOK_EVERY, FullLooks, collect_in_short_turns


class _Cycle:
    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def _thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_no_number_of_new_documents_makes_it_look_at_all_objects() -> None:
    """Each has one look of its own, which counts towards one at all objects: it took a quarter of a second."""
    looks: list[int] = []

    def looked(phase: str, info: dict[str, int]) -> None:
        if phase == "stop":
            looks.append(info["generation"])

    collect_in_short_turns()
    gc.callbacks.append(looked)
    try:
        for _ in range(1000):
            gc.collect(1)
        kept = [[] for _ in range(400_000)]  # type: ignore[var-annotated]  # of nothing
    finally:
        gc.callbacks.remove(looked)
    assert len(kept) == 400_000
    assert looks.count(2) == 0
    assert looks.count(1) > 1000  # the young ones are looked at as before


def test_all_objects_are_looked_at_once_an_hour() -> None:
    now = [0.0]
    looks = FullLooks(lambda: now[0])
    collect_in_short_turns()
    left = _Cycle()
    found = weakref.ref(left)
    gc.collect()  # it is among the old from now on
    del left
    now[0] = FULL_LOOK_EVERY - 1
    looks.look_if_due()
    assert found() is not None
    now[0] = FULL_LOOK_EVERY
    looks.look_if_due()
    assert found() is None
