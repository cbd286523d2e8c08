"""Reads deploy/Dockerfile, as far as it goes: instructions of each stage."""

import re
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Stage:
    """What stands between two FROMs."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def of(self, instruction: str) -> list[str]:
        """The arguments of each such instruction."""
        return [given for one, given in self.steps if one == instruction]


def stages(path: Path) -> list[Stage]:
    """The stages in order; what stands before the first FROM is left out."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    found: list[Stage] = []
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        instruction, _, given = line.strip().partition(" ")
        if instruction == "FROM":
            base, _, name = given.partition(" AS ")
            found.append(Stage(base, name))
        elif instruction and found:
            found[-1].steps.append((instruction, " ".join(given.split())))
    return found
