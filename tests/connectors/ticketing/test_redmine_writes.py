"""Writing to Redmine: once, found again by its key, and what Redmine drops or says 204 to without doing it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from aiohttp import web

from connectors.errors import (
    ConnectorError,
    Declined,
    Failed,
    Garbled,
    NotSupported,
    Reason,
    Refused,
    Rejected,
    TimedOut,
    Unreachable,
)
from connectors.records import changed
from connectors.ticketing.port import NewNote, NewTicket, StatusChange, TicketSeverity, TicketStatus
from connectors.writes import WriteKey
from tests.connectors.canned import never
from tests.connectors.ticketing.redmine_keeping import FIELDS, GATEWAY, STATUSES, Redmine, custom_field, driving, saying
from tests.connectors.ticketing.rt_tracker import breaking

KEY, OTHER = WriteKey("k" * 32), WriteKey("o" * 32)
NEW = NewTicket(customer_id="C1", name="Bez signálu", description=" Od rána.\n\nDíky ", service_ids=("S1",))
NOTE = NewNote(ticket_id="1", text="Voláno zpět.\nDruhý řádek.", author="Jana Nováková")
INTERNAL = changed(NOTE, internal=True)
CLOSED = StatusChange(ticket_id="1", status=TicketStatus.CLOSED)
POST, PUT = "POST /issues.json", "PUT /issues/1.json"
WRITES: Mapping[str, Callable[[Any], Any]] = {
    "open_ticket": lambda driver: driver.open_ticket(NEW, KEY),
    "add_note": lambda driver: driver.add_note(NOTE, KEY),
    "set_status": lambda driver: driver.set_status(CLOSED, KEY),
    "assign_ticket": lambda driver: driver.assign_ticket("1", "Kim", KEY),
}


def with_one() -> Redmine:
    redmine = Redmine()
    redmine.issue()
    return redmine


async def read(driver: Any, ticket: str = "1") -> Any:
    return (await driver.tickets([ticket], None))[ticket]


async def declined(asking: Any) -> tuple[Reason, str | None]:
    with pytest.raises(Declined) as raised:
        await asking
    return raised.value.reason, raised.value.attribute


async def test_trap_nothing_is_idempotent_so_a_ticket_is_sent_once_and_found_by_its_key() -> None:
    redmine = Redmine()
    async with driving(redmine, options={"category": "Faults", "other_categories": ["Billing"]}) as driver:
        assert await driver.ticket_opened_with(NEW, KEY) is None
        assert await driver.open_ticket(changed(NEW, severity=TicketSeverity.CRITICAL), KEY) == "1"
        assert await driver.open_ticket(changed(NEW, kind="billing"), KEY) == "2"  # the same key: Redmine does not mind
        assert await driver.ticket_opened_with(NEW, KEY) == "1"
        assert await driver.ticket_opened_with(NEW, OTHER) is None
        ticket, other = await read(driver), await read(driver, "2")
    assert redmine.written == [POST, POST]
    assert (ticket.name, ticket.description, ticket.customer_ids, ticket.service_ids) == (
        NEW.name, NEW.description, ("C1",), ("S1",),
    )  # fmt: skip
    assert (ticket.severity, ticket.priority, ticket.kind) == (TicketSeverity.CRITICAL, "Urgent", "Faults")
    assert (other.severity, other.kind) == (TicketSeverity.MINOR, "Billing")
    assert redmine.bodies[1]["issue"] == {
        "project_id": 1, "tracker_id": 3, "subject": NEW.name, "description": NEW.description, "category_id": 2,
        "custom_fields": [{"id": 1, "value": "C1"}, {"id": 2, "value": "S1"}, {"id": 4, "value": KEY}],
    }  # fmt: skip


async def test_what_was_made_anew_while_the_gateway_runs_is_read_again_for_the_next_ticket() -> None:
    redmine = Redmine()
    async with driving(redmine) as driver:
        await driver.open_ticket(NEW, KEY)
        redmine.fields[0] |= {"id": 9}  # CustomerId: what is sent for its old number is dropped
        for key in (KEY, OTHER):
            await driver.open_ticket(NEW, key)
        assert (await read(driver, "2")).customer_ids == ("C1",), "it is said again whose it is"
    sent = [[one["id"] for one in body["issue"]["custom_fields"]] for body in redmine.bodies]
    assert sent == [[1, 2, 4], [1, 2, 4], [9, 2, 4], [9, 2, 4]]


async def test_a_ticket_that_stays_nobodys_is_not_told_as_opened() -> None:
    redmine = Redmine()

    async def dropping(_request: web.Request) -> web.StreamResponse:
        redmine.post = None
        answer = web.json_response({"issue": redmine.issue(subject=NEW.name, customer="")}, status=201)
        redmine.put = taking_nothing
        return answer

    async def taking_nothing(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    redmine.post = dropping
    async with driving(redmine) as driver:
        with pytest.raises(Garbled, match="ticket 1 was opened and is nobody's") as raised:
            await driver.open_ticket(NEW, KEY)
    assert raised.value.may_have_happened


async def test_a_field_of_several_values_takes_several_services_and_one_of_one_does_not() -> None:
    redmine, both = Redmine(), changed(NEW, service_ids=("S1", "S2", "S1"))
    async with driving(redmine) as driver:
        assert await declined(driver.open_ticket(both, KEY)) == (Reason.NOT_ALLOWED, "service_ids")
    redmine.fields[1] |= {"multiple": True}
    async with driving(redmine) as driver:
        await driver.open_ticket(both, KEY)
        assert (await read(driver)).service_ids == ("S1", "S2")
    assert redmine.written == [POST]


@pytest.mark.parametrize(
    ("more", "reason", "attribute"),
    [
        ({"name": " \t"}, Reason.INVALID, "name"),
        ({"name": "a\nb"}, Reason.INVALID, "name"),
        ({"name": "x" * 256}, Reason.TOO_LONG, "name"),
        ({"description": "a\0b"}, Reason.INVALID, "description"),
        ({"customer_id": " "}, Reason.INVALID, "customer_id"),
        ({"service_ids": ("S\0",)}, Reason.INVALID, "service_ids"),
        ({"severity": TicketSeverity.UNKNOWN}, Reason.NOT_ALLOWED, "severity"),
        ({"kind": "Provisioning"}, Reason.INVALID, "kind"),
        ({"kind": ""}, Reason.INVALID, "kind"),
    ],
)
async def test_trap_what_redmine_refuses_in_words_or_fails_with_is_declined_before_anything_is_sent(
    more: dict[str, Any], reason: Reason, attribute: str
) -> None:
    redmine = Redmine()
    async with driving(redmine) as driver:
        assert await declined(driver.open_ticket(changed(NEW, **more), KEY)) == (reason, attribute)
    assert redmine.asked == []


async def test_trap_what_has_no_number_would_be_dropped_so_nothing_is_sent() -> None:
    for options, why in (
        ({"tracker": "Nope"}, "no tracker 'Nope'"),
        ({"category": "Nope"}, "no category 'Nope'"),
        ({"key_field": "Nope"}, "no custom field 'Nope'"),
        ({"project": "nope"}, "not found"),
        ({"severities": {"Nope": "major"}}, "no priority 'Nope'"),
    ):
        redmine = Redmine()
        async with driving(redmine, options=options) as driver:
            with pytest.raises(Rejected, match=why) as rejected:
                await driver.open_ticket(changed(NEW, severity=TicketSeverity.MAJOR), KEY)
        assert (rejected.value.may_have_happened, redmine.written) == (False, [])
    redmine = Redmine()
    redmine.fields[3] |= {"trackers": [{"id": 1, "name": "Bug"}]}
    async with driving(redmine) as driver:
        with pytest.raises(Rejected, match="the tracker 'Support' has no custom field 'GatewayKey'"):
            await driver.open_ticket(NEW, KEY)
    assert redmine.written == []


async def test_trap_a_key_that_was_dropped_all_the_same_so_what_is_not_found_may_be_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    redmine = Redmine()

    async def dropping(_request: web.Request) -> web.StreamResponse:
        redmine.post = None
        return web.json_response({"issue": redmine.issue(subject="No")}, status=201)

    redmine.post = dropping
    async with driving(redmine) as driver:
        assert await driver.open_ticket(changed(NEW, severity=TicketSeverity.MAJOR), KEY) == "1"
        with pytest.raises(NotSupported):
            await driver.ticket_opened_with(NEW, OTHER)
        assert await driver.open_ticket(NEW, KEY) == "2"
        assert await driver.ticket_opened_with(NEW, OTHER) is None
    assert "opened with: ServiceId, GatewayKey, subject, priority" in caplog.text


async def test_trap_a_key_is_not_looked_for_among_rows_that_came_of_an_ignored_filter() -> None:
    redmine = with_one()
    redmine.is_admin = False
    redmine.fields[3] |= {"is_filter": False}
    async with driving(redmine) as driver:
        with pytest.raises(Rejected, match="ignores the filter by 'GatewayKey'"):
            await driver.ticket_opened_with(NEW, KEY)
    async with driving(redmine, options={"key_field": "", "note_key_field": ""}) as driver:
        for asking in (driver.ticket_opened_with(NEW, KEY), driver.has_note(NOTE, KEY)):
            with pytest.raises(NotSupported):
                await asking
        assert {"ticket_opened_with", "has_note"} <= set(driver.unsupported)


async def test_trap_a_note_has_no_id_and_no_key_of_its_own_so_a_field_that_changes_with_it_has_both() -> None:
    redmine = with_one()
    async with driving(redmine) as driver:
        assert not await driver.has_note(NOTE, KEY)
        await driver.add_note(NOTE, KEY)
        assert await driver.has_note(NOTE, KEY)
        assert not await driver.has_note(NOTE, OTHER)
        await driver.add_note(changed(INTERNAL, author=" Karel\n N."), OTHER)  # of two entries
        assert await driver.has_note(INTERNAL, OTHER)
        assert await driver.has_note(NOTE, KEY)  # the field has another value since
        ticket = await read(driver)
        assert not await driver.has_note(changed(NOTE, ticket_id="99"), KEY)
    assert [(one.author, one.text, one.internal) for one in ticket.notes] == [
        ("Jana Nováková", NOTE.text, False), ("Karel N.", NOTE.text, True),
    ]  # fmt: skip
    assert redmine.written == [PUT, PUT]
    assert redmine.bodies[0]["issue"] == {
        "notes": NOTE.text, "private_notes": False, "custom_fields": [{"id": 5, "value": f"{KEY} Jana Nováková"}],
    }  # fmt: skip


async def test_a_note_that_is_gone_again_is_not_there() -> None:
    redmine = with_one()
    async with driving(redmine) as driver:
        await driver.add_note(NOTE, KEY)
        redmine.issues[0]["journals"][0]["notes"] = ""
        assert not await driver.has_note(NOTE, KEY)


async def test_without_a_field_for_keys_a_note_begins_with_its_author() -> None:
    redmine = with_one()
    async with driving(redmine, options={"note_key_field": ""}) as driver:
        await driver.add_note(NOTE, KEY)
        [note] = (await read(driver)).notes
    assert (note.author, note.text) == ("API Gateway", f"Jana Nováková:\n\n{NOTE.text}")


async def test_a_ticket_without_the_field_for_keys_takes_no_note() -> None:
    redmine = Redmine()
    redmine.fields = [custom_field(at, name) for at, name in enumerate(FIELDS[:4], 1)]
    redmine.issue()
    async with driving(redmine) as driver:
        for asking in (
            driver.add_note(NOTE, KEY),
            driver.has_note(NOTE, KEY),
            driver.set_status(changed(CLOSED, reason="Why"), KEY),
        ):
            with pytest.raises(Rejected, match="no custom field 'GatewayNoteKey'"):
                await asking
    assert redmine.written == []


async def test_trap_a_private_note_of_who_may_not_write_one_would_be_public_so_nothing_is_sent() -> None:
    redmine = with_one()
    redmine.is_admin, redmine.may = False, {"edit_issues", "add_issue_notes"}
    async with driving(redmine) as driver:
        for asking in (driver.add_note(INTERNAL, KEY), driver.set_status(changed(CLOSED, reason="Why"), KEY)):
            with pytest.raises(Rejected, match="may not write private notes") as rejected:
                await asking
            assert not rejected.value.may_have_happened
        assert redmine.written == []
        redmine.may.add("set_notes_private")  # and may not see them
        await driver.add_note(INTERNAL, KEY)
        assert await driver.has_note(INTERNAL, KEY)
    assert redmine.issues[0]["journals"][-1]["private_notes"] is True


async def test_trap_204_to_a_note_that_is_not_there_or_has_lost_its_key(caplog: pytest.LogCaptureFixture) -> None:
    redmine = with_one()
    redmine.is_admin, redmine.may = False, set()
    async with driving(redmine) as driver:
        with pytest.raises(Rejected, match="204 to a note that is not there"):
            await driver.add_note(NOTE, KEY)
        redmine.may = {"add_issue_notes"}
        await driver.add_note(NOTE, KEY)
        with pytest.raises(NotSupported):
            await driver.has_note(NOTE, OTHER)
        redmine.may.add("edit_issues")
        await driver.add_note(NOTE, KEY)
        assert not await driver.has_note(NOTE, OTHER)
    assert "has not kept the key of a note" in caplog.text


@pytest.mark.parametrize("text", ["", " \n", "a\0b", "\ud800"])
async def test_a_text_that_redmine_cannot_keep_is_declined(text: str) -> None:
    redmine = with_one()
    async with driving(redmine) as driver:
        assert await declined(driver.add_note(changed(NOTE, text=text), KEY)) == (Reason.INVALID, "text")
    assert redmine.asked == []


async def test_a_ticket_is_closed_and_opened_again_and_where_it_is_so_nothing_is_sent() -> None:
    redmine = with_one()
    reopened = changed(CLOSED, status=TicketStatus.IN_PROGRESS)
    async with driving(redmine) as driver:
        await driver.set_status(changed(CLOSED, reason="Funguje."), KEY)
        ticket = await read(driver)
        assert (ticket.status, ticket.is_open, ticket.raw_status) == (TicketStatus.CLOSED, False, "Closed")
        assert [(one.text, one.internal) for one in ticket.notes] == [("Funguje.", True)]
        assert ticket.resolved_at is not None
        await driver.set_status(CLOSED, KEY)
        assert redmine.written == [PUT]
        await driver.set_status(reopened, KEY)
        ticket = await read(driver)
        assert (ticket.is_open, ticket.resolved_at) == (True, None)
        assert await declined(driver.set_status(changed(CLOSED, status=TicketStatus.HELD), KEY)) == (
            Reason.NOT_ALLOWED, "status",
        )  # fmt: skip
        assert await declined(driver.set_status(changed(CLOSED, reason="\0"), KEY)) == (Reason.INVALID, "reason")
    assert redmine.written == [PUT, PUT]
    assert redmine.bodies[1] == {"issue": {"status_id": 2}}


async def test_trap_a_step_that_the_workflow_has_not_is_204_and_nothing_changed_so_it_is_asked_first() -> None:
    redmine = with_one()
    redmine.allowed = STATUSES[:2]
    async with driving(redmine) as driver:
        assert await declined(driver.set_status(CLOSED, KEY)) == (Reason.WRONG_STATE, "status")
        assert redmine.written == []
        redmine.allowed = None
        redmine.is_admin, redmine.may = False, set()
        assert await declined(driver.set_status(CLOSED, KEY)) == (Reason.WRONG_STATE, "status")
        assert await declined(driver.assign_ticket("1", "Kim", KEY)) == (Reason.INVALID, "assignee")
    assert redmine.written == [PUT, PUT]


async def test_trap_a_reason_is_kept_where_the_status_is_dropped_so_the_right_is_looked_at_first() -> None:
    redmine = with_one()
    redmine.is_admin, redmine.may = False, {"add_issue_notes", "set_notes_private", "view_private_notes"}
    because = changed(CLOSED, reason="Funguje.")
    async with driving(redmine) as driver:
        with pytest.raises(Rejected, match="may not edit this issue") as rejected:
            await driver.set_status(because, KEY)
        assert (rejected.value.may_have_happened, redmine.written) == (False, [])
        redmine.may.add("edit_own_issues")
        redmine.issues[0]["author"] = {"id": 6, "name": "Kim"}
        with pytest.raises(Rejected, match="may not edit this issue"):
            await driver.set_status(because, KEY)
        redmine.issues[0]["author"] = GATEWAY
        await driver.set_status(because, KEY)
        assert (await read(driver)).status is TicketStatus.CLOSED
    assert redmine.written == [PUT]


async def test_a_reason_that_was_kept_without_its_status_is_told() -> None:
    redmine = with_one()
    redmine.drops_status = True
    async with driving(redmine) as driver:
        for options, kept in (({"reason": "Funguje."}, True), ({}, False)):
            with pytest.raises(Declined) as raised:
                await driver.set_status(changed(CLOSED, **options), KEY)
            told = raised.value
            assert (told.reason, told.attribute) == (Reason.WRONG_STATE, "status")
            assert ("keeps the reason as a note" in told.public) is kept
        assert [one.text for one in (await read(driver)).notes] == ["Funguje."]
        redmine.put = saying(204)
        with pytest.raises(Declined) as raised:
            await driver.set_status(changed(CLOSED, reason="Opraveno."), OTHER)  # nothing of it is kept
    assert "keeps the reason" not in raised.value.public


async def test_a_ticket_is_given_to_a_member_or_its_author_by_name() -> None:
    redmine = with_one()
    redmine.members += [{"id": 8, "name": "Jan"}, {"id": 9, "name": "Jan"}]
    redmine.members += [{"id": 100 + at, "name": f"Person {at}"} for at in range(150)]
    async with driving(redmine) as driver:
        for name in ("Kim", "Person 149", "API Gateway"):
            await driver.assign_ticket("1", name, KEY)
            assert (await read(driver)).assignee == name
        await driver.assign_ticket("1", "API Gateway", KEY)
        assert redmine.written == [PUT] * 3
        for name in ("Nobody there", "Jan", "Jo", " ", "\0"):  # unknown, of two, not assignable
            assert await declined(driver.assign_ticket("1", name, KEY)) == (Reason.INVALID, "assignee")
        assert (await read(driver)).assignee == "API Gateway"
    assert redmine.written == [PUT] * 4


@pytest.mark.parametrize("name", [name for name in WRITES if name != "open_ticket"])
async def test_trap_an_unknown_ticket_is_404_without_a_body(name: str) -> None:
    redmine = Redmine()
    async with driving(redmine) as driver:
        assert await declined(WRITES[name](driver)) == (Reason.NOT_FOUND, "ticket_id")
        assert await declined(driver.add_note(changed(NOTE, ticket_id="1x"), KEY)) == (Reason.NOT_FOUND, "ticket_id")
    redmine.issue()
    redmine.put = saying(404)  # it went meanwhile
    async with driving(redmine) as driver:
        assert await declined(WRITES[name](driver)) == (Reason.NOT_FOUND, "ticket_id")


@pytest.mark.parametrize("name", [name for name in WRITES if name != "open_ticket"])
async def test_trap_422_without_a_reason_is_somebody_elses_change_at_the_same_time(name: str) -> None:
    redmine = with_one()
    redmine.put = saying(422, {"errors": []})
    async with driving(redmine) as driver:
        assert await declined(WRITES[name](driver)) == (Reason.CONFLICT, None)
    assert redmine.written == [PUT]


async def test_422_with_a_reason_is_a_refusal() -> None:
    redmine = with_one()
    redmine.put = redmine.post = saying(422, {"errors": ["Due date is invalid"]})
    async with driving(redmine) as driver:
        assert await declined(driver.set_status(CLOSED, KEY)) == (Reason.WRONG_STATE, "status")
        for write in (WRITES["open_ticket"], WRITES["add_note"]):
            with pytest.raises(Rejected) as rejected:
                await write(driver)
            assert not rejected.value.may_have_happened


@pytest.mark.parametrize("name", WRITES)
async def test_an_answer_that_is_lost_leaves_it_open_and_nothing_is_sent_again(name: str) -> None:
    answers = ((never, TimedOut), (breaking, Unreachable), (saying(500), Failed), (saying(200, {}), Garbled))
    for answer, failure in answers:
        redmine = with_one()
        redmine.put = redmine.post = answer
        async with driving(redmine, patience=0.2 if answer is never else 3) as driver:
            with pytest.raises(failure) as raised:
                await WRITES[name](driver)
        assert raised.value.may_have_happened
        assert len(redmine.written) == 1


@pytest.mark.parametrize("name", WRITES)
async def test_what_fails_before_anything_is_sent_has_surely_not_happened(name: str) -> None:
    for answer in (saying(500), saying(401), saying(200, [])):
        redmine = with_one()
        redmine.first = answer
        async with driving(redmine) as driver:
            with pytest.raises(ConnectorError) as raised:
                await WRITES[name](driver)
        assert (raised.value.may_have_happened, redmine.written) == (False, [])


@pytest.mark.parametrize("name", [name for name in WRITES if name != "open_ticket"])
async def test_where_the_read_after_it_fails_it_may_have_happened(name: str) -> None:
    for status in (500, 429, 401):
        redmine = with_one()
        redmine.read = saying(status)
        async with driving(redmine) as driver:
            with pytest.raises(ConnectorError) as raised:
                await WRITES[name](driver)
        assert raised.value.may_have_happened
        assert redmine.written == [PUT]


async def test_a_write_that_is_refused_is_refused() -> None:
    redmine = with_one()
    redmine.put = redmine.post = saying(403)
    async with driving(redmine) as driver:
        for write in WRITES.values():
            with pytest.raises(Refused):
                await write(driver)
