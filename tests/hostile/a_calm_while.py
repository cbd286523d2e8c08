"""No attack: what the innocent caller's times are without one."""

import asyncio
from typing import Final

from tests.hostile.measuring import Attack, Target


async def _run(target: Target) -> str:
    await asyncio.sleep(5 * target.scale)
    return "-"


ATTACK: Final = Attack("a calm while", _run)
