"""docs/security.md is true where a machine can tell: files, settings, and every name of what is kept in Redis."""

import re

import pytest

from tests.house.__main__ import ROOT
from tests.house.source import modules_of

PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
NAMES = re.compile(r'"(opticom:[^"]*|gateway:key:)')
"""How a program's text writes the beginning of a name in Redis."""


def test_every_file_that_it_names_exists() -> None:
    named = re.findall(r"`((?:gateway|resolvers|schema|connectors|deploy)/[\w./-]+)`", PAGE)
    assert len(named) > 25
    assert [one for one in named if not (ROOT / one).exists()] == []


@pytest.mark.parametrize(
    "setting",
    sorted(set(re.findall(r"`((?:server|auth|graphql|documents|cors|live|files|writes)\.[a-z_.]+)`", PAGE))),
)
def test_every_setting_that_it_names_is_in_the_example(setting: str) -> None:
    section, _, key = setting.rpartition(".")
    example = (ROOT / "gateway.example.toml").read_text(encoding="utf-8")
    own = re.search(rf"^(?:# )?\[{re.escape(section)}\](.*?)^(?:# )?\[", example, re.MULTILINE | re.DOTALL)
    whole = re.search(rf"^(?:# )?\[{re.escape(setting)}[.\]]", example, re.MULTILINE)
    assert whole or (own and re.search(rf"^(?:# )?{key} = ", own[1], re.MULTILINE))


def test_all_that_is_kept_in_redis_stands_there() -> None:
    kept = {name for one in modules_of(ROOT, ("gateway", "connectors")) for name in NAMES.findall(one.text)}
    assert len(kept) >= 6
    assert [name for name in sorted(kept) if f"`{name}" not in PAGE] == []
