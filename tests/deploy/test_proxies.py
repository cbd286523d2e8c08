"""The samples for nginx, HAProxy and systemd: the programs themselves find nothing wrong with them."""

import re
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

from gateway.server_settings import ServerSettings
from gateway.writes_settings import WritesSettings
from tests.certificates import authority
from tests.deploy.files import DEPLOY, installed, ran, tool
from tests.nginx import needs_nginx, written_for

HAPROXY = installed("haproxy")
SYSTEMD = installed("systemd-analyze")
UNIT = DEPLOY / "systemd" / "opticom-gateway.service"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with portal.pem and portal.key; portal.both is what HAProxy wants: both in a file."""
    folder = tmp_path_factory.mktemp("certificate")
    authority("tests").signs("portal", ["portal.example"]).write(folder, "portal")
    (folder / "portal.both").write_bytes((folder / "portal.pem").read_bytes() + (folder / "portal.key").read_bytes())
    return folder


@needs_nginx
def test_nginx_takes_its_sample(certificate: Path, tmp_path: Path) -> None:
    sample = (DEPLOY / "nginx/gateway.conf").read_text(encoding="utf-8")
    sample = sample.replace("/etc/nginx/portal", f"{certificate}/portal").replace("/var/log/nginx", str(tmp_path))
    config = tmp_path / "nginx.conf"
    config.write_text(f"pid {tmp_path}/pid; error_log {tmp_path}/errors; events {{}} http {{ {sample} }}")
    program = installed("nginx")
    assert program is not None
    tested = ran(program, "-t", "-q", "-e", tmp_path / "errors", "-c", config)
    assert (tested.returncode, tested.stderr) == (0, "")


@pytest.mark.skipif(HAPROXY is None, reason="no haproxy on the PATH: install the package haproxy")
def test_haproxy_takes_its_sample(certificate: Path, tmp_path: Path) -> None:
    sample = (DEPLOY / "haproxy/haproxy.cfg").read_text(encoding="utf-8")
    config = tmp_path / "haproxy.cfg"
    config.write_text(sample.replace("/etc/haproxy/portal.pem", f"{certificate}/portal.both"))
    assert HAPROXY is not None
    tested = ran(HAPROXY, "-c", "-q", "-f", config)
    assert (tested.returncode, tested.stdout + tested.stderr) == (0, "")


def test_haproxy_sees_a_gateway_leave_before_it_is_gone() -> None:
    sample = (DEPLOY / "haproxy/haproxy.cfg").read_text(encoding="utf-8")
    checks = re.search(r"inter (\d+)ms fall (\d+)", sample)
    assert checks is not None
    assert int(checks[1]) * int(checks[2]) / 1000 < ServerSettings().leave_after


def test_nginx_asks_a_gateway_that_was_restarted_before_the_next_one_is_gone() -> None:
    found = re.findall(r"fail_timeout=(\d+)s", (DEPLOY / "nginx/gateway.conf").read_text(encoding="utf-8"))
    assert len(found) == 2
    assert all(int(one) < ServerSettings().leave_after for one in found)


@pytest.mark.parametrize("sample", ["nginx/gateway.conf", "haproxy/haproxy.cfg"])
def test_connections_to_the_gateway_are_given_up_before_it_closes_them(sample: str) -> None:
    found = re.search(r"(?:keepalive_timeout|timeout http-keep-alive) (\d+)s", (DEPLOY / sample).read_text())
    assert found is not None
    assert int(found[1]) < ServerSettings().limits.keep_alive


YOURS = {"listen", "server_name", "ssl_certificate", "ssl_certificate_key", "proxy_pass", "bind", "server"}
"""Directives whose values are an installation's own: addresses, names and files."""

SECTIONS = {"frontend", "backend", "default_backend", "upstream", "location", "map"}


@pytest.mark.parametrize(("sample", "language"), [("nginx/gateway.conf", "nginx"), ("haproxy/haproxy.cfg", "haproxy")])
def test_what_the_page_says_of_a_proxy_the_sample_says_too(sample: str, language: str) -> None:
    said = {one for block in written_for(language) for one in directives(block)}
    assert len(said) > 5
    assert said - directives((DEPLOY / sample).read_text(encoding="utf-8")) == set()


def directives(text: str) -> set[str]:
    """Lines that say something of their own, without comments; of a server only what follows its address."""
    found = set()
    for line in re.sub(r"[ \t]#.*", "", text, flags=re.MULTILINE).splitlines():
        words = line.rstrip("; {}").split()
        if words and words[0] == "server" and len(words) > 2:
            found.add(" ".join(["server", *words[2:]]) if ":" in words[1] else "server")
        elif words and words[0] not in YOURS | {
            "frontend",
            "backend",
            "default_backend",
            "upstream",
            "location",
            "map",
        }:
            found.add(" ".join(words))
    return found


@pytest.mark.skipif(SYSTEMD is None, reason="no systemd-analyze on the PATH: install the package systemd")
def test_systemd_takes_the_unit_and_finds_little_that_it_could_do(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/gateway/bin/gateway", tool("gateway")))
    assert SYSTEMD is not None
    verified = ran(SYSTEMD, "verify", "--man=no", unit)
    others = ("/lib/systemd/", "/usr/lib/systemd/", "/etc/systemd/")  # this machine's own units, which it looks at, too
    said = [line for line in verified.stderr.splitlines() if not line.startswith(others)]
    assert (verified.returncode, said) == (0, [])
    judged = ran(SYSTEMD, "security", "--offline=true", "--threshold=20", unit)  # tenths: 2.0 of 10
    assert judged.returncode == 0, judged.stdout


def test_systemd_waits_until_the_gateway_has_ended() -> None:
    unit = RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    unit.read_string(UNIT.read_text(encoding="utf-8"))
    service = unit["Service"]
    server, writes = ServerSettings(), WritesSettings()
    assert int(service["TimeoutStopSec"].removesuffix("s")) > server.leave_after + server.finish + writes.patience
    assert int(service["LimitNOFILE"]) > server.limits.connections + 20_000 + server.limits.descriptors
    assert (service["Type"], service["NotifyAccess"]) == ("notify", "all")  # a worker says that it serves
    assert (service["LogRateLimitIntervalSec"], int(service["LogRateLimitBurst"])) == ("1s", 1_000_000)  # all lines
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert service["ExecStart"].startswith("/opt/gateway/bin/gateway serve --config /etc/opticom-gateway/gateway.toml")


def test_the_python_of_the_tests_is_the_images() -> None:
    assert f"python:{sys.version_info.major}.{sys.version_info.minor}-slim" in (DEPLOY / "Dockerfile").read_text()
