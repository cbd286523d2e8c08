"""Three levels of bills under `me`: within the estimate's limits, an answer of more than 22.8 MB."""

import asyncio
from typing import Any, Final

from tests.hostile.asking import Asked, aliased, asking
from tests.hostile.measuring import Attack, Target

_SIZE: Final = 22_800_000


def _bills(selected: str) -> str:
    return f"bills(first: 16) {{ nodes {{ {selected} }} }}"


def _three_levels(selected: str) -> str:
    for _ in range(2):
        selected = f"account {{ customer {{ {_bills(selected)} }} }}"
    return f"{{ me {{ {_bills(selected)} }} }}"


_SHORT: Final = _three_levels(aliased(20, "number"))
_NAME: Final = "a" * 285
_LONG: Final = _three_levels(aliased(20, "number").replace("a", _NAME))


async def _run(target: Target) -> str:
    asked, small = Asked(), Asked()
    async with asking(target) as ask:
        customer = await _with_most_bills(target, ask)
        token = target.token(customer)
        answer = await ask(small, token, _SHORT)
        assert set(small.codes) == {"OK"}, small
        size = small.largest + (len(_NAME) - 1) * 20 * _lowest(answer["data"]["me"])
        assert size > _SIZE, size
        for _ in range(target.scaled(6)):
            await asyncio.gather(*(ask(asked, token, _LONG) for _ in range(3)))
    assert set(asked.codes) <= {"LIMIT_EXCEEDED", "RATE_LIMITED"}, asked
    return f"would be {size / 1e6:.1f} MB: {asked} (with short names {small})"


async def _with_most_bills(target: Target, ask: Any) -> str:
    counted = Asked()
    answer = await ask(counted, target.agent, "{ customers(first: 200) { nodes { id bills { totalCount } } } }")
    customers = answer["data"]["customers"]["nodes"]
    best = max(customers, key=lambda one: (one["bills"]["totalCount"], one["id"]))
    assert best["bills"]["totalCount"] == 16
    return str(best["id"]).removeprefix("Customer:")


def _lowest(value: Any) -> int:
    """The bills at the bottom."""
    if isinstance(value, list):
        return sum(map(_lowest, value))
    if not isinstance(value, dict):
        return 0
    return 1 if "a0" in value else sum(map(_lowest, value.values()))


ATTACK: Final = Attack("large answers", _run)
