"""Installations of TM Forum v4 and v5 behind one gateway: clients see no difference."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import pytest
import pytest_asyncio

from tests.conftest import contract
from tests.promises.test_contract import ASKED
from tests.stack import DOMAINS, Stack, stacked

MIXTURES: Final[Mapping[str, Mapping[str, str]]] = {
    "mixed": {"crm": "v5", "billing": "v4", "inventory": "v5", "ticketing": "v4"},
    "the other way round": {"crm": "v4", "billing": "v5", "inventory": "v4", "ticketing": "v5"},
    "all v5": dict.fromkeys(DOMAINS, "v5"),
}
QUERIES: Final = sorted(set(ASKED) - {"SystemStatus"})


@pytest_asyncio.fixture(scope="module", params=[*list(MIXTURES)[:2], pytest.param("all v5", marks=pytest.mark.long)])
async def mixture(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Stack, Mapping[str, str]]]:
    """A stack of its own, each system of the version that the mixture says."""
    versions = MIXTURES[request.param]
    profiles = {domain: {"profile": {"version": version}} for domain, version in versions.items()}
    async with stacked(tmp_path_factory.mktemp("versions"), systems=profiles) as running:
        for domain, version in versions.items():
            running.systems[domain].switches.merge({"version": version})
        yield running, versions


def alike(data: Any) -> Any:
    """Data without what must differ: a resource's own word for its status, and that v4 has no word for suspended."""
    if isinstance(data, list):
        return [alike(one) for one in data]
    if not isinstance(data, dict):
        return data
    kind = str(data.get("id", "")).partition(":")[0]
    if kind == "Resource":
        data = {key: value for key, value in data.items() if key != "rawStatus"}
    if kind == "Service" and data.get("state") == "SUSPENDED":
        data = data | {"state": "INACTIVE"} | ({"rawState": "inactive"} if "rawState" in data else {})
    return {key: alike(value) for key, value in data.items()}


@pytest.mark.parametrize("name", QUERIES)
async def test_the_same_data_in_as_many_calls(
    stack: Stack, mixture: tuple[Stack, Mapping[str, str]], name: str
) -> None:
    mixed, versions = mixture
    who, variables = ASKED[name]
    expected = await stack.ask(contract(name), who, **variables)
    answer = await mixed.ask(contract(name), who, **variables)

    assert alike(answer.clean()) == alike(expected.clean())
    assert Counter(call["system"] for call in answer.calls) == Counter(call["system"] for call in expected.calls)
    for call in answer.calls:
        still_v4 = call["path"].startswith(("/payment/", "/tmf-api/geographicSiteManagement/"))
        assert f"/{'v4' if still_v4 else versions[call['system']]}/" in call["path"]


async def test_nobody_elses_data_where_filters_are_ignored(
    stack: Stack, mixture: tuple[Stack, Mapping[str, str]]
) -> None:
    mixed, _ = mixture
    theirs = (
        await stack.ask(
            """{ customer(id: "1002") {
              products { nodes { id } } bills { nodes { id } } services { nodes { id } } tickets { nodes { id } }
            } }"""
        )
    ).clean()["customer"]
    ids = [page["nodes"][0]["id"] for page in theirs.values()]
    foreign = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    expected = (await stack.ask(contract("PortalHome"), "1001")).clean()
    for system in mixed.systems.values():
        system.switches.merge({"ignoreFilters": True})
    try:
        answer = await mixed.ask(contract("PortalHome"), "1001")
        as_agent = await mixed.ask(foreign, "agent", ids=ids)
        as_stranger = await mixed.ask(foreign, "1001", ids=ids)
    finally:
        for system in mixed.systems.values():
            system.switches.merge({"ignoreFilters": False})

    assert answer.clean() == expected
    assert [node["id"] for node in as_agent.clean()["nodes"]] == ids
    assert as_stranger.clean()["nodes"] == [None] * 4
