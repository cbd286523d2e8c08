"""Signed webhooks: right ones, forged ones, old ones, those of another time."""

import hashlib
import hmac

import pytest

from connectors.crm.bottlecrm.events import BottleCrmEvents
from connectors.events.hints import Change, Source
from connectors.events.signatures import MOST_AGE, check_sha512, check_timed, same_secret
from connectors.events.speaking import Event, Forged, Malformed
from connectors.inventory.nautobot.events import NautobotEvents
from connectors.ticketing.rt.events import RtEvents
from connectors.tmf.events import TmfEvents
from connectors.tmf.profile import Profile

SECRET = "a-secret-of-20-chars"
NOW = 1_795_375_798.0
ACCOUNT = (
    b'{"id":"13ffa9b8","event":"account.updated","org_id":"1","created_at":"2026-11-22T19:29:58.214455+00:00",'
    b'"data":{"id":"6365819d","name":"Jan Kucera (C100002)","email":"x"}}'
)
CIRCUIT = (
    b'{"event":"updated","timestamp":"2026-11-22 19:29:58.386101+00:00","model":"circuit","request_id":"26970eb2",'
    b'"data":{"id":"3f6f1c9e","custom_fields":{"service_number":"S300001"}},"snapshots":{}}'
)


def timed(body: bytes, secret: str = SECRET, at: float = NOW) -> str:
    digest = hmac.new(secret.encode(), f"{at:.0f}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at:.0f},v1={digest}"


def plain(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()


def crm(body: bytes, signature: str) -> Event:
    return Event({"x-bottlecrm-signature": signature, "x-bottlecrm-delivery": "d"}, body, NOW)


def nautobot(body: bytes, signature: str, heard_at: float = NOW) -> Event:
    return Event({"x-hook-signature": signature}, body, heard_at)


def test_a_right_signature_is_accepted() -> None:
    check_timed(timed(b"{}"), b"{}", SECRET, NOW)
    check_timed(timed(b"{}"), b"{}", SECRET, NOW + MOST_AGE)
    check_timed(timed(b"{}"), b"{}", SECRET, NOW - MOST_AGE)
    check_sha512(plain(b"{}"), b"{}", SECRET)


RIGHT = timed(b"{}")


@pytest.mark.parametrize(
    "header",
    ["", "x", RIGHT[:-1], RIGHT + "0", RIGHT.replace("t=1", "t=2"), timed(b"{}", "another"), timed(b"[]"), "t=é,v1=é"],
)
def test_a_forged_signature_is_refused(header: str) -> None:
    with pytest.raises(Forged):
        check_timed(header, b"{}", SECRET, NOW)


@pytest.mark.parametrize("age", [MOST_AGE + 1, -MOST_AGE - 1])
def test_a_right_signature_of_another_time_is_refused(age: float) -> None:
    with pytest.raises(Forged):
        check_timed(timed(b"{}"), b"{}", SECRET, NOW + age)


@pytest.mark.parametrize("header", ["", "é", plain(b"[]"), plain(b"{}", "another"), plain(b"{}")[:-1]])
def test_a_forged_sha512_is_refused(header: str) -> None:
    with pytest.raises(Forged):
        check_sha512(header, b"{}", SECRET)


def test_secrets_are_the_same_or_not() -> None:
    assert same_secret("abc", "abc")
    assert not same_secret("abc", "abcd")
    assert not same_secret("é", "abc")


def test_bottlecrms_event_is_read_and_known_by_what_is_signed() -> None:
    (hint,) = BottleCrmEvents("crm").read_event(crm(ACCOUNT, timed(ACCOUNT)), SECRET)
    assert (hint.domain, hint.type, hint.id, hint.change) == ("crm", "", "6365819d", Change.CHANGED)
    assert (hint.event_id, hint.source) == ("13ffa9b8", Source.WEBHOOK)
    assert hint.at == pytest.approx(NOW, abs=1)
    contact = ACCOUNT.replace(b"account.updated", b"contact.created")
    (hint,) = BottleCrmEvents("crm").read_event(crm(contact, timed(contact)), SECRET)
    assert (hint.type, hint.change) == ("Party", Change.CREATED)


def test_nautobots_event_is_read_and_known_by_its_body() -> None:
    read = NautobotEvents("inventory", "service_number").read_event
    (hint,) = read(nautobot(CIRCUIT, plain(CIRCUIT)), SECRET)
    assert (hint.type, hint.id, hint.change) == ("Service", "S300001", Change.CHANGED)
    assert hint.event_id == hashlib.sha256(CIRCUIT).hexdigest()
    device = CIRCUIT.replace(b'"circuit"', b'"device"').replace(b'"updated"', b'"deleted"')
    (hint,) = read(nautobot(device, plain(device)), SECRET)
    assert (hint.type, hint.id, hint.change) == ("Resource", "3f6f1c9e", Change.REMOVED)
    with pytest.raises(Forged):
        read(nautobot(CIRCUIT, plain(CIRCUIT), NOW + 2 * MOST_AGE), SECRET)


RT = (
    b'{"event":"Status","field":"Status","old":"new","new":"open","ticket":5,"customer":"C100014","transaction":520,'
    b'"status":"open","at":"2026-11-22T19:33:51Z"}'
)


def test_request_trackers_scrip_is_read() -> None:
    read = RtEvents("ticketing").read_event
    (hint,) = read(Event({}, RT, NOW), SECRET)
    assert (hint.type, hint.id, hint.change, hint.event_id) == ("Ticket", "5", Change.CHANGED, "transaction 520")
    assert read(Event({}, RT.replace(b'"new":"open"', b'"new":"deleted"'), NOW), SECRET)[0].change is Change.REMOVED
    assert (
        read(Event({}, RT.replace(b'"event":"Status"', b'"event":"Create"'), NOW), SECRET)[0].change is Change.CREATED
    )
    bare = read(Event({}, b'{"ticket":"5"}', NOW), SECRET)[0]
    assert (bare.event_id, bare.at) == ("", NOW)


NAMES = {
    "troubleTicketCreateEvent": Change.CREATED,
    "TroubleTicketCreationNotification": Change.CREATED,
    "troubleTicketCreateNotification": Change.CREATED,
    "TroubleTicketAttributeValueChangeEvent": Change.CHANGED,
    "troubleTicketAttributeValueChangeNotification": Change.CHANGED,
    "troubleTicketStateChangeEvent": Change.CHANGED,
    "troubleTicketStatusChangeEvent": Change.CHANGED,
    "troubleTicketResolvedEvent": Change.CHANGED,
    "troubleTicketInformationRequiredEvent": Change.CHANGED,
    "troubleTicketDeleteEvent": Change.REMOVED,
    "TroubleTicketRemoveNotification": Change.REMOVED,
}
TMF = TmfEvents("ticketing", Profile(), ["/tmf-api/troubleTicket/v4/troubleTicket"])


@pytest.mark.parametrize(("name", "change"), NAMES.items())
@pytest.mark.parametrize("told_as", ["eventType", "@type"])
def test_all_names_of_events_are_understood(name: str, change: Change, told_as: str) -> None:
    body = f'{{"eventId":7,"{told_as}":"{name}","event":{{"troubleTicket":{{"id":"TT-1","status":"x"}}}}}}'
    (hint,) = TMF.read_event(Event({}, body.encode(), NOW), SECRET)
    assert (hint.type, hint.id, hint.change, hint.event_id, hint.at) == ("Ticket", "TT-1", change, "7 TT-1", NOW)


@pytest.mark.parametrize("name", ["eventTime", "timeOcurred", "timeOccurred"])
def test_the_time_has_three_names(name: str) -> None:
    body = f'{{"{name}":"2026-11-22T19:29:58Z","event":{{"troubleTicket":{{"id":1}}}}}}'
    (hint,) = TMF.read_event(Event({}, body.encode(), 0.0), SECRET)
    assert (hint.at, hint.id, hint.event_id) == (NOW, "1", "")


def test_an_event_about_what_the_graph_has_not_is_no_hint() -> None:
    assert TMF.read_event(Event({}, b'{"event":{"troubleTicketSpecification":{"id":"1"}}}', NOW), SECRET) == []


WRONG = [b"", b"[", b"\xff", b"[]", b"1", b"{}", b"[" * 100_000, b'{"event":1}', b'{"event":{"troubleTicket":{}}}']
WRONG += [b'{"event":{"troubleTicket":{"id":""}}}', b'{"event":{"troubleTicket":{"id":"a\\u0000"}}}', b'{"ticket":""}']
WRONG += [b'{"event":{"troubleTicket":{"id":"%s"}}}' % (b"9" * 201), b'{"ticket":{}}']


@pytest.mark.parametrize("body", WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_read_is_malformed(body: bytes) -> None:
    for speaks in (TMF, RtEvents("ticketing")):
        with pytest.raises(Malformed):
            speaks.read_event(Event({}, body, NOW), SECRET)
    with pytest.raises(Malformed):
        BottleCrmEvents("crm").read_event(crm(body, timed(body)), SECRET)
    with pytest.raises(Malformed):
        NautobotEvents("inventory", "service_number").read_event(nautobot(body, plain(body)), SECRET)
