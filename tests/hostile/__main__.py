"""`make hostile`: all attacks, one after the other on one gateway, and the table of what they did."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.hostile.measuring import Attack, Measured, attacked, attacks, measure, show


async def _run(chosen: list[Attack]) -> list[Measured]:
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        async with attacked(Path(folder)) as target:
            await measure(target, Attack("nothing", _nothing))  # the first requests load what all others have
            for attack in [Attack("nothing", _nothing), *chosen]:
                print(f"{attack.name} ...", flush=True)
                measured.append(await measure(target, attack))
    return measured


async def _nothing(_target: object) -> str:
    await asyncio.sleep(3)
    return "-"


def main() -> None:
    """Run those attacks whose name holds the argument, or all."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    show(asyncio.run(_run([one for one in attacks() if wanted in one.name])))


if __name__ == "__main__":
    main()
