"""Rows of the ticketing system: TMF621 trouble tickets and TMF656 service problems (outages)."""

from base64 import b64encode
from datetime import UTC, datetime, time, timedelta
from random import Random

from sandbox.data import documents, inventory, outages, shapes
from sandbox.data.outages import Outage
from sandbox.data.shapes import Row
from sandbox.data.subscriber import EXAMPLE, OPEN_TICKET_STATES, Subscriber
from sandbox.data.world import World

MOST_AFFECTED = 40
_SUBJECTS = {
    "broadband": ("No connection in the evenings", "Slow downloads", "Router restarts by itself"),
    "mobile": ("No signal indoors", "Roaming does not work", "Calls drop after a minute"),
    "tv": ("Picture freezes", "A channel is missing", "Set-top box shows an error"),
    "voice": ("No dial tone", "Noise on the line", "Callers hear an echo"),
}
_ANSWERS = (
    "We have started to look into this and will come back to you within two working days.",
    "We measured your line and found the fault. A technician is booked.",
    "Please restart the device once and tell us whether it helps.",
)


def _agent(number: int) -> Row:
    return {
        "id": f"AGENT-{number:02d}",
        "name": f"Agent {number:02d}",
        "role": "assignee",
        "@referredType": "Individual",
    }


def _note(ident: str, author: str, moment: datetime, text: str, *, internal: bool = False) -> Row:
    kind = "InternalNote" if internal else "Note"
    return {"id": ident, "author": author, "date": shapes.stamp(moment), "text": text, "@type": kind}


def tickets(world: World, number: int) -> list[Row]:
    """Return the customer's trouble tickets. 1001 has three: the first is in progress, the others are over."""
    who = world.subscriber(number)
    rows = []
    for index in range(1, who.tickets + 1):
        rng = Random(f"{world.seed}:{number}:ticket:{index}")  # noqa: S311  # plausible data, not secrets
        first = number == EXAMPLE and index == 1
        position = 1 if first else rng.randint(1, len(who.kinds))
        kind = who.kinds[position - 1]
        status = who.ticket_status(index)
        is_open = status in OPEN_TICKET_STATES
        age = timedelta(days=2 if first else rng.randint(1, 20) if is_open else rng.randint(30, 200))
        created = datetime.combine(world.today, time(8, rng.randint(0, 59)), UTC) - age
        ended = created + timedelta(days=rng.randint(1, 9), hours=3)
        changed = created + timedelta(hours=5) if is_open else ended
        ident, subject, agent = f"TT-{number}-{index}", rng.choice(_SUBJECTS[kind]), _agent(rng.randint(1, 20))
        row: Row = {
            "id": ident,
            "href": f"{shapes.TICKET}/{ident}",
            "name": subject,
            "description": f"{subject}: {who.offer(position).name}, reported by {who.name}.",
            "ticketType": "outage" if first else rng.choice(("fault", "fault", "complaint", "question")),
            "severity": "Major" if first else rng.choice(("Critical", "Major", "Minor", "Minor")),
            "priority": rng.choice(("High", "Medium", "Low")),
            "status": status,
            "statusChangeDate": shapes.stamp(changed),
            "statusChangeReason": "Work has started" if is_open else "Fault repaired",
            "statusChange": [
                {"status": "acknowledged", "changeDate": shapes.stamp(created)},
                {"status": status, "changeDate": shapes.stamp(changed)},
            ],
            "creationDate": shapes.stamp(created),
            "lastUpdate": shapes.stamp(changed),
            "expectedResolutionDate": shapes.stamp(created + timedelta(days=7)),
            "channel": {"id": "CH-1", "name": rng.choice(("portal", "phone", "chat"))},
            "note": [_note("1", agent["name"], created + timedelta(hours=1), _ANSWERS[0])],
            "relatedEntity": [
                inventory.service_ref(who, position) | {"role": "affectedService", "@referredType": "Service"}
            ],
            "relatedParty": [shapes.customer_party(who.id, who.name), agent],
            "@type": "TroubleTicket",
        }
        if not is_open:
            row["resolutionDate"] = shapes.stamp(ended)
        if first:
            row["note"] += [
                _note(
                    "2",
                    agent["name"],
                    created + timedelta(hours=2),
                    "Third case on this terminal this week.",
                    internal=True,
                ),
                _note("3", agent["name"], changed, _ANSWERS[1]),
            ]
            row["attachment"] = _attachments(ident, who, changed)
        rows.append(row)
    return rows


def ticket_states(world: World, number: int) -> list[str]:
    """Return the status of each of the customer's tickets, as generated."""
    who = world.subscriber(number)
    return [who.ticket_status(index) for index in range(1, who.tickets + 1)]


_PICTURE_BYTES = len(documents.lights_png())


def _attachments(ticket: str, who: Subscriber, moment: datetime) -> list[Row]:
    picture = {
        "id": f"{ticket}-A1",
        "name": "router-lights.png",
        "description": "Photo from the customer",
        "attachmentType": "picture",
        "mimeType": "image/png",
        "url": f"/attachments/{ticket}-A1",
        "size": {"amount": _PICTURE_BYTES, "units": "bytes"},
        "validFor": {"startDateTime": shapes.stamp(moment)},
    }
    measured = {
        "id": f"{ticket}-A2",
        "name": "line-measurement.txt",
        "description": "Line measurement",
        "attachmentType": "measurement",
        "mimeType": "text/plain",
        "content": b64encode(documents.measurement(ticket, who.id)).decode(),
        "validFor": {"startDateTime": shapes.stamp(moment)},
    }
    return [picture, measured]


def _affected(world: World, outage: Outage) -> list[tuple[Subscriber, int]]:
    hit = ("broadband",) if outage.kind == "OLT" else ("broadband", "voice")
    found = []
    for number in world.in_cabinet(outage.cabinet):
        who = world.subscriber(number)
        if who.status == "Active":
            found += [(who, position) for position, kind in enumerate(who.kinds, 1) if kind in hit]
    return found[:MOST_AFFECTED]


def problems(world: World, shard: int) -> list[Row]:
    """Return all service problems: the open ones first. There is one shard, number 1."""
    del shard
    return [_problem(world, outage) for outage in outages.all_outages(world)]


def new_problem(world: World, cabinet: int) -> Row:
    """Return what a service problem about a whole cabinet is created with."""
    row = _problem(world, Outage(0, cabinet, "Cabinet", is_open=True))
    made_by_the_system = ("id", "href", "status", "statusChangeDate", "creationDate", "lastUpdate")
    return {key: value for key, value in row.items() if key not in made_by_the_system}


def _problem(world: World, outage: Outage) -> Row:
    rng = Random(f"{world.seed}:problem:{outage.number}")  # noqa: S311  # plausible data, not secrets
    place, ident = inventory.cabinet_place(outage.cabinet), f"SP-{outage.number}"
    age = timedelta(hours=rng.randint(2, 40)) if outage.is_open else timedelta(days=rng.randint(7, 60))
    created = datetime.combine(world.today, time(7, rng.randint(0, 59)), UTC) - age
    ended = created + timedelta(hours=rng.randint(3, 48))
    affected = _affected(world, outage)
    status = rng.choice(("inProgress", "acknowledged", "pending") if outage.is_open else ("resolved", "closed"))
    whole = outage.kind == "Cabinet"
    name = f"Fibre cut near {place}" if whole else f"Broadband outage at {place}"
    reason = "Cable damaged by road works" if whole else "Line card failure"
    related = [
        shapes.ref(shapes.TICKET, f"TT-{who.number}-1", "Trouble ticket", "TroubleTicket")
        for who, position in affected
        if position == 1 and who.tickets
    ][:5]
    row: Row = {
        "id": ident,
        "href": f"{shapes.PROBLEM}/{ident}",
        "name": name,
        "category": "serviceProvider.originated",
        "description": f"{name}. {reason}; services of {len(affected)} lines are down.",
        "reason": reason,
        "status": status,
        "statusChangeDate": shapes.stamp(created if outage.is_open else ended),
        "statusChangeReason": "Repair under way" if outage.is_open else "Repaired",
        "priority": 1 if whole else rng.randint(2, 6),
        "impactImportanceFactor": str(min(100, 20 + 2 * len(affected))),
        "affectedNumberOfServices": len(affected),
        "creationDate": shapes.stamp(created),
        "lastUpdate": shapes.stamp(created if outage.is_open else ended),
        "originatingSystem": "network-monitoring",
        "originatorParty": {
            "id": "NOC",
            "name": "Network operations centre",
            "role": "originator",
            "@referredType": "Organization",
        },
        "affectedService": [inventory.service_ref(who, position) for who, position in affected],
        "affectedResource": [inventory.cabinet_ref(outage.cabinet) if whole else inventory.olt_ref(outage.cabinet)],
        "affectedLocation": [inventory.site_ref(outage.cabinet) | {"role": "faultLocation"}],
        "troubleTicket": related,
        "@type": "ServiceProblem",
    }
    if not outage.is_open:
        row["resolutionDate"] = shapes.stamp(ended)
    return row
