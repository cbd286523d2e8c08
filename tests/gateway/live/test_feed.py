"""What subscriptions are told: the state as it is, to those whom it concerns, once, and nothing else."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.request import urlopen

import pytest
import pytest_asyncio

from connectors.events.hints import Change
from connectors.events.speaking import Event
from gateway.live.subscription import Subscriber
from resolvers.viewer import Viewer, ViewerKind
from sandbox.data import shapes
from tests.connectors.assurance.keeping_alerts import alertmanager, service_down
from tests.following import until
from tests.gateway.live.feeding import AGENT, OUTAGE, TICKET, Feeding, feeding, subscriber
from tests.systems import Systems, asked, running_systems, stopped, well_behaved


@pytest.fixture(scope="module")
def systems() -> Iterator[Systems]:
    with running_systems(customers=60) as running:
        yield running


@pytest_asyncio.fixture
async def feed(systems: Systems) -> AsyncIterator[Feeding]:
    well_behaved(systems)
    async with feeding(systems) as made:
        yield made


@pytest.fixture(scope="module")
def tickets(systems: Systems) -> dict[str, list[str]]:
    """Ids of the open tickets of 1001 and 1002."""
    return {one: _open(systems, one) for one in ("1001", "1002")}


def _open(systems: Systems, customer: str) -> list[str]:
    address = f"{systems['ticketing'].url}{shapes.TICKET}?relatedParty.id={customer}&limit=100"
    with urlopen(address) as answer:  # the sandbox's own address
        rows = json.load(answer)
    return [row["id"] for row in rows if row["status"] not in ("closed", "resolved", "cancelled", "rejected")]


def change(systems: Systems, ticket: str, **attributes: Any) -> None:
    now = systems["ticketing"].app.world.now().isoformat()
    systems["ticketing"].app.rewrite(shapes.TICKET, ticket, lastUpdate=now, **attributes)


async def test_a_subscriber_is_told_of_its_own_ticket_and_an_agent_of_all(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    own, other, agent = (
        feed.subscribe(TICKET, subscriber("1001")),
        feed.subscribe(TICKET, subscriber("1002")),
        feed.subscribe(TICKET),
    )
    mine, theirs = tickets["1001"][0], tickets["1002"][0]

    change(systems, mine, name="The line is noisy", status="inProgress")
    await feed.hear(f"Ticket:{mine}")

    told = {
        "ticketId": f"Ticket:{mine}",
        "event": "CHANGED",
        "ticket": {"name": "The line is noisy", "status": "IN_PROGRESS"},
    }
    assert await own.change() == told
    assert await agent.change() == told

    change(systems, theirs, name="No picture", status="inProgress")
    await feed.hear(f"Ticket:{theirs}")
    assert (await other.change())["ticket"]["name"] == "No picture"
    assert (await agent.change())["ticket"]["name"] == "No picture"
    assert own.nothing()
    assert other.nothing()


def rows(systems: Systems, system: str, path: str, query: str) -> list[dict[str, Any]]:
    with urlopen(f"{systems[system].url}{path}?{query}&limit=100") as answer:  # the sandbox's own address
        found: list[dict[str, Any]] = json.load(answer)
    return found


def outage_of(systems: Systems, customer: str) -> dict[str, Any]:
    """An open outage that affects a service of the customer."""
    services = {one["id"] for one in rows(systems, "inventory", shapes.SERVICE, f"relatedParty.id={customer}")}
    open_ones = rows(systems, "ticketing", shapes.PROBLEM, "status=acknowledged,inProgress,pending,held")
    return next(one for one in open_ones if services & {service["id"] for service in one.get("affectedService") or ()})


def problem(systems: Systems, outage: str, **attributes: Any) -> None:
    systems["ticketing"].app.rewrite(shapes.PROBLEM, outage, **attributes)


async def test_one_change_is_read_once_however_many_are_told(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    ticket = tickets["1001"][0]
    clients = [feed.subscribe(TICKET, viewer) for viewer in [subscriber("1001"), AGENT] for _ in range(20)]
    change(systems, ticket, name="Once")
    well_behaved(systems)

    await feed.hear(f"Ticket:{ticket}")
    assert {(await one.change())["ticket"]["name"] for one in clients} == {"Once"}

    assert [line.partition("?")[0] for server in systems.values() for line in asked(server)] == [f"GET {shapes.TICKET}"]
    assert feed.counted.messages == 40


async def test_a_burst_is_told_once_with_the_newest_state_and_the_same_state_not_again(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    ticket, other = tickets["1001"][0], tickets["1002"][0]
    agent = feed.subscribe(TICKET)
    change(systems, ticket, name="First")
    await feed.hear(f"Ticket:{ticket}", f"Ticket:{ticket}")
    change(systems, ticket, name="Second")
    await feed.hear(f"Ticket:{ticket}")
    assert (await agent.change())["ticket"]["name"] == "Second"

    await feed.hear(f"Ticket:{ticket}")  # another event of the same change
    change(systems, other, name="Another one")
    await feed.hear(f"Ticket:{other}")
    assert (await agent.change())["ticket"]["name"] == "Another one"
    assert agent.nothing()


async def test_the_same_event_again_is_not_heard(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    ticket = tickets["1001"][0]
    agent = feed.subscribe(TICKET)
    change(systems, ticket, name="An event")
    await feed.hear(f"Ticket:{ticket}", event_id="E1")
    assert (await agent.change())["ticket"]["name"] == "An event"

    change(systems, ticket, name="Something else")
    await feed.hear(f"Ticket:{ticket}", event_id="E1")  # a replay
    await feed.hear(f"Ticket:{tickets['1002'][0]}", event_id="E2")
    assert (await agent.change())["ticketId"] == f"Ticket:{tickets['1002'][0]}"
    assert agent.nothing()


@pytest.mark.parametrize(
    ("status", "event"), [("resolved", "RESOLVED"), ("closed", "CLOSED"), ("cancelled", "CLOSED"), ("held", "CHANGED")]
)
async def test_what_happened_is_told_by_the_state(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]], status: str, event: str
) -> None:
    agent, ticket = feed.subscribe(TICKET), tickets["1001"][0]
    change(systems, ticket, status="inProgress", name=f"Before {status}", resolutionDate=None)
    await feed.hear(f"Ticket:{ticket}")
    assert (await agent.change())["event"] == "CHANGED"
    change(systems, ticket, status=status)
    await feed.hear(f"Ticket:{ticket}", change=Change.CREATED)  # a lie
    assert (await agent.change())["event"] == event
    change(systems, ticket, status=status, name=f"After {status}")
    await feed.hear(f"Ticket:{ticket}")
    assert (await agent.change())["event"] == "CHANGED"


async def test_a_new_ticket_is_told_as_created(systems: Systems, feed: Feeding, tickets: dict[str, list[str]]) -> None:
    own, ticket, now = (
        feed.subscribe(TICKET, subscriber("1001")),
        tickets["1001"][0],
        systems["ticketing"].app.world.now(),
    )
    change(systems, ticket, status="acknowledged", creationDate=now.isoformat(), resolutionDate=None)
    await feed.hear(f"Ticket:{ticket}", change=Change.CREATED, at=now.timestamp())
    assert (await own.change())["event"] == "CREATED"
    change(systems, ticket, name="Not new any more")
    await feed.hear(f"Ticket:{ticket}", change=Change.CREATED, at=now.timestamp())
    assert (await own.change())["event"] == "CHANGED"


async def test_what_is_gone_is_removed_for_those_whose_it_was(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    own, other, agent = (feed.subscribe(TICKET, one) for one in (subscriber("1001"), subscriber("1002"), AGENT))
    ticket = tickets["1001"][0]
    change(systems, ticket, name="Still there")
    await feed.hear(f"Ticket:{ticket}")
    await own.change()
    await agent.change()

    whose = rows(systems, "ticketing", f"{shapes.TICKET}", f"id={ticket}")[0]["relatedParty"]
    theirs = rows(systems, "ticketing", f"{shapes.TICKET}", f"id={tickets['1002'][0]}")[0]["relatedParty"]
    change(systems, ticket, relatedParty=theirs)
    try:
        await feed.hear(f"Ticket:{ticket}")
        assert await own.change() == {"ticketId": f"Ticket:{ticket}", "event": "REMOVED", "ticket": None}
        assert (await other.change())["ticket"]["name"] == "Still there"
        assert (await agent.change())["event"] == "CHANGED"
    finally:
        change(systems, ticket, relatedParty=whose)
    await feed.hear("Ticket:TT-nothing", change=Change.REMOVED)
    assert await agent.change() == {"ticketId": "Ticket:TT-nothing", "event": "REMOVED", "ticket": None}
    assert own.nothing()
    assert other.nothing()


async def test_what_passes_from_one_of_a_subscribers_customers_to_another_is_still_there(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    both, former = feed.subscribe(TICKET, subscriber("1001", "1002")), feed.subscribe(TICKET, subscriber("1001"))
    ticket = tickets["1001"][0]
    change(systems, ticket, name="Of the first")
    await feed.hear(f"Ticket:{ticket}")
    await both.change()
    await former.change()

    whose = rows(systems, "ticketing", f"{shapes.TICKET}", f"id={ticket}")[0]["relatedParty"]
    theirs = rows(systems, "ticketing", f"{shapes.TICKET}", f"id={tickets['1002'][0]}")[0]["relatedParty"]
    change(systems, ticket, relatedParty=theirs, name="Of the second")
    try:
        await feed.hear(f"Ticket:{ticket}")
        assert (await former.change())["event"] == "REMOVED"
        told = await both.change()
        assert (told["event"], told["ticket"]["name"]) == ("CHANGED", "Of the second")
        assert both.nothing()
    finally:
        change(systems, ticket, relatedParty=whose)


async def test_ids_of_others_are_silence(systems: Systems, feed: Feeding, tickets: dict[str, list[str]]) -> None:
    mine, theirs = tickets["1001"][0], tickets["1002"][0]
    document = "subscription($ids: [ID!]) { ticketChanged(ids: $ids) { ticketId } }"
    own = feed.subscribe(document, subscriber("1001"), ids=[f"Ticket:{theirs}", mine, "Ticket:nothing"])
    agent = feed.subscribe(document, AGENT, ids=[mine])
    other = feed.subscribe(document, subscriber("1002"))
    change(systems, theirs, name="Theirs")
    await feed.hear(f"Ticket:{theirs}")
    assert await other.change() == {"ticketId": f"Ticket:{theirs}"}
    change(systems, mine, name="Mine")
    await feed.hear(f"Ticket:{mine}")
    assert await own.change() == await agent.change() == {"ticketId": f"Ticket:{mine}"}
    assert own.nothing()
    assert agent.nothing()


async def test_a_subscriber_sees_in_a_change_what_a_query_shows(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    document = "subscription { ticketChanged { ticket { notes { text internal } assignee customer { id name } } } }"
    own, agent, ticket = feed.subscribe(document, subscriber("1001")), feed.subscribe(document), tickets["1001"][0]
    notes = [{"text": "for you", "author": "a"}, {"text": "not for you", "author": "a", "@type": "internalNote"}]
    change(systems, ticket, note=notes)
    await feed.hear(f"Ticket:{ticket}")

    seen, all_of_it = (await own.change())["ticket"], (await agent.change())["ticket"]
    assert [note["text"] for note in seen["notes"]] == ["for you"]
    assert [note["text"] for note in all_of_it["notes"]] == ["for you", "not for you"]
    assert seen["customer"] == all_of_it["customer"]
    assert seen["customer"]["id"] == "Customer:1001"


async def test_a_system_that_is_away_ends_nothing(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    own, ticket = feed.subscribe(TICKET, subscriber("1001")), tickets["1001"][0]
    change(systems, ticket, name="While it was away")
    with stopped(systems["ticketing"]):
        await feed.hear(f"Ticket:{ticket}")
        assert own.nothing()
    assert (await own.change())["ticket"]["name"] == "While it was away"


async def test_what_fails_below_is_null_with_an_error(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    own = feed.subscribe("subscription { ticketChanged { ticket { name customer { name } } } }", subscriber("1001"))
    ticket = tickets["1001"][0]
    change(systems, ticket, name="Without the CRM")
    with stopped(systems["crm"]):
        await feed.hear(f"Ticket:{ticket}")
        message = await own.next()
    assert message["data"]["ticketChanged"]["ticket"] == {"name": "Without the CRM", "customer": {"name": None}}
    assert [error["extensions"]["system"] for error in message["errors"]] == ["crm"]


async def test_an_outage_is_told_to_those_whose_services_it_affects(systems: Systems, feed: Feeding) -> None:
    outage = outage_of(systems, "1001")
    affected = "affectedServices { totalCount nodes { customer { id } } }"
    document = f"subscription {{ outageChanged {{ outage {{ id name {affected} }} }} }}"
    own, agent = feed.subscribe(document, subscriber("1001")), feed.subscribe(document)
    services = {one["id"] for one in outage["affectedService"]}
    world = systems["ticketing"].app.world
    stranger = str(next(number for number in world.in_cabinet(2) if number not in world.in_cabinet(1)))
    elsewhere = feed.subscribe(OUTAGE, subscriber(stranger))
    problem(systems, outage["id"], name="It is broken")
    await feed.hear(f"Outage:{outage['id']}")

    seen, all_of_it = (await own.change())["outage"], (await agent.change())["outage"]
    assert seen["name"] == all_of_it["name"] == "It is broken"
    assert {one["customer"]["id"] for one in seen["affectedServices"]["nodes"]} == {"Customer:1001"}
    assert all_of_it["affectedServices"]["totalCount"] == len(services)
    assert elsewhere.nothing()


async def test_an_end_that_another_process_was_posted_is_told_also_shortly_after_alertmanagers_start(
    systems: Systems,
) -> None:
    async with alertmanager() as (server, posted):
        assurance = {"url": server.url, "driver": "alertmanager"}
        server.alerts, server.started = [service_down("S1")], datetime.now(UTC)
        async with feeding(systems, assurance=assurance) as feed:
            agent = feed.subscribe(OUTAGE)
            hook = posted.events.read_event(Event({}, server.hook(*server.alerts), time.time()), "")
            await feed.publish(hook)
            assert (await agent.change())["outage"]["state"] == "IN_PROGRESS"
            ended = server.hook(*server.alerts, ended="2026-11-29T03:00:00Z")
            server.alerts = []
            await feed.publish(posted.events.read_event(Event({}, ended, time.time()), ""))
            told = await agent.change()
    assert (told["event"], told["outage"]["state"]) == ("RESOLVED", "RESOLVED")


async def test_whose_it_is_cannot_be_found_out_at_first(systems: Systems, feed: Feeding) -> None:
    outage = outage_of(systems, "1001")
    own, agent = feed.subscribe(OUTAGE, subscriber("1001")), feed.subscribe(OUTAGE)
    problem(systems, outage["id"], name="Nobody knows whose", status="resolved")
    with stopped(systems["inventory"]):
        await feed.hear(f"Outage:{outage['id']}")
        told = await agent.change()
        assert own.nothing()
    assert told["event"] == "RESOLVED"
    assert await own.change() == told
    assert agent.nothing()
    problem(systems, outage["id"], status=outage["status"])


async def test_bills_and_payments_that_name_nobody_are_their_accounts(systems: Systems, feed: Feeding) -> None:
    bill = next(one for one in rows(systems, "billing", shapes.BILL, "relatedParty.id=1001") if one["state"] == "sent")
    bills = "subscription { billIssued { event bill { number } } }"
    own, other = feed.subscribe(bills, subscriber("1001")), feed.subscribe(bills, subscriber("1002"))
    systems["billing"].app.rewrite(shapes.BILL, bill["id"], relatedParty=[], billNo="NEW-1")
    await feed.hear(f"Bill:{bill['id']}")
    assert (await own.change())["bill"] == {"number": "NEW-1"}
    assert other.nothing()

    payment = rows(systems, "billing", shapes.PAYMENT, "payer.id=1001")[0]
    document = "subscription { paymentChanged { event payment { status } } }"
    own, other = feed.subscribe(document, subscriber("1001")), feed.subscribe(document, subscriber("1002"))
    systems["billing"].app.rewrite(shapes.PAYMENT, payment["id"], payer=None, status="refunded")
    await feed.hear(f"Payment:{payment['id']}")
    assert await own.change() == {"event": "CHANGED", "payment": {"status": "REFUNDED"}}
    assert other.nothing()


async def test_a_draft_is_no_bill_yet(systems: Systems, feed: Feeding) -> None:
    drafted, sent = rows(systems, "billing", shapes.BILL, "relatedParty.id=1002")[:2]
    agent = feed.subscribe("subscription { billIssued { billId } }")
    systems["billing"].app.rewrite(shapes.BILL, drafted["id"], state="new")
    systems["billing"].app.rewrite(shapes.BILL, sent["id"], state="sent")
    await feed.hear(f"Bill:{drafted['id']}", f"Bill:{sent['id']}")
    assert await agent.change() == {"billId": f"Bill:{sent['id']}"}
    assert agent.nothing()


async def test_what_can_never_succeed_is_refused(feed: Feeding) -> None:
    wrong = feed.subscribe('subscription { ticketChanged(ids: ["Bill:1"]) { ticketId } }')
    assert [error.message for error in wrong.errors] == [
        "The id 'Bill:1' is the id of a Bill. This field needs the id of a Ticket."
    ]
    unfit = feed.subscribe("subscription($ids: [ID!]) { ticketChanged(ids: $ids) { ticketId } }", ids=[{}])
    assert [error.extensions["code"] for error in unfit.errors if error.extensions] == ["BAD_USER_INPUT"]


async def test_who_has_left_is_told_nothing(systems: Systems, feed: Feeding, tickets: dict[str, list[str]]) -> None:
    gone, there, ticket = feed.subscribe(TICKET), feed.subscribe(TICKET), tickets["1001"][0]
    feed.feed.remove(gone.subscription)
    feed.feed.remove(gone.subscription)
    change(systems, ticket, name="Somebody has left")
    await feed.hear(f"Ticket:{ticket}")
    assert (await there.change())["ticket"]["name"] == "Somebody has left"
    assert gone.nothing()


async def test_a_fresh_token_while_a_message_is_made_loses_nothing_and_shows_nothing_more(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    document = "subscription { ticketChanged { ticket { name customer { name } } } }"
    keeps, loses = (feed.subscribe(document, subscriber("1001", "1002")) for _ in range(2))
    ticket = tickets["1001"][0]
    change(systems, ticket, name="While the token was renewed")
    systems["crm"].switches.latency_ms = 500
    await feed.hear(f"Ticket:{ticket}")
    await until(lambda: bool(asked(systems["crm"])))
    for told, viewer in ((keeps, subscriber("1001")), (loses, subscriber("1002"))):
        feed.feed.remove(told.subscription)
        told.subscription.subscriber = Subscriber(viewer)
        feed.feed.add(told.subscription)
    assert (await keeps.change())["ticket"]["name"] == "While the token was renewed"
    systems["crm"].switches.reset()
    change(systems, tickets["1002"][0], name="After it")
    await feed.hear(f"Ticket:{tickets['1002'][0]}")
    assert (await loses.change())["ticket"]["name"] == "After it"
    assert keeps.nothing()


def agent(name: str, *scopes: str) -> Viewer:
    """An agent with these scopes, which others of the kind do not have."""
    own = frozenset(scopes)
    return Viewer(ViewerKind.AGENT, subject=name, scopes=own, noted_scopes=own)


async def test_a_change_is_shown_as_far_as_each_viewers_scopes_go(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    document = "subscription { ticketChanged { ticket { name assignee customer { usage { name } } } } }"
    ann, bob = agent("ann", "ticket:text", "staff:read"), agent("bob", "ticket:text", "staff:read")
    clients = [
        feed.subscribe(document, viewer) for viewer in (ann, bob, agent("eve"), agent("joe"), subscriber("1001"))
    ]
    ticket = tickets["1001"][0]
    change(systems, ticket, name="Call me on 0812345678")
    well_behaved(systems)

    await feed.hear(f"Ticket:{ticket}")
    told = [(await one.next()) for one in clients]

    names = [one["data"]["ticketChanged"]["ticket"]["name"] for one in told]
    assert names == ["Call me on 0812345678"] * 2 + ["***"] * 2 + ["Call me on 0812345678"]
    codes = [sorted((one["path"][-1], one["extensions"]["code"]) for one in each.get("errors", ())) for each in told]
    usage, assignee = ("usage", "FORBIDDEN_FIELD"), ("assignee", "FORBIDDEN_FIELD")
    assert codes == [[usage], [usage], [assignee, usage], [assignee, usage], []]
    assert len([line for line in asked(systems["billing"]) if "usage" in line]) == 1  # for the subscriber
    lines = [
        (viewer.subject, {name: (*one.fields, *one.ids) for name, one in read.types.items()})
        for viewer, read in feed.unmasked
    ]
    assert sorted(lines) == [(name, {"Ticket": ("name", f"Ticket:{ticket}")}) for name in ("ann", "bob")]


async def test_who_does_not_take_messages_gets_the_newest_and_how_many_were_skipped(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    slow, quick, ticket = feed.subscribe(TICKET), feed.subscribe(TICKET), tickets["1001"][0]
    for name in ("One", "Two", "Three"):
        change(systems, ticket, name=name)
        await feed.hear(f"Ticket:{ticket}")
        assert (await quick.change())["ticket"]["name"] == name
    (message,) = [json.loads(one) for one in slow.subscription.take()]
    assert message["data"]["ticketChanged"]["ticket"]["name"] == "Three"
    assert message["extensions"] == {"skipped": 2}
    assert feed.counted.skipped == 2


async def test_a_slow_system_below_holds_up_only_those_who_select_it(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    slow = feed.subscribe("subscription { ticketChanged { ticketId ticket { customer { name } } } }")
    quick, one, other = feed.subscribe(TICKET), tickets["1001"][0], tickets["1002"][0]
    systems["crm"].switches.hang = True
    change(systems, one, name="Held up")
    await feed.hear(f"Ticket:{one}")
    assert (await quick.change())["ticket"]["name"] == "Held up"
    change(systems, other, name="Not held up")
    await feed.hear(f"Ticket:{other}")
    assert (await quick.change())["ticket"]["name"] == "Not held up"
    assert slow.nothing()
    systems["crm"].switches.hang = False


BELOW = "subscription { ticketChanged { event ticket { name customer { name } } } }"


async def test_what_failed_below_is_told_again_when_its_system_is_back(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    own, plain, agent = feed.subscribe(BELOW, subscriber("1001")), feed.subscribe(TICKET), feed.subscribe(BELOW)
    ticket = tickets["1001"][0]
    change(systems, ticket, name="The CRM is away", status="resolved")
    with stopped(systems["crm"]):
        await feed.hear(f"Ticket:{ticket}")
        assert (await own.next())["errors"][0]["extensions"]["system"] == "crm"
        assert (await agent.next())["errors"]
        assert (await plain.change())["ticket"]["name"] == "The CRM is away"
    told = await own.change()
    assert told["event"] == "RESOLVED"
    assert told["ticket"]["name"] == "The CRM is away"
    assert told["ticket"]["customer"]["name"]
    assert await agent.change() == told
    change(systems, ticket, name="Open again", status="inProgress", resolutionDate=None)
    await feed.hear(f"Ticket:{ticket}")
    assert (await plain.change())["ticket"]["name"] == "Open again"
    assert (await own.change())["ticket"]["name"] == "Open again"
    assert [one.nothing() for one in (own, plain)] == [True, True]


async def test_what_still_fails_below_is_not_told_twice(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    own, ticket = feed.subscribe(BELOW, subscriber("1001")), tickets["1001"][0]
    change(systems, ticket, name="The CRM fails")
    systems["crm"].switches.error_rate = 1.0
    await feed.hear(f"Ticket:{ticket}")
    assert (await own.next())["errors"]
    had = len(asked(systems["ticketing"]))
    await until(lambda: len(asked(systems["ticketing"])) >= had + 2)  # it has been read twice again
    assert own.nothing()
    systems["crm"].switches.reset()
    assert (await own.change())["ticket"]["name"] == "The CRM fails"


async def test_a_change_that_a_subscriber_may_not_see_is_not_told(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    document = "subscription { ticketChanged { event ticket { name notes { text } } } }"
    own, hinted, agent = (
        feed.subscribe(document, subscriber("1001")),
        feed.subscribe("subscription { ticketChanged { event ticket { id } } }", subscriber("1001")),
        feed.subscribe(document),
    )
    ticket, notes = tickets["1001"][0], [{"text": "for you", "author": "a"}]
    change(systems, ticket, name="With notes", note=notes)
    await feed.hear(f"Ticket:{ticket}")
    assert (await own.change())["ticket"]["notes"] == (await agent.change())["ticket"]["notes"] == [{"text": "for you"}]
    await hinted.change()

    internal = [{"text": text, "author": "a", "@type": "internalNote"} for text in ("not for you", "nor this")]
    for number in (1, 2):
        change(systems, ticket, note=[*notes, *internal[:number]])
        await feed.hear(f"Ticket:{ticket}")
        assert len((await agent.change())["ticket"]["notes"]) == 1 + number
        await hinted.change()  # it shows nothing, so it says of anything that it changed
    assert own.nothing()

    change(systems, ticket, note=[*notes, *internal, {"text": "for you, too", "author": "a"}])
    await feed.hear(f"Ticket:{ticket}")
    assert [one["text"] for one in (await own.change())["ticket"]["notes"]] == ["for you", "for you, too"]


async def test_a_list_below_that_lacks_rows_says_so(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    document = "subscription { changed: ticketChanged { ticket { customer { services { nodes { id } } } } } }"
    own, ticket = feed.subscribe(document, subscriber("1001")), tickets["1001"][0]
    lost = rows(systems, "inventory", shapes.SERVICE, "relatedParty.id=1001")[0]["id"]
    systems["inventory"].switches.odd = {lost: {"relatedParty": [{"id": {"x": 1}}]}}
    change(systems, ticket, name="With a list that lacks a row")
    await feed.hear(f"Ticket:{ticket}")
    message = await own.next()
    path = ["changed", "ticket", "customer", "services"]
    assert message["extensions"] == {"incomplete": [{"path": path, "system": "inventory", "rows": 1}]}
    assert f"Service:{lost}" not in [
        one["id"] for one in message["data"]["changed"]["ticket"]["customer"]["services"]["nodes"]
    ]


async def test_what_a_system_leaves_out_for_a_moment_is_not_removed(
    systems: Systems, feed: Feeding, tickets: dict[str, list[str]]
) -> None:
    agent, ticket = feed.subscribe(TICKET), tickets["1001"][0]
    change(systems, ticket, name="Here")
    await feed.hear(f"Ticket:{ticket}")
    await agent.change()
    had, switches = len(asked(systems["ticketing"])), systems["ticketing"].switches
    switches.odd = {ticket: {"id": "TT-another"}}
    await feed.hear(f"Ticket:{ticket}")
    await until(lambda: len(asked(systems["ticketing"])) > had)
    switches.odd = {}
    await until(lambda: len(asked(systems["ticketing"])) > had + 1)
    change(systems, ticket, name="Still here")
    await feed.hear(f"Ticket:{ticket}")
    assert (await agent.change())["ticket"]["name"] == "Still here"

    switches.odd = {ticket: {"id": "TT-another"}}
    await feed.hear(f"Ticket:{ticket}")
    assert (await agent.change())["event"] == "REMOVED"
    assert agent.nothing()
