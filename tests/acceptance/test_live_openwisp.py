"""`acceptance.live_openwisp` asks one where the environment says that it runs, or where its script starts it."""

from pathlib import Path

import pytest
from rich.console import Console

from acceptance import live_openwisp, products


def test_one_that_runs_elsewhere_is_asked_there_beside_other_systems(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIVE_OPENWISP", "https://radius.example/")
    monkeypatch.setenv("LIVE_OPENWISP_TOKEN", "t")
    running = products.live("openwisp", tmp_path, Console())
    systems = live_openwisp.settings(running, "http://crm.example", "http://billing.example").systems.by_domain
    usage = systems["usage"]
    assert (usage.url, usage.driver, usage.customer_key) == ("https://radius.example", "openwisp", "external:radius")
    assert usage.auth is not None
    assert usage.auth.kind == "bearer"
    assert systems["billing"].driver == "tmf"


def test_the_managers_token_is_taken_and_not_the_one_of_freeradius(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "radius").mkdir()
    said = "auth: Authorization: Bearer abc (user gateway)\nFreeRADIUS: Authorization: Bearer uuid def"
    for name, text in (("start.sh", f"#!/bin/sh\ncat <<'E'\n{said}\nE\n"), ("stop.sh", "#!/bin/sh\n")):
        (tmp_path / "radius" / name).write_text(text, encoding="utf-8")
        (tmp_path / "radius" / name).chmod(0o755)
    monkeypatch.delenv("LIVE_OPENWISP", raising=False)
    assert products.live("openwisp", tmp_path, Console()).token == "abc"
