"""Whether the gateway's memory stays flat: many requests of many different documents, more than any cache holds.

    .venv/bin/python -m benchmarks.memory [--requests N] [--documents N]

Prints the memory of the gateway's process on the way. Every document asks one customer's name and accounts under a name
of its own, so each is parsed, validated and compiled anew once it has left the cache. Linux only.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.contestants import running
from benchmarks.load import Job
from benchmarks.measuring import Unequal, loading

_STEPS: Final = 10
_AT_ONCE: Final = 16


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200_000, help="how many in all (default 200,000)")
    parser.add_argument("--documents", type=int, default=5_000, help="how many different ones (default 5,000)")
    given = parser.parse_args()
    console = Console()
    bodies = [
        {"query": f"query Number{n} {{ me {{ id name{n}: name accounts {{ id name }} }} }}"}
        for n in range(given.documents)
    ]
    each = given.requests // _STEPS
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), ["gateway"]) as field, loading() as load:
        gateway = field.contestants["gateway"]
        console.print(f"before the first request: {gateway.resident / 2**20:.0f} MiB")
        for step in range(1, _STEPS + 1):
            tokens = list(field.customers)
            result = load.run(Job(gateway.port, "/graphql", bodies, tokens, each, _AT_ONCE))
            if result.wrong:
                raise Unequal(f"the gateway did not answer: {result.wrong}")
            took = result.seconds / each * 1000
            console.print(f"{step * each:>9,} requests: {gateway.resident / 2**20:.0f} MiB ({took:.2f} ms each)")


if __name__ == "__main__":
    main()
