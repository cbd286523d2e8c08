"""The engine's package stands alone: copied into an empty folder, it runs a schema of strangers, by plan."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import gateway.engine

HERE = Path(__file__).parent


def run_alone(folder: Path, *documents: str) -> list[dict[str, Any]]:
    """What a copy of the engine answers for the schema in `alone.py`, in a process without anything else of ours."""
    shutil.copytree(Path(gateway.engine.__file__).parent, folder / "gateway" / "engine")
    (folder / "gateway" / "__init__.py").touch()
    shutil.copy(HERE / "alone.py", folder)
    run = subprocess.run(
        [sys.executable, "-W", "error", folder / "alone.py", *documents], cwd=folder, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["engine"] == str(folder / "gateway" / "engine" / "__init__.py")
    assert told["imported"] == []
    answers: list[dict[str, Any]] = told["answers"]
    return answers


def test_a_schema_of_its_own_runs_by_plan(tmp_path: Path) -> None:
    read, written = run_alone(
        tmp_path,
        "{ posts { title author { name posts { title author { name } } } } }",
        'mutation { a: write(title: "new") { title author { posts { title } } }'
        ' b: write(title: "newer") { author { name posts { title } } } }',
    )
    ada = {"name": "Ada", "posts": [{"title": f"post {key}", "author": {"name": "Ada"}} for key in (0, 2)]}
    bob = {"name": "Bob", "posts": [{"title": f"post {key}", "author": {"name": "Bob"}} for key in (1, 3)]}
    assert read == {
        "data": {"posts": [{"title": f"post {key}", "author": (ada, bob)[key % 2]} for key in range(4)]},
        "errors": [],
        "fallback": None,
        "asked": [["UserById", [0, 1]], ["PostsByUser", [0, 1]]],
    }
    titles = [{"title": title} for title in ("post 0", "post 2", "new", "newer")]
    assert written == {
        "data": {
            "a": {"title": "new", "author": {"posts": titles[:3]}},
            "b": {"author": {"name": "Ada", "posts": titles}},
        },
        "errors": [],
        "fallback": None,
        "asked": [
            ["write new", []],
            ["UserById", [0]],
            ["PostsByUser", [0]],
            ["write newer", []],
            ["UserById", [0]],
            ["PostsByUser", [0]],
        ],
    }
