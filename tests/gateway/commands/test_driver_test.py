"""`gateway driver-test`, and drivers of other distributions: found by entry points, loaded when they are named."""

import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from importlib import invalidate_caches
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

import aiohttp
import pytest

from connectors import DOMAINS, connect, errors
from connectors.drivers import GROUP, MisplacedConfiguration, UnusableDriver, WrongConfiguration, driver_entry_points
from connectors.http.client import HttpClient
from connectors.http.request import Request
from gateway.commands.driver_test import WrongDriver, found, keys_given
from gateway.settings_file import WrongSettings, load, load_system
from sandbox.data.world import World
from sandbox.server import SandboxServer
from tests.gateway.commands.running import ROOT, InProcess

MODULE = """
    from typing import ClassVar

    from connectors.billing.tmf.driver import TmfBilling
    from connectors.drivers import Driver
    from connectors.http.client import HttpClient
    from connectors.tmf.profile import Profile
    from connectors.strict import Strict


    class AcmeOptions(Strict):
        company: str = "main"


    class AcmeBilling(TmfBilling):
        def __init__(self, http: HttpClient, options: AcmeOptions) -> None:
            super().__init__(http, Profile())
            self.company = options.company


    class Forgetful(AcmeBilling):
        async def bills(self, ids, fields):
            found = await super().bills(ids, fields)
            return {key: found[key] for key in ids}


    DRIVER = Driver(AcmeBilling, AcmeOptions)
    NUMBER = 7
"""


def distribution(folder: Path, name: str, points: str, module: str = MODULE) -> None:
    """What pip leaves of a small distribution: a module, and its metadata with the entry points."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(textwrap.dedent(module), encoding="utf-8")
    info = folder / f"{name}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[opticom.drivers]\n{points}\n", encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed distributions; drivers that are installed beside the gateway are not seen."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def points() -> list[EntryPoint]:
        here = distributions(path=[str(folder)])
        return [point for one in here for point in one.entry_points if point.group == GROUP]

    monkeypatch.setattr(sys.modules["connectors.drivers"], "installed_drivers", points)
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]
    invalidate_caches()


@pytest.fixture(scope="module")
def billing() -> Iterator[SandboxServer]:
    with SandboxServer("billing", world=World(customers=6)) as server:
        yield server


def settings(tmp_path: Path, billing: str, driver: str = "acme", more: str = "") -> Path:
    path = tmp_path / "gateway.toml"
    others = "\n".join(f'[systems.{name}]\nurl = "http://127.0.0.1:9"' for name in ("crm", "inventory", "ticketing"))
    text = f'[systems.billing]\nurl = "{billing}"\ndriver = "{driver}"\n{more}\n{others}\n'
    path.write_text(text, encoding="utf-8")
    return path


async def test_an_installed_driver_answers_as_the_settings_say(
    site: Path, tmp_path: Path, billing: SandboxServer
) -> None:
    distribution(site, "acme_opticom", "billing.acme = acme_opticom:DRIVER")
    loaded = load(settings(tmp_path, billing.url, more='options = { company = "north" }'))
    async with aiohttp.ClientSession() as session:
        connected = connect(loaded.systems.by_domain, session)
        bills = await connected.billing.bills_of_customers(["1001"], None, None)
    driver = connected.systems[1].probe
    assert type(driver).__name__ == "AcmeBilling"
    assert driver.company == "north"  # type: ignore[attr-defined]  # the driver's own
    assert [one.driver for one in connected.systems] == ["tmf", "acme", "tmf", "tmf"]
    assert list(bills) == ["1001"]


def test_only_what_the_settings_name_is_loaded(site: Path, tmp_path: Path, billing: SandboxServer) -> None:
    distribution(site, "acme_opticom", "billing.acme = acme_opticom:DRIVER")
    distribution(site, "explosive", "billing.boom = explosive:DRIVER", "raise RuntimeError('loaded')")
    assert set(driver_entry_points("billing")) == {"acme", "boom"}
    load(settings(tmp_path, billing.url))
    assert "explosive" not in sys.modules
    with pytest.raises(WrongSettings) as told:
        load(settings(tmp_path, billing.url, "boom"))
    assert told.value.problems[0].endswith(
        "systems.billing: the driver 'billing.boom' (explosive:DRIVER of the distribution explosive 1.2) cannot be"
        " loaded: RuntimeError: loaded"
    )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('options = { compnay = "north" }', ".options.compnay: is not a setting here; did you mean company?"),
        ("options = { company = 7 }", ".options.company: should be a text, in quotes"),
        ("profile = { page_size = 7 }", ": profile: the driver 'acme' has none; it is configured in options"),
    ],
)
def test_what_a_driver_cannot_be_told_is_named(
    site: Path, tmp_path: Path, billing: SandboxServer, more: str, said: str
) -> None:
    distribution(site, "acme_opticom", "billing.acme = acme_opticom:DRIVER")
    path = settings(tmp_path, billing.url, more=more)
    with pytest.raises(WrongSettings) as told:
        load(path)
    assert list(told.value.problems) == [f"{path}: systems.billing{said}"]
    with pytest.raises((WrongConfiguration, MisplacedConfiguration)):
        DOMAINS["billing"].driver("acme").configuration(load_system(path, "billing"))


def test_an_unknown_driver_is_answered_with_those_there_are(site: Path, tmp_path: Path, billing: SandboxServer) -> None:
    distribution(site, "acme_opticom", "billing.acme = acme_opticom:DRIVER\ncrm.other = acme_opticom:DRIVER")
    with pytest.raises(WrongSettings) as told:
        load(settings(tmp_path, billing.url, "acne"))
    assert told.value.problems[0].endswith(
        "systems.billing: has no driver named 'acne'; there is: tmf, tryton, acme (installed)"
    )


def test_two_drivers_of_one_name_are_an_error_that_names_both(site: Path) -> None:
    distribution(site, "acme_opticom", "billing.tryton = acme_opticom:DRIVER\nbilling.twice = acme_opticom:DRIVER")
    distribution(site, "rival", "billing.twice = rival:DRIVER")
    with pytest.raises(UnusableDriver, match=r"comes with the gateway, and 'billing.tryton' .*acme_opticom 1\.2"):
        DOMAINS["billing"].driver("tryton")
    with pytest.raises(UnusableDriver, match=r"acme_opticom:DRIVER.* and .*rival:DRIVER"):
        DOMAINS["billing"].driver("twice")


def test_an_entry_point_that_is_no_driver_is_named(site: Path) -> None:
    distribution(site, "acme_opticom", "billing.acme = acme_opticom:NUMBER")
    with pytest.raises(UnusableDriver, match=r"'billing.acme' .* is 7; right is a connectors\.Driver"):
        DOMAINS["billing"].driver("acme")


@pytest.mark.parametrize(
    ("module", "domain", "said"),
    [
        ("nope", None, r"no driver has this name; there are .*tmf, tryton\..*package\.module:ClassOrDriver"),
        ("tmf", None, r"a driver for crm, billing, usage, inventory, ticketing, assurance; say which with --system"),
        ("tmf", "bill", r"--system bill: there is no such system; there are: crm, billing"),
        ("rt", "billing", r"has no driver named 'rt'; there is: tmf, tryton"),
        ("nowhere.at_all:X", None, r"the module nowhere\.at_all cannot be imported .*PYTHONPATH"),
        ("acme_opticom:Acme", None, r"acme_opticom has no Acme; there are AcmeBilling, Forgetful, DRIVER"),
        ("acme_opticom:NUMBER", None, r"is 7; right is a driver's class, or a connectors\.Driver"),
        ("acme_opticom:AcmeOptions", None, r"has no method of any port"),
    ],
)
def test_a_wrong_name_is_told_what_would_be_right(site: Path, module: str, domain: str | None, said: str) -> None:
    distribution(site, "acme_opticom", "")
    with pytest.raises(WrongDriver, match=said):
        found(module, domain)


def test_a_class_brings_its_options_and_its_port(site: Path) -> None:
    distribution(site, "acme_opticom", "billing.acme = acme_opticom:DRIVER")
    by_class = found("acme_opticom:AcmeBilling", None)
    assert by_class.domain == "billing"
    assert by_class.driver == found("acme_opticom:DRIVER", None).driver == found("acme", None).driver


def test_keys_of_the_command_line() -> None:
    assert keys_given(["C1", "C2"], ["service=S=1", "bill=7"]) == {
        "customer": ["C1", "C2"],
        "service": ["S=1"],
        "bill": ["7"],
    }
    with pytest.raises(
        WrongDriver, match=r"--key person=1: right is KIND=VALUE, with KIND one of account, assignee, bill"
    ):
        keys_given([], ["person=1"])


def test_one_section_of_the_settings_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.toml"
    path.write_text('[systems.billing]\nurl = "https://b.example"\nauth = { kind = "bearer", token = "x" }\n')
    monkeypatch.setenv("GATEWAY_SYSTEMS__BILLING__AUTH__TOKEN", "secret")
    assert load_system(path, "billing").auth.token == "secret"  # type: ignore[union-attr]  # a bearer's
    with pytest.raises(WrongSettings, match=r"systems\.crm\.url: missing: the address of the CRM"):
        load_system(path, "crm")
    path.write_text('[systems.billing]\nurl = "https://b.example"\ntimeuot = 3\n')
    with pytest.raises(WrongSettings, match=r"systems\.billing\.timeuot: .*did you mean timeout\?"):
        load_system(path, "billing")


def test_the_command_prints_a_table_and_what_failed(
    site: Path, tmp_path: Path, billing: SandboxServer, run: InProcess
) -> None:
    distribution(site, "acme_opticom", "billing.acme = acme_opticom:DRIVER")
    config = str(settings(tmp_path, billing.url))
    few = ("--config", config, "--customer", "1001", "--customer", "1002", "--customer", "1003", "--method", "bills")

    good = run("driver-test", "acme", *few)
    assert (good.returncode, good.stderr) == (0, "")
    row = next(line for line in good.stdout.splitlines() if line.startswith(" bills "))
    assert row.split()[:10] == ["bills", "ok", "ok", "ok", "ok", "ok", "ok", "ok", "ok", "1/1"]

    bad = run("driver-test", "acme_opticom:Forgetful", *few)
    assert bad.returncode == 1
    assert "bills, gaps: bills([" in bad.stdout
    assert "raised KeyError" in bad.stdout
    assert "3 failed" in bad.stdout

    nothing = run("driver-test", "acme", *few[:2], "--customer", "nobody", *few[-2:])
    assert nothing.returncode == 1
    assert "No method of the port could be checked, and that is no success" in nothing.stdout

    wrong = run("driver-test", "acme", *few, "--method", "bill")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("--method bill: not of the billing port; there are accounts_of_customers")


def test_writes_are_announced_and_made_only_where_the_systems_name_is_typed(tmp_path: Path, run: InProcess) -> None:
    with SandboxServer("crm", world=World(customers=6)) as crm:
        path = tmp_path / "crm.toml"
        path.write_text(f'[systems.crm]\nurl = "{crm.url}"\n', encoding="utf-8")
        asked = ("driver-test", "tmf", "--system", "crm", "--writes", "--config", str(path), "--customer", "1001")

        def ran(*more: str, typed: str = "") -> tuple[int, str, set[str]]:
            crm.requests.clear()
            done = run(*asked, *more, typed=typed)
            return done.returncode, done.stdout + done.stderr, {one["method"] for one in crm.requests}

        for typed in ("", "\n", "yes\n", "billing\n"):
            code, said, methods = ran(typed=typed)
            assert (code, methods) == (1, {"GET"})
            assert f"This WRITES to the crm system at {crm.url}:\n  update_contact changes" in said
            assert "Type crm to write" in said
            assert said.rstrip().endswith("Nothing was written.")
        for more, typed in (((), "crm\n"), (("--yes",), "")):
            code, said, methods = ran(*more, typed=typed)
            assert (code, methods) == (0, {"GET", "PATCH"})
            assert said.index("This WRITES") < said.index("tmf (crm), writes")
            assert ("Type crm" in said) is (not more)
            assert "10 passed, 0 failed, 0 skipped." in said
        crm.switches.refuse_writes = 409
        code, said, _ = ran("--yes")
        assert (code, "update_contact, once: update_contact('1001'" in said) == (1, True)
        code, said, _ = ran("--method", "customers")
        assert (code, "--method customers: --writes knows update_contact." in said) == (2, True)


def test_a_port_without_writes_has_none_to_check(tmp_path: Path, run: InProcess) -> None:
    path = tmp_path / "inventory.toml"
    path.write_text('[systems.inventory]\nurl = "http://127.0.0.1:9"\n', encoding="utf-8")
    done = run("driver-test", "nautobot", "--writes", "--yes", "--config", str(path), "--customer", "1")
    assert (done.returncode, done.stderr) == (2, "--writes: the inventory port has no methods that write.\n")


def test_the_guide_names_what_there_is() -> None:
    guide = (ROOT / "docs/drivers.md").read_text(encoding="utf-8")
    entry = guide.partition("```toml\n")[2].partition("```")[0]
    assert entry.startswith("[project.entry-points")
    assert entry in (ROOT / "docs/acme-desk/pyproject.toml").read_text(encoding="utf-8")
    failures = {
        name
        for name, one in vars(errors).items()
        if inspect.isclass(one) and issubclass(one, errors.ConnectorError) and one.__module__ == errors.__name__
    }
    assert {name for name in failures if f"`{name}" not in guide} == {"Cancelled", "NotConfigured"}
    named = {f"await http.{name}": getattr(HttpClient, name) for name in re.findall(r"await http\.(\w+)\(", guide)}
    assert set(named) == {"await http.send", "await http.for_each"}
    made = {f"Request.{name}": getattr(Request, name) for name in re.findall(r"`Request\.(\w+)\(", guide)}
    assert set(made) == {"Request.get", "Request.query", "Request.write"}
    for name, method in (named | made).items():
        signature = guide.partition(f"`{name}(")[2].partition(")` |")[0]
        written = [one.partition("=")[0] for one in signature.replace("*, ", "").split(", ")]
        assert written == [one for one in inspect.signature(method).parameters if one != "self"]
