"""A domain that is not required may be missing: its fields are null and say so, and everything else is as ever."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

import connectors
from gateway.commands.check import check
from gateway.settings import GraphQLSettings, Settings, systems_model
from tests.stack import Stack, stacked


@pytest.fixture
def _ticketing_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    ticketing = replace(connectors.DOMAINS["ticketing"], required=False)
    monkeypatch.setitem(connectors.DOMAINS, "ticketing", ticketing)  # type: ignore[arg-type]  # a dict, read only by type
    monkeypatch.setattr("tests.stack.SystemsSettings", systems_model(connectors.DOMAINS))


@pytest_asyncio.fixture
async def stack(tmp_path: Path, _ticketing_is_optional: None) -> AsyncIterator[Stack]:
    async with stacked(tmp_path, customers=4, without={"ticketing"}) as running:
        yield running


async def test_its_fields_are_null_with_a_code_and_the_rest_is_there(stack: Stack) -> None:
    answer = await stack.ask("{ me { name tickets { nodes { id } } services { nodes { outages { id } } } } }", "1001")
    assert answer.data["me"]["name"]
    assert answer.data["me"]["tickets"] is None
    services = answer.data["me"]["services"]["nodes"]
    assert services
    assert all(one["outages"] is None for one in services)
    said = "No ticketing system is connected to this gateway. The field is always null."
    assert {error["message"] for error in answer.errors} == {said}
    assert {tuple(error["extensions"].items()) for error in answer.errors} == {
        (("code", "NOT_CONFIGURED"), ("system", "ticketing"), ("retryable", False))
    }
    assert len(answer.errors) == 1 + len(services)
    assert {call["system"] for call in answer.calls} == {"crm", "inventory"}


async def test_systems_leaves_it_out_and_its_types_stay(stack: Stack) -> None:
    answer = await stack.ask('{ systems { name } __type(name: "Ticket") { name } ticket(id: "TT-1") { id } }')
    assert [one["name"] for one in answer.data["systems"]] == ["crm", "billing", "inventory"]
    assert answer.data["__type"] == {"name": "Ticket"}
    assert [error["extensions"]["code"] for error in answer.errors] == ["NOT_CONFIGURED"]


async def test_a_search_asks_only_systems_that_are_there(stack: Stack) -> None:
    answer = await stack.ask('{ customers(search: "1002") { totalCount nodes { id } } }')
    assert answer.clean() == {"customers": {"totalCount": 1, "nodes": [{"id": "Customer:1002"}]}}


async def test_check_says_what_that_means(stack: Stack) -> None:
    model = systems_model(connectors.DOMAINS)
    given = {name: {"url": server.url} for name, server in stack.systems.items() if name != "ticketing"}
    settings = Settings.model_construct(
        systems=model.model_validate(given), auth=None, redis=None, graphql=GraphQLSettings()
    )
    findings = {one.name: one for one in await check(settings, is_demo=True)}
    assert list(findings)[:4] == ["crm", "billing", "inventory", "ticketing"]
    assert findings["ticketing"].is_good
    assert findings["ticketing"].note.startswith("not configured: what is asked of the ticketing system is null")


def test_the_four_are_required() -> None:
    assert {"crm", "billing", "inventory", "ticketing"} <= {n for n, one in connectors.DOMAINS.items() if one.required}
