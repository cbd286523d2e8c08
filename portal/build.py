"""Builds the portal: portal/src -> gateway/static/portal. Run by `make setup` with the virtual environment's Python.

With `--generate` also the types of its documents (portal/src/gql, which are committed): after a change of a document
or of `schema.graphql`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))
from web.build import TARGET, BuildFailed, node_paths, run  # noqa: E402  # web/ is no package of the environment's


def main(*, generate: bool) -> None:
    """Install the locked packages and bundle the portal. Raises BuildFailed."""
    node, npm = node_paths()
    environment = {
        **os.environ,
        "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PORTAL_TARGET": str(TARGET / "portal"),
    }
    print("  installing the portal's packages (npm ci) ...", flush=True)
    needed = () if generate else ("--omit=dev",)
    run([node, npm, "ci", *needed, "--ignore-scripts", "--loglevel=error"], environment, FOLDER)
    if generate:
        print("  writing the types of its documents (graphql-codegen) ...", flush=True)
        run([node, npm, "run", "--silent", "generate"], environment, FOLDER)
        run([node, npm, "run", "--silent", "types"], environment, FOLDER)
    print("  bundling ...", flush=True)
    run([node, npm, "run", "--silent", "build", "--", "--logLevel", "warn"], environment, FOLDER)
    (TARGET / "portal" / "index.html").touch()  # last: its date tells make that the build is whole


if __name__ == "__main__":
    try:
        main(generate="--generate" in sys.argv[1:])
    except BuildFailed as failure:
        sys.exit(str(failure))
