"""Request bodies as the sandbox itself has rows: v4's shape and the standard's words, whatever the caller speaks."""

from typing import Any

from sandbox.data.shapes import Row
from sandbox.protocol import deviations, strict, version5
from sandbox.protocol.answers import Refused
from sandbox.protocol.switches import Switches
from sandbox.protocol.writes import body_of


def read(path: str, raw: bytes, switches: Switches, *, changes: bool = False) -> Row:
    """Return a request's body in v4's shape and the standard's words. Raises Refused (400)."""
    body = body_of(raw)
    if switches.strict_writes:
        strict.check(path, body, switches.version, changes=changes)
    body = deviations.undisguised(body, switches)
    return version5.body_of(path, body) if switches.version == "v5" else body


def entries(body: Row, name: str) -> list[Row]:
    """Return the objects in an attribute that is an array of them; none if it is absent. Raises Refused (400)."""
    value: Any = body.get(name, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise Refused(400, f"{name} must be an array of references")
    return value
