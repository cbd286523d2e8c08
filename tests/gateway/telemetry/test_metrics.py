"""Metrics, as Prometheus and a collector get them."""

from pathlib import Path

import aiohttp

from gateway.commands.listening import check_free
from gateway.documents_settings import DocumentsSettings
from gateway.metrics.catalogue import CATALOGUE, OPERATION_DURATION
from gateway.metrics.instruments import Instruments
from gateway.server_settings import ServerSettings
from gateway.telemetry.names import OperationNames
from gateway.telemetry.own_port import Told, serving
from gateway.telemetry.process import Metrics
from gateway.telemetry_settings import TelemetrySettings
from tests.gateway.telemetry.collector import attributes, collecting
from tests.gateway.telemetry.page import Page, page_of
from tests.nginx import free_ports
from tests.stack import stacked

HOME = "query Home { me { id name bills(first: 2) { nodes { id } } } }"


async def test_operations_and_calls_are_counted(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=4, server=ServerSettings(metrics=True)) as stack:
        for _ in range(3):
            await stack.ask(HOME, "1001")
        await stack.ask(HOME, "agent")
        await stack.ask("{ __typename }", None)
        await stack.ask("query Secret { __typename }", None)
        await stack.ask("{ nothing }", "1001")
        assert (await stack.ask_with("nonsense", "{ __typename }")).status == 401
        billing = len([one for one in stack.systems["billing"].requests if "customerBill" in one["path"]])
        page = await page_of(stack)

    name = "gateway_graphql_operation_duration_seconds_count"
    assert page.all(name) == {
        ("Home", "subscriber"): 3,
        ("Home", "agent"): 1,
        ("(anonymous)", "anonymous"): 1,
        ("(other)", "anonymous"): 1,
        ("(refused)", "subscriber"): 1,
    }
    assert page.all("http_server_request_duration_seconds_count") == {("POST", "200"): 7, ("POST", "401"): 1}
    assert page.all("gateway_graphql_operation_errors_total") == {("(refused)", "GRAPHQL_VALIDATION_FAILED"): 1}
    assert page.all("gateway_authentications_total") == {("accepted",): 5, ("none",): 2, ("form",): 1}
    assert page.all("http_client_request_duration_seconds_count")["billing", "bills_of_customers", ""] == billing > 0
    assert page.all("http_client_response_body_size_bytes_count")["billing", "bills_of_customers"] == billing
    assert page.all("gateway_upstream_up") == {("crm",): 1, ("billing",): 1}
    total, own = (page.sum(f"gateway_graphql_operation_{one}_seconds_sum") for one in ("duration", "overhead"))
    assert 0 < own < total


async def test_all_metrics_are_declared_and_served(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=4, server=ServerSettings(metrics=True)) as stack:
        await stack.ask(HOME, "1001")
        page = await page_of(stack)

    assert page.families == {one.prometheus + ("_total" if one.kind == "counter" else "") for one in CATALOGUE}


async def test_own_port(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with stacked(tmp_path, customers=4, server=ServerSettings(metrics_port=port)) as stack:
        await stack.ask(HOME, "1001")
        async with stack.session.get(f"{stack.address}/metrics") as answer:
            assert answer.status == 404
        async with stack.session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            page = Page(await answer.text())

    assert page.all("gateway_graphql_operation_duration_seconds_count") == {("Home", "subscriber"): 1}


async def test_of_two_applications_in_a_process_the_newer_one_answers() -> None:
    (port,) = free_ports(1)
    older, newer = (Told(lambda text=text: text, dict) for text in (b"older", b"newer"))  # type: ignore[misc]

    async def told() -> set[bytes]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
            found = set()
            for _ in range(8):
                async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                    found.add(await answer.read())
            return found

    async with serving(older, "127.0.0.1", port):
        assert await told() == {b"older"}
        async with serving(newer, "127.0.0.1", port):
            assert await told() == {b"newer"}
        assert await told() == {b"older"}
    check_free("127.0.0.1", port)


async def test_a_collector_gets_the_same_with_opentelemetrys_names(tmp_path: Path) -> None:
    with collecting() as collector:
        telemetry = TelemetrySettings(endpoint=collector.endpoint, traces=False)
        async with stacked(tmp_path, customers=4, server=ServerSettings(metrics=True), telemetry=telemetry) as stack:
            await stack.ask(HOME, "1001")
            page = await page_of(stack)

    served = {one.name for one in CATALOGUE if page.all(one.series)}
    assert set(collector.metrics) == served
    (point,) = collector.metrics["gateway.graphql.operation.duration"].histogram.data_points
    assert attributes(point) == {"graphql.operation.name": "Home", "caller": "subscriber"}
    assert (point.count, sum(point.bucket_counts)) == (1, 1)
    assert tuple(point.explicit_bounds) == OPERATION_DURATION.buckets
    assert collector.metrics["gateway.operations"].sum.is_monotonic
    assert collector.metrics["http.client.request.duration"].unit == "s"


async def test_of_names_only_so_many_are_told_apart(tmp_path: Path) -> None:
    settings = TelemetrySettings(operation_names=2)
    async with stacked(tmp_path, customers=4, server=ServerSettings(metrics=True), telemetry=settings) as stack:
        for name in ("A", "B", "C", "D", "A"):
            await stack.ask(f"query {name} {{ __typename }}", "1001")
        page = await page_of(stack)

    counted = page.all("gateway_graphql_operation_duration_seconds_count")
    assert counted == {("A", "subscriber"): 2, ("B", "subscriber"): 1, ("(other)", "subscriber"): 2}


async def test_of_manifests_the_names_are_told_apart(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"1": "query Published { __typename }"}', encoding="utf-8")
    documents = DocumentsSettings(manifest_files=(manifest,))
    async with stacked(tmp_path, customers=4, server=ServerSettings(metrics=True), documents=documents) as stack:
        await stack.ask("query Published { __typename }", "1001")
        await stack.ask("query Mine { __typename }", "1001")
        page = await page_of(stack)

    counted = page.all("gateway_graphql_operation_duration_seconds_count")
    assert counted == {("Published", "subscriber"): 1, ("(other)", "subscriber"): 1}


def test_a_hundred_thousand_names_are_two_hundred_and_one_values() -> None:
    names = OperationNames(200)
    told = {names.of(f"Operation{number}", is_signed_in=True) for number in range(100_000)}
    told |= {names.of(f"Stranger{number}", is_signed_in=False) for number in range(100_000)}

    assert told == {f"Operation{number}" for number in range(200)} | {"(other)"}
    assert names.of("A" * 101, is_signed_in=True) == "(other)"


def test_no_two_metrics_have_one_name() -> None:
    assert len({one.prometheus for one in CATALOGUE}) == len(CATALOGUE)
    assert Instruments().registry is not None


async def test_at_its_end_a_process_hands_over_what_it_counted_and_looks_for_nothing_more() -> None:
    """What it would look at is closed by then."""
    metrics, looks = Metrics(), list[int]()
    metrics.also(lambda: looks.append(1))
    async with metrics.watch_process():
        metrics.executed(None)
        metrics.shed()
        metrics.shed()
        looked = len(looks)
    values = metrics.instruments.registry.get_sample_value
    assert values("gateway_operations_total", {"executor": "plan"}) == 1
    assert values("gateway_shed_total") == 2
    assert len(looks) == looked
