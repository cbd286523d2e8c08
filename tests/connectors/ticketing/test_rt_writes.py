"""Writing to Request Tracker: conversations recorded from the live system, and each trap of its answers."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from connectors.errors import Declined, Reason, Rejected
from connectors.ticketing.port import NewNote, NewTicket, StatusChange, TicketStatus
from tests.connectors.ticketing.rt_tape import Tapes

Recorded = Callable[..., AbstractAsyncContextManager[tuple[Any, Any]]]
NEW = NewTicket(customer_id="C199100", name="Bez signálu", description=" Od rána.\n\nDíky ", service_ids=("S399100",))


@pytest.fixture(scope="session")
def tapes() -> Iterator[Tapes]:
    kept = Tapes()
    yield kept
    kept.close()


@pytest.fixture
def recorded(tapes: Tapes, request: pytest.FixtureRequest) -> Recorded:
    """The driver over this test's own tape; what is given are options."""
    return lambda **options: tapes.of(request.node.name, **options)


def note(ticket_id: str, text: str = "Voláno zpět.", **more: Any) -> NewNote:
    return NewNote(ticket_id=ticket_id, text=text, **{"author": "Jana Nováková", **more})


async def test_a_ticket_is_opened_with_its_key_and_read_as_it_was_given(recorded: Recorded) -> None:
    async with recorded(requestor="{customer_id}@customers.example") as (driver, tape):
        key = tape.keys[0]
        assert await driver.ticket_opened_with(NEW, key) is None
        ticket_id = await driver.open_ticket(NEW, key)
        assert await driver.ticket_opened_with(NEW, key) == ticket_id
        ticket = (await driver.tickets([ticket_id], None))[ticket_id]
    assert (ticket.name, ticket.description, ticket.kind) == (NEW.name, NEW.description, "Faults")
    assert (ticket.customer_ids, ticket.service_ids, ticket.assignee) == (("C199100",), ("S399100",), None)
    assert tape.written == [("POST", "/REST/2.0/ticket")]
    [sent] = [body for method, _, body in tape.asked if method == "POST"]
    assert sent["CustomFields"] == {"CustomerId": "C199100", "ServiceId": "S399100", "GatewayKey": key}
    assert (sent["Queue"], sent["Requestor"]) == ("Faults", "C199100@customers.example")
    assert len(tape.asked) == 2 + 1 + 3 + 1 + 4


async def test_trap_nothing_is_idempotent_the_same_post_twice_makes_two_tickets(recorded: Recorded) -> None:
    async with recorded() as (driver, tape):
        first, second = [await driver.open_ticket(NEW, tape.keys[0]) for _ in range(2)]
        assert first != second
        assert await driver.ticket_opened_with(NEW, tape.keys[0]) == first


async def test_trap_a_requestor_that_is_no_address_is_dropped(
    recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    async with recorded(requestor="{customer_id}") as (driver, tape):
        assert (await driver.open_ticket(NEW, tape.keys[0])).isdigit()
    assert "has not kept what a ticket was opened with: Requestor" in caplog.text


async def test_a_field_of_one_service_takes_no_second_and_a_field_that_is_not_there_none(recorded: Recorded) -> None:
    both = NewTicket(customer_id="C199100", name="n", description="d", service_ids=("S1", "S2"))
    async with recorded() as (driver, tape):
        with pytest.raises(Declined) as declined:
            await driver.open_ticket(both, tape.keys[0])
    assert (declined.value.reason, declined.value.attribute) == (Reason.NOT_ALLOWED, "service_ids")
    assert tape.written == []


async def test_trap_an_unknown_custom_field_is_dropped_so_nothing_is_sent(recorded: Recorded) -> None:
    async with recorded(key_field="Nope", note_key_field="Nope") as (driver, tape):
        for asking in (
            driver.open_ticket(NEW, tape.keys[0]),
            driver.ticket_opened_with(NEW, tape.keys[0]),
            driver.add_note(note("1"), tape.keys[1]),
            driver.has_note(note("1"), tape.keys[1]),
        ):
            with pytest.raises(Rejected, match=r"no custom field of \w+ 'Nope'"):
                await asking
    assert tape.written == []


async def test_an_unknown_queue_is_found_out_before_anything_is_sent(recorded: Recorded) -> None:
    async with recorded(other_queues=["Nope"]) as (driver, tape):
        with pytest.raises(Rejected, match="no queue of that name") as rejected:
            await driver.open_ticket(NewTicket(customer_id="C1", name="n", description="d", kind="nope"), tape.keys[0])
    assert (rejected.value.may_have_happened, tape.written) == (False, [])


async def test_notes_have_their_author_and_their_key_and_are_internal_or_public(recorded: Recorded) -> None:
    async with recorded() as (driver, tape):
        ticket_id = await driver.open_ticket(NEW, tape.keys[0])
        internal, public = note(ticket_id, internal=True), note(ticket_id, "Opraveno.\nHotovo.")
        assert not await driver.has_note(internal, tape.keys[1])
        begun = len(tape.asked)
        await driver.add_note(internal, tape.keys[1])
        assert len(tape.asked) - begun == 2
        assert await driver.has_note(internal, tape.keys[1])
        assert not await driver.has_note(public, tape.keys[2])
        await driver.add_note(public, tape.keys[2])
        assert await driver.has_note(public, tape.keys[2])
        ticket = (await driver.tickets([ticket_id], frozenset({"notes"})))[ticket_id]
    assert [(one.author, one.text, one.internal) for one in ticket.notes] == [
        ("Jana Nováková", "Voláno zpět.", True),
        ("Jana Nováková", "Opraveno.\nHotovo.", False),
    ]
    assert [path.rpartition("/")[2] for _, path in tape.written] == ["ticket", "comment", "correspond"]


async def test_without_a_field_for_the_author_the_note_begins_with_the_name(recorded: Recorded) -> None:
    async with recorded(author_field="") as (driver, tape):
        ticket_id = await driver.open_ticket(NEW, tape.keys[0])
        await driver.add_note(note(ticket_id), tape.keys[1])
        ticket = (await driver.tickets([ticket_id], frozenset({"notes"})))[ticket_id]
    assert [(one.author, one.text) for one in ticket.notes] == [("API gateway", "Jana Nováková:\n\nVoláno zpět.")]


async def test_trap_a_reply_reopens_and_a_reason_does_not(recorded: Recorded) -> None:
    async def status() -> TicketStatus:
        found: TicketStatus = (await driver.tickets([ticket_id], frozenset({"status"})))[ticket_id].status
        return found

    async with recorded() as (driver, tape):
        ticket_id = await driver.open_ticket(NEW, tape.keys[0])
        done = StatusChange(ticket_id=ticket_id, status=TicketStatus.CLOSED, reason="Funguje.")
        await driver.set_status(done, tape.keys[1])
        assert await status() is TicketStatus.RESOLVED
        await driver.add_note(note(ticket_id, internal=True), tape.keys[2])
        assert await status() is TicketStatus.RESOLVED
        await driver.add_note(note(ticket_id), tape.keys[2])
        assert await status() is TicketStatus.IN_PROGRESS
        await driver.set_status(StatusChange(ticket_id=ticket_id, status=TicketStatus.CLOSED), tape.keys[3])
        assert await status() is TicketStatus.RESOLVED
        before = len(tape.asked)
        await driver.set_status(done, tape.keys[3])  # it has this status: nothing is done
        assert len(tape.asked) - before == 1
        reopened = StatusChange(ticket_id=ticket_id, status=TicketStatus.IN_PROGRESS)
        await driver.set_status(reopened, tape.keys[3])
        ticket = (await driver.tickets([ticket_id], None))[ticket_id]
    assert (ticket.status, ticket.notes[0].text, ticket.notes[0].internal) == (
        TicketStatus.IN_PROGRESS,
        "Funguje.",
        True,
    )
    # RT keeps the date of the first time that it was resolved.
    assert ticket.resolved_at is not None
    assert [method for method, _ in tape.written] == ["POST", "POST", "POST", "POST", "PUT", "PUT"]


async def test_trap_200_and_a_sentence_is_a_refusal_of_a_status_or_an_owner(recorded: Recorded) -> None:
    words = {TicketStatus.HELD: "nonsense"}
    async with recorded(status_words=words) as (driver, tape):
        ticket_id = await driver.open_ticket(NEW, tape.keys[0])
        for reason in (None, "Čekáme."):
            with pytest.raises(Declined) as declined:
                await driver.set_status(
                    StatusChange(ticket_id=ticket_id, status=TicketStatus.HELD, reason=reason), tape.keys[1]
                )
            assert (declined.value.reason, declined.value.attribute) == (Reason.WRONG_STATE, "status")
            assert ("keeps the reason as a note" in declined.value.public) is bool(reason)
        for nobody in ("nobody.knows", "C100001", "gateway@example.com"):
            with pytest.raises(Declined) as declined:
                await driver.assign_ticket(ticket_id, nobody, tape.keys[2])
            assert (declined.value.reason, declined.value.attribute) == (Reason.INVALID, "assignee")
        ticket = (await driver.tickets([ticket_id], None))[ticket_id]
    assert (ticket.status, ticket.assignee) == (TicketStatus.ACKNOWLEDGED, None)
    # Half a write: a comment with a status that is refused is written all the same.
    assert [one.text for one in ticket.notes] == ["Čekáme."]
    answers = [one["answer"] for one in tape.recorded if one["asked"]["method"] in ("PUT", "POST")]
    assert [one["status"] for one in answers] == [201, 200, 201, 200, 200, 200]


async def test_a_ticket_is_assigned_and_says_so(recorded: Recorded) -> None:
    async with recorded() as (driver, tape):
        ticket_id = await driver.open_ticket(NEW, tape.keys[0])
        await driver.assign_ticket(ticket_id, "root", tape.keys[1])
        assert (await driver.tickets([ticket_id], frozenset({"assignee"})))[ticket_id].assignee == "root"
        await driver.assign_ticket(ticket_id, "gateway", tape.keys[1])
        before = len(tape.asked)
        await driver.assign_ticket(ticket_id, "Gateway", tape.keys[1])
        assert len(tape.asked) - before == 1
        assert (await driver.tickets([ticket_id], None))[ticket_id].assignee == "gateway"


async def test_a_ticket_that_is_not_there_is_not_found_by_any_write(recorded: Recorded) -> None:
    async with recorded() as (driver, tape):
        for missing in ("999999", "x", "2147483648"):
            for asking in (
                driver.add_note(note(missing), tape.keys[0]),
                driver.set_status(StatusChange(ticket_id=missing, status=TicketStatus.CLOSED), tape.keys[0]),
                driver.assign_ticket(missing, "root", tape.keys[0]),
            ):
                with pytest.raises(Declined) as declined:
                    await asking
                assert (declined.value.reason, declined.value.attribute) == (Reason.NOT_FOUND, "ticket_id")
            assert not await driver.has_note(note(missing), tape.keys[0])
    assert tape.written == []
