"""What is recorded of real products holds no secrets, and a recording that would is not kept."""

import json
import os
from pathlib import Path

import pytest

from acceptance import products
from acceptance.products import PRODUCTS, Unfit
from tests.connectors import recorder
from tests.connectors.recorder import RECORDED, RECORDINGS, secrets_in

FILES = sorted(RECORDINGS.iterdir())


def test_every_product_has_its_recording() -> None:
    assert {file for name in RECORDED for file in recorder.files_of(name)} <= {path.name for path in FILES}


@pytest.mark.parametrize("name", RECORDED)
def test_every_product_has_the_tests_that_record_it(name: str) -> None:
    assert all((recorder.ROOT / one.partition("::")[0]).is_file() for one in recorder.tests_of(name))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_recording_holds_a_secret(path: Path) -> None:
    assert secrets_in(path.read_text(encoding="utf-8")) == []


HEX = "0123456789abcdef" * 8


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({"key": HEX[:40]}, ["a key or a hash of 32 or more hex digits"]),
        ({"/x?token=1": {"note": f"token 1-39-{HEX[:32]}"}}, None),
        ({"note": "bcrm_pat_-Invented"}, ["a token of BottleCRM"]),
        ({"text": "<input name=csrfmiddlewaretoken>"}, ["a token of a form"]),
        ({"note": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc"}, ["a JSON web token"]),
        ({"note": "Authorization: Basic cm9vdDpwYXNzd29yZDE="}, ["an Authorization header"]),
        ({"note": "RT_SID_live.18202=f66549a2"}, ["a cookie"]),
        ({"Set-Cookie": "a=b"}, ["a cookie", "a value of 'Set-Cookie'"]),
        ({"rows": [{"api_key": "k1"}]}, ["a value of 'api_key'"]),
        ({"user": {"password": "hush"}}, ["a value of 'password'"]),
        ({"note": "hunter22"}, ["the token that it was recorded with"]),
        ({"detail": "Invalid token", "password": None, "token_count": 3}, []),
        ({"id": "77dfc12f-bd33-4ad9-b5f2-6153f38a45c3"}, []),
    ],
)
def test_what_looks_like_a_secret_is_found(answer: object, found: list[str] | None) -> None:
    told = secrets_in(json.dumps(answer), ["hunter22"])
    assert told == found if found is not None else told
    assert HEX[:16] not in str(told)


def product(folder: Path, *, prints: str = "auth: Authorization: Token t0k3n-1", code: int = 0) -> Path:
    """Scripts of a product that only notes that it was started and stopped."""
    folder.mkdir(parents=True)
    for name, body in (("start", f"echo '{prints}'; exit {code}"), ("stop", "true")):
        script = folder / f"{name}.sh"
        script.write_text(f'#!/bin/sh\necho {name} >> "$(dirname "$0")/done"\n{body}\n')
        script.chmod(0o755)
    return folder


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without any product, and nothing in the environment that says where one runs."""
    for name in PRODUCTS:
        monkeypatch.delenv(f"LIVE_{name.upper()}", raising=False)
    return tmp_path


def test_a_product_that_runs_is_asked_where_the_environment_says(
    scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str, str]] = []
    monkeypatch.setattr(recorder, "record", lambda *given: asked.append(given) or "done")
    monkeypatch.setenv("LIVE_RT", "http://rt.example/")
    with pytest.raises(Unfit, match="LIVE_RT is set and LIVE_RT_TOKEN is not"):
        recorder.recorded("rt", scripts, recorder.Console())
    monkeypatch.setenv("LIVE_RT_TOKEN", "t")
    assert recorder.recorded("rt", scripts, recorder.Console()) == "done"
    assert asked == [("rt", "http://rt.example", "t")]


@pytest.mark.parametrize("was_there", [True, False])
def test_another_one_is_started_and_stopped_again_unless_it_was_there(
    scripts: Path, monkeypatch: pytest.MonkeyPatch, was_there: bool
) -> None:
    asked: list[tuple[str, str, str]] = []
    monkeypatch.setattr(recorder, "record", lambda *given: asked.append(given) or "done")
    monkeypatch.setattr(products, "answers", lambda _address: was_there)
    folder = product(scripts / "nautobot")
    assert recorder.recorded("nautobot", scripts, recorder.Console()) == "done"
    assert asked == [("nautobot", "http://127.0.0.1:18201", "t0k3n-1")]
    assert (folder / "done").read_text().split() == (["start"] if was_there else ["start", "stop"])


def test_without_scripts_or_with_broken_ones_it_says_what_to_do(scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "answers", lambda _address: True)
    with pytest.raises(Unfit, match=r"set LIVE_RT and LIVE_RT_TOKEN .* or LIVE_SYSTEMS"):
        recorder.recorded("rt", scripts, recorder.Console())
    product(scripts / "rt", prints="no space left", code=3)
    with pytest.raises(Unfit, match=r"(?s)start.sh ended with 3:.*no space left"):
        recorder.recorded("rt", scripts, recorder.Console())
    product(scripts / "tryton", prints="auth: none")
    with pytest.raises(Unfit, match="printed no 'Authorization: Bearer"):
        recorder.recorded("tryton", scripts, recorder.Console())


PRODUCTS_TESTS = """
import json, os, pathlib

def test_it():
    assert os.environ["LIVE_RT"] == "http://rt.example"
    assert os.environ["RECORD"] == "1"
    written = {written!r}
    pathlib.Path(os.environ["RECORDINGS"], "rt.json").write_text(json.dumps(written))
    assert {passes}
"""
CONFORMANCE = """
import json, os, pathlib
import pytest

@pytest.mark.parametrize("name", ["rt", "tryton"])
def test_the_products_conform(name):
    assert name == "rt"
    kept = {"questions": {"GET /a": "x", "GET /b": "x"}, "answers": {"x": {"status": 200}}}
    pathlib.Path(os.environ["RECORDINGS"], "conformance_rt.json").write_text(json.dumps(kept))
"""


@pytest.mark.parametrize(
    ("written", "passes", "says"),
    [
        ({"/a": 1, "/b": 2}, True, "rt.json: 2 answers, 1 of them new or changed, 1 gone"),
        ({"/a": 1, "/b": 2}, False, "its tests do not pass"),
        ({"/a": "t0k3n-1"}, True, "the token that it was recorded with"),
    ],
)
def test_a_recording_is_kept_only_when_the_tests_pass_and_it_holds_no_secret(
    scripts: Path, monkeypatch: pytest.MonkeyPatch, written: object, passes: bool, says: str
) -> None:
    for room in ("ticketing", "conformance"):
        (scripts / "tests/connectors" / room).mkdir(parents=True)
    source = PRODUCTS_TESTS.replace("{written!r}", repr(written)).replace("{passes}", repr(passes))
    (scripts / "tests/connectors/ticketing/test_rt.py").write_text(source)
    (scripts / "tests/connectors/conformance/test_conformance.py").write_text(CONFORMANCE)
    recording, conformance = scripts / "rt.json", scripts / "conformance_rt.json"
    before = '{"/a": 1, "/c": 3}'
    recording.write_text(before)
    monkeypatch.setattr(recorder, "ROOT", scripts)
    monkeypatch.setenv("RECORDINGS", os.fspath(scripts))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # these tests need none, and it takes half a second
    if says.endswith("gone"):
        told = recorder.record("rt", "http://rt.example", "t0k3n-1", scripts)
        assert told == f"{says}; conformance_rt.json: 1 answers, 1 of them new or changed, 0 gone"
        assert json.loads(recording.read_text()) == written
        assert len(json.loads(conformance.read_text())["questions"]) == 2
        return
    with pytest.raises(Unfit, match=says):
        recorder.record("rt", "http://rt.example", "t0k3n-1", scripts)
    assert recording.read_text() == before
    assert not conformance.exists()
