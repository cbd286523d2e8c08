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
            target.has_a_processor()
            key = Path(folder) / "issuer.pem"
            await measure(target, chosen[0], key)  # once for nothing: the first requests load what all others have
            for attack in chosen:
                print(f"{attack.name} ...", flush=True)
                measured.append(await measure(target, attack, key))
    return measured


def main() -> None:
    """Run those attacks whose name holds the argument, or all."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    show(asyncio.run(_run([one for one in attacks() if wanted in one.name or one.name == "a calm while"])))


if __name__ == "__main__":
    main()
