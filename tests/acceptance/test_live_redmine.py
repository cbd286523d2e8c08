"""`acceptance.live_redmine` asks Redmine where the environment says that it runs, or where its script starts it."""

from pathlib import Path

import pytest
from rich.console import Console

from acceptance import live_redmine, products
from acceptance.products import Unfit


def test_a_redmine_that_runs_elsewhere_is_asked_there_with_its_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIVE_REDMINE", "https://redmine.example/")
    monkeypatch.setenv("LIVE_REDMINE_TOKEN", "the key")
    running = products.live("redmine", tmp_path, Console())
    system = live_redmine.settings(running, running.address, "http://crm.example").systems.by_domain["ticketing"]
    assert (system.url, system.driver) == ("https://redmine.example", "redmine")
    assert (system.auth.kind, system.auth.header, system.auth.key) == (  # type: ignore[union-attr]
        "api_key", "X-Redmine-API-Key", "the key",
    )  # fmt: skip


def test_the_start_script_prints_the_key_after_its_header(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "redmine/start.sh"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\necho 'auth:   X-Redmine-API-Key: abc    (user gateway)'\n", encoding="utf-8")
    script.chmod(0o755)
    stop = script.with_name("stop.sh")
    stop.write_text("#!/bin/sh\n", encoding="utf-8")
    stop.chmod(0o755)
    monkeypatch.delenv("LIVE_REDMINE", raising=False)
    assert products.live("redmine", tmp_path, Console()).token == "abc"
    script.write_text("#!/bin/sh\necho nothing\n", encoding="utf-8")
    with pytest.raises(Unfit, match="printed no 'X-Redmine-API-Key"):
        products.live("redmine", tmp_path, Console())
