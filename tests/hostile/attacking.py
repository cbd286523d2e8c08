"""Runs one attack in a process of its own, so that it slows down nobody who measures. Arguments: see `main`."""

import asyncio
import sys
from pathlib import Path

from gateway.commands.demo_keys import DemoKeys
from tests.hostile.measuring import Target, attacks


def main() -> None:
    """Attack, and print what came of it. Arguments: name, address, process id, file of the key, scale."""
    name, address, pid, key, scale = sys.argv[1:]
    (attack,) = [one for one in attacks() if one.name == name]
    print(asyncio.run(attack.run(Target(address, int(pid), DemoKeys.load(Path(key)), float(scale)))))


if __name__ == "__main__":
    main()
