"""What a product cannot give: said beforehand, and null with a code when asked for, without a call."""

from pathlib import Path

from gateway.check import check
from gateway.settings import Settings
from tests.stack import stacked


async def test_asking_for_it_is_null_with_a_code_and_no_call(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=2, systems={"ticketing": {"driver": "rt"}}) as stack:
        outages = await stack.ask("{ outages { totalCount } me: customer(id: 1001) { name } }")
        systems = await stack.ask("{ systems { name driver unsupported { name reason } } }")

    (error,) = outages.errors
    assert error["path"] == ["outages"]
    assert error["extensions"] == {"code": "NOT_SUPPORTED", "system": "ticketing", "retryable": False}
    assert outages.data["me"]["name"]
    assert [call["system"] for call in outages.calls] == ["crm"]
    told = {system["name"]: {one["name"] for one in system["unsupported"]} for system in systems.data["systems"]}
    assert told["crm"] == told["billing"] == told["inventory"] == set()
    assert {"outage_list", "Ticket.severity"} <= told["ticketing"]


async def test_check_says_it_before_anybody_asks(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=2) as stack:
        systems = {name: {"url": server.url} for name, server in stack.systems.items()}
        findings = await check(Settings.model_validate({"systems": systems}), is_demo=True)

    assert [(one.name, one.is_good, dict(one.unsupported)) for one in findings] == [
        (name, True, {}) for name in ("crm", "billing", "inventory", "ticketing")
    ]
