"""Reading from Redmine: each trap of its answers, before a server that answers as the live one did."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web

from connectors.errors import Garbled, Refused, Rejected, TooMuch, Unreachable
from connectors.records import UNNAMED, Changed, Document, Known, Window
from connectors.ticketing.port import TicketSeverity, TicketStatus
from tests.connectors.ticketing.redmine_keeping import (
    KEY_HEADER,
    RIGHT,
    STATUSES,
    Redmine,
    custom_field,
    driving,
    saying,
)

LIST = "GET /projects/telecom/issues.json"
WRONG = RIGHT | {"key": "wrong"}
NAME = frozenset({"name"})


async def ids(driver: Any, customer: str = "C1", is_open: bool | None = None) -> list[str]:
    """Tickets of one customer."""
    found = await driver.tickets_of_customers([customer], None, NAME, is_open=is_open)
    return [one.id for one in found[customer].items] if customer in found else []


async def test_a_ticket_has_all_that_the_issue_says() -> None:
    redmine = Redmine()
    redmine.issue(
        service="S1",
        subject="Bez signálu",
        description="Od rána.\r\n\r\nDíky",
        category={"id": 1, "name": "Faults"},
        assigned_to={"id": 6, "name": "Kim"},
        due_date="2026-12-01",
    )
    async with driving(redmine, options={"timezone": "Europe/Prague"}) as driver:
        ticket: Any = (await driver.tickets(["1"], None))["1"]
    assert (ticket.owners, ticket.service_ids) == (Known(("C1",)), ("S1",))
    assert (ticket.name, ticket.kind, ticket.assignee) == ("Bez signálu", "Faults", "Kim")
    assert (ticket.status, ticket.raw_status) == (TicketStatus.ACKNOWLEDGED, "New")
    assert (ticket.severity, ticket.raw_severity, ticket.priority) == (TicketSeverity.MINOR, "Normal", "Normal")
    assert ticket.created_at == ticket.updated_at == datetime(2026, 11, 29, 8, 0, 1, tzinfo=UTC)
    assert ticket.expected_resolution_at.isoformat() == "2026-12-02T00:00:00+01:00"
    assert redmine.asked == [LIST, "GET /issues/1.json"]


async def test_trap_descriptions_come_with_other_line_breaks_than_they_were_sent_with() -> None:
    redmine = Redmine()
    redmine.issue(description="Od rána.\r\n\r\nDíky")
    async with driving(redmine) as driver:
        ticket: Any = (await driver.tickets(["1"], frozenset({"description"})))["1"]
    assert ticket.description == "Od rána.\n\nDíky"


async def test_trap_a_wrong_key_is_200_with_no_rows_and_not_the_same_as_no_tickets() -> None:
    for is_public in (False, True):
        redmine = Redmine()
        redmine.is_public = is_public
        redmine.issue()
        async with driving(redmine) as driver:
            assert await ids(driver, "C9") == []
            assert await ids(driver) == ["1"]
        async with driving(redmine, auth=WRONG) as driver:
            with pytest.raises(Refused):
                await driver.probe()
            for window in (None, Window(0, 5)):
                found = await driver.tickets_of_customers(["C1"], window, NAME, is_open=None)
                assert isinstance(found["C1"], Refused)
        # The probe asks, and for an empty list of a public project it is asked, too.
        assert redmine.asked.count("GET /users/current.json") == (2 if is_public else 1)


async def test_trap_a_key_that_is_taken_back_later_hides_no_tickets() -> None:
    redmine = Redmine()
    redmine.is_public = True
    redmine.issue()
    async with driving(redmine) as driver:
        assert await ids(driver) == ["1"]

        async def stranger(request: web.Request) -> web.StreamResponse:
            headers = {**request.headers, KEY_HEADER: "taken back"}
            redmine.first = None
            try:
                return await redmine.answer(request.clone(headers=headers))
            finally:
                redmine.first = stranger

        redmine.first = stranger
        for window in (None, Window(0, 5)):
            found = await driver.tickets_of_customers(["C1"], window, NAME, is_open=None)
            assert isinstance(found["C1"], Refused)


async def test_trap_without_a_status_closed_issues_are_left_out_and_resolved_counts_as_open() -> None:
    redmine = Redmine()
    for status in STATUSES:
        redmine.issue(status=status)
    async with driving(redmine) as driver:
        assert await ids(driver) == ["6", "5", "4", "3", "2", "1"]
        assert await ids(driver, is_open=True) == ["4", "2", "1"]  # New, In Progress, Feedback
        assert await ids(driver, is_open=False) == ["6", "5", "3"]  # Rejected, Closed, Resolved
        window: Any = (await driver.tickets_of_customers(["C1"], Window(1, 1), NAME, is_open=True))["C1"]
        assert ([one.id for one in window.items], window.total) == (["2"], 3)
        assert len(await driver.tickets_changed(None)) == 6
        assert (await driver.tickets(["5"], NAME)).keys() == {"5"}
    assert redmine.asked.count("GET /issue_statuses.json") == 1


async def test_words_of_another_language_are_closed_where_redmine_says_so(caplog: pytest.LogCaptureFixture) -> None:
    redmine = Redmine()
    redmine.statuses = [{"id": 8, "name": "Vyřešeno", "is_closed": True}, {"id": 9, "name": "Čeká", "is_closed": False}]
    for status in redmine.statuses:
        redmine.issue(status=status, priority={"id": 8, "name": "Spěchá"})
    async with driving(redmine) as driver:
        assert (await ids(driver, is_open=False), await ids(driver, is_open=True)) == (["1"], ["2"])
        found: Any = await driver.tickets(["1", "2"], None)
    assert [found[key].status for key in "12"] == [TicketStatus.CLOSED, TicketStatus.UNKNOWN]
    assert [found[key].raw_status for key in "12"] == ["Vyřešeno", "Čeká"]
    assert (found["1"].severity, found["1"].raw_severity) == (TicketSeverity.UNKNOWN, "Spěchá")
    assert "unknown status 'Čeká'" in caplog.text
    assert "unknown priority 'Spěchá'" in caplog.text


async def test_a_status_that_was_made_later_is_in_the_right_list() -> None:
    redmine = Redmine()
    redmine.issue()
    async with driving(redmine) as driver:
        assert await ids(driver, is_open=False) == []
        redmine.issue(status={"id": 7, "name": "Duplicate", "is_closed": True})
        assert (await ids(driver, is_open=False), await ids(driver, is_open=True)) == (["2"], ["1"])
        window: Any = (await driver.tickets_of_customers(["C1"], Window(0, 5), NAME, is_open=True))["C1"]
        assert [one.id for one in window.items] == ["1"]


async def test_trap_filters_go_by_numbers_that_differ_between_installations() -> None:
    redmine = Redmine()
    redmine.fields = [custom_field(at, name) for at, name in ((41, "Customer"), (17, "Line"))]
    redmine.fields.append(custom_field(99, "Customer", customized_type="project"))
    issue = redmine.issue()
    issue["custom_fields"] = [{"id": 41, "name": "Customer", "value": "C1"}, {"id": 17, "name": "Line", "value": "S7"}]
    redmine.issue()
    async with driving(redmine, options={"customer_field": "Customer", "service_field": "Line"}) as driver:
        await driver.probe()
        assert await ids(driver) == ["1"]
        found: Any = await driver.tickets_of_services(["S7", "S8"], NAME, is_open=None)
        assert [one.id for one in found["S7"].items] == ["1"]
    assert redmine.asked.count("GET /custom_fields.json") == 1


async def test_a_field_that_was_made_anew_is_found_although_everything_that_came_was_too_much() -> None:
    redmine = Redmine()
    for customer in ("C1", "C2", "C2"):
        redmine.issue(customer=customer)
    async with driving(redmine, max_rows=2) as driver:
        assert await ids(driver) == ["1"]
        redmine.fields[0] |= {"id": 9}
        for issue in redmine.issues:
            issue["custom_fields"][0] |= {"id": 9}
        assert isinstance((await driver.tickets_of_customers(["C1"], None, NAME, is_open=None))["C1"], TooMuch)
        assert await ids(driver) == ["1"]


async def test_trap_an_unknown_filter_is_ignored_so_a_field_must_be_there_and_be_a_filter() -> None:
    redmine = Redmine()
    redmine.issue()
    redmine.fields[0] |= {"is_filter": False}
    async with driving(redmine, options={"service_field": "Nope"}) as driver:
        for found, why in (
            (await driver.tickets_of_customers(["C1"], None, NAME, is_open=None), "not used as a filter"),
            (await driver.tickets_of_customers(["C1"], Window(0, 1), NAME, is_open=None), "not used as a filter"),
            (await driver.tickets_of_services(["C1"], NAME, is_open=None), "no custom field 'Nope'"),
        ):
            assert isinstance(found["C1"], Rejected)
            assert why in found["C1"].detail
        with pytest.raises(Rejected, match="not used as a filter"):
            await driver.probe()
    assert LIST not in redmine.asked


async def test_who_is_no_administrator_learns_numbers_from_issues_and_gets_nobody_elses_rows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    redmine = Redmine()
    redmine.is_admin = False
    async with driving(redmine) as driver:
        assert isinstance((await driver.tickets_of_customers(["C1"], None, NAME, is_open=None))["C1"], Rejected)
        redmine.issue()
        redmine.issue(customer="C2")
        assert await ids(driver) == ["1"]
        redmine.fields[0] |= {"is_filter": False}
        assert await ids(driver) == ["1"]  # of two that came
        window: Any = (await driver.tickets_of_customers(["C2"], Window(0, 1), NAME, is_open=None))["C2"]
        assert [one.id for one in window.items] == ["2"]
    assert "sends more than what has the asked CustomerId" in caplog.text


async def test_trap_values_that_begin_with_an_operator_or_have_a_bar_are_only_values() -> None:
    redmine = Redmine()
    odd = ["!C1", "*", "=C1", "C1|C2", ">=1", "~C", "C 1&limit=1", "%", "žluť"]
    for customer in odd:
        redmine.issue(customer=customer)
    redmine.issue()
    async with driving(redmine) as driver:
        found = await driver.tickets_of_customers([*odd, "", " ", "\0", "\ud800", "C1"], None, NAME, is_open=None)
    assert {key: [one.id for one in rows.items] for key, rows in found.items()} == {  # type: ignore[union-attr]
        **{key: [str(at)] for at, key in enumerate(odd, 1)},
        "C1": [str(len(odd) + 1)],
    }
    assert redmine.asked.count(LIST) == 1


async def test_trap_the_session_has_no_room_for_many_values_and_answers_500() -> None:
    redmine = Redmine()
    many = [f"C{number:06}" for number in range(400)]
    for customer in many:
        redmine.issue(customer=customer)
    async with driving(redmine) as driver:
        found: Any = await driver.tickets_of_customers([*many, "x" * 3000], None, NAME, is_open=True)
        alone: Any = await driver.tickets_of_customers(["x" * 3000], Window(0, 1), NAME, is_open=True)
    assert isinstance(found.pop("x" * 3000), Rejected)
    assert isinstance(alone["x" * 3000], Rejected)
    assert {key: rows.items[0].customer_ids for key, rows in found.items()} == {key: (key,) for key in many}
    assert redmine.asked.count(LIST) == 4


async def test_trap_pages_of_at_most_100_whose_own_order_shifts() -> None:
    redmine = Redmine()
    for _ in range(230):
        redmine.issue()
    asked: list[dict[str, str]] = []
    original = redmine.answer

    async def noting(request: web.Request) -> web.StreamResponse:
        asked.append(dict(parse_qsl(request.query_string)))
        return await original(request)

    redmine.answer = noting  # type: ignore[method-assign]  # before it
    async with driving(redmine) as driver:
        assert await ids(driver) == [str(number) for number in range(230, 0, -1)]
        whole = [one for one in asked if "limit" in one]
        assert [(one["limit"], one["offset"], one["sort"]) for one in whole] == [
            ("100", "0", "id"), ("100", "100", "id"), ("100", "200", "id"),
        ]  # fmt: skip
        del asked[:]
        rows: Any = (await driver.tickets_of_customers(["C1"], Window(120, 2), NAME, is_open=None))["C1"]
        assert ([one.id for one in rows.items], rows.total, rows.offset) == (["110", "109"], 230, 120)
        assert [(one["limit"], one["sort"]) for one in asked] == [("2", "created_on:desc,id:desc")]
        beyond: Any = (await driver.tickets_of_customers(["C1"], Window(500, 2), NAME, is_open=None))["C1"]
        assert (list(beyond.items), beyond.total) == ([], 230)
    async with driving(redmine, max_rows=200) as driver:
        assert isinstance((await driver.tickets_of_customers(["C1"], None, NAME, is_open=None))["C1"], TooMuch)


async def test_trap_unknown_and_impossible_ids_cost_no_other_ticket() -> None:
    redmine = Redmine()
    redmine.issue()
    strange = ["0", "01", "1x", "x1", "1,2", "2147483648", "9" * 30, "", "99"]
    async with driving(redmine) as driver:
        assert (await driver.tickets([*strange, "1"], NAME)).keys() == {"1"}
        assert await driver.tickets(strange[:-1], NAME) == {}
    assert redmine.asked == [LIST]


async def test_trap_lists_have_no_journals_so_notes_take_a_call_for_each_ticket() -> None:
    redmine = Redmine()
    for _ in range(3):
        redmine.journal(redmine.issue(), "Called.")
    async with driving(redmine) as driver:
        rows: Any = (await driver.tickets_of_customers(["C1"], Window(0, 2), frozenset({"notes"}), is_open=None))["C1"]
        assert [[note.text for note in one.notes] for one in rows.items] == [["Called."]] * 2
        assert sorted(one for one in redmine.asked if "/issues/" in one) == ["GET /issues/2.json", "GET /issues/3.json"]
        del redmine.asked[:]
        await driver.tickets(["1", "2", "3"], frozenset({"name", "status"}))
        assert redmine.asked == [LIST]
        assert set(driver.one_by_one) == {"Ticket.notes", "Ticket.attachments"}


async def test_a_history_that_cannot_be_read_costs_its_ticket_and_no_other() -> None:
    redmine = Redmine()
    redmine.issue()
    redmine.issue(customer="C2")
    broken = redmine.issue(customer="C3")
    broken["journals"] = {"none": "of these"}
    async with driving(redmine) as driver:
        found = await driver.tickets(["1", "3"], None)
        assert (type(found["3"]), "1" in found) == (Garbled, True)
        of_customers = await driver.tickets_of_customers(["C1", "C3"], None, None, is_open=None)
        assert (type(of_customers["C3"]), "C1" in of_customers) == (Garbled, True)
        window = await driver.tickets_of_customers(["C3"], Window(0, 1), None, is_open=None)
        assert type(window["C3"]) is Garbled


async def test_trap_a_journal_without_a_note_is_a_mere_change_and_private_notes_are_internal() -> None:
    redmine = Redmine()
    issue = redmine.issue()
    redmine.journal(issue, "", {"property": "attr", "name": "status_id", "new_value": "4"})
    redmine.journal(issue, "Status set to Feedback.")
    redmine.journal(issue, "Customer called twice, escalate.", private=True)
    redmine.journal(issue, "Of an older release.")
    del issue["journals"][-1]["private_notes"]
    issue["journals"].reverse()
    async with driving(redmine) as driver:
        notes = (await driver.tickets(["1"], None))["1"].notes  # type: ignore[union-attr]
        assert [(one.id, one.author, one.text, one.internal) for one in notes] == [
            ("2", "API Gateway", "Status set to Feedback.", False),
            ("3", "API Gateway", "Customer called twice, escalate.", True),
            ("4", "API Gateway", "Of an older release.", True),  # not sure
        ]
        redmine.is_admin, redmine.may = False, set()
        seen = (await driver.tickets(["1"], None))["1"].notes  # type: ignore[union-attr]
    assert "3" not in [one.id for one in seen]


async def test_trap_a_private_notes_file_stands_in_an_entry_that_everybody_sees() -> None:
    redmine = Redmine()
    issue = redmine.issue()
    redmine.attach(issue, "opened.txt", b"with the ticket")
    redmine.journal(issue, "See this.", redmine.attach(issue, "public.txt", b"public"))
    redmine.journal(issue, None, redmine.attach(issue, "bare.txt", b"without a note"))
    redmine.journal(issue, "A second later.", private=True)
    redmine.journal(issue, "Internal.", redmine.attach(issue, "secret.txt", b"secret"), private=True)
    async with driving(redmine) as driver:
        files = (await driver.tickets(["1"], None))["1"].attachments  # type: ignore[union-attr]
    assert [(one.id, one.owner, one.name, one.mime_type, one.size) for one in files] == [
        ("1", "1", "opened.txt", "text/plain", 15),
        ("2", "1", "public.txt", "text/plain", 6),
        ("3", "1", "bare.txt", "text/plain", 14),
    ]


async def test_trap_other_entries_may_lie_between_the_two_of_a_private_note() -> None:
    redmine = Redmine()
    issue = redmine.issue()
    redmine.journal(issue, "Internal.", redmine.attach(issue, "secret.txt", b"secret"), private=True)
    first, note = issue["journals"]
    redmine.journal(issue, "Somebody else's.", redmine.attach(issue, "public.txt", b"public"))
    redmine.journal(issue, None, {"property": "attr", "name": "status_id", "new_value": "4"})
    between = issue["journals"][2:]
    between[1]["created_on"] = first["created_on"]  # the same user, at the same moment
    for at, one in enumerate([first, *between, note], 1):
        one["id"] = at
    async with driving(redmine) as driver:
        ticket: Any = (await driver.tickets(["1"], None))["1"]
    assert [one.name for one in ticket.attachments] == ["public.txt"]
    assert [(one.text, one.internal) for one in ticket.notes] == [("Somebody else's.", False), ("Internal.", True)]


@pytest.mark.parametrize(
    ("order", "authors"),
    [
        ((0, 1, 2, 3), ["Jana", "Karel"]),
        ((0, 2, 1, 3), ["API Gateway", "API Gateway"]),  # the two notes at one moment may be either's
    ],
)
async def test_whose_private_notes_are_is_told_where_it_is_known(order: Sequence[int], authors: list[str]) -> None:
    redmine = Redmine()
    issue = redmine.issue()
    for name in ("Jana", "Karel"):
        change = {"property": "cf", "name": "5", "new_value": f"{name[0] * 32} {name}"}
        redmine.journal(issue, f"By {name}.", change, private=True)
    for at, place in enumerate(order, 1):
        issue["journals"][place] |= {"id": at, "created_on": "2026-11-29T09:00:00Z"}
    async with driving(redmine) as driver:
        ticket: Any = (await driver.tickets(["1"], None))["1"]
    assert [one.author for one in ticket.notes] == authors


async def test_files_are_read_here_whatever_address_the_product_names() -> None:
    redmine = Redmine()
    issue = redmine.issue()
    redmine.attach(issue, "a b/č.txt", b"hello")
    async with driving(redmine) as driver:
        [file] = (await driver.tickets(["1"], None))["1"].attachments  # type: ignore[union-attr]
        async with driver.open_document(file) as opened:
            assert opened is not None
            assert b"".join([part async for part in opened]) == b"hello"
        redmine.files.clear()
        async with driver.open_document(file) as opened:
            assert opened is None
        with pytest.raises(TypeError):
            driver.open_document(Document(id="1", owner="1", source="../users"))
    assert redmine.asked[-1] == "GET /attachments/download/1"
    async with driving(redmine, auth=WRONG) as driver:
        with pytest.raises(Rejected):  # a redirect to the page where one logs in
            async with driver.open_document(file):
                pass


async def test_trap_custom_fields_that_are_not_set_are_null_or_empty_and_private_issues_are_nobodys() -> None:
    redmine = Redmine()
    for customer in (None, "", []):
        redmine.issue(customer=customer)
    redmine.issue(is_private=True)
    redmine.issue()
    async with driving(redmine) as driver:
        found: Any = await driver.tickets(["1", "2", "3", "4", "5"], None)
        assert [found[key].owners for key in "12345"] == [UNNAMED] * 4 + [Known(("C1",))]
        assert found["1"].service_ids == ()
        assert await ids(driver) == ["5"]
        rows: Any = (await driver.tickets_of_customers(["C1"], Window(0, 9), NAME, is_open=None))["C1"]
        assert [one.id for one in rows.items] == ["5"]


async def test_trap_the_time_of_closing_is_kept_after_reopening() -> None:
    redmine = Redmine()
    redmine.issue(status=STATUSES[4], closed_on="2026-11-29T10:00:00Z")
    redmine.issue(status=STATUSES[1], closed_on="2026-11-29T10:00:00Z")
    async with driving(redmine) as driver:
        found: Any = await driver.tickets(["1", "2"], frozenset({"resolved_at", "status"}))
    assert [found[key].resolved_at for key in "12"] == [datetime(2026, 11, 29, 10, tzinfo=UTC), None]


async def test_trap_times_are_whole_seconds_so_changes_are_asked_from_the_seconds_begin() -> None:
    redmine = Redmine()
    noon = datetime(2026, 11, 29, 12, 0, 0, tzinfo=UTC)
    for seconds in (-1, 0, 61):
        redmine.issue(updated_on=f"{noon + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}")
    async with driving(redmine) as driver:
        made = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
        changes = await driver.tickets_changed(noon + timedelta(milliseconds=700))
        assert changes == [
            Changed(id="3", changed_at=noon + timedelta(seconds=61), created_at=made + timedelta(seconds=3)),
            Changed(id="2", changed_at=noon, created_at=made + timedelta(seconds=2)),
        ]
        assert [one.id for one in await driver.tickets_changed(None)] == ["3", "2", "1"]
    assert redmine.asked == [LIST] * 2
    async with driving(redmine, max_rows=1) as driver:
        with pytest.raises(TooMuch):
            await driver.tickets_changed(noon - timedelta(days=1))


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (saying(404), Rejected),
        (saying(302), Rejected),
        (saying(422, {"errors": ["Updated is invalid"]}), Rejected),
        (saying(200, {"message": "sorry"}), Garbled),
        (saying(403), Refused),
    ],
)
async def test_trap_refusals_without_a_body_or_to_a_login_page_are_errors_and_never_no_tickets(
    answer: Any, failure: type[Exception]
) -> None:
    redmine = Redmine()
    redmine.issue()
    redmine.first = answer
    async with driving(redmine) as driver:
        assert type((await driver.tickets(["1"], NAME))["1"]) is failure
        found = (await driver.tickets_of_customers(["C1"], None, NAME, is_open=None))["C1"]
        assert isinstance(found, Rejected | Garbled | Refused)
        with pytest.raises(failure):
            await driver.probe()


async def test_nobody_there_is_unreachable() -> None:
    async with driving(Redmine(), url="http://127.0.0.1:9") as driver:
        with pytest.raises(Unreachable):
            await driver.probe()


async def test_what_is_odd_about_the_installation_costs_itself() -> None:
    redmine = Redmine()
    redmine.issue()
    redmine.fields[0] |= {"id": 1.0, "is_filter": "true"}
    redmine.fields[2] |= {"multiple": "no", "trackers": [None]}
    redmine.fields += [None, [], {"name": "without a number"}]  # type: ignore[list-item]
    redmine.statuses = [*redmine.statuses[:4], redmine.statuses[4] | {"id": "5", "is_closed": "true"}, None]  # type: ignore[list-item]
    async with driving(redmine) as driver:
        assert await ids(driver, is_open=True) == ["1"]


async def test_a_custom_field_whose_number_is_none_is_not_there() -> None:
    redmine = Redmine()
    redmine.issue()
    redmine.fields[0] |= {"id": "a\0b"}
    async with driving(redmine) as driver:
        found = await driver.tickets_of_customers(["C1"], None, None, is_open=None)
    assert type(found["C1"]) is Rejected


async def test_what_is_odd_about_a_history_costs_itself_and_an_entry_that_comes_twice_is_one() -> None:
    redmine = Redmine()
    issue = redmine.issue()
    redmine.journal(issue, "On its way.")
    issue["journals"][0]["created_on"] = 1796000000000
    redmine.journal(issue, "Done.")
    issue["journals"][1] |= {"created_on": ["?"], "user": 5, "details": [None]}
    issue["journals"] *= 2
    redmine.attach(issue, "a.txt", b"a")
    issue["attachments"] *= 2
    async with driving(redmine) as driver:
        ticket: Any = (await driver.tickets(["1"], None))["1"]
    assert [(one.text, one.created_at) for one in ticket.notes] == [
        ("On its way.", datetime(2026, 11, 30, 0, 53, 20, tzinfo=UTC)),
        ("Done.", None),
    ]
    assert [one.name for one in ticket.attachments] == ["a.txt"]


@pytest.mark.parametrize("total", ["2", 2.0, None, "many", -1, [2]], ids=str)
async def test_a_number_of_issues_that_is_none_costs_none(total: Any) -> None:
    redmine = Redmine()
    redmine.issue()
    redmine.issue()

    async def answer(request: web.Request) -> web.StreamResponse:
        redmine.first = None
        try:
            shown = await redmine.answer(request)
        finally:
            redmine.first = answer
        if not request.path.endswith("/issues.json"):
            return shown
        page = json.loads(shown.body)  # type: ignore[attr-defined]
        page["issues"] = page["issues"] if request.query["offset"] == "0" else []
        return web.json_response(page | {"total_count": total})

    redmine.first = answer
    async with driving(redmine) as driver:
        assert await ids(driver) == ["2", "1"]
