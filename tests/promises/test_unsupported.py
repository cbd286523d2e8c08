"""What a product cannot give: said beforehand, and null with a code when asked for, without a call."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from connectors import DOMAINS
from connectors.billing import port as billing
from connectors.billing.tmf.driver import TmfBilling
from connectors.crm import port as crm
from connectors.crm.tmf.driver import TmfCrm
from connectors.inventory import port as inventory
from connectors.inventory.tmf.driver import TmfInventory
from connectors.records import attributes
from connectors.ticketing import port as ticketing
from gateway.commands.check import check
from gateway.settings import Settings
from tests.connectors.canned import canned
from tests.stack import Answer, stacked

PORTS: Mapping[str, ModuleType] = {"crm": crm, "billing": billing, "inventory": inventory, "ticketing": ticketing}


def refused(answer: Answer, system: str) -> dict[tuple[str | int, ...], str]:
    """Path and message of every error, all of which must be NOT_SUPPORTED by this system."""
    expected = {"code": "NOT_SUPPORTED", "system": system, "retryable": False}
    assert [error["extensions"] for error in answer.errors] == [expected] * len(answer.errors)
    return {tuple(error["path"]): error["message"] for error in answer.errors}


async def test_asking_for_it_is_null_with_a_code_and_no_call(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=2, systems={"ticketing": {"driver": "rt"}}) as stack:
        outages = await stack.ask("{ outages { totalCount } me: customer(id: 1001) { name } }")
        systems = await stack.ask("{ systems { name driver unsupported { name reason } } }")

    assert list(refused(outages, "ticketing")) == [("outages",)]
    assert outages.data["me"]["name"]
    assert [call["system"] for call in outages.calls] == ["crm"]
    told = {system["name"]: {one["name"] for one in system["unsupported"]} for system in systems.data["systems"]}
    assert told["crm"] == told["billing"] == told["inventory"] == set()
    assert {"outage_list", "Ticket.severity"} <= told["ticketing"]


BILLS = """{ customer(id: 1001) { name bills { nodes {
  number period { start } state charges { name kind product { name } } payments { amount { amount } }
} } } }"""


async def test_an_attribute_is_null_with_a_code_at_each_place_and_the_rest_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stacked(tmp_path, customers=2) as stack:
        before = await stack.ask(BILLS)
        before.clean()
        lacking = dict.fromkeys(("Bill.period", "BillCharge.product_id", "BillCharge.kind"), "for a test")
        monkeypatch.setattr(TmfBilling, "unsupported", lacking, raising=False)
        async with stacked(tmp_path, customers=2) as less:
            after = await less.ask(BILLS)
            systems = await less.ask("{ systems { name unsupported { name reason } } }")
        again = await stack.ask(BILLS)  # whose schema is its own

    expected = json.loads(json.dumps(before.data))
    paths: set[tuple[str | int, ...]] = set()
    for at, bill in enumerate(expected["customer"]["bills"]["nodes"]):
        assert bill["period"]["start"]
        bill["period"] = None
        paths.add(("customer", "bills", "nodes", at, "period"))
        for line, charge in enumerate(bill["charges"]):
            charge["product"] = None
            paths.add(("customer", "bills", "nodes", at, "charges", line, "product"))
    assert len(paths) > 4
    assert after.data == expected  # the kind, too: it may not be null
    told = refused(after, "billing")
    assert told.keys() == paths
    assert set(told.values()) == {
        "The connected billing system does not provide Bill.period. The field is always null.",
        "The connected billing system does not provide BillCharge.product. The field is always null.",
    }
    asked = [sorted(call["path"].partition("?")[0] for call in one.calls) for one in (before, after)]
    assert asked[1] == [path for path in asked[0] if not path.endswith("/product")]  # no call for what nobody has
    assert len(asked[0]) - len(asked[1]) == 1
    assert again.data == before.data
    assert again.errors == []
    reasons = {one["name"]: one["unsupported"] for one in systems.data["systems"]}
    assert {"name": "Bill.period", "reason": "for a test"} in reasons["billing"]


async def test_a_field_of_several_attributes_is_withheld_only_when_none_of_them_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = "{ customer(id: 1001) { services(first: 1) { nodes { name outages { name } resources { id } } } } }"
    parts, resources = {"Service.part_ids": "for a test"}, {"Service.resource_ids": "for a test"}
    monkeypatch.setattr(TmfInventory, "unsupported", parts, raising=False)
    async with stacked(tmp_path, customers=2) as stack:
        (await stack.ask(document)).clean()
    monkeypatch.setattr(TmfInventory, "unsupported", parts | resources)
    async with stacked(tmp_path, customers=2) as stack:
        told = refused(await stack.ask(document), "inventory")
    place = ("customer", "services", "nodes", 0)
    assert told.keys() == {(*place, "outages"), (*place, "resources")}


async def test_what_a_customer_shows_of_the_crm_and_of_the_person_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = dict.fromkeys(("Customer.email", "Customer.status", "Party.given_name"), "for a test")
    monkeypatch.setattr(TmfCrm, "unsupported", lacking, raising=False)
    async with stacked(tmp_path, customers=2) as stack:
        answer = await stack.ask("{ me { name email status givenName familyName } }", "1001")
    assert refused(answer, "crm").keys() == {("me", "email"), ("me", "status"), ("me", "givenName")}
    me = answer.data["me"]
    assert (me["email"], me["status"], me["givenName"]) == (None, None, None)
    assert me["familyName"]
    assert me["familyName"] in me["name"]


async def test_of_a_real_product_null_has_a_code_and_what_may_not_be_null_says_unknown(tmp_path: Path) -> None:
    ticket: dict[str, Any] = {
        "id": "7",
        "Subject": "No signal",
        "Status": "open",
        "CustomFields": [{"name": "CustomerId", "values": ["1001"]}],
    }
    async with canned(tickets=json.dumps({"items": [ticket], "total": 1})) as rt:
        systems = {"ticketing": {"driver": "rt", "url": rt.url}}
        async with stacked(tmp_path, customers=2, systems=systems) as stack:
            answer = await stack.ask('{ ticket(id: "Ticket:7") { name severity rawSeverity } }', "1001")
    assert refused(answer, "ticketing").keys() == {("ticket", "rawSeverity")}
    assert answer.data["ticket"] == {"name": "No signal", "severity": "UNKNOWN", "rawSeverity": None}


def declared() -> list[tuple[str, str, str]]:
    return [
        (domain, driver, name)
        for domain, row in DOMAINS.items()
        for driver, product in row.drivers.items()
        if isinstance(known := getattr(product.build, "unsupported", {}), Mapping)  # else its profile says it
        for name in known
    ]


@pytest.mark.parametrize(("domain", "driver", "name"), declared())
def test_what_a_driver_declares_is_something_that_its_port_has(domain: str, driver: str, name: str) -> None:
    record, _, attribute = name.partition(".")
    port = PORTS[domain]
    if attribute and " " not in name:
        assert attribute in attributes(getattr(port, record))
    else:
        asked = next(value for key, value in vars(port).items() if key.endswith("Port"))
        assert callable(getattr(asked, name.partition(" ")[0])), driver  # what is after a blank narrows it down


async def test_check_says_it_before_anybody_asks(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=2) as stack:
        systems = {name: {"url": server.url} for name, server in stack.systems.items()}
        findings = await check(Settings.model_validate({"systems": systems}), is_demo=True)

    assert [(one.name, one.is_good, dict(one.unsupported)) for one in findings] == [
        (name, True, {}) for name in ("crm", "billing", "inventory", "ticketing", "writes")
    ]


WITHOUT: list[tuple[str, str, str, str]] = [
    ("crm", "individual", "{ customer(id: 1001) { name givenName } }", "customer givenName"),
    ("crm", "product", "{ customer(id: 1001) { name products { totalCount } } }", "customer products"),
    (
        "billing",
        "payment",
        "{ customer(id: 1001) { name accounts { payments { totalCount } } } }",
        "customer accounts 0 payments",
    ),
    ("billing", "queryUsageConsumption", "{ customer(id: 1001) { name usage { name } } }", "customer usage"),
    (
        "billing",
        "appliedCustomerBillingRate",
        "{ customer(id: 1001) { bills(first: 1) { nodes { number charges { name } } } } }",
        "customer bills nodes 0 charges",
    ),
    (
        "inventory",
        "geographicSite",
        "{ customer(id: 1001) { services(first: 1) { nodes { name site { name } } } } }",
        "customer services nodes 0 site",
    ),
    ("inventory", "resource", "{ resources { totalCount } customer(id: 1001) { name } }", "resources"),
    ("inventory", "service", "{ customer(id: 1001) { name services { totalCount } } }", "customer services"),
    ("ticketing", "serviceProblem", "{ outages { totalCount } customer(id: 1001) { name } }", "outages"),
    ("ticketing", "troubleTicket", "{ customer(id: 1001) { name tickets { totalCount } } }", "customer tickets"),
]


@pytest.mark.parametrize(("domain", "resource", "document", "place"), WITHOUT)
async def test_an_api_that_the_installation_does_not_have_is_said_once_in_the_settings_and_costs_no_call(
    domain: str, resource: str, document: str, place: str, tmp_path: Path
) -> None:
    systems = {domain: {"profile": {"resources": {resource: {"exists": False}}}}}
    async with stacked(tmp_path, customers=2, systems=systems) as stack:
        answer = await stack.ask(document)
        told = await stack.ask("{ systems { name status unsupported { name reason } } }")

    path = tuple(int(step) if step.isdigit() else step for step in place.split())
    assert path in refused(answer, domain)
    assert answer.data
    assert resource not in {call["path"].partition("?")[0].rsplit("/", 1)[-1] for call in answer.calls}
    report = next(one for one in told.data["systems"] if one["name"] == domain)
    assert report["status"] == "UP"
    reasons = {one["reason"] for one in report["unsupported"]}
    assert f"This installation has no API for {resource}." in reasons
