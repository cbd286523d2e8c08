"""`python -m gateway.metrics [--write]`: the board, the alert rules and the tables, as the catalogue makes them.

Without `--write` it says which of the files differ from it, and ends with 1 if any does. For a checkout.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.metrics.alerts import rules
from gateway.metrics.board import board
from gateway.metrics.tables import written_into

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs/telemetry.md"


def made() -> Mapping[Path, str]:
    """What each file should say."""
    return {
        ROOT / "deploy/grafana/opticom-gateway.json": board(),
        ROOT / "deploy/prometheus/alerts.yml": rules(),
        PAGE: written_into(PAGE.read_text(encoding="utf-8")),
    }


def main() -> None:
    """Compare, or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the files")
    writes = parser.parse_args().write
    found = made()
    other = [path for path, text in found.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in other:
        if writes:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(found[path], encoding="utf-8")
        print("written:" if writes else "differs:", path.relative_to(ROOT))
    sys.exit(1 if other and not writes else 0)


if __name__ == "__main__":
    main()
