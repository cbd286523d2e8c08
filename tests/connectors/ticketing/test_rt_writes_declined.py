"""What Request Tracker would lose or has no place for is refused before anything is sent; what it is given."""

import json
from typing import Any

import pytest

from connectors.errors import (
    Declined,
    NotSupported,
    Reason,
    Rejected,
)
from connectors.records import changed
from connectors.ticketing.port import TicketSeverity, TicketStatus
from connectors.ticketing.rt.options import RtOptions
from tests.connectors.ticketing.rt_tracker import (
    CLOSED,
    KEY,
    NEW,
    NOTE,
    Tracker,
    driving,
    field,
)


async def test_trap_a_field_with_unique_values_would_drop_the_key_of_the_second() -> None:
    tracker = Tracker()
    tracker.fields[2] = field("GatewayKey", unique="1")
    async with driving(tracker) as driver:
        with pytest.raises(Rejected, match="UniqueValues"):
            await driver.open_ticket(NEW, KEY)
    assert tracker.written == []


async def test_several_services_go_to_a_field_that_holds_them() -> None:
    tracker = Tracker()
    tracker.fields[1] = field("ServiceId", most="0")
    async with driving(tracker, queue="Faults", other_queues=["Billing"]) as driver:
        await driver.open_ticket(changed(NEW, service_ids=("S1", "S2", "S1"), kind="billing"), KEY)
        await driver.open_ticket(changed(NEW, service_ids=(), kind="FAULTS"), KEY)
    assert [one["Queue"] for one in tracker.bodies] == ["Billing", "Faults"]
    assert tracker.bodies[0]["CustomFields"] == {"CustomerId": "C1", "ServiceId": ["S1", "S2"], "GatewayKey": KEY}
    assert tracker.bodies[1]["CustomFields"] == {"CustomerId": "C1", "GatewayKey": KEY}


@pytest.mark.parametrize(
    ("attribute", "value", "reason"),
    [
        ("name", "two\nlines", Reason.INVALID),
        ("name", "two\r\nlines", Reason.INVALID),
        ("name", "a\x00b", Reason.INVALID),
        ("name", " ", Reason.INVALID),
        ("name", "ž" * 101, Reason.TOO_LONG),
        ("description", "a\x00b", Reason.INVALID),
        ("customer_id", "C1\\", Reason.INVALID),
        ("customer_id", "C1@a.example,x", Reason.INVALID),
        ("service_ids", ("CF.{CustomerId}",), Reason.INVALID),
        ("severity", TicketSeverity.MAJOR, Reason.NOT_ALLOWED),
        ("kind", "Staff", Reason.INVALID),
    ],
)
async def test_trap_what_rt_would_lose_of_a_ticket_is_declined_before_anything_is_sent(
    attribute: str, value: Any, reason: Reason
) -> None:
    tracker = Tracker()
    async with driving(tracker, requestor="{customer_id}@customers.example") as driver:
        with pytest.raises(Declined) as declined:
            await driver.open_ticket(changed(NEW, **{attribute: value}), KEY)
    assert (declined.value.attribute, declined.value.reason) == (attribute, reason)
    assert tracker.asked == []


@pytest.mark.parametrize("text", ["", " \n", "a\x00b"])
async def test_trap_an_empty_note_is_201_so_it_is_declined(text: str) -> None:
    tracker = Tracker()
    async with driving(tracker) as driver:
        with pytest.raises(Declined) as declined:
            await driver.add_note(changed(NOTE, text=text), KEY)
    assert (declined.value.attribute, tracker.asked) == ("text", [])


@pytest.mark.parametrize("assignee", ["", "1", "Nobody", "rt_system", "a\x00"])
async def test_trap_a_number_is_the_user_of_that_id_and_nobody_is_no_person(assignee: str) -> None:
    tracker = Tracker()
    async with driving(tracker) as driver:
        with pytest.raises(Declined) as declined:
            await driver.assign_ticket("7", assignee, KEY)
    assert (declined.value.attribute, declined.value.reason, tracker.asked) == ("assignee", Reason.INVALID, [])


async def test_a_status_without_a_word_is_declined_and_words_are_the_operators() -> None:
    tracker = Tracker()
    async with driving(tracker) as driver:
        with pytest.raises(Declined) as declined:
            await driver.set_status(changed(CLOSED, status=TicketStatus.HELD), KEY)
        with pytest.raises(Declined) as unspeakable:
            await driver.set_status(changed(CLOSED, reason="a\x00"), KEY)
    assert (declined.value.attribute, declined.value.reason) == ("status", Reason.NOT_ALLOWED)
    assert (unspeakable.value.attribute, tracker.asked) == ("reason", [])
    words = {"offen": TicketStatus.IN_PROGRESS, "zu": TicketStatus.CLOSED, "fertig": TicketStatus.RESOLVED}
    options = RtOptions(words=words, status_words={TicketStatus.RESOLVED: "zu"})
    asked = [TicketStatus.IN_PROGRESS, TicketStatus.CLOSED, TicketStatus.RESOLVED, TicketStatus.PENDING]
    assert [options.word_for(one) for one in asked] == ["offen", "zu", "zu", None]
    assert [RtOptions().word_for(one) for one in asked] == ["open", "resolved", "resolved", "stalled"]


async def test_without_fields_for_keys_nothing_is_looked_up_and_writes_go_without() -> None:
    tracker = Tracker()
    async with driving(tracker, key_field="", note_key_field="", author_field="") as driver:
        for asking in (driver.ticket_opened_with(NEW, KEY), driver.has_note(NOTE, KEY)):
            with pytest.raises(NotSupported):
                await asking
        assert tracker.asked == []
        assert {"ticket_opened_with", "has_note"} <= set(driver.unsupported)
        await driver.open_ticket(NEW, KEY)
        await driver.add_note(NOTE, KEY)
    assert tracker.bodies[0]["CustomFields"] == {"CustomerId": "C1", "ServiceId": "S1"}
    assert (tracker.bodies[1]["Content"], tracker.bodies[1]["TxnCustomFields"]) == ("Jana:\n\nCalled back.", {})
    assert KEY not in json.dumps(tracker.bodies)
