"""The contract's queries over four real products, and what each costs: `make live`.

    .venv/bin/python -m benchmarks.live [--systems DIR] [--keep]

Starts Nautobot, BottleCRM, Tryton and Request Tracker on loopback with the start scripts in DIR (LIVE_SYSTEMS, default
../shared/live; the first start takes minutes), asks every query, prints a table and stops what it started.
"""

import argparse
import asyncio
import os
import re
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.calls import ROOT
from benchmarks.running import serving
from gateway.settings import Settings

CUSTOMER: Final = "C100001"
FOLDERS: Final = {"inventory": "nautobot", "crm": "djangocrm", "billing": "tryton", "ticketing": "rt"}
"""Domain to start script; Nautobot first, because its first start takes longest."""

QUERIES: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "PortalHome": (CUSTOMER, {}),
    "UsageGlance": (CUSTOMER, {}),
    "AgentSearch": ("agent", {"text": CUSTOMER}),
    "OpsDashboard": ("agent", {"first": 50}),
    "DeviceTrace": ("agent", {"serial": "xe-0/0/0.0"}),
    "TicketThread": ("agent", {"id": "Ticket:1"}),
    "BillDetail": ("agent", {"id": "Bill:1"}),
    "OutageImpact": ("agent", {}),
    "SystemStatus": ("agent", {}),
}


async def started(folder: Path, console: Console) -> str:
    """Run one start script; what it printed. Raises RuntimeError with its last lines where it failed."""
    console.print(f"  starting {folder.name} (its first start takes minutes) ...")
    process = await asyncio.create_subprocess_exec(
        str(folder / "start.sh"), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output = (await process.communicate())[0].decode()
    if process.returncode:
        raise RuntimeError(f"{folder / 'start.sh'} ended with {process.returncode}:\n{output[-1500:]}")
    console.print(f"  {folder.name} runs")
    return output


def settings(printed: Mapping[str, str]) -> Settings:
    """What the start scripts printed, as the gateway's settings. Raises ValueError where a token is missing."""

    def token(domain: str, scheme: str) -> str:
        found = re.search(rf"{scheme} (\S+)", printed[domain])
        if found is None:
            raise ValueError(f"{FOLDERS[domain]}/start.sh printed no '{scheme} ...'")
        return found.group(1)

    def header(domain: str, scheme: str) -> dict[str, str]:
        return {"kind": "api_key", "header": "Authorization", "key": f"{scheme} {token(domain, scheme)}"}

    def system(driver: str, port: int, auth: dict[str, str]) -> dict[str, Any]:
        return {"url": f"http://127.0.0.1:{port}", "driver": driver, "auth": auth, "timeout": 12.0}

    return Settings.model_validate(
        {
            "systems": {
                "crm": system("bottlecrm", 18204, {"kind": "bearer", "token": token("crm", "Bearer")}),
                "billing": system("tryton", 18203, {"kind": "bearer", "token": token("billing", "Bearer")}),
                "inventory": system("nautobot", 18201, header("inventory", "Token")),
                "ticketing": system("rt", 18202, header("ticketing", "token")),
            },
            "graphql": {"trace": "signed-in", "deadline": 30.0},
        }
    )


def leaves(value: Any) -> Counter[bool]:
    """How many values an answer has (True), and how many are null (False)."""
    if isinstance(value, Mapping):
        return sum(map(leaves, value.values()), Counter[bool]())
    if isinstance(value, list):
        return sum(map(leaves, value), Counter[bool]())
    return Counter({value is not None: 1})


async def measure(folders: Path, keep: bool, console: Console) -> None:
    """Start, ask, print, stop."""
    printed: dict[str, str] = {}
    try:
        for domain, name in FOLDERS.items():
            printed[domain] = await started(folders / name, console)
        table = Table("query", "calls", "ms", "values", "null", "errors (code, system, paths)")
        with tempfile.TemporaryDirectory() as folder:
            async with serving(settings(printed), Path(folder)) as gateway:
                for name, (who, variables) in QUERIES.items():
                    document = (ROOT / f"web/src/operations/{name}.graphql").read_text(encoding="utf-8")
                    await gateway.ask(document, variables, who)
                    answer = await gateway.ask(document, variables, who)
                    calls = answer.get("extensions", {}).get("upstream", [])
                    took = max((call["startMs"] + call["durationMs"] for call in calls), default=0.0)
                    codes = Counter(
                        (error["extensions"]["code"], error["extensions"].get("system", "-"))
                        for error in answer.get("errors", [])
                    )
                    told = ", ".join(f"{code} {system} x{times}" for (code, system), times in codes.items())
                    count = leaves(answer.get("data"))
                    table.add_row(name, str(len(calls)), f"{took:.0f}", str(count[True]), str(count[False]), told)
        console.print(table)
    finally:
        for domain in printed if not keep else ():
            process = await asyncio.create_subprocess_exec(str(folders / FOLDERS[domain] / "stop.sh"))
            await process.wait()


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("LIVE_SYSTEMS", ROOT.parent / "shared" / "live"))
    parser.add_argument("--systems", type=Path, default=default, help="folder of the start scripts")
    parser.add_argument("--keep", action="store_true", help="leave the systems running")
    given = parser.parse_args()
    if not given.systems.is_dir():
        raise SystemExit(f"The start scripts of the live systems are not in {given.systems}: set LIVE_SYSTEMS.")
    asyncio.run(measure(given.systems, given.keep, Console()))


if __name__ == "__main__":
    main()
