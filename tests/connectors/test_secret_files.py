"""Secrets in files: read at the start and when they change, and never shown."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from connectors.errors import Refused
from connectors.events.hints import Hint
from connectors.events.post import Mailbox, Outcome, Sender
from connectors.events.settings import EventSource
from connectors.events.speaking import Event, Hub, Telling
from connectors.settings import System
from gateway.settings_file import WrongSettings, load
from tests.connectors.canned import canned, reading
from tests.gateway.test_settings import SYSTEMS

NAME = frozenset({"name"})


class Mounted:
    """A folder as Kubernetes mounts a secret: files are links into a folder that is itself a link, which is swapped."""

    def __init__(self, folder: Path, **files: str) -> None:
        self.folder, self._count = folder / "mounted", 0
        self.folder.mkdir()
        self.swap(**files)
        for name in files:
            (self.folder / name).symlink_to(Path("..data") / name)

    def swap(self, **files: str) -> None:
        self._count += 1
        new = self.folder / f"..{self._count}"
        new.mkdir()
        for name, text in files.items():
            (new / name).write_text(text)
        link = self.folder / "..data_tmp"
        link.symlink_to(new.name)
        os.replace(link, self.folder / "..data")

    def __truediv__(self, name: str) -> Path:
        return self.folder / name


def lets_in(seen: list[str], right: list[str]) -> Any:
    """What answers those who show `right`, in the headers of any kind."""

    async def answer(request: web.Request) -> web.Response:
        shown = request.headers.get("Authorization") or request.headers.get("X-API-Key", "")
        seen.append(shown)
        return web.Response(status=401) if shown not in right else web.json_response([{"id": "1", "name": "A"}])

    return answer


KINDS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"kind": "bearer"}, "token", "Bearer one", "Bearer two"),
    ({"kind": "api_key"}, "key", "one", "two"),
    ({"kind": "basic", "username": "u"}, "password", "Basic dTpvbmU=", "Basic dTp0d28="),
]


@pytest.mark.parametrize(("kind", "name", "first", "second"), KINDS, ids=[one[1] for one in KINDS])
async def test_a_secret_is_replaced_in_a_mounted_folder_while_it_is_used(
    tmp_path: Path, kind: dict[str, Any], name: str, first: str, second: str
) -> None:
    mounted, seen, right = Mounted(tmp_path, secret="one\n"), list[str](), [first]
    auth = {**kind, f"{name}_file": str(mounted / "secret")}
    async with canned(customer=lets_in(seen, right)) as server, reading(server, auth=auth) as c:
        assert (await c.crm.customers(["1"], NAME))["1"].id == "1"
        mounted.swap(secret="two\r\n")
        right[:] = [second]
        assert (await c.crm.customers(["1"], NAME))["1"].id == "1"
        right[:] = []
        assert type((await c.crm.customers(["1"], NAME))["1"]) is Refused
    assert seen == [first, second, second]  # what has not changed is not tried twice


async def test_after_a_401_the_file_is_read_even_if_it_looks_as_before(tmp_path: Path) -> None:
    file, seen, right = tmp_path / "token", list[str](), ["Bearer one"]
    file.write_text("one")
    os.utime(file, (1, 1))
    auth = {"kind": "bearer", "token_file": str(file)}
    async with canned(customer=lets_in(seen, right)) as server, reading(server, auth=auth) as c:
        assert (await c.crm.customers(["1"], NAME))["1"].id == "1"
        file.write_text("two")  # of the same size, in the same inode, and
        os.utime(file, (1, 1))  # at the same time
        right[:] = ["Bearer two"]
        assert (await c.crm.customers(["1"], NAME))["1"].id == "1"
    assert seen == ["Bearer one", "Bearer one", "Bearer two"]


async def test_a_file_that_is_away_or_empty_for_a_while_costs_nothing_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, seen = tmp_path / "token", list[str]()
    file.write_text("one")
    auth = {"kind": "bearer", "token_file": str(file)}
    async with canned(customer=lets_in(seen, ["Bearer one"])) as server, reading(server, auth=auth) as c:
        for change in (lambda: file.write_text(""), file.unlink, lambda: file.write_text("two\nthree")):
            change()
            assert (await c.crm.customers(["1"], NAME))["1"].id == "1"
        file.write_text("four")
        assert type((await c.crm.customers(["1"], NAME))["1"]) is Refused
    assert seen[-1] == "Bearer four"
    (told,) = [one.getMessage() for one in caplog.records if one.name == "gateway.settings"]
    assert told == f"{file}: is empty; the secret from before stays in use"


async def test_a_client_secret_is_read_again_when_the_token_endpoint_refuses(tmp_path: Path) -> None:
    file, right, shown = tmp_path / "secret", ["one"], list[str]()
    file.write_text("one")

    async def token(request: web.Request) -> web.Response:
        form = await request.post()
        shown.append(str(form["client_secret"]))
        if form["client_secret"] not in right:
            return web.json_response({"error": "invalid_client", "error_description": "hush"}, status=401)
        return web.json_response({"access_token": f"of-{form['client_secret']}", "expires_in": 1e-9})

    async def customers(request: web.Request) -> web.Response:
        return web.json_response([{"id": "1", "name": request.headers["Authorization"]}])

    async with canned(token=token, customer=customers) as server:
        auth = {"kind": "oauth2", "token_url": f"{server.url}/token", "client_id": "g", "client_secret_file": str(file)}
        async with reading(server, auth={**auth, "client_auth": "client_secret_post"}) as c:
            assert (await c.crm.customers(["1"], NAME))["1"].name == "Bearer of-one"
            status = file.stat()
            file.write_text("two")
            os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
            right[:] = ["two"]
            assert (await c.crm.customers(["1"], NAME))["1"].name == "Bearer of-two"
            right[:] = []
            refused = (await c.crm.customers(["1"], NAME))["1"]
    assert shown == ["one", "one", "two", "two"]
    assert type(refused) is Refused
    assert refused.detail == "the token endpoint answered 401 (invalid_client)"


async def test_a_login_that_was_refused_is_tried_at_once_with_a_new_password(tmp_path: Path) -> None:
    file, logins = tmp_path / "password", list[str]()
    file.write_text("one")

    async def login(request: web.Request) -> web.Response:
        logins.append(str((await request.post())["password"]))
        answer = web.Response()
        answer.set_cookie("session", logins[-1])
        return answer

    async def wants_two(request: web.Request) -> web.Response:
        if request.cookies.get("session") != "two":
            return web.Response(status=401)
        return web.json_response([{"id": "1", "name": "A"}])

    auth = {"kind": "session", "username": "u", "password_file": str(file), "login_path": "/in", "verify_path": "/me"}
    async with (
        canned(**{"in": login, "me": wants_two, "customer": wants_two}) as server,
        reading(server, auth=auth) as c,
    ):
        for _ in range(2):
            assert type((await c.crm.customers(["1"], NAME))["1"]) is Refused
        assert logins == ["one"]
        file.write_text("two")
        assert (await c.crm.customers(["1"], NAME))["1"].id == "1"
        assert logins == ["one", "two"]


def test_the_secret_of_events_is_the_files_as_it_is_now(tmp_path: Path) -> None:
    mounted = Mounted(tmp_path, secret="sixteen-letters-1\n")
    source = EventSource.model_validate({"secret_file": mounted / "secret"})
    mailbox = Mailbox({"ticketing": Sender("ticketing", Telling.POST, Nothing(), source)})

    def outcome(secret: str) -> Outcome:
        return mailbox.read("ticketing", secret, {}, b"").outcome

    assert [outcome("sixteen-letters-1"), outcome("sixteen-letters-2")] == [Outcome.ACCEPTED, Outcome.FORGED]
    mounted.swap(secret="sixteen-letters-2")
    assert [outcome("sixteen-letters-1"), outcome("sixteen-letters-2")] == [Outcome.FORGED, Outcome.ACCEPTED]


class Nothing:
    """Reads events that say nothing."""

    hubs: Sequence[Hub] = ()
    listener_status = 204

    def read_event(self, event: Event, secret: str) -> Sequence[Hint]:
        return []


def problem(folder: Path, text: str) -> str:
    path = folder / "gateway.toml"
    path.write_text(SYSTEMS + text)
    with pytest.raises(WrongSettings) as caught:
        load(path)
    (only,) = caught.value.problems
    return only.replace(f"{folder}/", "")


def test_what_cannot_be_used_is_named_with_file_and_setting(tmp_path: Path) -> None:
    for name, content in {"empty": b"\n", "two-words": b"a b", "latin": b"\xe9", "long": b"x" * 70_000}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    section = '[systems.crm.auth]\nkind = "bearer"\n'
    cases = {
        "none": "cannot be read: No such file or directory",
        "folder": "cannot be read: Is a directory",
        "empty": "is empty",
        "two-words": "should be the token alone, without blanks: 'Bearer' is put before it",
        "latin": "is not written in UTF-8",
        "long": "is larger than 65536 bytes",
    }
    for name, right in cases.items():
        where = f"gateway.toml: systems.crm.auth.token_file: {name}: {right}"
        assert problem(tmp_path, f'{section}token_file = "{name}"') == where
    both = problem(tmp_path, f'{section}token_file = "two-words"\ntoken = "t"')
    assert both == "gateway.toml: systems.crm.auth.token_file: only one of token and token_file may be set"
    assert problem(tmp_path, section) == (
        "gateway.toml: systems.crm.auth.token: missing: this has to be set, or token_file"
    )
    assert problem(tmp_path, '[redis]\nurl_file = "two-words"') == (
        "gateway.toml: redis.url_file: two-words: must begin with redis://, rediss:// (TLS) or unix://; with"
        " redis+cluster:// or rediss+cluster:// and nodes of a cluster (host:6379,host:6379); or with"
        " redis+sentinel:// or rediss+sentinel:// and Sentinels, and the name that"
        " they have for the primary (host:26379,host:26379/name)"
    )


def test_files_of_the_environment_and_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "crm").write_text("hush-crm\n")
    (tmp_path / "redis").write_text("redis://:hush@cache.example:6379/0\n")
    monkeypatch.setenv("GATEWAY_SYSTEMS__CRM__AUTH__KIND", "bearer")
    monkeypatch.setenv("GATEWAY_SYSTEMS__CRM__AUTH__TOKEN_FILE", str(tmp_path / "crm"))
    path = tmp_path / "gateway.toml"
    path.write_text(f'{SYSTEMS}[redis]\nurl_file = "redis"\n')
    settings = load(path)
    assert settings.shared_url == "redis://:hush@cache.example:6379/0"
    assert settings.systems.crm.auth is not None
    assert "hush" not in repr(settings) + str(settings) + repr(settings.systems.crm) + repr(settings.redis)
    assert str(tmp_path / "crm") in repr(settings.systems.crm)


def test_a_proxys_password_is_not_shown() -> None:
    given = {"url": "https://x.example", "network": {"proxy": "http://u:hush@p.example:3128", "min_tls": "1.3"}}
    assert "hush" not in repr(System.model_validate(given))
