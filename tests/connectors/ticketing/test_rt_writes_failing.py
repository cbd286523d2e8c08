"""Writing to Request Tracker where answers are lost, odd or refusals."""

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
from connectors.writes import WriteKey
from tests.connectors.canned import never
from tests.connectors.ticketing.rt_tracker import (
    CLOSED,
    KEY,
    NEW,
    NOTE,
    WRITES,
    Guarded,
    Tracker,
    breaking,
    driving,
    held,
    saying,
)

SESSION = {
    "kind": "session",
    "username": "gateway",
    "password": "right",
    "login_path": "/NoAuth/Login.html",
    "verify_path": "/REST/2.0/rt",
}


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize(
    ("answer", "failure"), [(never, TimedOut), (breaking, Unreachable), (saying(500), Failed), (saying(200), Garbled)]
)
async def test_an_answer_that_is_lost_leaves_it_open_and_nothing_is_sent_again(
    name: str, answer: Any, failure: type[Exception]
) -> None:
    tracker = Tracker()
    tracker.put = tracker.post = answer
    async with driving(tracker, patience=0.2 if answer is never else 3) as driver:
        with pytest.raises(failure) as raised:
            await WRITES[name](driver)
    assert raised.value.may_have_happened  # type: ignore[attr-defined]
    assert len(tracker.written) == 1


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("answer", [never, saying(500), saying(200, [])])
async def test_what_fails_before_anything_is_sent_has_surely_not_happened(name: str, answer: Any) -> None:
    tracker = Tracker()
    tracker.first = answer
    async with driving(tracker, patience=0.2 if answer is never else 3) as driver:
        with pytest.raises(ConnectorError) as raised:
            await WRITES[name](driver)
    assert (raised.value.may_have_happened, tracker.written) == (False, [])


@pytest.mark.parametrize(("status", "failure"), [(403, Refused), (400, Rejected)])
async def test_trap_an_unknown_queue_is_403_and_a_wrong_question_400(status: int, failure: type[Exception]) -> None:
    tracker = Tracker()
    tracker.post = saying(status, {"message": "No permission to create tickets in the queue 'Nope'"})
    async with driving(tracker) as driver:
        with pytest.raises(failure) as raised:
            await driver.open_ticket(NEW, KEY)
    assert not raised.value.may_have_happened  # type: ignore[attr-defined]


async def test_trap_a_message_to_an_unknown_ticket_is_400() -> None:
    tracker = Tracker()
    tracker.post = saying(400, {"message": "Message could not be recorded"})
    async with driving(tracker) as driver:
        with pytest.raises(Declined) as declined:
            await driver.add_note(NOTE, KEY)
    assert (declined.value.reason, declined.value.attribute) == (Reason.NOT_FOUND, "ticket_id")


async def test_a_ticket_that_went_meanwhile_is_not_found() -> None:
    tracker = Tracker()
    tracker.put = saying(404, {"message": "Resource does not exist; use POST to create"})
    async with driving(tracker) as driver:
        with pytest.raises(Declined) as declined:
            await driver.set_status(CLOSED, KEY)
    assert declined.value.reason is Reason.NOT_FOUND


@pytest.mark.parametrize("said", [[], ["Ticket 7: Status 'closed' isn't a valid status for this ticket."]])
async def test_trap_200_with_nothing_or_a_sentence_where_something_should_have_changed(said: list[str]) -> None:
    tracker = Tracker()
    tracker.put = saying(200, said)
    async with driving(tracker) as driver:
        for writing, attribute in ((WRITES["set_status"], "status"), (WRITES["assign_ticket"], "assignee")):
            with pytest.raises(Declined) as declined:
                await writing(driver)
            assert declined.value.attribute == attribute
    assert tracker.asked == ["GET /tickets", "PUT /ticket/7", "GET /tickets"] * 2
    assert tracker.bodies == [{"Status": "resolved"}, {"Owner": "kim"}]


@pytest.mark.parametrize("status", [500, 429, 401])
async def test_where_the_read_after_it_fails_it_may_have_happened(status: int) -> None:
    tracker = Tracker()
    tracker.read = saying(status)
    async with driving(tracker) as driver:
        for writing in (WRITES["set_status"], WRITES["assign_ticket"]):
            tracker.asked.clear()
            with pytest.raises(ConnectorError) as raised:
                await writing(driver)
            assert raised.value.may_have_happened  # type: ignore[attr-defined]
            assert len(tracker.written) == 1


async def test_a_ticket_that_cannot_be_read_again_is_open_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    tracker = Tracker()
    tracker.read = saying(500)
    async with driving(tracker) as driver:
        assert await driver.open_ticket(NEW, KEY) == "7"
    assert "could not be asked what it has kept of a new ticket: UPSTREAM_FAILED" in caplog.text


async def test_trap_where_a_key_was_dropped_no_lookup_says_that_there_is_none(caplog: pytest.LogCaptureFixture) -> None:
    tracker = Tracker()
    tracker.kept |= {"CustomFields": held(CustomerId="C1", Other="x"), "Subject": "No"}
    async with driving(tracker) as driver:
        assert await driver.open_ticket(NEW, KEY) == "7"
        with pytest.raises(NotSupported):
            await driver.ticket_opened_with(NEW, WriteKey("o" * 32))
        tracker.kept["CustomFields"] = held(CustomerId="C1", ServiceId="S1", GatewayKey=KEY)
        assert await driver.ticket_opened_with(NEW, KEY) == "7"
        assert await driver.open_ticket(NEW, KEY) == "7"
        assert await driver.ticket_opened_with(NEW, WriteKey("o" * 32)) is None
    assert "opened with: ServiceId, GatewayKey, Subject" in caplog.text


async def test_trap_a_message_is_never_sent_with_if_match_which_is_412_whatever_it_says() -> None:
    tracker = Tracker()
    async with driving(tracker) as driver:
        await driver.add_note(NOTE, KEY)
        await driver.add_note(changed(NOTE, internal=True, author=" Jana\nN. "), KEY)
    assert tracker.written == ["POST /ticket/7/correspond", "POST /ticket/7/comment"]
    # Without a ContentType it is 400, and with a body of plain text 500.
    kept = [{"GatewayTxnKey": KEY, "GatewayAuthor": name} for name in ("Jana", "Jana N.")]
    assert tracker.bodies == [
        {"Content": NOTE.text, "ContentType": "text/plain", "TxnCustomFields": one} for one in kept
    ]
    assert {one["Content-Type"] for one in tracker.headers} == {"application/json"}
    assert not any("If-Match" in one or "If-Unmodified-Since" in one for one in tracker.headers)


async def test_trap_a_key_counts_only_where_it_stands_on_the_row_itself() -> None:
    tracker = Tracker()
    theirs = {"ObjectType": "RT::Ticket", "CustomFields": held(GatewayTxnKey=KEY)}
    tracker.transactions = [
        {"id": "1", "ObjectId": "8", **theirs},
        {"id": "2", "ObjectId": "7", **theirs, "ObjectType": "RT::User"},
        {"id": "3", "ObjectId": "7", **theirs, "CustomFields": held(GatewayTxnKey="other")},
    ]
    async with driving(tracker) as driver:
        assert not await driver.has_note(NOTE, KEY)
        assert await driver.ticket_opened_with(NEW, WriteKey("o" * 32)) is None
        assert await driver.ticket_opened_with(NEW, KEY) == "7"
        tracker.transactions.append({"id": "4", "ObjectId": "7", **theirs})
        assert await driver.has_note(NOTE, KEY)
        tracker.transactions = [{"id": "5", "ObjectType": "RT::Ticket"}]
        with pytest.raises(Garbled):
            await driver.has_note(NOTE, KEY)


async def test_a_session_that_has_ended_is_renewed_before_anything_is_written() -> None:
    tracker = Guarded()
    async with driving(tracker, auth=SESSION) as driver:
        for writing in (*WRITES.values(), *WRITES.values()):
            tracker.session += 1
            begun = len(tracker.written)
            tracker.put, tracker.state["Owner"] = owned_by_kim(tracker), {"id": "Nobody"}
            tracker.state["Status"] = "open"
            await writing(driver)
            assert len(tracker.written) == begun + 1


def owned_by_kim(tracker: Tracker) -> Any:
    async def answer(_request: web.Request) -> web.Response:
        tracker.state |= {"Owner": {"id": "kim"}, "Status": "resolved"}
        return web.json_response(["Ticket 7: said so"])

    return answer
