"""What a server that keeps to the official files refuses of a write, although others take it."""

from typing import Final

from sandbox.data import shapes
from sandbox.data.shapes import Row
from sandbox.protocol.answers import Refused
from sandbox.protocol.version5 import PATHS

_PATCH_TYPES: Final = {
    "v4": ("application/json",),
    "v5": ("application/json", "application/merge-patch+json"),
}
"""Content types of a PATCH that the files list, without those of JSON Patch, which nobody here understands."""


def check(path: str, body: Row, version: str, *, changes: bool) -> None:
    """Return if the resource whose v4 path is `path` takes the body. Raises Refused (400)."""
    is_v5 = version == "v5" and path in PATHS
    needed = ["@type"] if is_v5 else []
    if changes and path == shapes.CUSTOMER:
        needed += ["engagedParty", "name"] if is_v5 else ["engagedParty"]
    if missing := [name for name in needed if name not in body]:
        raise Refused(400, f"{', '.join(missing)} must be there")


def check_patch_type(content_type: str, version: str) -> None:
    """Return if a PATCH may have this Content-Type. Raises Refused (415)."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _PATCH_TYPES[version]:
        raise Refused(
            415, f"a PATCH of {kind or 'no type'} is not taken; right is {' or '.join(_PATCH_TYPES[version])}"
        )
