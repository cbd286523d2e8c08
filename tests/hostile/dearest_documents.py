"""The dearest documents that are accepted, as `make dearest` found them, and known attacks: benchmarks/dearest."""

import asyncio
from typing import Any, Final

from benchmarks.dearest import kept
from resolvers.viewer import ViewerKind
from tests.hostile.asking import Asked, asking
from tests.hostile.measuring import Attack, Target


async def _run(target: Target) -> str:
    variables: dict[str, Any] = {
        "ids": [f"Customer:{1001 + number % 200}" for number in range(1000)],
        "same": ["Customer:1001"] * 1000,
        "wrong": [f"None:{number}" for number in range(1000)],
        "id": "Customer:1001",
    }
    asked, dearest = Asked(), ("", 0.0)
    tokens = [target.keys.token(ViewerKind.ADMIN), target.token("1001"), target.agent][: target.scaled(3)]
    async with asking(target) as ask:
        for round_ in range(target.scaled(5)):
            for name, document in [*kept().items()][:: round(1 / target.scale) // 5 or 1]:
                given = {key: one for key, one in variables.items() if f"${key}:" in document}
                one, new = Asked(), document + " " * round_  # a text of its own, so that it is prepared anew
                await asyncio.gather(*(ask(one, token, new, given) for token in tokens))
                asked.codes += one.codes
                asked.largest, asked.longest = max(asked.largest, one.largest), max(asked.longest, one.longest)
                dearest = max(dearest, (name, one.longest), key=lambda found: found[1])
    assert "INTERNAL" not in asked.codes, asked
    return f"{asked} ({dearest[0]})"


ATTACK: Final = Attack("dearest documents", _run)
