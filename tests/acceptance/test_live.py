"""`make live` asks products where the environment says that they run, and the others where their scripts start them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from acceptance import live, live_queries, products
from acceptance.live import DRIVERS
from acceptance.live_outages import outage_system
from acceptance.mixed import mixed
from acceptance.products import PRODUCTS, Live, Unfit
from acceptance.to_its_end import to_its_end
from connectors.settings import ApiKeyAuth, System
from tests import certificates

ELSEWHERE = {name: f"https://{name}.example" for name in PRODUCTS}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """All are named, with their tokens."""
    for name, address in ELSEWHERE.items():
        monkeypatch.setenv(f"LIVE_{name.upper()}", f"{address}/")
        monkeypatch.setenv(f"LIVE_{name.upper()}_TOKEN", f"token-of-{name}")
    return monkeypatch


def test_what_runs_elsewhere_is_asked_there_and_needs_no_scripts(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert products.unfit(PRODUCTS, tmp_path) == []
    running = {name: products.live(name, tmp_path, Console()) for name in PRODUCTS}
    systems: dict[str, Any] = live.settings(running).systems.by_domain
    assert systems["usage"].auth.token == "token-of-openwisp"
    assert {system.driver: system.url for system in systems.values()} == {
        name: ELSEWHERE[name] for name in DRIVERS.values()
    }
    assert {one.driver: one.auth.key for domain, one in systems.items() if domain != "usage"} == {
        name: f"{PRODUCTS[name].scheme} token-of-{name}" for name in DRIVERS.values() if name != "openwisp"
    }
    assert {domain: system.driver for domain, system in systems.items()} == dict(DRIVERS)
    assert [one.stop_script for one in running.values()] == [None] * len(PRODUCTS)


def test_what_was_started_here_is_asked_over_a_session_where_tokens_are_slow() -> None:
    running = {name: Live(product.address, "t") for name, product in PRODUCTS.items()}
    systems: dict[str, Any] = live.settings(running).systems.by_domain
    assert {domain: system.auth.kind for domain, system in systems.items()} == {
        **dict.fromkeys(DRIVERS, "api_key"),
        "ticketing": "session",
        "usage": "bearer",
    }


def test_the_mixed_installation_is_two_of_them_beside_two_sandboxes() -> None:
    running = live.settings({name: Live(product.address, "t") for name, product in PRODUCTS.items()})
    given = mixed(running, "http://billing.example", "http://ticketing.example")
    assert {name: (one.driver, one.url) for name, one in given.systems.by_domain.items()} == {
        "crm": ("bottlecrm", "http://127.0.0.1:18204"),
        "inventory": ("nautobot", "http://127.0.0.1:18201"),
        "billing": ("tmf", "http://billing.example"),
        "ticketing": ("tmf", "http://ticketing.example"),
        "assurance": ("alertmanager", "http://127.0.0.1:18205"),
        "usage": ("openwisp", "http://127.0.0.1:18207"),
    }
    assert given.systems.crm == running.systems.crm
    assert given.graphql == running.graphql


def test_an_authority_of_its_own_is_believed_for_the_product_alone(tmp_path: Path) -> None:
    authority = str(certificates.authority("monitoring").write(tmp_path, "ca")[0])
    system = System.model_validate(outage_system("icinga", Live("https://localhost:18206", "t", authority=authority)))
    assert (system.driver, str(system.network.ca_file), system.auth) == (
        "icinga",
        authority,
        ApiKeyAuth(kind="api_key", header="Authorization", key="Basic t"),
    )


def test_all_that_is_missing_is_said_before_anything_starts(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.delenv("LIVE_TRYTON_TOKEN")
    environment.delenv("LIVE_RT")
    environment.setenv("LIVE_SYSTEMS", str(tmp_path))
    environment.setattr("sys.argv", ["live"])
    environment.setattr(live, "measured", None)
    with pytest.raises(SystemExit) as ended:
        live.main()
    assert str(ended.value).splitlines() == [
        "LIVE_TRYTON is set and LIVE_TRYTON_TOKEN is not",
        f"rt has no start script in {tmp_path}: set LIVE_RT and LIVE_RT_TOKEN to one that runs, or LIVE_SYSTEMS to the"
        " start scripts",
    ]
    with pytest.raises(Unfit, match="LIVE_TRYTON is set"):
        products.live("tryton", tmp_path, Console())


async def test_each_part_is_told_and_one_that_breaks_stops_no_other() -> None:
    """Whether all is right is the last line; a part that raises is not right, and the next one is asked."""
    asked: list[str] = []

    def part(name: str, result: bool | Exception) -> live.Part:
        async def measure(_products: Any, writes: int, _console: Console) -> bool:
            asked.append(f"{name} {writes}")
            if isinstance(result, Exception):
                raise result
            return result

        return live.Part(f"part {name}", ["rt"], measure)

    said = Console(record=True, width=120, quiet=True)
    parts = {"a": part("a", True), "b": part("b", RuntimeError("no")), "c": part("c", Unfit("no journal"))}
    assert not await live.measured(parts | {"d": part("d", True)}, {}, 7, said)
    assert asked == ["a 7", "b 7", "c 7", "d 7"]
    assert await live.measured({"a": part("a", True)}, {}, 7, said)
    assert not await live.measured({"a": part("a", False)}, {}, 7, said)


def test_a_part_needs_its_products_alone() -> None:
    def needs(*names: str, only: str | None = None) -> list[str]:
        return live.wanted({name: live.PARTS[name] for name in names}, only)

    assert needs(*live.PARTS) == list(PRODUCTS)
    assert needs("killed") == ["tryton", "rt"]
    assert needs("usage", "redmine") == ["openwisp", "redmine"]
    assert needs("outages", only="icinga") == ["icinga"]


def test_what_an_answer_lacks_is_told_with_its_place() -> None:
    answer = {"me": {"usage": None, "bills": [{"due": None, "id": 1}, {"due": None, "id": 2}]}}
    assert list(live_queries.places(answer)) == [
        ("me.usage", False),
        *(("me.bills.due", False), ("me.bills.id", True)) * 2,
    ]
    assert live_queries.leaves(answer) == {True: 2, False: 3}


async def test_what_is_undone_at_the_end_is_undone_also_by_who_is_cancelled_just_then() -> None:
    begun, may_end, done = asyncio.Event(), asyncio.Event(), list[str]()

    async def undo() -> None:
        begun.set()
        await may_end.wait()
        done.append("undone")

    async def measure() -> None:
        try:
            done.append("measured")
        finally:
            await to_its_end(undo())

    measuring = asyncio.create_task(measure())
    await begun.wait()
    measuring.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await measuring
    assert done == ["measured", "undone"]
