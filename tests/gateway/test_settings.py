"""Settings: what a file and the environment give, and how each mistake is named."""

import re
from pathlib import Path

import pytest

from connectors.events.settings import EventSource
from connectors.network import NetworkSettings
from connectors.settings import BearerAuth, SessionAuth, TokenExchangeAuth
from connectors.sharing.kept_types import Keeping
from connectors.store.address import FORMS
from connectors.texts import without_credentials
from connectors.tmf.profile import Profile
from gateway.auth.tokens import TokenRules
from gateway.engine.limits import Limits
from gateway.settings import RedisSettings, Settings
from gateway.settings_file import WrongSettings, chosen, load, load_system
from gateway.telemetry_settings import TelemetrySettings
from tests.certificates import mutual_tls

EXAMPLE = Path(__file__).resolve().parents[2] / "gateway.example.toml"

SYSTEMS = """
[systems.crm]
url = "https://crm.example"
[systems.billing]
url = "https://billing.example"
[systems.inventory]
url = "https://inventory.example"
[systems.ticketing]
url = "https://tickets.example"
"""
AUTH = """
[auth]
issuer = "https://login.example"
audience = "opticom"
jwks_url = "https://login.example/jwks"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[str]:
    """What is said about a file, without the folder it lies in."""
    with pytest.raises(WrongSettings) as caught:
        load(write(folder, text))
    return [problem.replace(f"{folder}/", "") for problem in caught.value.problems]


def test_defaults(tmp_path: Path) -> None:
    settings = load(write(tmp_path, SYSTEMS))
    assert type(settings) is Settings
    assert {name: system.url for name, system in settings.systems.by_domain.items()} == {
        "crm": "https://crm.example",
        "billing": "https://billing.example",
        "inventory": "https://inventory.example",
        "ticketing": "https://tickets.example",
    }
    assert (settings.auth, settings.redis) == (None, None)
    graphql = settings.graphql
    assert (graphql.introspection, graphql.graphiql, graphql.limits) == ("staff", False, Limits())
    assert (graphql.trace, graphql.deadline) == ("staff", 8.0)
    assert (settings.server.host, settings.server.port, settings.server.workers) == ("127.0.0.1", 8000, 1)
    assert (settings.log.level, settings.log.format) == ("info", "text")


def test_auth_section_has_the_defaults_of_the_rules(tmp_path: Path) -> None:
    auth = load(write(tmp_path, SYSTEMS + AUTH)).auth
    assert auth is not None
    ((place, issuer),) = auth.by_place()
    assert (place, issuer.rules) == ("auth", TokenRules("https://login.example", "opticom"))


def test_the_example_loads_and_is_complete(tmp_path: Path) -> None:
    shown = load(EXAMPLE)
    # Every line that the example has commented out is a setting, too: written in, the file still loads.
    text = EXAMPLE.read_text(encoding="utf-8")
    text = re.sub(r"^# (?=\[|[\w\".]+ = )", "", text, flags=re.MULTILINE)
    text = re.sub(r"^jwks_file = .*$", "", text, flags=re.MULTILINE)
    text = text.replace("/etc/opticom/", "").replace("/run/secrets/", "").replace("collector-ca.pem", "ca.pem")
    mutual_tls(tmp_path)
    (tmp_path / "portal.json").write_text('{"a1": "{ __typename }"}', encoding="utf-8")
    everything = load(write(tmp_path, text))
    assert everything.graphql == shown.graphql
    assert everything.log.model_copy(update={"caller_key": None}) == shown.log
    assert everything.systems.crm.model_copy(
        update={"auth": None, "profile": shown.systems.crm.profile, "policy": shown.systems.crm.policy}
    ) == (shown.systems.crm)
    assert everything.systems.billing.auth is not None
    assert everything.auth is not None
    profile = Profile.model_validate(everything.systems.crm.profile)
    live = everything.live
    for model in (
        everything.systems.crm,
        everything.systems.crm.policy,
        profile,
        everything.auth,
        everything.auth.browser,
        everything.graphql,
        live,
        live.limits,
        live.sources["ticketing"],
        everything.systems.billing.auth,
        everything.systems.billing.network,
    ):
        assert model is not None
        instead = {"jwks_file", "credentials", "secret_file", "passphrase", "proxy_file", "client_secret_file"}
        instead |= {"private_key_file", "key_id", "algorithm", "assertion_audience"}
        missing = type(model).model_fields.keys() - model.model_fields_set - instead
        assert not missing, f"{type(model).__name__}: gateway.example.toml does not show {missing}"
    for section in (
        everything.redis,
        everything.cache,
        everything.writes,
        everything.server,
        everything.log,
        everything.scopes,
        everything.cors,
        everything.documents,
        everything.files,
        everything.portal,
    ):
        assert section is not None
        shown_here = {one for one in type(section).model_fields if not one.endswith("_file")}
        assert section.model_fields_set == shown_here
    assert everything.telemetry.model_fields_set == TelemetrySettings.model_fields.keys() - {"headers_file"}
    named = set(re.findall(r"[a-z_]+", text))
    for model in (TokenExchangeAuth, NetworkSettings, RedisSettings, EventSource, SessionAuth, BearerAuth):
        assert not model.model_fields.keys() - named - {"password_file", "proxy_file"}


def test_types_are_kept_for_seconds_or_for_more_while_their_system_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis = '[redis]\nurl = "redis://cache.example"\n'
    assert load(write(tmp_path, SYSTEMS + AUTH + redis)).cache.keeping == {}
    cache = redis + "[cache]\nproducts = 30\nsites = { seconds = 20, stale = 600 }\n"
    monkeypatch.setenv("GATEWAY_CACHE__ACCOUNTS", "5")
    monkeypatch.setenv("GATEWAY_CACHE__PRODUCTS", '{"seconds": 40}')
    assert load(write(tmp_path, SYSTEMS + AUTH + cache)).cache.keeping == {
        "accounts": Keeping(5),
        "products": Keeping(40),
        "sites": Keeping(20, 600),
    }


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("[cache]\nproducts = 30\n", "cache: rows are kept for all processes in Redis: set redis.url"),
        ("[cache]\nbills = 30\n", "cache.bills"),
        ("[cache]\nproducts = 0\n", "cache.products"),
        ("[cache]\nproducts = true\n", "cache.products"),
        ("[cache]\nproducts = { stale = 60 }\n", "cache.products.seconds"),
    ],
)
def test_a_cache_that_cannot_be_says_why(tmp_path: Path, section: str, told: str) -> None:
    redis = "" if "Redis" in told else '[redis]\nurl = "redis://cache.example"\n'
    with pytest.raises(WrongSettings) as problems:
        load(write(tmp_path, SYSTEMS + AUTH + redis + section))
    assert told in str(problems.value)


def test_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_SYSTEMS__BILLING__URL", "https://other.example")
    monkeypatch.setenv("GATEWAY_SYSTEMS__CRM__AUTH__KIND", "bearer")
    monkeypatch.setenv("gateway_systems__crm__auth__token", "123")
    monkeypatch.setenv("GATEWAY_GRAPHQL__LIMITS__MAX_DEPTH", "7")
    monkeypatch.setenv("GATEWAY_AUTH__ALGORITHMS", '["ES256"]')
    monkeypatch.setenv("GATEWAY_PORT", "tcp://10.0.0.1:80")  # As Kubernetes sets it for a service called "gateway".
    settings = load(write(tmp_path, SYSTEMS + AUTH))
    assert settings.systems.billing.url == "https://other.example"
    assert settings.systems.inventory.url == "https://inventory.example"
    assert settings.systems.crm.auth == BearerAuth(kind="bearer", token="123")
    assert settings.graphql.limits == Limits(max_depth=7)
    assert settings.auth is not None
    assert settings.auth.algorithms == ("ES256",)


def test_a_drivers_configuration_comes_from_the_environment_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_SYSTEMS__BILLING__PROFILE__PAGE_SIZE", "20")
    monkeypatch.setenv("GATEWAY_SYSTEMS__BILLING__PROFILE__FILTERS", '["id"]')
    monkeypatch.setenv("GATEWAY_SYSTEMS__BILLING__PROFILE__SORT", "false")
    monkeypatch.setenv("GATEWAY_SYSTEMS__BILLING__PROFILE__TIMEZONE", "Europe/Prague")
    settings = load(write(tmp_path, SYSTEMS + AUTH + '[systems.billing.profile]\nversion = "v5"\n'))
    profile = Profile.model_validate(settings.systems.billing.profile)
    assert (profile.page_size, profile.filters, profile.sort) == (20, ("id",), False)
    assert (profile.timezone, profile.version) == ("Europe/Prague", "v5")

    monkeypatch.setenv("GATEWAY_SYSTEMS__BILLING__PROFILE__PAGE_SIZE", "many")
    with pytest.raises(WrongSettings) as told:
        load(write(tmp_path, SYSTEMS + AUTH))
    problem = "environment: GATEWAY_SYSTEMS__BILLING__PROFILE__PAGE_SIZE: should be a whole number"
    assert list(told.value.problems) == [problem]


def test_settings_in_code_ignore_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_SERVER__PORT", "1")
    settings = Settings.model_validate({"systems": {name: {"url": "http://a"} for name in SYSTEM_NAMES}})
    assert settings.server.port == 8000


SYSTEM_NAMES = ("crm", "billing", "inventory", "ticketing")


def test_every_wrong_key_is_named_with_its_place(tmp_path: Path) -> None:
    text = """
    lgo.level = "debug"
    [systems.crm]
    url = "crm.example"
    timeout = 0
    auth = {kind = "bearer", tokn = "s3cret"}
    [systems.billing]
    driver = "tmf"
    profile = {id_lists = "comma", max_keys = "many", words = {Working = 7}}
    [systems.inventory]
    url = "https://inventory.example"
    driver = "tmx"
    auth = {kind = "beare"}
    [auth]
    audience = 5
    issuer = "https://login.example"
    claims = {kinde = "x"}
    [graphql]
    introspection = "all"
    limits = {max_deph = 5}
    [redis]
    url = "http://cache"
    [server]
    port = 70000
    """
    found = problems(tmp_path, text)
    assert sorted(found) == sorted(
        [
            "gateway.toml: systems.crm.url: should be an address that begins with http:// or https://, "
            'e.g. "https://host.example"',
            "gateway.toml: systems.crm.timeout: should be greater than 0",
            "gateway.toml: systems.crm.auth.token: missing: this has to be set, or token_file",
            "gateway.toml: systems.crm.auth.tokn: is not a setting here; did you mean token?",
            'gateway.toml: systems.billing.url: missing: the address of the billing system, e.g. "https://billing.example"',
            "gateway.toml: systems.billing.profile.id_lists: is not a setting here; did you mean id_list?",
            "gateway.toml: systems.billing.profile.max_keys: should be a whole number",
            "gateway.toml: systems.billing.profile.words.Working: should be a text, in quotes",
            "gateway.toml: systems.inventory: has no driver named 'tmx'; there is: tmf, nautobot",
            "gateway.toml: systems.inventory.auth: needs a kind, one of"
            " 'bearer', 'basic', 'api_key', 'oauth2', 'session', 'forward', 'token_exchange'",
            'gateway.toml: systems.ticketing.url: missing: the address of the ticketing system, e.g. "https://ticketing.example"',
            "gateway.toml: auth.audience: should be a text, in quotes",
            "gateway.toml: auth.audience: should be a list",
            "gateway.toml: auth.claims.kinde: is not a setting here; did you mean kind?",
            "gateway.toml: graphql.introspection: should be 'nobody', 'staff', 'signed-in' or 'everyone'",
            "gateway.toml: graphql.limits.max_deph: is not a setting here; did you mean max_depth?",
            f"gateway.toml: redis.url: {FORMS}",
            "gateway.toml: server.port: should be less than or equal to 65535",
            "gateway.toml: lgo: is not a setting here; did you mean log?",
        ]
    )
    assert "s3cret" not in "".join(found)


def test_an_unknown_driver_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    text = SYSTEMS.replace(
        '[systems.crm]\nurl = "https://crm.example"', '[systems.crm]\nurl = "https://c"\ndriver = "x"'
    )
    assert problems(tmp_path, text) == ["gateway.toml: systems.crm: has no driver named 'x'; there is: tmf, bottlecrm"]


@pytest.mark.parametrize(
    ("domain", "entity", "held"),
    [
        ("crm", "resource", "account, service"),
        ("billing", "account", "product"),
        ("inventory", "service", "none"),
        ("ticketing", "product", "resource, service"),
    ],
)
def test_references_to_what_a_system_never_refers_to_are_named(
    tmp_path: Path, domain: str, entity: str, held: str
) -> None:
    systems = "".join(
        f'[systems.{name}]\nurl = "http://{name}.example"\n'
        + (f'references = {{ {entity} = "urn:{{id}}" }}\n' if name == domain else "")
        for name in ("crm", "billing", "inventory", "ticketing")
    )
    assert problems(tmp_path, systems) == [
        f"gateway.toml: systems.{domain}: references.{entity}: {domain}'s records hold no ids of another system's"
        f" {entity}s; there are: {held}"
    ]


def test_no_systems_at_all(tmp_path: Path) -> None:
    found = problems(tmp_path, "")
    assert [problem.split(": missing")[0] for problem in found] == [
        f"gateway.toml: systems.{name}.url" for name in SYSTEM_NAMES
    ]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ('jwks_file = "keys.json"', "auth: only one of jwks_url and jwks_file may be set"),
        ('algorithms = ["HS256"]', "auth: algorithms must be some of "),
        ("leeway = 1e6", "auth: leeway must be between 0 and 600 seconds"),
        ("[graphql.limits]\nmax_depth = 0", "graphql.limits: max_depth must be at least 1"),
    ],
)
def test_settings_that_do_not_fit_together(tmp_path: Path, changed: str, problem: str) -> None:
    (found,) = problems(tmp_path, SYSTEMS + AUTH + changed)
    assert found.startswith(f"gateway.toml: {problem}")


KEPT = '[redis]\nwrites_url = "redis://writes.example"\n[writes]\nenabled = true\n'
ALONE = "[writes]\nenabled = true\nin_process = true\nallow.payBill = []\n"
IN_ONE = (
    "writes.in_process: every process would know its own writes only: there must be one, or redis.writes_url be set"
)


@pytest.mark.parametrize(
    "text", [KEPT, ALONE, KEPT + "in_process = true\n[server]\nworkers = 4", "[writes]\nlease = 6"]
)
def test_writes_that_can_be_kept(tmp_path: Path, text: str) -> None:
    assert load(write(tmp_path, SYSTEMS + AUTH + text)).writes.model_fields_set


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            KEPT.replace("writes_url", "url"),
            "writes.enabled: what becomes of each write must be kept for all processes: set redis.writes_url; or, for"
            " tickets and contact data in one process, writes.in_process",
        ),
        (ALONE + "[server]\nworkers = 2", f"server.workers: should be 1, not 2, with {IN_ONE}"),
        (
            ALONE.replace("[]", '["agent"]'),
            "writes.in_process: a payment would be forgotten with the process: set redis.writes_url, or"
            " writes.allow.payBill = []",
        ),
        ("[writes]\nallow.payBil = []", "writes.allow.payBil: is not a setting here; did you mean payBill?"),
        (
            "[writes]\nallow.withdraw = []",
            "writes.allow.withdraw: is not a setting here; there are: openTicket, addTicketNote, closeTicket,"
            " reopenTicket, assignTicket, payBill, updateContact",
        ),
        (
            '[writes]\nallow.payBill = ["agent", "clerk"]',
            'writes.allow.payBill.1: should be "customer", "agent", "admin" or "role:NAME", not "clerk"',
        ),
        (
            '[writes]\nallow.payBill = ["role:"]',
            'writes.allow.payBill.0: should be "customer", "agent", "admin" or "role:NAME", not "role:"',
        ),
        (
            '[writes]\nallow.payBill = "agent"',
            'writes.allow.payBill: should be a list, such as ["agent"]; [] is for nobody',
        ),
        ("[writes]\nlease = 1", "writes.lease: should be greater than or equal to 5"),
        (
            KEPT + "[systems.billing]\nurl = 'https://billing.example'\ntimeout = 29\n",
            "writes.lease: should be more than 30, which is systems.billing.timeout + connect_timeout, not 30: a"
            " process that waits for that system would be taken for dead",
        ),
        (
            KEPT + "patience = 16\n[systems.billing]\nurl = 'https://billing.example'\nreads_after = 10\n",
            "writes.patience: should be at least 17, which is 2 * systems.billing.timeout + connect_timeout +"
            " reads_after, not 16: a write is sent, looked for where its answer was lost, and waited for until it"
            " shows",
        ),
        (
            KEPT + "keep = 600\npatience = 570",
            "writes.keep: should be more than writes.lease + writes.patience (600), not 600: a write would be forgotten"
            " while it is under way",
        ),
    ],
)
def test_what_is_wrong_about_writes_is_named(tmp_path: Path, text: str, problem: str) -> None:
    systems = SYSTEMS.replace('[systems.billing]\nurl = "https://billing.example"\n', "") if "[sys" in text else SYSTEMS
    assert problems(tmp_path, systems + AUTH + text) == [f"gateway.toml: {problem}"]


def test_what_is_wrong_about_writes_in_a_variable_is_named_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_WRITES__ENABLED", "true")
    monkeypatch.setenv("GATEWAY_WRITES__LEASE", "3.5e1")
    monkeypatch.setenv("GATEWAY_SYSTEMS__CRM__TIMEOUT", "40")
    monkeypatch.setenv("GATEWAY_WRITES__ALLOW", '{"payBil": []}')
    unknown = "environment: GATEWAY_WRITES__ALLOW.payBil: is not a setting here; did you mean payBill?"
    assert problems(tmp_path, SYSTEMS + AUTH) == [unknown]
    monkeypatch.delenv("GATEWAY_WRITES__ALLOW")
    found = [problem.split(": ")[:2] for problem in problems(tmp_path, SYSTEMS + AUTH)]
    assert found == [
        ["environment", "GATEWAY_WRITES__ENABLED"],
        ["environment", "GATEWAY_WRITES__LEASE"],
        ["gateway.toml", "writes.patience"],
    ]


LIVE = '[live]\nenabled = true\ncallback_url = "https://gateway.example"\n'
SECRET = 'secret = "0123456789abcdef"\n'
RT = SYSTEMS.replace('"https://tickets.example"', '"https://tickets.example"\ndriver = "rt"')
TRYTON = SYSTEMS.replace(
    '"https://billing.example"', '"https://b.example"\ndriver = "tryton"\noptions = {database = "d"}'
)
WRONG_SOURCES = [
    (SYSTEMS, "[live.sources.ticketing]\nhub = true\n" + SECRET, None),
    (
        SYSTEMS,
        "[live.sources.desk]\n",
        "desk: is no system of this gateway; there are: crm, billing, inventory, ticketing",
    ),
    (
        SYSTEMS,
        "[live.sources.ticketing]\nhub = true\n",
        "ticketing.secret: missing: with hub = true it is what an event's address must hold",
    ),
    (
        RT,
        "[live.sources.ticketing]\nhub = true\n" + SECRET,
        "ticketing.hub: the driver 'rt' has no TM Forum hubs: set its product up to post to"
        " <callback_url>/events/ticketing/<secret>, and hub = false",
    ),
    (RT, "[live.sources.ticketing]\n" + SECRET, None),
    (
        TRYTON,
        "[live.sources.billing]\nhub = true\n" + SECRET,
        "billing.hub: the driver 'tryton' has no TM Forum hubs: it is polled; hub = false",
    ),
    (
        TRYTON,
        "[live.sources.billing]\n" + SECRET,
        "billing.secret: the driver 'tryton' reads no events: leave it out, and billing is polled",
    ),
    (
        SYSTEMS,
        '[live.sources.ticketing]\nsecret = "0123456789abcde/"\n',
        "ticketing.secret: stands in an address here: letters, digits and . _ ~ - only",
    ),
    (
        SYSTEMS,
        '[live.sources.crm.credentials]\nkind = "bearer"\ntoken = "t"\n',
        "crm.credentials: is only for systems.crm.auth.kind = 'forward' or 'token_exchange'; systems.crm.auth is used",
    ),
    (
        SYSTEMS,
        '[live.sources.crm.credentials]\nkind = "forward"\n',
        "crm.credentials: must be the gateway's own credentials, not 'forward': nobody asks then",
    ),
]


@pytest.mark.parametrize(("systems", "source", "wrong"), WRONG_SOURCES, ids=range(len(WRONG_SOURCES)))
def test_what_is_wrong_about_a_source_of_changes_is_named(
    tmp_path: Path, systems: str, source: str, wrong: str | None
) -> None:
    found = problems(tmp_path, systems + AUTH + LIVE + source)[:1] if wrong else []
    assert found == ([f"gateway.toml: live.sources.{wrong}"] if wrong else [])
    load(write(tmp_path, systems + AUTH + source + ("" if wrong else LIVE)))


def test_a_hub_needs_an_address_of_the_gateway(tmp_path: Path) -> None:
    live = "[live]\nenabled = true\n[live.sources.ticketing]\nhub = true\n" + SECRET
    assert problems(tmp_path, SYSTEMS + AUTH + live) == [
        "gateway.toml: live.sources.ticketing.hub: is true, so live.callback_url must be set: the ticketing system"
        " posts what changes to it"
    ]


def test_the_secret_of_a_source_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_LIVE__SOURCES__TICKETING__SECRET", "from-the-environment")
    settings = load(write(tmp_path, SYSTEMS + AUTH + LIVE + "[live.sources.ticketing]\nhub = true\n"))
    assert settings.live.sources["ticketing"].secret == "from-the-environment"
    assert "from-the-environment" not in repr(settings)


def test_subscriptions_in_more_processes_than_one_need_redis(tmp_path: Path) -> None:
    text = "[live]\nenabled = true\n[server]\nworkers = 2\n"
    assert problems(tmp_path, SYSTEMS + AUTH + text) == [
        "gateway.toml: server.workers: should be 1, not 2, with live.enabled: every process would tell its own clients"
        " only what it heard itself: there must be one, or redis.url be set"
    ]
    for well in (
        '[redis]\nurl = "redis://cache.example"\n' + text,
        text.replace("2", "1"),
        text.replace("true", "false"),
    ):
        load(write(tmp_path, SYSTEMS + AUTH + well))


def test_a_wrong_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_SYSTMES__CRM__URL", "https://crm.example")
    monkeypatch.setenv("GATEWAY_SERVER__PORT", "http")
    monkeypatch.setenv("GATEWAY_SYSTEMS__CRM__PROFILE", '{"id_lists": "none"}')
    assert problems(tmp_path, SYSTEMS) == [
        "environment: GATEWAY_SYSTMES__CRM__URL: is not a setting here; did you mean systems?",
        "environment: GATEWAY_SYSTEMS__CRM__PROFILE.id_lists: is not a setting here; did you mean id_list?",
        "environment: GATEWAY_SERVER__PORT: should be a whole number",
    ]


def test_a_table_in_a_variable_that_is_not_json_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is also the case below a section, and where one system alone is read."""
    for variable in ("GATEWAY_SERVER", "GATEWAY_AUTH__CLAIMS", "GATEWAY_AUTH__ISSUERS", "GATEWAY_SYSTEMS__CRM__AUTH"):
        with monkeypatch.context() as patched:
            patched.setenv(variable, "ES256")
            said = [f"environment: {variable}: a table is written as JSON here, not as plain text"]
            assert problems(tmp_path, SYSTEMS + AUTH) == said
            if "SYSTEMS" in variable:
                with pytest.raises(WrongSettings) as caught:
                    load_system(write(tmp_path, SYSTEMS), "crm")
                assert list(caught.value.problems) == said


@pytest.mark.parametrize("given", ["a.example, b.example", '["a.example", "b.example"]', "a.example,b.example,"])
def test_lists_in_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    """With commas or as JSON, of texts and of what is made of texts, in tables and where a text would do as well."""
    monkeypatch.setenv("GATEWAY_CORS__ORIGINS", given.replace("a.", "https://a.").replace("b.", "https://b."))
    monkeypatch.setenv("GATEWAY_AUTH__AUDIENCE", given)
    scopes = given.replace("a.example", "usage:read").replace("b.example", "ticket:text")
    monkeypatch.setenv("GATEWAY_AUTH__CLAIMS__ROLE_SCOPES__CLERK", scopes)
    monkeypatch.setenv(
        "GATEWAY_SERVER__TRUSTED_PROXIES",
        given.replace("a.example", "10.0.0.1").replace("b.", "::1").replace("example", ""),
    )
    settings = load(write(tmp_path, SYSTEMS + AUTH))
    assert settings.auth is not None
    assert settings.cors.origins == ("https://a.example", "https://b.example")
    assert settings.auth.audience == ("a.example", "b.example")
    assert settings.auth.claims.role_scopes == {"clerk": ("usage:read", "ticket:text")}
    assert [str(one) for one in settings.server.trusted_proxies] == ["10.0.0.1/32", "::1/128"]


def test_one_value_is_a_list_of_one_where_only_a_list_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_AUTH__ALGORITHMS", "ES256")
    monkeypatch.setenv("GATEWAY_AUTH__AUDIENCE", "portal")
    auth = load(write(tmp_path, SYSTEMS + AUTH)).auth
    assert auth is not None
    assert (auth.algorithms, auth.audience) == (("ES256",), "portal")


def test_the_environment_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file its variables are all there is; what is missing is named as a variable."""
    monkeypatch.chdir(tmp_path)
    assert chosen(None) == Path("gateway.toml")
    for name in ("crm", "billing", "inventory", "ticketing"):
        monkeypatch.setenv(f"GATEWAY_SYSTEMS__{name.upper()}__URL", f"https://{name}.example")
    assert chosen(None) is None
    assert chosen(Path("other.toml")) == Path("other.toml")
    assert load(None).systems.by_domain.keys() == {"crm", "billing", "inventory", "ticketing"}
    monkeypatch.setenv("GATEWAY_SERVER__PORT", "http")
    monkeypatch.setenv("GATEWAY_AUTH__ISSUER", "https://login.example")
    with pytest.raises(WrongSettings) as caught:
        load(None)
    assert "environment: GATEWAY_SERVER__PORT: should be a whole number" in caught.value.problems
    assert any(one.startswith("environment: GATEWAY_AUTH__AUDIENCE: missing") for one in caught.value.problems)
    (tmp_path / "gateway.toml").write_text(SYSTEMS, encoding="utf-8")
    assert chosen(None) == Path("gateway.toml")


def test_not_toml_says_line_and_column(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, SYSTEMS + "\n[server]\nport 8000\n")
    assert found.startswith("gateway.toml: is not TOML: ")
    assert found.endswith("(at line 12, column 6)")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("port = " + "9" * 5000, "has a number with more digits than any setting takes"),
        ("port = " + "[" * 100_000, "has tables and lists that are nested too deeply"),
        ("port = " + "[" * 900 + "]" * 900, "has tables and lists that are nested too deeply"),
        ("a" + ".a" * 2_000 + " = 1", "has tables and lists that are nested too deeply"),
    ],
)
def test_what_no_reader_of_toml_takes_is_named(tmp_path: Path, text: str, told: str) -> None:
    assert problems(tmp_path, text) == [f"gateway.toml: {told}"]


def test_a_table_in_a_variable_may_be_too_deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_SERVER", '{"a":' * 100_000)
    assert problems(tmp_path, SYSTEMS) == ["gateway.toml: has tables and lists that are nested too deeply"]


def test_a_byte_order_mark_is_no_part_of_the_settings(tmp_path: Path) -> None:
    assert load(write(tmp_path, "\ufeff" + SYSTEMS)).systems.crm.url == "https://crm.example"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("systems.crm.driver = [1]", "systems.crm.driver: should be a text, in quotes"),
        ("systems.crm.driver = {}", "systems.crm.driver: should be a text, in quotes"),
        ("systems.crm.network.ca_file = 5", "systems.crm.network.ca_file: should be the path of a file, in quotes"),
        ("systems.crm.network = 5", "systems.crm.network: should be a table"),
        ("systems.crm.auth = { kind = 'bearer', token_file = 1.5 }", "token_file: should be the path of a file, in"),
        ("systems.crm.share = 'perhaps'", "systems.crm.share: should be true or false"),
        ("systems.crm.timeout = 'long'", "systems.crm.timeout: should be a number"),
        ("graphql = []", "graphql: should be a table"),
        ("server.trusted_proxies = 5", "server.trusted_proxies: should be a list"),
        ('server.unix_socket = "a\\u0000b"', "server.unix_socket: should be one line of text"),
        ('systems.crm.customer_key = "external:a\\nb"', "customer_key: should be one line of text"),
        (
            "telemetry.headers = 'authorization=Bearer%0Aabc'",
            "telemetry.headers: one of the headers should be one line",
        ),
        ("telemetry.headers = 'ž=1'", "telemetry.headers: one of the headers should be the name of a header"),
        ("telemetry.headers = 'a=ž'", "telemetry.headers: one of the headers should be a header's value"),
        ("telemetry.ca_file = 'none.pem'", "none.pem: cannot be read: No such file or directory"),
        ("telemetry.ca_file = 'gateway.toml'", "gateway.toml: holds no certificate that can be read; right is PEM"),
        ("auth = { audience = 'a', issuer = 'https://[' }", "auth: without jwks_url and jwks_file the issuer is asked"),
        ("auth = { audience = 'a', issuer = 'https://h:99999' }", "auth: issuer: should be an address that begins"),
        ("auth = { audience = 'a', issuer = 'https://h/?x' }", "auth: issuer: should be the address that all paths"),
        ("auth = { audience = 'a', issuer = 'https://kůň' }", "auth: issuer: should be an address in ASCII"),
    ],
)
def test_a_value_of_another_kind_says_what_would_be_right(tmp_path: Path, text: str, told: str) -> None:
    systems = "".join(f"systems.{name}.url = 'https://h'\n" for name in ("crm", "billing", "inventory", "ticketing"))
    (found,) = problems(tmp_path, systems + text)
    assert told in found
    assert found.isprintable()


def test_a_very_long_value_is_not_shown_whole(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, SYSTEMS + f"[systems.assurance]\nurl = 'https://h'\ndriver = '{'x' * 100_000}'")
    assert len(found) < 2100
    assert found.endswith("there is: tmf, alertmanager, icinga")


def test_a_line_break_at_the_end_of_a_variable_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_SERVER__PORT", "9000\n")
    monkeypatch.setenv("GATEWAY_GRAPHQL__INTROSPECTION", "staff\r\n")
    monkeypatch.setenv("GATEWAY_AUTH__CLAIMS__KIND", "role\n")
    settings = load(write(tmp_path, SYSTEMS + AUTH))
    assert (settings.server.port, settings.graphql.introspection) == (9000, "staff")
    assert settings.auth is not None
    assert settings.auth.claims.kind == "role"


def test_bytes_of_a_variable_that_are_no_text_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_WRITES__ENABLED", "true")
    monkeypatch.setenv("GATEWAY_WRITES__ALLOW__PAYBILL", "\udc80")
    found = problems(tmp_path, SYSTEMS + AUTH)
    assert any("writes.allow" in one.lower().replace("__", ".") for one in found), found


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match=r"other\.toml: there is no such file; gateway\.example\.toml shows"):
        load(tmp_path / "other.toml")


def test_a_key_file_lies_beside_the_settings(tmp_path: Path) -> None:
    text = SYSTEMS + AUTH.replace('jwks_url = "https://login.example/jwks"', 'jwks_file = "keys/jwks.json"')
    auth = load(write(tmp_path, text)).auth
    assert auth is not None
    assert auth.jwks_file == tmp_path / "keys" / "jwks.json"


def test_issuers_of_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong keys are named with their place, key files lie beside the settings, and the environment wins."""
    text = SYSTEMS + AUTH + '[[auth.issuers]]\nissuer = "staff"\naudience = "a"\njwks_file = "keys.json"\n'
    auth = load(write(tmp_path, text)).auth
    assert auth is not None
    assert [(place, one.issuer, one.jwks_file) for place, one in auth.by_place()] == [
        ("auth", "https://login.example", None),
        ("auth.issuers.0", "staff", tmp_path / "keys.json"),
    ]
    wrong = 'audiense = "a"\nclaims = { default_kind = "agent", kinds = { x = "root" }, kid = "x" }\n'
    assert problems(tmp_path, text + wrong) == [
        "gateway.toml: auth.issuers.0.claims.kinds.x: should be 'customer', 'agent' or 'admin'",
        "gateway.toml: auth.issuers.0.claims.default_kind: should be 'customer'",
        "gateway.toml: auth.issuers.0.claims.kid: is not a setting here; did you mean kind?",
        "gateway.toml: auth.issuers.0.audiense: is not a setting here; did you mean audience?",
    ]
    monkeypatch.setenv("GATEWAY_AUTH__ISSUERS", '[{"issuer": "https://other.example", "audience": ["a", "b"]}]')
    auth = load(write(tmp_path, text)).auth
    assert auth is not None
    assert [one.issuer for one in auth.issuers] == ["https://other.example"]


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("[auth]\n", ["auth.issuer: missing: this has to be set", "auth.audience: missing: this has to be set"]),
        ('[auth]\nissuer = "i"\n', ["auth.audience: missing: this has to be set"]),
        (
            '[auth]\nleeway = 5\n[[auth.issuers]]\nissuer = "https://a.example"\naudience = "a"\n',
            ["auth: leeway: only with an issuer named here; each of auth.issuers has its own"],
        ),
        (
            '[auth]\nissuer = "i"\naudience = "a"\n',
            ["auth: without jwks_url and jwks_file the issuer is asked for its keys, so issuer must be an address"],
        ),
        (
            2 * '[[auth.issuers]]\nissuer = "https://a.example"\naudience = "a"\n',
            ["auth: each issuer can be named once only, unlike https://a.example"],
        ),
    ],
)
def test_issuers_that_cannot_be_meant(tmp_path: Path, section: str, problem: list[str]) -> None:
    assert problems(tmp_path, SYSTEMS + section) == [f"gateway.toml: {one}" for one in problem]


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    text = SYSTEMS.replace("https://crm", "https://me:pass1@crm") + '[redis]\nurl = "redis://:pass2@cache/0"'
    text += '\n[systems.billing.auth]\nkind = "bearer"\ntoken = "pass3"'
    shown = repr(load(write(tmp_path, text)))
    assert "https://crm.example" in shown
    assert "pass" not in shown


def test_addresses_are_shown_without_credentials() -> None:
    assert without_credentials("https://me:pw@host.example:8443/a?key=b#c") == "https://host.example:8443/a"


def test_addresses_are_shown_without_what_may_be_a_secret(tmp_path: Path) -> None:
    secret = "s3cr3t"
    text = SYSTEMS.replace("https://crm.example", f"https://me:{secret}@crm.example")
    text += f'[auth]\nissuer = "i"\naudience = "a"\njwks_url = "https://login.example/keys?key={secret}"\n'
    text += (
        f'[live]\ncallback_url = "https://me:{secret}@gateway.example"\n[redis]\nurl = "redis://:{secret}@cache/0"\n'
    )
    settings = load(write(tmp_path, text))
    assert secret in str(settings.systems.crm.url)
    for part in (settings, settings.systems, settings.systems.crm, settings.auth, settings.live, settings.redis):
        assert secret not in f"{part!r} {part}"
    assert "https://login.example/keys" in repr(settings.auth)
