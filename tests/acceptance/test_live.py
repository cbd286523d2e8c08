"""`make live` asks products where the environment says that they run, and the others where their scripts start them."""

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from acceptance import live, products
from acceptance.live import DRIVERS
from acceptance.live_outages import outage_system
from acceptance.mixed import mixed
from acceptance.products import PRODUCTS, Live, Unfit
from connectors.settings import ApiKeyAuth, System
from tests import certificates

ELSEWHERE = {name: f"http://{name}.example" for name in PRODUCTS}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """All are named, with their tokens."""
    for name, address in ELSEWHERE.items():
        monkeypatch.setenv(f"LIVE_{name.upper()}", f"{address}/")
        monkeypatch.setenv(f"LIVE_{name.upper()}_TOKEN", f"token of {name}")
    return monkeypatch


def test_what_runs_elsewhere_is_asked_there_and_needs_no_scripts(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert products.unfit(PRODUCTS, tmp_path) == []
    running = {name: products.live(name, tmp_path, Console()) for name in PRODUCTS}
    systems: dict[str, Any] = live.settings(running).systems.by_domain
    assert {system.driver: (system.url, system.auth.key) for system in systems.values()} == {
        name: (ELSEWHERE[name], f"{PRODUCTS[name].scheme} token of {name}") for name in DRIVERS.values()
    }
    assert {domain: system.driver for domain, system in systems.items()} == dict(DRIVERS)
    assert [one.stop_script for one in running.values()] == [None] * len(PRODUCTS)


def test_what_was_started_here_is_asked_over_a_session_where_tokens_are_slow() -> None:
    running = {name: Live(product.address, "t") for name, product in PRODUCTS.items()}
    systems: dict[str, Any] = live.settings(running).systems.by_domain
    assert {domain: system.auth.kind for domain, system in systems.items()} == {
        **dict.fromkeys(DRIVERS, "api_key"),
        "ticketing": "session",
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
    environment.setattr(live, "measure", None)
    with pytest.raises(SystemExit) as ended:
        live.main()
    assert str(ended.value).splitlines() == [
        "LIVE_TRYTON is set and LIVE_TRYTON_TOKEN is not",
        f"rt has no start script in {tmp_path}: set LIVE_RT and LIVE_RT_TOKEN to one that runs, or LIVE_SYSTEMS to the"
        " start scripts",
    ]
    with pytest.raises(Unfit, match="LIVE_TRYTON is set"):
        products.live("tryton", tmp_path, Console())
