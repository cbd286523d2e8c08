"""An odd attribute of an event costs itself: what changed is told all the same, as long as it says which record."""

import json
from typing import Any

import pytest

from connectors.crm.bottlecrm.events import BottleCrmEvents
from connectors.events.hints import Change, Hint
from connectors.events.speaking import LONGEST_ID, Event, Malformed, Speaks
from connectors.inventory.nautobot.events import NautobotEvents
from connectors.ticketing.rt.events import RtEvents
from connectors.tmf.events import TmfEvents
from connectors.tmf.profile import Profile
from tests.connectors.events.test_signatures import NOW, SECRET, plain, timed
from tests.edges import JSON_EDGES

TMF = TmfEvents("ticketing", Profile(), ["/tmf-api/troubleTicket/v4/troubleTicket"])
AT = "2026-11-22T19:29:58Z"
TOLD: dict[str, tuple[Speaks, dict[str, Any]]] = {
    "tmf": (TMF, {"eventId": "e1", "eventType": "x", "eventTime": AT, "event": {"troubleTicket": {"id": "TT-1"}}}),
    "rt": (RtEvents("ticketing"), {"ticket": "TT-1", "event": "Status", "new": "open", "transaction": 5, "at": AT}),
    "bottlecrm": (
        BottleCrmEvents("crm"),
        {"id": "e1", "event": "account.updated", "created_at": AT, "data": {"id": "TT-1", "name": "x"}},
    ),
    "nautobot": (
        NautobotEvents("inventory", "number"),
        {"event": "updated", "timestamp": AT, "model": "device", "data": {"id": "TT-1", "custom_fields": {}}},
    ),
}
NEEDED = {"event", "ticket", "data", "id", "timestamp"}
"""What says which record it is, or which event where that is signed."""
ODD = [
    (name, attribute)
    for name, (_, body) in TOLD.items()
    for attribute in body
    if attribute not in NEEDED or (attribute == "event" and name != "tmf")
]


def heard(name: str, text: str) -> Hint:
    speaks, _ = TOLD[name]
    body = text.encode()
    headers = {"x-bottlecrm-signature": timed(body), "x-hook-signature": plain(body)}
    (hint,) = speaks.read_event(Event(headers, body, NOW), SECRET)
    return hint


@pytest.mark.parametrize(("name", "attribute"), ODD)
def test_an_odd_attribute_costs_no_event(name: str, attribute: str) -> None:
    _, right = TOLD[name]
    for raw in JSON_EDGES:
        if raw == "1" * 5000 or "e400" in raw or raw.startswith("[" * 50):
            continue  # which no decoder takes
        text = json.dumps({**right, attribute: "odd"}).replace('"odd"', raw)
        assert heard(name, text).id == "TT-1", raw


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("at", [AT, AT.lower(), "2026-11-22T19:29:58", "2026-11-22T19:29:58,000Z"])
def test_times_of_every_style_are_the_same_time(name: str, at: str) -> None:
    assert heard(name, json.dumps(TOLD[name][1]).replace(AT, at)).at == NOW


@pytest.mark.parametrize("at", [int(NOW), int(NOW) * 1000, f"{NOW:.0f}"])
@pytest.mark.parametrize("name", TOLD)
def test_a_time_may_be_a_number(name: str, at: Any) -> None:
    assert heard(name, json.dumps(TOLD[name][1]).replace(f'"{AT}"', json.dumps(at))).at == NOW


@pytest.mark.parametrize("name", TOLD)
def test_a_broken_text_costs_itself_and_an_id_with_a_hole_names_nothing(name: str) -> None:
    right = TOLD[name][1]
    assert heard(name, json.dumps({**right, "other": "odd"}).replace("odd", "a\\ud800b\\q")).id == "TT-1"
    with pytest.raises(Malformed):
        heard(name, json.dumps(right).replace("TT-1", "TT\\ud8001"))


@pytest.mark.parametrize("quote", ["", '"'], ids=["a number", "a text"])
def test_an_id_is_as_long_as_it_may_be(quote: str) -> None:
    """Ids are kept by the thousand, to know an event that comes again."""
    right = json.dumps(TOLD["tmf"][1])
    longest, longer = ("1" * size for size in (LONGEST_ID, LONGEST_ID + 1))
    assert heard("tmf", right.replace('"TT-1"', f"{quote}{longest}{quote}")).id == longest
    with pytest.raises(Malformed):
        heard("tmf", right.replace('"TT-1"', f"{quote}{longer}{quote}"))


def test_a_service_whose_number_is_a_number_is_told_as_a_service() -> None:
    body = {**TOLD["nautobot"][1], "model": "circuit", "data": {"id": "3f", "custom_fields": {"number": 300001}}}
    hint = heard("nautobot", json.dumps(body))
    assert (hint.type, hint.id, hint.change) == ("Service", "300001", Change.CHANGED)
