"""A commit is compared with the tree: what is run, what is measured, and what the figures are taken to say."""

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.checkout import Checkout, NotBuilt, checked_out
from benchmarks.compared import Round, interval, one_round, show, verdict
from benchmarks.contestants import running
from benchmarks.measuring import loading
from benchmarks.processes import ROOT, NotStarted
from benchmarks.works import WORKS


@pytest.mark.parametrize(
    ("count", "places"),
    [(5, None), (6, (0, 5)), (8, (0, 7)), (9, (1, 7)), (16, (3, 12)), (20, (5, 14)), (100, (39, 60))],
)
def test_the_interval_is_that_of_the_sign_test(count: int, places: tuple[int, int] | None) -> None:
    assert interval([float(value) for value in range(count)][::-1]) == places


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(1.031, 1.2, "yes"), (1.03, 1.2, "undecided"), (0.9, 1.031, "undecided"), (0.9, 1.03, "no"), (0.5, 0.9, "no")],
)
def test_only_a_whole_interval_decides(low: float, high: float, word: str) -> None:
    rounds = [Round(1, 1, low)] * 3 + [Round(1, 1, high)] * 3

    assert verdict(rounds).interval == (low, high)
    assert verdict(rounds).word == word


@pytest.mark.parametrize(
    ("ratios", "code", "last"),
    [
        ({"a": 1.0, "b": 1.02}, 0, "No work is more than 3% worse than abc"),
        ({"a": 1.0, "b": 1.05}, 1, "More than 3% worse than abc: b, 16 at once"),
    ],
)
def test_the_last_line_and_the_exit_code_say_it(ratios: dict[str, float], code: int, last: str) -> None:
    console = Console(width=200, record=True, file=StringIO())

    assert show({(name, 16): [Round(1, 1, ratio)] * 6 for name, ratio in ratios.items()}, "abc", console) == code
    assert console.export_text().splitlines()[-1] == last


def test_too_few_rounds_decide_nothing() -> None:
    console = Console(width=200, record=True, file=StringIO())

    assert show({("a", 16): [Round(1, 1, 2.0)] * 5}, "abc", console) == 0
    assert (
        console.export_text().splitlines()[-1]
        == "No work is surely more than 3% worse than abc, but 1 of 1 are undecided"
    )


def test_a_commit_is_taken_out_and_removed() -> None:
    with checked_out("HEAD") as base:
        assert (base.folder / "gateway" / "__main__.py").is_file()
        assert base.python == Path(sys.executable)

    assert not base.folder.exists()
    listed = subprocess.run(("git", "worktree", "list"), cwd=ROOT, capture_output=True, text=True, check=True)
    assert str(base.folder) not in listed.stdout


def test_no_such_commit_is_told() -> None:
    with pytest.raises(NotBuilt, match="nothing-of-that-name"), checked_out("nothing-of-that-name"):
        pass


def test_the_base_runs_its_own_packages(tmp_path: Path) -> None:
    package = tmp_path / "tree" / "gateway"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("raise SystemExit('the gateway of the other tree')")
    base = Checkout(tmp_path / "tree", Path(sys.executable))

    told = pytest.raises(NotStarted, match="base did not start: the gateway of the other tree")
    with told, running(tmp_path, ["base"], base=base):
        pass


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads other processes' CPU time as Linux gives it")
@pytest.mark.long
def test_a_round_measures_both() -> None:
    with loading() as load:
        found = one_round(Checkout(ROOT, Path(sys.executable)), load, WORKS[:1])

    assert list(found) == [("{ __typename }", 16), ("{ __typename }", 1)]
    assert all(0.01 < one.new < 10 and 0.1 < one.ratio < 10 for one in found.values())
