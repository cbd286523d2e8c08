"""Writes to ticketing by TM Forum, against the sandbox: what is sent, what comes of it, and every way it goes wrong."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from connectors.errors import Declined, Garbled, NotSupported, Reason, Rejected, Unreachable
from connectors.records import Rows
from connectors.ticketing.port import NewNote, NewTicket, StatusChange, Ticket, TicketSeverity, TicketStatus
from connectors.tmf.profile import Profile
from connectors.writes import WriteKey
from sandbox.data.world import World
from sandbox.server import SandboxServer
from tests.connectors.asking import connected
from tests.sandbox import official, official5

KEY, OTHER = WriteKey("k" * 32), WriteKey("m" * 32)
NEW = NewTicket(customer_id="1001", name="No line", description="The line is dead.", service_ids=("SVC-1001-1",))
NOTE = NewNote(ticket_id="TT-1001-1", text="It is back.", author="Sven Svensson")
VERSIONS = pytest.mark.parametrize("version", ["v4", "v5"])


@pytest.fixture
def desk() -> Iterator[SandboxServer]:
    """A ticketing system that nobody else writes to."""
    with SandboxServer("ticketing", world=World(customers=20)) as server:
        yield server


@asynccontextmanager
async def writing(desk: SandboxServer, **profile: Any) -> AsyncIterator[Any]:
    """Its driver. The sandbox speaks the profile's version, and is strict."""
    desk.switches.merge({"version": profile.get("version", "v4"), "strictWrites": True})
    async with connected({"ticketing": desk}, ticketing={"profile": profile}) as c:
        yield c.ticketing


async def read(driver: Any, ident: str) -> Ticket:
    ticket: Ticket = (await driver.tickets([ident], None))[ident]
    return ticket


def sent(desk: SandboxServer) -> list[str]:
    return [one["method"] for one in desk.requests]


@VERSIONS
async def test_a_ticket_is_opened_in_one_call_and_is_what_was_said(desk: SandboxServer, version: str) -> None:
    async with writing(desk, version=version) as driver:
        ident = await driver.open_ticket(NEW, KEY)
        assert sent(desk) == ["POST"]
        ticket = await read(driver, ident)
        mine = (await driver.tickets_of_customers(["1001"], None, None, is_open=True))["1001"]
        about = (await driver.tickets_of_services(["SVC-1001-1"], None, is_open=True))["SVC-1001-1"]
        found = await driver.ticket_opened_with(NEW, KEY), await driver.ticket_opened_with(NEW, OTHER)
    assert (ticket.name, ticket.description, ticket.service_ids) == (NEW.name, NEW.description, NEW.service_ids)
    assert (ticket.customer_ids, ticket.kind, ticket.raw_severity) == (("1001",), "fault", "Minor")
    assert isinstance(mine, Rows)
    assert isinstance(about, Rows)
    assert {ident} == {one.id for one in mine.items} & {one.id for one in about.items} - {"TT-1001-1"}
    assert found == (ident, None)


@VERSIONS
async def test_what_is_sent_is_what_the_official_files_want(
    desk: SandboxServer, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = recorded(monkeypatch)
    async with writing(desk, version=version) as driver:
        await driver.open_ticket(NEW, KEY)
        await driver.add_note(NOTE, KEY)
        await driver.set_status(StatusChange(ticket_id="TT-1001-1", status=TicketStatus.CLOSED, reason="Fixed"), KEY)
        await driver.assign_ticket("TT-1001-1", "AGENT-99", KEY)
    for kind, body in zip(("create", "update", "update", "update"), bodies, strict=True):
        if version == "v4" and official.SPECS.is_dir():
            assert official.problems("TroubleTicket", f"TroubleTicket_{kind.capitalize()}", body) == []
        elif version == "v5" and not official5.MISSING:
            suffix = {"create": "FVO", "update": "MVO"}[kind]
            assert official5.problems("TroubleTicket", f"TroubleTicket_{suffix}", body) == []


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Bodies of the writes that the sandbox will read, as they came."""
    from sandbox.protocol import strict

    bodies: list[Any] = []
    check = strict.check

    def keep(path: str, body: Any, version: str, *, changes: bool) -> None:
        bodies.append(body)
        check(path, body, version, changes=changes)

    monkeypatch.setattr(strict, "check", keep)
    return bodies


async def test_words_go_out_as_the_system_has_them(desk: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = recorded(monkeypatch)
    desk.switches.status_words = True
    words = {"3 - Moderate": "minor", "2 - High": "major", "Working": "inProgress", "On Hold": "held", "Bad": "fault"}
    async with writing(desk, words=words, ticket_type="fault") as driver:
        await driver.open_ticket(NEW, KEY)
        ident = await driver.open_ticket(
            NewTicket(customer_id="1001", name="a", description="b", kind="question", severity=TicketSeverity.CRITICAL),
            OTHER,
        )
        await driver.set_status(StatusChange(ticket_id=ident, status=TicketStatus.HELD), OTHER)
        assert (await read(driver, ident)).status is TicketStatus.HELD
    assert [(one.get("severity"), one.get("ticketType")) for one in bodies[:2]] == [
        ("3 - Moderate", "Bad"),
        ("Critical", "question"),
    ]
    assert bodies[2] == {"status": "On Hold"}


@VERSIONS
async def test_a_note_is_added_and_no_other_is_lost(desk: SandboxServer, version: str) -> None:
    async with writing(desk, version=version) as driver:
        before = await read(driver, "TT-1001-1")
        desk.requests.clear()
        assert not await driver.has_note(NOTE, KEY)
        await driver.add_note(NOTE, KEY)
        assert sent(desk) == ["GET", "GET", "PATCH"]
        await driver.add_note(NOTE, KEY)  # it is there: nothing is written
        assert sent(desk)[3:] == ["GET"]
        internal = NewNote(ticket_id="TT-1001-1", text="Known fault.", author="Agent 1", internal=True)
        await driver.add_note(internal, OTHER)
        after = await read(driver, "TT-1001-1")
        assert await driver.has_note(NOTE, KEY)
        assert await driver.has_note(internal, OTHER)
    assert after.notes[:3] == before.notes
    assert [(one.author, one.text, one.internal) for one in after.notes[3:]] == [
        ("Sven Svensson", "It is back.", False),
        ("Agent 1", "Known fault.", True),
    ]
    assert all(one.created_at for one in after.notes)


async def test_where_a_patch_appends_only_the_new_note_is_sent(desk: SandboxServer) -> None:
    desk.switches.notes_append = True
    async with writing(desk, note_patch="append") as driver:
        await driver.add_note(NOTE, KEY)
        assert sent(desk) == ["PATCH"]
        assert len((await read(driver, "TT-1001-1")).notes) == 4


async def test_a_system_with_note_ids_of_its_own_cannot_tell(desk: SandboxServer) -> None:
    desk.switches.own_note_ids = True
    async with writing(desk) as driver:
        assert not await driver.has_note(NOTE, KEY)
        await driver.add_note(NOTE, KEY)
        with pytest.raises(NotSupported):
            await driver.has_note(NOTE, KEY)
        desk.switches.own_note_ids = False
        await driver.add_note(NewNote(ticket_id="TT-1001-1", text="Twice.", author="S"), KEY)
        same = NewNote(ticket_id="TT-1001-1", text="Twice.", author="S")
        assert not await driver.has_note(same, OTHER)  # the other one has its own key


@VERSIONS
async def test_a_status_is_set_once_and_the_reason_is_kept(desk: SandboxServer, version: str) -> None:
    change = StatusChange(ticket_id="TT-1001-1", status=TicketStatus.RESOLVED, reason="It works again.")
    async with writing(desk, version=version) as driver:
        await driver.set_status(change, KEY)
        await driver.set_status(change, KEY)
        assert sent(desk) == ["GET", "PATCH", "GET"]
        assert (await read(driver, "TT-1001-1")).status is TicketStatus.RESOLVED


@VERSIONS
async def test_a_ticket_is_assigned_and_stays_its_owners(desk: SandboxServer, version: str) -> None:
    async with writing(desk, version=version) as driver:
        before = await read(driver, "TT-1001-1")
        assert (before.assignee or "").startswith("AGENT-")
        desk.requests.clear()
        await driver.assign_ticket("TT-1001-1", "1002", KEY)
        await driver.assign_ticket("TT-1001-1", "1002", KEY)
        assert sent(desk) == ["GET", "PATCH", "GET"]
        after = await read(driver, "TT-1001-1")
        theirs = (await driver.tickets_of_customers(["1002"], None, None, is_open=None)).get("1002")
    assert (after.assignee, after.customer_ids) == ("1002", ("1001",))
    assert theirs is None or "TT-1001-1" not in {one.id for one in theirs.items}


async def test_roles_in_the_type_are_written_there_too(desk: SandboxServer) -> None:
    desk.switches.party_role_in_referred_type = True
    async with writing(desk, party_type_is_role=True, assignee_role="assigned_to") as driver:
        await driver.assign_ticket("TT-1001-1", "AGENT-99", KEY)
        ticket = await read(driver, await driver.open_ticket(NEW, KEY))
        moved = await read(driver, "TT-1001-1")
    assert (ticket.customer_ids, ticket.assignee) == (("1001",), None)
    assert (moved.customer_ids, moved.assignee) == (("1001",), "AGENT-99")


@VERSIONS
async def test_a_system_that_knows_parties_finds_its_new_tickets_by_them(desk: SandboxServer, version: str) -> None:
    desk.switches.merge({"version": version, "customersAs": "party"})
    settings = {"profile": {"version": version}, "customer_key": "party.id"}
    async with connected({"ticketing": desk}, ticketing=settings) as c:
        new = NewTicket(customer_id="P1001", name="a", description="b")
        ident = await c.ticketing.open_ticket(new, KEY)
        found = (await c.ticketing.tickets_of_customers(["P1001"], None, None, is_open=True))["P1001"]
    assert ident in {one.id for one in found.items}


# --- What goes wrong ---


async def test_a_lost_answer_is_found_and_nothing_is_sent_twice(desk: SandboxServer) -> None:
    async with writing(desk) as driver:
        for write in (driver.open_ticket(NEW, KEY), driver.add_note(NOTE, KEY)):
            desk.switches.lose_answers = 1
            with pytest.raises(Unreachable) as lost:
                await write
            assert lost.value.may_have_happened
        assert [one for one in sent(desk) if one != "GET"] == ["POST", "PATCH"]
        assert await driver.ticket_opened_with(NEW, KEY) == "TT-1001-4"
        assert await driver.has_note(NOTE, KEY)


async def test_a_late_effect_is_not_there_and_then_it_is(desk: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("sandbox.protocol.collection.monotonic", lambda: now[0])
    desk.switches.merge({"lateMs": 500, "loseAnswers": 1})
    async with writing(desk) as driver:
        with pytest.raises(Unreachable):
            await driver.open_ticket(NEW, KEY)
        assert await driver.ticket_opened_with(NEW, KEY) is None
        now[0] += 0.6
        assert await driver.ticket_opened_with(NEW, KEY) == "TT-1001-4"


@pytest.mark.parametrize("in_200", [False, True])
@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, Reason.OTHER), (409, Reason.CONFLICT), (412, Reason.CONFLICT), (422, Reason.OTHER)],
)
async def test_a_refusal_is_declined_whatever_its_status(
    desk: SandboxServer, status: int, reason: Reason, in_200: bool
) -> None:
    desk.switches.merge({"refuseWrites": status, "refusalsIn200": in_200})
    async with writing(desk) as driver:
        for write in (
            driver.open_ticket(NEW, KEY),
            driver.add_note(NOTE, KEY),
            driver.set_status(StatusChange(ticket_id="TT-1001-1", status=TicketStatus.CLOSED), KEY),
            driver.assign_ticket("TT-1001-1", "AGENT-99", KEY),
        ):
            with pytest.raises(Declined) as refused:
                await write
            assert (refused.value.reason, refused.value.may_have_happened) == (reason, False)
            assert NEW.description not in str(refused.value)


async def test_202_is_taken_where_it_shows_what_was_written(desk: SandboxServer) -> None:
    desk.switches.accept_writes = True
    async with writing(desk) as driver:
        assert await driver.open_ticket(NEW, KEY) == "TT-1001-4"
        await driver.add_note(NOTE, KEY)
        desk.switches.half_writes = True
        with pytest.raises(Garbled) as unknown:  # it may still come
            await driver.set_status(StatusChange(ticket_id="TT-1001-1", status=TicketStatus.CLOSED), KEY)
        assert unknown.value.may_have_happened


async def test_half_a_write_is_no_success(desk: SandboxServer) -> None:
    desk.switches.half_writes = True
    async with writing(desk) as driver:
        await driver.add_note(NOTE, KEY)
        with pytest.raises(Declined) as refused:
            await driver.set_status(StatusChange(ticket_id="TT-1001-1", status=TicketStatus.CLOSED, reason="x"), KEY)
    assert (refused.value.reason, refused.value.attribute) == (Reason.WRONG_STATE, "status")


async def test_a_ticket_that_is_not_there_is_not_found(desk: SandboxServer) -> None:
    async with writing(desk) as driver:
        for ident in ("TT-0", "..", "a/b"):
            for write in (
                driver.add_note(NewNote(ticket_id=ident, text="a", author="b"), KEY),
                driver.set_status(StatusChange(ticket_id=ident, status=TicketStatus.CLOSED), KEY),
                driver.assign_ticket(ident, "AGENT-1", KEY),
            ):
                with pytest.raises(Declined) as refused:
                    await write
                assert (refused.value.reason, refused.value.attribute) == (Reason.NOT_FOUND, "ticket_id")
    assert "PATCH" not in sent(desk)


async def test_what_nobody_knows_is_invalid_and_nothing_is_sent(desk: SandboxServer) -> None:
    unknown = NewTicket(customer_id="1001", name="a", description="b", severity=TicketSeverity.UNKNOWN)
    async with writing(desk) as driver:
        with pytest.raises(Declined):
            await driver.open_ticket(unknown, KEY)
        with pytest.raises(Declined):
            await driver.set_status(StatusChange(ticket_id="TT-1001-1", status=TicketStatus.UNKNOWN), KEY)
    assert sent(desk) == []


async def test_what_the_gateway_asks_wrongly_is_rejected(desk: SandboxServer) -> None:
    async with writing(desk, patch_type="application/merge-patch+json") as driver:
        with pytest.raises(Rejected) as wrong:
            await driver.add_note(NOTE, KEY)
    assert (type(wrong.value), wrong.value.may_have_happened) == (Rejected, False)


async def test_a_system_down_before_anything_was_sent_has_not_done_it(desk: SandboxServer) -> None:
    desk.switches.garbage = True
    async with writing(desk) as driver:
        with pytest.raises(Garbled) as failed:
            await driver.set_status(StatusChange(ticket_id="TT-1001-1", status=TicketStatus.CLOSED), KEY)
        assert not failed.value.may_have_happened
        with pytest.raises(Garbled) as sent_already:
            await driver.open_ticket(NEW, KEY)
        assert sent_already.value.may_have_happened


async def test_filters_that_are_ignored_find_nobody_elses_ticket(desk: SandboxServer) -> None:
    desk.switches.ignore_filters = True
    async with writing(desk) as driver:
        assert await driver.ticket_opened_with(NEW, KEY) is None
        ident = await driver.open_ticket(NEW, KEY)
        assert await driver.ticket_opened_with(NEW, KEY) == ident
        assert await driver.ticket_opened_with(NEW, OTHER) is None


async def test_a_system_that_keeps_no_key_cannot_tell(desk: SandboxServer) -> None:
    async with writing(desk, resources={"troubleTicket": {"absent": ["externalId"]}}) as driver:
        assert "ticket_opened_with" in driver.unsupported
        with pytest.raises(NotSupported):
            await driver.ticket_opened_with(NEW, KEY)
    desk.switches.drop_keys = True
    async with writing(desk) as driver:
        assert "ticket_opened_with" not in driver.unsupported
        await driver.open_ticket(NEW, KEY)
        assert "ticket_opened_with" in driver.unsupported
        with pytest.raises(NotSupported):
            await driver.ticket_opened_with(NEW, OTHER)


async def test_what_is_read_only_is_said_beforehand_and_sends_nothing(desk: SandboxServer) -> None:
    async with writing(desk, resources={"troubleTicket": {"read_only": True}}) as driver:
        names = {"open_ticket", "ticket_opened_with", "add_note", "has_note", "set_status", "assign_ticket"}
        assert set(driver.unsupported) == names
        with pytest.raises(NotSupported):
            await driver.open_ticket(NEW, KEY)
        with pytest.raises(NotSupported):
            await driver.add_note(NOTE, KEY)
    assert sent(desk) == []


@pytest.mark.parametrize("profile", [{"internal_note_type": " note"}, {"assignee_role": "Customer"}])
def test_a_profile_that_would_leak_is_refused(profile: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is among the"):
        Profile.model_validate(profile)
