"""`first: 0` at the bottom of nested lists: the estimate was 0, and the answer took 18 seconds and 1.4 GB."""

import asyncio
from typing import Final

from tests.hostile.asking import Asked, asking
from tests.hostile.measuring import Attack, Target

_BOTTOM: Final = "bills(first: 0) { nodes { id } }"
_LEVEL: Final = "bills(first: 1000) {{ nodes {{ id account {{ {} }} }} }}"
_WIDE: Final = _LEVEL.format(_LEVEL.format(_BOTTOM))
_DOCUMENTS: Final = (
    f"{{ customers(first: 1000) {{ nodes {{ accounts {{ {_WIDE} }} }} }} }}",
    f"{{ customers(first: 1000) {{ nodes {{ accounts {{ {_BOTTOM} }} }} }} }}",
    f"query ($n: Int = 0) {{ customers(first: 1000) {{ nodes {{ {_WIDE.replace('1000', '$n')} }} }} }}",
    "{ me { bills(first: 1000) { nodes { account { bills(first: 1000) { nodes { charges { name } } } } } } } }",
)


async def _run(target: Target) -> str:
    asked = Asked()
    async with asking(target) as ask:
        for _ in range(target.scaled(10)):
            for document in _DOCUMENTS:
                for token in (target.agent, target.token("1048")):
                    await asyncio.gather(*(ask(asked, token, document) for _ in range(3)))
    assert asked.codes["LIMIT_EXCEEDED"] >= 2 * 3, asked
    assert asked.largest < 8 * 1024 * 1024, asked
    return str(asked)


ATTACK: Final = Attack("nothing at the bottom", _run)
