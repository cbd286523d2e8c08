"""docs/live-systems.md names a test for every trap: each of them is there."""

import re
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs" / "live-systems.md"
NOT_YET = {"writes: not yet"}


def traps() -> list[tuple[str, str]]:
    """Trap and test of every row under the last heading's products."""
    _, _, tables = PAGE.read_text(encoding="utf-8").partition("## What each product does")
    rows = [line.strip("|").split(" | ") for line in tables.splitlines() if line.startswith("| ")]
    return [(row[0].strip(), row[-1].strip()) for row in rows if row[0].strip() not in ("trap", "---")]


def test_the_proof_of_each_trap_exists() -> None:
    sources = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.rglob("test_*.py")}
    for trap, proof in traps():
        file, _, name = proof.partition("::")
        found = re.search(rf"^(?:async )?def {re.escape(name)}\(", sources.get(file, ""), re.MULTILINE)
        assert found or proof in NOT_YET, trap


def test_every_test_that_is_named_after_a_trap_is_on_the_page() -> None:
    named = {
        f"{path.name}::{name}"
        for path in FOLDER.rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_trap_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 15
    assert named <= {proof for _, proof in traps()}
