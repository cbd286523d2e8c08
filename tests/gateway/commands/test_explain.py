"""The plan of an operation, told before it runs: on the command line and, for staff, with an answer."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.commands.cli import cli
from gateway.commands.explain import Explained, warnings
from gateway.engine import Explanation
from gateway.engine.explain import Load
from tests.promises.test_contract import ASKED, contract
from tests.stack import Stack

DOCUMENT = """query Two($more: Boolean = false) {
  customer(id: "1001") {
    name
    accounts { id bills(first: 1) { nodes { id } } }
    tickets @include(if: $more) { nodes { id } }
  }
}
query Systems { systems { name } }
"""


def explained(tmp_path: Path, *options: str, document: str = DOCUMENT) -> tuple[int, str]:
    """What the command prints about a document."""
    file = tmp_path / "document.graphql"
    file.write_text(document, encoding="utf-8")
    result = CliRunner().invoke(cli, ["explain", str(file), *options])
    return result.exit_code, result.output


def test_steps_loads_keys_and_what_begins_early(tmp_path: Path) -> None:
    code, text = explained(tmp_path, "--operation", "Two")

    assert code == 0
    assert text.splitlines() == [
        "Two: 4 loads in 1 step",
        "  step 1",
        "    customer  KnownCustomerById (crm) by the arguments",
        "      reads name",
        "    customer.name  CustomerById (crm) by Customer.id",
        "      reads name; begins early: its key is the id that is asked for;"
        " only where the parent does not hold it already",
        "    customer.accounts  BillingAccountsByCustomer (billing) by Customer.id",
        "      begins early: its key is the id that is asked for",
        "    customer.accounts.bills  BillsByAccount (billing) by BillingAccount.id",
        "      begins early: found by its parent's parent, too",
    ]


def test_what_variables_decide(tmp_path: Path) -> None:
    assert "TicketsByCustomer" not in explained(tmp_path, "--operation", "Two")[1]
    assert "TicketsByCustomer" in explained(tmp_path, "--operation", "Two", "--variables", '{"more": true}')[1]


def test_what_is_not_compiled_is_said(tmp_path: Path) -> None:
    code, text = explained(tmp_path, "--operation", "Systems")

    assert code == 0
    assert " ".join(text.split()) == (
        "Systems: run by graphql-core, field by field, because of Query.systems, which has a resolver of its own"
    )


def test_the_generated_code_is_printed(tmp_path: Path) -> None:
    code, text = explained(tmp_path, "--code")
    two, systems = text.split("\n# ")

    assert code == 0
    assert two.startswith("# Two\ndef blocks(values, subjects, places, infos, later, size, objects, noted):\n")
    compile(two, "<printed>", "exec")
    assert systems == "Systems, run by graphql-core because of Query.systems, which has a resolver of its own\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--operation", "Nobody"], "The document has no operation 'Nobody'"),
        (["--variables", "{"], "--variables: not JSON"),
        (["--variables", '{"a":' * 100_000], "--variables: not JSON"),
        (["--variables", "[]"], "--variables: must be a JSON object"),
        (["--variables", '{"more": "much"}'], "Variable '$more' has invalid value"),
    ],
)
def test_bad_input_is_named(tmp_path: Path, options: list[str], said: str) -> None:
    code, text = explained(tmp_path, *options)

    assert code == 2
    assert said in text


def test_a_document_that_does_not_fit_is_named_with_its_line(tmp_path: Path) -> None:
    code, text = explained(tmp_path, document="{\n  nothing\n}")

    assert code == 2
    assert "document.graphql:2: Cannot query field 'nothing' on type 'Query'." in text


def test_an_attribute_that_costs_a_call_per_record_is_warned_of_where_it_is_read() -> None:
    load = Load(fields=("Query.ticket",), loader="TicketById", system="ticketing", keys="id", reads=("name", "notes"))
    dear = {"ticketing": {"Ticket.notes": "One case per call.", "Ticket.attachments": "Files of one case."}}
    told = [Explained("it", Explanation(steps=((load,),)))]

    assert list(warnings(told, dear)) == ["ticketing: Ticket.notes costs a call per record: One case per call."]


def test_what_costs_a_call_per_row_is_warned_of(tmp_path: Path) -> None:
    settings = tmp_path / "gateway.toml"
    systems = "".join(
        f'[systems.{name}]\nurl = "http://127.0.0.1:9"\n' for name in ("crm", "billing", "inventory", "ticketing")
    )
    settings.write_text(f'{systems}[systems.ticketing.profile]\nid_list = "none"\n', encoding="utf-8")
    code, text = explained(tmp_path, "--config", str(settings), document="{ ticket(id: 1) { id } }")

    assert code == 0
    assert "warning: ticketing: tickets costs a call per key: " in text
    assert "warning: crm" not in text


@pytest.mark.parametrize(
    ("name", "read_before"), [("OpsDashboard", ["CustomerById"]), ("BillDetail", []), ("TicketThread", [])]
)
async def test_what_was_told_is_what_is_done(stack: Stack, name: str, read_before: list[str]) -> None:
    """What a list has brought is not read again by its id: that load is told, and costs no call."""
    _who, variables = ASKED[name]
    body = {"query": contract(name), "variables": variables}
    headers = stack.headers("agent") | {"X-Gateway-Explain": "1"}
    async with stack.session.post(f"{stack.address}/graphql", json=body, headers=headers) as answer:
        extensions = (await answer.json())["extensions"]

    told = sorted(load["loader"] for step in extensions["explain"]["steps"] for load in step)
    assert sorted([*(call["loader"] for call in extensions["upstream"]), *read_before]) == told
    assert len(extensions["explain"]["steps"]) == 2


async def test_subscribers_are_not_told(stack: Stack) -> None:
    headers = stack.headers("1001") | {"X-Gateway-Explain": "1"}
    async with stack.session.post(
        f"{stack.address}/graphql", json={"query": "{ me { id } }"}, headers=headers
    ) as answer:
        assert "explain" not in (await answer.json()).get("extensions", {})
