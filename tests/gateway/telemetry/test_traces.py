"""Traces, as a collector gets them and as a system is told of them."""

import re
from pathlib import Path
from typing import Any

import pytest

from gateway.http.headers import IndexedHeaders
from gateway.telemetry.sampling import Sampler
from gateway.telemetry_settings import TelemetrySettings
from tests.gateway.commands.forked import imported
from tests.gateway.telemetry.collector import Collector, attributes, collecting
from tests.stack import DOMAINS, Stack, stacked

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
DOCUMENT = """query Home { me { id name bills(first: 2) { nodes { id charges { id } } } openTickets: tickets(first: 1) {
  nodes { id } } } }"""


async def traced(folder: Path, collector: Collector, given: str | None, **settings: Any) -> list[str | None]:
    """What billing was told of the trace of one request; the others must not be told."""
    telemetry = TelemetrySettings(endpoint=collector.endpoint, metrics=False, **settings)
    systems = {"billing": {"trace_context": True}}
    async with stacked(folder, customers=4, telemetry=telemetry, systems=systems) as stack:
        await asked(stack, given)
        told = {name: [one.get("traceparent") for one in stack.systems[name].requests] for name in DOMAINS}
    assert set(told["crm"]) == set(told["ticketing"]) == {None}
    return told["billing"]


async def asked(stack: Stack, given: str | None) -> None:
    headers = stack.headers("1001") | ({"traceparent": given} if given else {})
    async with stack.session.post(f"{stack.address}/graphql", json={"query": DOCUMENT}, headers=headers) as answer:
        assert "errors" not in await answer.json()


async def test_a_request_its_levels_and_its_calls_are_spans(tmp_path: Path) -> None:
    with collecting() as collector:
        told = await traced(tmp_path, collector, f"00-{TRACE}-{PARENT}-01", sample=0)

    spans = collector.spans
    (request,) = [one for one in spans if one.kind == 2]
    levels = [one for one in spans if one.kind == 1]
    calls = [one for one in spans if one.kind == 3]
    assert {one.trace_id.hex() for one in spans} == {TRACE}
    assert request.parent_span_id.hex() == PARENT
    assert {one.parent_span_id for one in (*levels, *calls)} == {request.span_id}
    assert request.name == "query"
    about = attributes(request)
    assert about["graphql.operation.name"] == "Home"
    assert (about["graphql.operation.type"], about["http.response.status_code"]) == ("query", 200)
    assert (about["http.request.method"], about["gateway.caller"]) == ("POST", "subscriber")
    assert "graphql.document" not in about
    assert [one.name for one in levels] == ["level 1", "level 2"]
    assert attributes(levels[1])["gateway.fields"] == ["Bill.charges"]
    assert attributes(levels[0])["gateway.fields"] == ["Customer.name", "Customer.bills", "Customer.tickets"]
    assert {attributes(one)["gateway.system"] for one in calls} == {"crm", "billing", "ticketing"}
    assert {"GET billing.bills_of_customers", "GET billing.charges_of_bills"} <= {one.name for one in calls}
    for one in (*levels, *calls):
        assert request.start_time_unix_nano <= one.start_time_unix_nano <= one.end_time_unix_nano
        assert one.end_time_unix_nano <= request.end_time_unix_nano
    # What billing was told are its own spans of this trace.
    of_billing = {one.span_id.hex() for one in calls if attributes(one)["gateway.system"] == "billing"}
    assert {f"00-{TRACE}-{one}-01" for one in of_billing} == set(told)


@pytest.mark.parametrize(
    ("given", "settings", "is_sampled"),
    [
        (None, {"sample": 1}, True),
        (None, {"sample": 0}, False),
        (f"00-{TRACE}-{PARENT}-00", {"sample": 1}, False),
        (f"00-{TRACE}-{PARENT}-00", {"sample": 1, "parent_based": False}, True),
        (f"00-{TRACE}-{PARENT}-01", {"sample": 0, "parent_based": False}, False),
        (f"00-{'0' * 32}-{PARENT}-01", {"sample": 0}, False),
        ("nonsense", {"sample": 0}, False),
    ],
    ids=["all", "none", "not by the parent", "by share", "not by share", "no id", "nonsense"],
)
def test_what_is_traced(given: str | None, settings: dict[str, Any], is_sampled: bool) -> None:
    sampler = Sampler(settings["sample"], parent_based=settings.get("parent_based", True))
    headers = [(b"traceparent", given.encode())] if given else []
    trace = sampler.of(IndexedHeaders({"headers": headers}))

    assert trace is not None
    assert trace.is_sampled is is_sampled
    trace_id, flags = trace.ids
    assert flags == ("01" if is_sampled else "00")
    assert re.fullmatch("[0-9a-f]{32}", trace_id)
    assert trace.ids == (trace_id, flags), "the id stays"
    assert (trace_id == TRACE) == (given is not None and TRACE in given)


async def test_a_trace_that_nobody_samples_goes_on_and_is_not_sent(tmp_path: Path) -> None:
    with collecting() as collector:
        told = await traced(tmp_path, collector, f"00-{TRACE}-{PARENT}-00", sample=1)

    assert collector.spans == []
    assert {one.rsplit("-", 1)[1] for one in told if one} == {"00"}
    assert {one.split("-")[1] for one in told if one} == {TRACE}


async def test_the_document_is_told_only_where_that_is_set(tmp_path: Path) -> None:
    with collecting() as collector:
        await traced(tmp_path, collector, None, sample=1, document=True, headers="authorization=Bearer%20abc,x-a=b")

    (request,) = [one for one in collector.spans if one.kind == 2]
    assert attributes(request)["graphql.document"] == DOCUMENT
    assert request.parent_span_id == b""
    assert {(one["authorization"], one["x-a"]) for one in collector.headers} == {("Bearer abc", "b")}
    assert {one["service.name"] for one in collector.resources} == {"opticom-gateway"}


async def test_a_failing_call_is_an_error_of_its_span_and_of_the_request(tmp_path: Path) -> None:
    with collecting() as collector:
        telemetry = TelemetrySettings(endpoint=collector.endpoint, metrics=False, sample=1)
        async with stacked(tmp_path, customers=4, telemetry=telemetry) as stack:
            stack.systems["billing"].stop()
            answer = await stack.ask("query Bills { me { bills(first: 1) { nodes { id } } } }", "1001")
            assert answer.errors[0]["extensions"]["code"] == "UPSTREAM_UNAVAILABLE"

    (request,) = [one for one in collector.spans if one.kind == 2]
    assert (request.status.code, attributes(request)["error.type"]) == (2, "UPSTREAM_UNAVAILABLE")
    assert {attributes(one).get("error.type") for one in collector.spans if one.kind == 3} >= {"UPSTREAM_UNAVAILABLE"}


def test_what_sends_is_not_imported_where_nothing_is_sent() -> None:
    found = imported()
    assert "gateway.app" in found
    # redis-py imports OpenTelemetry's metrics by itself wherever they are installed.
    sending = (
        "opentelemetry.exporter",
        "opentelemetry.sdk.trace",
        "opentelemetry.proto",
        "google.protobuf",
        "requests",
    )
    assert [one for one in found if one.startswith(sending)] == []
