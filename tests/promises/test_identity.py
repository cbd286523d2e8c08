"""Systems that know customers, and each other's records, by ids of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.billing.tmf.driver import TmfBilling
from sandbox.data import shapes
from sandbox.protocol.customer_keys import CustomersAs
from tests.promises.test_contract import ASKED, contract
from tests.stack import Stack, stacked

KEYS: dict[CustomersAs, str] = {"party": "party.id", "reference": "external:billingNumber"}
OTHERS = ("billing", "inventory", "ticketing")


@asynccontextmanager
async def keyed(folder: Path, **known: CustomersAs) -> AsyncIterator[Stack]:
    """A stack in which some systems know customers otherwise."""
    systems = {domain: {"customer_key": KEYS[how]} for domain, how in known.items()}
    async with stacked(folder, systems=systems) as stack:
        for domain, how in known.items():
            stack.systems[domain].switches.customers_as = how
        yield stack


@pytest.mark.parametrize("how", ["party", "reference"])
async def test_the_answers_are_the_same_whatever_systems_call_a_customer(
    stack: Stack, tmp_path: Path, how: CustomersAs
) -> None:
    async with keyed(tmp_path, crm=how, billing=how, inventory=how, ticketing=how) as other:
        for name, (who, variables) in ASKED.items():
            if name == "SystemStatus":
                continue
            expected = (await stack.ask(contract(name), who, **variables)).clean()
            assert (await other.ask(contract(name), who, **variables)).clean() == expected, name


async def test_each_system_has_its_own_key(stack: Stack, tmp_path: Path) -> None:
    async with keyed(tmp_path, billing="reference", ticketing="party") as other:
        expected = (await stack.ask(contract("PortalHome"), "1001")).clean()
        answer = await other.ask(contract("PortalHome"), "1001")

    assert answer.clean() == expected
    asked = [call for call in answer.calls if call["system"] == "crm"]
    # The customer once, with both keys; and who else has the party, or the reference.
    assert [call["loader"] for call in asked] == ["CustomerById", "CustomersByKey", "CustomersByKey"]


async def test_fifty_customers_cost_one_look_up(stack: Stack, tmp_path: Path) -> None:
    async with keyed(tmp_path, billing="reference") as other:
        document = "{ customers(first: 50) { nodes { id accounts { id } } } }"
        answer = await other.ask(document)

    assert answer.clean() == (await stack.ask(document)).clean()
    assert sorted(call["loader"] for call in answer.calls) == [
        "BillingAccountsByCustomer",
        "CustomersByKey",
        "CustomersBySearch",
    ]


@pytest.mark.parametrize("how", ["party", "reference"])
async def test_an_agent_gets_from_a_record_to_its_customer(stack: Stack, tmp_path: Path, how: CustomersAs) -> None:
    document = (
        '{ bill(id: "BILL-1001-1-05") { customer { id name } } ticket(id: "TT-1001-1") { customer { id name } }'
        ' customers(search: "TT-1001-1") { nodes { id } } }'
    )
    async with keyed(tmp_path, billing=how, ticketing=how) as other:
        answer = await other.ask(document)

    assert answer.clean() == (await stack.ask(document)).clean()
    assert answer.data["bill"]["customer"]["id"] == "Customer:1001"


async def refer(stack: Stack, number: str, reference: str | None) -> None:
    """Rewrite what the CRM keeps as the customer's number in billing, as its operator would."""
    kept = [] if reference is None else [{"name": "billingNumber", "value": reference}]
    await patch(stack, "crm", f"/tmf-api/customerManagement/v4/customer/{number}", {"characteristic": kept})


async def patch(stack: Stack, system: str, path: str, changes: dict[str, Any]) -> None:
    """Change a row of a system by its own API."""
    async with stack.session.patch(f"{stack.systems[system].url}{path}", json=changes) as answer:
        assert answer.status == 200, await answer.text()


TWO_HAVE_IT = {
    "agent": "2 customers (1001, 1002) have external:billingNumber = B-1001: records that name it have no owner",
    "1002": "2 customers have external:billingNumber = B-1001: records that name it have no owner",
}


@pytest.mark.parametrize("who", ["1002", "agent"])
async def test_a_reference_that_two_customers_have_is_nobodys(tmp_path: Path, who: str) -> None:
    document = '{ customer(id: "1002") { name bills { nodes { id } } accounts { id } services { nodes { id } } } }'
    async with keyed(tmp_path, billing="reference") as stack:
        await refer(stack, "1002", "B-1001")
        answer = await stack.ask(document, who)

    customer = answer.clean()["customer"]
    assert customer["bills"] is None
    assert customer["accounts"] is None
    assert customer["name"]
    assert customer["services"]["nodes"]
    assert {"system": "crm", "message": TWO_HAVE_IT[who]} in answer.body["extensions"]["warnings"]
    assert who == "agent" or "1001" not in str(answer.body["extensions"]["warnings"]).replace("B-1001", "")


async def test_nor_does_the_other_one_see_what_may_not_be_its_own(tmp_path: Path) -> None:
    async with keyed(tmp_path, billing="reference") as stack:
        await refer(stack, "1002", "B-1001")
        answer = await stack.ask('{ me { bills { nodes { id } } } bill(id: "BILL-1001-1-05") { id } }', "1001")

    assert answer.clean() == {"me": {"bills": None}, "bill": None}


async def test_a_customer_without_a_reference_has_null_and_a_warning(tmp_path: Path) -> None:
    async with keyed(tmp_path, billing="reference") as stack:
        await refer(stack, "1001", None)
        answer = await stack.ask("{ me { bills { totalCount } usage { name } tickets { totalCount } } }", "1001")

    me = answer.clean()["me"]
    assert me["bills"] is None
    assert me["usage"] is None
    assert me["tickets"]["totalCount"] > 0
    assert answer.body["extensions"]["warnings"] == [
        {
            "system": "billing",
            "message": "customer 1001 has no single external:billingNumber, by which this system identifies customers",
        }
    ]


async def test_a_row_of_a_customer_that_the_crm_does_not_know(tmp_path: Path) -> None:
    document = '{ bill(id: "BILL-1001-1-05") { number customer { id } } }'
    async with keyed(tmp_path, billing="reference") as stack:
        await refer(stack, "1001", "elsewhere")
        answer = await stack.ask(document, "agent")
        own = await stack.ask(document, "1001")

    assert answer.clean()["bill"]["customer"] is None
    assert answer.data["bill"]["number"]
    assert answer.body["extensions"]["warnings"] == [
        {
            "system": "crm",
            "message": "no customer has external:billingNumber = B-1001, which a record of another system names",
        }
    ]
    assert own.clean() == {"bill": None}


@pytest.mark.parametrize(("how", "reference"), [("party", "P1001"), ("reference", "B-1001")])
async def test_a_system_that_ignores_filters_shows_nothing_of_others(
    stack: Stack, tmp_path: Path, how: CustomersAs, reference: str
) -> None:
    document = (
        "{ me { bills { totalCount nodes { id } } accounts { id } usage { name used } tickets { nodes { id } } } }"
    )
    expected = (await stack.ask(document, "1001")).clean()
    async with keyed(tmp_path, billing=how, ticketing=how) as other:
        for domain in OTHERS:
            other.systems[domain].switches.ignore_filters = True
        answer = await other.ask(document, "1001")
        crm = [call for call in answer.calls if call["system"] == "crm"]
        hidden = await other.ask('{ bill(id: "BILL-1002-1-05") { id } ticket(id: "TT-1002-1") { id } }', "1001")

    assert answer.clean() == expected
    assert [call["keys"] for call in crm] == [["1001"], [reference]]  # only its own customer was looked up
    assert hidden.clean() == {"bill": None, "ticket": None}


async def test_a_customer_number_that_is_anothers_key_opens_nothing(tmp_path: Path) -> None:
    """Billing's own numbers run beside the CRM's: its 1002 is our 1001, and our 1002 is its 1003."""
    document = "{ me { accounts { id } bills(first: 50) { nodes { id customer { id } } } } }"
    async with keyed(tmp_path, billing="reference") as stack:
        expected = [(await stack.ask(document, who)).clean() for who in ("1001", "1002")]
        switches = stack.systems["billing"].switches
        switches.reference, switches.reference_shift = "{}", 1
        for number in (1001, 1002):
            await refer(stack, str(number), str(number + 1))
        own = [(await stack.ask(document, who)).clean() for who in ("1001", "1002")]
        (asked,) = [one["query"] for one in stack.systems["crm"].requests if "characteristic" in one["query"]][-1:]
        hidden = await stack.ask('{ bill(id: "BILL-1001-1-05") { id } account(id: "BA-1001-1") { id } }', "1002")

    assert own == expected
    assert "1003" in asked
    assert hidden.clean() == {"bill": None, "account": None}


BOTH_KEYS = pytest.mark.parametrize("how", ["number", "party", "reference"])
STRANGERS = pytest.mark.parametrize("stranger", ["1002", "9999"])
BILL = "BILL-1001-1-05"


@asynccontextmanager
async def known_as(folder: Path, how: CustomersAs) -> AsyncIterator[Stack]:
    """Billing knows customers so; `number` is the default."""
    async with keyed(folder, **({} if how == "number" else {"billing": how})) as stack:
        yield stack


@STRANGERS
@BOTH_KEYS
async def test_a_bill_on_ones_account_that_names_a_stranger_is_not_shown(
    tmp_path: Path, how: CustomersAs, stranger: str
) -> None:
    account = '{ account(id: "BA-1001-1") { bills(first: 50) { nodes { id } } } }'
    document = f'{{ bill(id: "{BILL}") {{ id charges {{ name }} }} {account[1:]}'
    async with known_as(tmp_path, how) as stack:
        seen = (await stack.ask(document, "1001")).clean()
        whose = [{"id": stranger, "role": "customer", "@referredType": "Customer"}]
        stack.rewrite("billing", shapes.BILL, BILL, relatedParty=whose)
        answer = (await stack.ask(document, "1001")).clean()
        first = (await stack.ask(account.replace("50", "5"), "1001")).clean()
        staff = (await stack.ask(account, "agent")).clean()

    assert seen["bill"]["id"] == f"Bill:{BILL}"
    assert answer["bill"] is None
    left = [one for one in seen["account"]["bills"]["nodes"] if one["id"] != f"Bill:{BILL}"]
    assert answer["account"]["bills"]["nodes"] == left
    assert first["account"]["bills"]["nodes"] == left[:5]
    assert staff["account"]["bills"]["nodes"] == seen["account"]["bills"]["nodes"]


INDIVIDUAL = {"id": "P1002", "role": "customer", "@referredType": "Individual"}


async def test_a_bill_whose_customer_is_no_customer_number_is_nobodys(tmp_path: Path) -> None:
    document = f'{{ bill(id: "{BILL}") {{ id customer {{ id }} }} }}'
    async with stacked(tmp_path) as stack:
        stack.rewrite("billing", shapes.BILL, BILL, relatedParty=[INDIVIDUAL])
        own = await stack.ask(document, "1001")
        staff = await stack.ask(document)

    assert own.clean() == {"bill": None}
    assert staff.clean() == {"bill": {"id": f"Bill:{BILL}", "customer": None}}


@BOTH_KEYS
async def test_a_payment_is_its_payers_also_where_the_account_is_anothers(tmp_path: Path, how: CustomersAs) -> None:
    payment = f"PAY-{BILL}-1"
    document = f'{{ payment(id: "{payment}") {{ id }} account(id: "BA-1001-1") {{ payments {{ nodes {{ id }} }} }} }}'
    async with known_as(tmp_path, how) as stack:
        before = (await stack.ask(document, "1001")).clean()
        stranger = {"id": "1002", "role": "payer", "@referredType": "Customer"}
        stack.rewrite("billing", shapes.PAYMENT, payment, payer=stranger)
        after = (await stack.ask(document, "1001")).clean()
        stack.rewrite("billing", shapes.PAYMENT, payment, payer=None)
        nobodys = (await stack.ask(document, "1001")).clean()

    assert before["payment"] == {"id": f"Payment:{payment}"}
    assert before["payment"] in before["account"]["payments"]["nodes"]
    assert after["payment"] is None
    assert before["payment"] not in after["account"]["payments"]["nodes"]
    assert nobodys == before


@BOTH_KEYS
async def test_a_service_that_leads_to_anothers_equipment_does_not_open_it(tmp_path: Path, how: CustomersAs) -> None:
    document = (
        '{ service(id: "SVC-1001-1") { site { name } resources { id serialNumber site { name } } }'
        ' resource(id: "RES-1002-1") { serialNumber } site(id: "SITE-1002") { name } }'
    )
    keys = {} if how == "number" else {"inventory": how}
    async with keyed(tmp_path, **keys) as stack:
        seen = (await stack.ask(document, "1001")).clean()
        part = {"id": "RFS-1001-1", "supportingResource": [{"id": "RES-1002-1"}, {"id": "CAB-001"}]}
        place = [{"id": "SITE-1002", "role": "installation", "@referredType": "GeographicSite"}]
        stack.rewrite("inventory", shapes.SERVICE, "SVC-1001-1", supportingService=[part], place=place)
        answer = await stack.ask(document, "1001")

    assert seen["service"]["resources"][0]["id"] == "Resource:RES-1001-1"
    assert answer.clean()["service"]["site"] is None
    assert [one["id"] for one in answer.data["service"]["resources"]] == ["Resource:CAB-001"]
    assert answer.data["resource"] is None
    assert answer.data["site"] is None


async def test_a_person_and_a_company_with_the_same_id_are_not_one_party(tmp_path: Path) -> None:
    document = '{ me { bills { totalCount } accounts { id } } bill(id: "BILL-1001-1-05") { id } }'
    async with keyed(tmp_path, billing="party") as stack:
        party = {"id": "P1001", "@referredType": "Organization"}
        await patch(stack, "crm", "/tmf-api/customerManagement/v4/customer/1002", {"engagedParty": party})
        answers = [await stack.ask(document, who) for who in ("1001", "1002")]

    assert [one.clean() for one in answers] == [{"me": {"bills": None, "accounts": None}, "bill": None}] * 2
    assert "2 customers have party.id = P1001" in answers[0].body["extensions"]["warnings"][0]["message"]


@pytest.mark.parametrize("who", ["1001", "agent"])
async def test_a_row_that_names_a_person_is_not_a_companys_with_the_same_id(tmp_path: Path, who: str) -> None:
    """The CRM knows the id as the company's only; the rows of all systems tell whom they mean, alone and in lists."""
    document = """{ customer(id: "1001") {
        bills(first: 2) { totalCount nodes { id } } accounts { id } services(first: 2) { totalCount nodes { id } }
        tickets(first: 2) { totalCount nodes { id } } }
      bill(id: "BILL-1001-1-05") { id customer { id } } payment(id: "PAY-BILL-1001-1-05-1") { id }
      service(id: "SVC-1001-1") { id customer { id } } ticket(id: "TT-1001-1") { customer { id } } }"""
    async with keyed(tmp_path, billing="party", inventory="party", ticketing="party") as stack:
        before = (await stack.ask(document, who)).clean()
        party = {"id": "P1001", "@referredType": "Organization"}
        await patch(stack, "crm", "/tmf-api/customerManagement/v4/customer/1001", {"engagedParty": party})
        nobodys = (await stack.ask(document, who)).clean()

        meant = {"id": "P1001", "role": "customer", "@referredType": "Organization"}
        stack.rewrite("billing", shapes.BILL, "BILL-1001-1-05", relatedParty=[meant])
        stack.rewrite("ticketing", shapes.TICKET, "TT-1001-1", relatedParty=[meant])
        stack.rewrite("inventory", shapes.SERVICE, "SVC-1001-1", relatedParty=[meant | {"@referredType": "Party"}])
        company = (await stack.ask(document, who)).clean()

    assert before["bill"]["customer"] == before["service"]["customer"] == {"id": "Customer:1001"}
    assert before["customer"]["bills"]["totalCount"] > 2
    empty = {"totalCount": 0, "nodes": []}
    assert nobodys["customer"] == {"bills": empty, "accounts": [], "services": empty, "tickets": empty}
    for name in ("bill", "payment", "service", "ticket"):
        assert (nobodys[name] or {}).get("customer") is None
        assert who == "agent" or nobodys[name] is None
    assert company["customer"]["bills"] == {"totalCount": 1, "nodes": [{"id": "Bill:BILL-1001-1-05"}]}
    assert company["customer"]["services"] == {"totalCount": 1, "nodes": [{"id": "Service:SVC-1001-1"}]}
    assert company["customer"]["tickets"] == {"totalCount": 1, "nodes": [{"id": "Ticket:TT-1001-1"}]}
    assert company["bill"]["customer"] == company["ticket"]["customer"] == {"id": "Customer:1001"}


async def test_a_reference_is_nobodys_while_some_customers_cannot_be_read(tmp_path: Path) -> None:
    """Who cannot be read may have the same reference."""
    async with keyed(tmp_path, billing="reference") as stack:
        kept = [{"name": "billingNumber", "value": "B-1001"}, {"name": {}, "value": "x"}]
        stack.rewrite("crm", shapes.CUSTOMER, "1002", characteristic=kept)
        answer = await stack.ask('{ me { bills { totalCount } } bill(id: "BILL-1001-1-05") { id } }', "1001")

    assert answer.data == {"me": {"bills": None}, "bill": None}
    assert {error["extensions"]["code"] for error in answer.errors} == {"UPSTREAM_GARBLED"}


async def test_one_of_ones_customers_that_cannot_be_read_does_not_cost_the_other(tmp_path: Path) -> None:
    document = (
        '{ a: customer(id: "1001") { bills { totalCount } } b: customer(id: "1002") { bills { totalCount } }'
        ' bill(id: "BILL-1001-1-05") { id } }'
    )
    async with keyed(tmp_path, billing="reference") as stack:
        stack.rewrite("crm", shapes.CUSTOMER, "1002", characteristic=[{"name": {}, "value": "x"}])
        answer = await stack.ask(document, "1001,1002")

    assert answer.data["a"]["bills"]["totalCount"] > 0
    assert answer.data["bill"] == {"id": "Bill:BILL-1001-1-05"}
    assert [(one["path"], one["extensions"]["code"]) for one in answer.errors] == [(["b", "bills"], "UPSTREAM_GARBLED")]


async def test_a_port_whose_questions_are_no_coroutine_functions_is_translated_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bills = TmfBilling.bills
    monkeypatch.setattr(TmfBilling, "bills", lambda self, ids, fields: bills(self, ids, fields))
    document = '{ bill(id: "BILL-1001-1-05") { id } }'
    async with keyed(tmp_path, billing="reference") as stack:
        own = await stack.ask(document, "1001")
        other = await stack.ask(document, "1002")

    assert own.clean() == {"bill": {"id": "Bill:BILL-1001-1-05"}}
    assert other.clean() == {"bill": None}


@BOTH_KEYS
async def test_a_bill_that_names_nobody_is_its_accounts(tmp_path: Path, how: CustomersAs) -> None:
    document = f'{{ bill(id: "{BILL}") {{ id }} }}'
    async with known_as(tmp_path, how) as stack:
        stack.rewrite("billing", shapes.BILL, BILL, relatedParty=[])
        own = await stack.ask(document, "1001")
        other = await stack.ask(document, "1002")

    assert own.clean() == {"bill": {"id": f"Bill:{BILL}"}}
    assert other.clean() == {"bill": None}


@pytest.mark.parametrize("how", ["party", "reference"])
async def test_a_page_that_loses_a_row_is_filled_from_rows_that_were_translated(
    stack: Stack, tmp_path: Path, how: CustomersAs
) -> None:
    """The whole list, read because the first page had a row of somebody else, is checked by the same ids."""
    document = '{ account(id: "BA-1001-1") { bills(first: 3) { nodes { id } } } }'
    expected = [one["id"] for one in (await stack.ask(document, "1001")).clean()["account"]["bills"]["nodes"]]
    async with known_as(tmp_path, how) as other:
        whose = [{"id": "1002", "role": "customer", "@referredType": "Customer"}]
        other.rewrite("billing", shapes.BILL, expected[1].removeprefix("Bill:"), relatedParty=whose)
        answer = (await other.ask(document, "1001")).clean()

    shown = [one["id"] for one in answer["account"]["bills"]["nodes"]]
    assert len(shown) == 3
    assert [key for key in expected if key in shown] == [expected[0], expected[2]]


async def test_two_customers_of_one_party_both_have_what_is_the_partys(tmp_path: Path) -> None:
    """Whatever was asked before: here 1001's is read first, and 1002 is only found through its ticket."""
    document = (
        '{ customer(id: "1001") { bills(first: 2) { nodes { id } } }'
        ' ticket(id: "TT-1002-1") { customer { id bills(first: 2) { nodes { id customer { id } } } } } }'
    )
    async with keyed(tmp_path, billing="party") as stack:
        party = {"id": "P1001", "@referredType": "Individual"}
        await patch(stack, "crm", "/tmf-api/customerManagement/v4/customer/1002", {"engagedParty": party})
        answer = await stack.ask(document)
        own = await stack.ask("{ me { bills(first: 2) { nodes { id customer { id } } } } }", "1002")

    data = answer.clean()
    bills = [one["id"] for one in data["customer"]["bills"]["nodes"]]
    assert len(bills) == 2
    assert [one["id"] for one in data["ticket"]["customer"]["bills"]["nodes"]] == bills
    assert [one["id"] for one in own.clean()["me"]["bills"]["nodes"]] == bills
    assert {one["customer"]["id"] for one in own.data["me"]["bills"]["nodes"]} == {"Customer:1002"}


@pytest.mark.parametrize(
    "kept",
    [
        [{"name": "billingNumber", "value": "B-1001"}, {"name": "billingNumber", "value": "B-1002"}],
        [{"name": "billingNumber", "value": ["B-1001"]}],
        [{"name": "billingNumber", "value": True}],
        [{"name": "billingNumber", "value": {"number": "B-1001"}}],
    ],
    ids=["two", "a list", "a truth", "an object"],
)
async def test_a_reference_that_is_not_one_number_is_none(tmp_path: Path, kept: list[dict[str, Any]]) -> None:
    async with keyed(tmp_path, billing="reference") as stack:
        await patch(stack, "crm", "/tmf-api/customerManagement/v4/customer/1001", {"characteristic": kept})
        answer = await stack.ask('{ me { bills { totalCount } } bill(id: "BILL-1001-1-05") { id } }', "1001")

    assert answer.clean() == {"me": {"bills": None}, "bill": None}
    assert "customer 1001 has no single external:billingNumber" in answer.body["extensions"]["warnings"][0]["message"]


async def test_records_that_came_through_other_loaders_are_translated_once(stack: Stack, tmp_path: Path) -> None:
    """More services than are asked for by id: a subscriber's own are read instead, and looked up under a customer."""
    document = "{ outages { nodes { id affectedServices { nodes { id customer { id } } } } } }"
    expected = (await stack.ask(document, "1001")).clean()
    async with keyed(tmp_path, inventory="reference", ticketing="party") as other:
        answer = (await other.ask(document, "1001")).clean()

    assert answer == expected
    assert any(outage["affectedServices"]["nodes"] for outage in expected["outages"]["nodes"])


async def test_without_the_crm_billing_is_an_error_and_the_others_answer(tmp_path: Path) -> None:
    async with keyed(tmp_path, billing="reference") as stack:
        stack.systems["crm"].stop()
        answer = await stack.ask("{ me { bills { totalCount } tickets { totalCount } } }", "1001")
        staff = await stack.ask('{ bill(id: "BILL-1001-1-05") { number customer { id } } }')

    assert answer.data["me"]["bills"] is None
    assert answer.data["me"]["tickets"]["totalCount"] > 0
    assert [(e["path"], e["extensions"]["system"]) for e in answer.errors] == [(["me", "bills"], "crm")]
    assert staff.data["bill"]["number"]
    assert [(e["path"], e["extensions"]["system"]) for e in staff.errors] == [(["bill", "customer"], "crm")]


TICKET = "/tmf-api/troubleTicket/v4/troubleTicket/TT-1001-1"
URNS = {"ticketing": {"references": {"service": "urn:service:{id}", "resource": "urn:resource:{id}"}}}


async def test_ids_are_read_and_asked_for_as_the_system_writes_them(tmp_path: Path) -> None:
    document = (
        '{ ticket(id: "TT-1001-1") { services { id customer { id } } }'
        ' service(id: "SVC-1001-1") { tickets { nodes { id } } } }'
    )
    entity = {"id": "urn:service:SVC-1001-1", "role": "affected", "@referredType": "Service"}
    async with stacked(tmp_path, systems=URNS) as stack:
        await patch(stack, "ticketing", TICKET, {"relatedEntity": [entity]})
        answer = await stack.ask(document, "1001")

    assert answer.clean() == {
        "ticket": {"services": [{"id": "Service:SVC-1001-1", "customer": {"id": "Customer:1001"}}]},
        "service": {"tickets": {"nodes": [{"id": "Ticket:TT-1001-1"}]}},
    }


async def test_ids_that_are_not_written_as_the_settings_say_lead_nowhere(tmp_path: Path) -> None:
    async with stacked(tmp_path, systems=URNS) as stack:
        document = '{ ticket(id: "TT-1001-1") { id services { id } } }'
        answer = await stack.ask(document)
        own = await stack.ask(document, "1001")

    assert answer.clean()["ticket"] == own.clean()["ticket"] == {"id": "Ticket:TT-1001-1", "services": []}
    assert "warnings" not in own.body["extensions"]  # what is written there may be another's
    (warning,) = answer.body["extensions"]["warnings"]
    assert warning["system"] == "ticketing"
    assert "is not written as 'urn:service:{id}' (references.service)" in warning["message"]


async def test_a_link_to_nothing_is_null_with_a_warning(tmp_path: Path) -> None:
    entity = {"id": "SVC-9999-1", "role": "affected", "@referredType": "Service"}
    async with stacked(tmp_path) as stack:
        await patch(stack, "ticketing", TICKET, {"relatedEntity": [entity]})
        answer = await stack.ask('{ ticket(id: "TT-1001-1") { services { id } } }', "agent")

    assert answer.clean()["ticket"] == {"services": []}
    assert answer.body["extensions"]["warnings"] == [
        {"system": "inventory", "message": "Service:SVC-9999-1 does not exist in this system"}
    ]
