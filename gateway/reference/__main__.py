"""`python -m gateway.reference [--write]`: the board, the alert rules and tables of the pages, as the code makes them.

Without `--write` it says which of the files differ from it, and ends with 1 if any does. For a checkout.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from gateway.metrics.alerts import rules
from gateway.metrics.board import board
from gateway.reference import settings_table, tables

ROOT: Final = Path(__file__).resolve().parents[2]

BEGIN, END = "<!-- made by python -m gateway.reference --write: {} -->", "<!-- end -->"
"""What stands around a table in a page."""

PAGES: Final[Mapping[str, Mapping[str, Callable[[], str]]]] = {
    "docs/telemetry.md": {"metrics": tables.metrics, "alerts": tables.alerts},
    "docs/operations.md": {"codes": tables.codes},
    "docs/settings.md": {"settings": settings_table.tables},
}


def made() -> Mapping[Path, str]:
    """What each file should say. Raises ValueError for a page without a table's marks."""
    pages = {ROOT / name: written_into(ROOT / name, found) for name, found in PAGES.items()}
    return {
        ROOT / "deploy/grafana/opticom-gateway.json": board(),
        ROOT / "deploy/prometheus/alerts.yml": rules(),
        **pages,
    }


def written_into(path: Path, found: Mapping[str, Callable[[], str]]) -> str:
    """The page with its tables as they are now, between their marks."""
    page = path.read_text(encoding="utf-8")
    for name, table in found.items():
        begin = BEGIN.format(name)
        before, _, rest = page.partition(begin)
        _, mark, after = rest.partition(END)
        if not mark:
            raise ValueError(f"{path}: the page lacks {begin}, or {END} after it")
        page = f"{before}{begin}\n\n{table()}\n\n{END}{after}"
    return page


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
