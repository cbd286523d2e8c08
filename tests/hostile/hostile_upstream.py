"""A system that is hostile: interim answers, bodies, drips and headers without end, and JSON that is dear to read."""

import asyncio
from typing import Final

from tests.hostile.asking import Asked, asking
from tests.hostile.measuring import Attack, Target
from tests.hostile.system import KINDS

_SHORT: Final = ("interim", "nulls", "headers")
"""Those that end soon."""


async def _run(target: Target) -> str:
    said = []
    async with asking(target) as ask:
        for kind in KINDS if target.scale == 1 else _SHORT:
            one = Asked()
            tokens = [target.agent] * target.scaled(3)
            document = f'{{ ticket(id: "HOSTILE-{kind}") {{ id name }} }}'
            await asyncio.gather(*(ask(one, token, document + " " * n) for n, token in enumerate(tokens)))
            assert all(code.startswith(("UPSTREAM_", "DEADLINE_")) for code in one.codes), (kind, one)
            said.append(
                f"{kind}: {', '.join(code.removeprefix('UPSTREAM_') for code in one.codes)} {one.longest:.1f} s"
            )
    return "; ".join(said)


ATTACK: Final = Attack("a hostile system", _run)
