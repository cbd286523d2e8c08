"""Names are found in whatever form of Unicode and letter case they are kept, and in whichever they are typed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
import pytest_asyncio

from sandbox.data import shapes
from tests.stack import Stack, stacked

NAME = "Zoë Ångström"


@pytest_asyncio.fixture(params=[{}, {"filters": [], "read_everything": True}], ids=["asked", "read"])
async def stack(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stack]:
    settings: dict[str, Any] = {"profile": request.param}
    async with stacked(tmp_path, customers=4, systems=dict.fromkeys(("crm", "inventory"), settings)) as served:
        yield served


@pytest.mark.parametrize("kept", ["NFC", "NFD"])
async def test_a_name_is_found_in_any_form(stack: Stack, kept: Any) -> None:
    stack.rewrite("crm", shapes.CUSTOMER, "1001", name=normalize(kept, NAME))
    stack.rewrite(
        "inventory", shapes.RESOURCE, "RES-1001-1", name=normalize(kept, NAME), serialNumber=normalize(kept, "SÉ-1")
    )
    document = """query($name: String!, $serial: String!) {
        customers(search: $name) { nodes { id name } }
        resources(search: $name) { nodes { id } }
        numbered: resources(search: $serial) { nodes { id } }
    }"""
    for typed in ("NFC", "NFD"):
        for name in (NAME, NAME.upper(), "ångs", "zoë"):
            given = {"name": normalize(typed, name), "serial": normalize(typed, "SÉ-1")}
            found = (await stack.ask(document, **given)).clean()
            assert found["customers"]["nodes"] == [{"id": "Customer:1001", "name": normalize(kept, NAME)}]
            assert found["resources"]["nodes"] == found["numbered"]["nodes"] == [{"id": "Resource:RES-1001-1"}]
    (other,) = [(await stack.ask(document, name="Zoe Å", serial="SE-1")).clean()]
    assert [one["nodes"] for one in other.values()] == [[], [], []]
