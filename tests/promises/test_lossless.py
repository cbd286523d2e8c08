"""Nothing vanishes silently: an answer that is not whole says so, to the caller, in `systems` and in the log."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from resolvers.context import MOST_GAPS
from tests.stack import Answer, Stack, stacked

LISTS = """{ me {
  bills { totalCount nodes { id number billDate } }
  tickets(first: 50) { totalCount nodes { id name createdAt } }
  services { totalCount nodes { id name } }
  products { totalCount nodes { id name } }
  accounts { id name }
  usage { name used unit }
} }"""
NOTICES = "{ systems { domain status notices } }"


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A stack of its own: what a gateway learns of a system it keeps."""
    async with stacked(tmp_path, customers=120) as running:
        yield running


@asynccontextmanager
async def set_up(folder: Path, **systems: Mapping[str, Any]) -> AsyncIterator[Stack]:
    async with stacked(folder, customers=120, systems=systems) as running:
        yield running


async def notices(stack: Stack, domain: str) -> list[str]:
    answer = (await stack.ask(NOTICES)).clean()
    (one,) = [one for one in answer["systems"] if one["domain"] == domain]
    assert one["status"] == "UP"
    told: list[str] = one["notices"]
    return told


def incomplete(answer: Answer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer.body.get("extensions", {}).get("incomplete", [])
    return found


@pytest.mark.parametrize("link", [True, False])
async def test_a_total_that_is_too_low_loses_nobodys_rows(stack: Stack, link: bool, caplog: Any) -> None:
    many = "{ customers(first: 110) { nodes { id services(first: 5) { totalCount nodes { id } } } } }"
    right = (await stack.ask(many)).clean()
    switches = stack.systems["inventory"].switches
    switches.max_limit = 100
    switches.low_total = 100 if link else 20  # 100 is what a page has, and only Link says that it is not all
    for _ in range(2):
        assert (await stack.ask(many)).clean() == right
    (told,) = [one for one in await notices(stack, "inventory") if "total that is too low" in one]
    assert "total_trusted = false" in told
    assert sum("total that is too low" in one.getMessage() for one in caplog.records) == 1


async def test_a_link_that_leads_to_nothing_costs_one_call_and_no_total(stack: Stack) -> None:
    rows = "{ me { bills(first: 3) { totalCount nodes { id } } } }"
    right = (await stack.ask(rows, "1001")).clean()
    assert right["me"]["bills"]["totalCount"] > 3
    assert not await notices(stack, "billing")


@pytest.mark.parametrize(
    ("domain", "style"),
    [
        ("billing", "lowerCase"),
        ("ticketing", "epoch"),
        ("billing", "epochMilliseconds"),
        pytest.param("ticketing", "lowerCase", marks=pytest.mark.long),
        pytest.param("billing", "epoch", marks=pytest.mark.long),
        pytest.param("ticketing", "epochMilliseconds", marks=pytest.mark.long),
    ],
)
async def test_dates_of_every_style_are_the_same_dates(stack: Stack, domain: str, style: str) -> None:
    right = (await stack.ask(LISTS, "1001")).clean()
    stack.systems[domain].switches.merge({"dates": style})
    answer = await stack.ask(LISTS, "1001")
    assert answer.clean() == right
    assert not incomplete(answer)


ODD: list[tuple[str, str, str, Any, Any]] = [
    ("billing", "bills", "billNo", 77, ("number", "77")),
    ("billing", "bills", "billNo", True, ("number", "true")),
    ("billing", "bills", "billNo", {"no": "text"}, ("number", None)),
    ("billing", "bills", "billDate", ["soon"], ("billDate", None)),
    ("ticketing", "tickets", "name", 5.5, ("name", "5.5")),
    ("ticketing", "tickets", "name", [], ("name", None)),
    ("inventory", "services", "name", 7, ("name", "7")),
    ("inventory", "services", "name", [{}], ("name", None)),
    ("crm", "products", "name", False, ("name", "false")),
    ("crm", "products", "name", {}, ("name", None)),
]


@pytest.mark.parametrize(
    ("domain", "field", "attribute", "value", "wanted"),
    [pytest.param(*one, marks=[pytest.mark.long] if at % 2 else []) for at, one in enumerate(ODD)],
)
async def test_an_odd_attribute_costs_no_row(
    stack: Stack, domain: str, field: str, attribute: str, value: Any, wanted: tuple[str, Any]
) -> None:
    right = (await stack.ask(LISTS, "1001")).clean()
    stack.systems[domain].switches.odd = {"*": {attribute: value}}
    answer = await stack.ask(LISTS, "1001")
    found = answer.clean()
    name, seen = wanted
    for one in right["me"][field]["nodes"]:
        one[name] = seen
    assert found == right
    assert not incomplete(answer)
    told = await notices(stack, domain)
    assert [one for one in told if attribute in one and "left out" in one] == ([] if seen else told)


async def test_a_party_that_stands_alone_is_a_list_of_one(stack: Stack) -> None:
    right = (await stack.ask(LISTS, "1001")).clean()
    party = {"id": "1001", "role": "customer", "@referredType": "Customer"}
    key = right["me"]["services"]["nodes"][0]["id"].partition(":")[2]
    stack.systems["inventory"].switches.odd = {key: {"relatedParty": party}}
    assert (await stack.ask(LISTS, "1001")).clean() == right


@pytest.mark.parametrize("who", ["1001", "agent"])
async def test_a_row_whose_owner_cannot_be_read_is_missed_aloud(stack: Stack, who: str) -> None:
    document = "{ customer(id: 1001) { tickets { totalCount nodes { id } } bills { totalCount nodes { id } } } }"
    right = (await stack.ask(document, who)).clean()["customer"]
    lost, *rest = right["tickets"]["nodes"]
    stack.systems["ticketing"].switches.odd = {lost["id"].partition(":")[2]: {"relatedParty": [{"id": {"x": 1}}]}}
    answer = await stack.ask(document, who)
    assert answer.clean()["customer"] == {**right, "tickets": {"totalCount": None, "nodes": rest}}
    assert incomplete(answer) == [{"path": ["customer", "tickets"], "system": "ticketing", "rows": 1}]
    assert any("a row that cannot be read" in one for one in await notices(stack, "ticketing"))


@pytest.mark.parametrize("more", ["", "__schema { queryType { name } }"])  # graphql-core runs what has introspection
async def test_each_list_under_many_says_what_it_may_lack(stack: Stack, more: str) -> None:
    document = "{ cs: customers(first: 3) { nodes { id accounts { id } } } " + more + "}"
    right = (await stack.ask(document)).clean()["cs"]["nodes"]
    lost = right[1]["accounts"][0]["id"].partition(":")[2]
    stack.systems["billing"].switches.odd = {lost: {"relatedParty": 5}}
    answer = await stack.ask(document)
    found = answer.clean()["cs"]["nodes"]
    assert [len(one["accounts"]) for one in found] == [len(one["accounts"]) - (n == 1) for n, one in enumerate(right)]
    wanted = [{"path": ["cs", "nodes", n, "accounts"], "system": "billing", "rows": 1} for n in range(3)]
    assert incomplete(answer) == wanted
    assert "moreIncomplete" not in answer.body["extensions"]


async def test_of_very_many_lists_that_may_lack_something_the_rest_is_counted(stack: Stack) -> None:
    document = "{ cs: customers(first: 60) { nodes { id a: accounts { id } b: accounts { id } } } }"
    (account, *_) = (await stack.ask(document)).clean()["cs"]["nodes"][0]["a"]
    stack.systems["billing"].switches.odd = {account["id"].partition(":")[2]: {"relatedParty": 5}}
    answer = await stack.ask(document)
    assert len(incomplete(answer)) == MOST_GAPS
    assert answer.body["extensions"]["moreIncomplete"] == 120 - MOST_GAPS


async def test_where_no_row_can_be_read_the_list_is_null_with_an_error(stack: Stack) -> None:
    stack.systems["inventory"].switches.odd = {"*": {"relatedParty": 5}}
    answer = await stack.ask("{ me { name services { nodes { id } } } }", "1001")
    assert answer.data["me"]["services"] is None
    assert answer.data["me"]["name"]
    assert [one["extensions"]["code"] for one in answer.errors] == ["UPSTREAM_GARBLED"]
    assert not incomplete(answer)
    assert (await stack.ask("{ systems { domain status } }")).clean()["systems"][2]["status"] == "UP"


async def test_one_broken_text_costs_nothing_where_it_can_be_repaired(stack: Stack) -> None:
    right = (await stack.ask(LISTS, "1001")).clean()
    broken = [one["id"].partition(":")[2] for one in right["me"]["bills"]["nodes"][:2]]
    stack.systems["billing"].switches.broken_texts = broken
    stack.systems["billing"].switches.no_fields = True
    assert (await stack.ask(LISTS, "1001")).clean() == right
    assert any("wrong escapes" in one for one in await notices(stack, "billing"))


async def test_rows_that_call_their_customer_otherwise_are_reported_with_the_setting(
    tmp_path: Path, caplog: Any
) -> None:
    document = "{ me { services { totalCount nodes { id } } } }"
    async with set_up(tmp_path / "wrong") as stack:
        right = (await stack.ask(document, "1001")).clean()
        stack.systems["inventory"].switches.party_words = {"customer": "subscriber"}
        for _ in range(2):
            assert (await stack.ask(document, "1001")).clean()["me"]["services"]["nodes"] == []
        (told,) = [one for one in await notices(stack, "inventory") if "party_roles" in one]
        assert "'subscriber'" in told
        traced = (await stack.ask("{ customer(id: 1001) { services { nodes { id } } } }")).body["extensions"]
        assert [one["message"] for one in traced["warnings"]] == [told]
        assert "warnings" not in (await stack.ask(document, "1001")).body["extensions"]
        assert sum("party_roles" in one.getMessage() for one in caplog.records) == 1
        assert "ignores the filter" not in caplog.text
    async with set_up(tmp_path / "right", inventory={"profile": {"party_roles": ["subscriber"]}}) as stack:
        stack.systems["inventory"].switches.party_words = {"customer": "subscriber"}
        assert (await stack.ask(document, "1001")).clean() == right


async def test_a_type_that_is_not_among_the_party_types_is_reported(stack: Stack) -> None:
    stack.systems["crm"].switches.party_words = {"Customer": "Account"}
    await stack.ask("{ customers(first: 9) { nodes { products { nodes { id } } } } }")
    assert any("party_types" in one and "'Account'" in one for one in await notices(stack, "crm"))


async def test_usage_that_ended_badly_is_not_done(stack: Stack) -> None:
    document = "{ me { usage { name } } }"
    assert (await stack.ask(document, "1001")).clean()["me"]["usage"]
    stack.systems["billing"].switches.usage_state = "terminatedWithError"
    answer = await stack.ask(document, "1001")
    assert answer.data["me"]["usage"] is None
    assert [one["extensions"]["code"] for one in answer.errors] == ["UPSTREAM_FAILED"]


@pytest.mark.parametrize(  # each way to ask and each broken date once; each with each in `make long`
    ("asked", "broken"),
    [
        pytest.param(asked, broken, marks=[pytest.mark.long] if at % 3 != number else [])
        for at, broken in enumerate(["soon", ["soon"], {"at": 1}, "2026-02-30"])
        for number, asked in enumerate([{}, {"filters": ["id", "status"]}, {"operators": False}])
    ],
)
async def test_an_outage_whose_beginning_cannot_be_read_is_not_left_out_silently(
    tmp_path: Path, asked: dict[str, Any], broken: Any
) -> None:
    document = """{ some: outages(since: "2020-01-01T00:00:00Z", first: 50) { totalCount nodes { id } }
        all: outages(first: 50) { totalCount nodes { id startedAt } } }"""
    async with set_up(tmp_path, ticketing={"profile": {"resources": {"serviceProblem": asked}}}) as stack:
        right = (await stack.ask(document)).clean()
        (first, *rest) = right["some"]["nodes"]
        stack.systems["ticketing"].switches.odd = {first["id"].partition(":")[2]: {"creationDate": broken}}
        answer = await stack.ask(document)
        found = answer.clean()
        assert found["some"] == {"totalCount": None, "nodes": rest}
        assert incomplete(answer) == [{"path": ["some"], "system": "ticketing", "rows": 1}]
        assert {one["id"]: one["startedAt"] for one in found["all"]["nodes"]}[first["id"]] is None
        assert found["all"]["totalCount"] == right["all"]["totalCount"]
        stack.systems["ticketing"].switches.odd = {"*": {"creationDate": broken}}
        answer = await stack.ask(document)
        assert answer.data["some"] is None
        assert [one["extensions"]["code"] for one in answer.errors] == ["UPSTREAM_GARBLED"]
        stack.systems["ticketing"].switches.odd = {"*": {"creationDate": "0001-01-01T00:00:00Z"}}  # no date
        answer = await stack.ask(document)
        assert answer.clean()["some"] == {"totalCount": 0, "nodes": []}
        assert not incomplete(answer)


async def test_a_search_by_contact_or_bill_number_says_what_it_may_lack(stack: Stack) -> None:
    document = "query($search: String!) { customers(search: $search) { totalCount nodes { id } } }"
    crm, billing = (stack.systems[domain] for domain in ("crm", "billing"))
    one = (await stack.ask("{ customer(id: 1001) { email phone bills(first: 1) { nodes { number } } } }")).clean()
    number = one["customer"]["bills"]["nodes"][0]["number"]
    crm.switches.ignore_filters = billing.switches.ignore_filters = True
    for text in (one["customer"]["email"], one["customer"]["phone"], number):
        right = (await stack.ask(document, search=text)).clean()
        assert right["customers"] == {"totalCount": 1, "nodes": [{"id": "Customer:1001"}]}
        system, domain = (billing, "billing") if text == number else (crm, "crm")
        attribute, key = ("relatedParty", "x") if text == number else ("contactMedium", "1002")
        if text == number:
            bills = (await stack.ask("{ customer(id: 1002) { bills(first: 1) { nodes { id } } } }")).clean()
            key = bills["customer"]["bills"]["nodes"][0]["id"].partition(":")[2]
        system.switches.odd = {key: {attribute: "?"}}
        answer = await stack.ask(document, search=text)
        assert answer.clean()["customers"] == {"totalCount": None, "nodes": [{"id": "Customer:1001"}]}, text
        assert incomplete(answer) == [{"path": ["customers"], "system": domain, "rows": 1}], text
        system.switches.odd = {}
