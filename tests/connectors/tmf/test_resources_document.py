"""docs/profiles.md names every resource with the path that is asked by default."""

import re
from pathlib import Path
from typing import get_args

from connectors.tmf.profile import Resource

DOCUMENT = (Path(__file__).parents[3] / "docs" / "profiles.md").read_text(encoding="utf-8")
DRIVERS = Path(__file__).parents[3] / "connectors"


def test_every_resource_is_there_with_its_default_path() -> None:
    table = dict(re.findall(r"^\| [\w, ]+ \| `(\w+)`(?: \([^)]*\))? \| `(/[^`]+)` \|$", DOCUMENT, re.MULTILINE))
    assert set(table) == set(get_args(Resource))
    sources = "\n".join(one.read_text(encoding="utf-8") for one in DRIVERS.rglob("*.py"))
    for resource, path in table.items():
        assert path.endswith(f"/{resource}")
        assert f'"{path}"' in sources or f'"{path.replace("/v5/", "/v4/")}"' in sources, path
