"""The command line: `gateway demo | serve | check | driver-test | explain | schema | token`, or `python -m gateway`.

Exit codes: 0 all is well; 1 something is wrong, and one sentence on standard error says what; 2 wrong arguments or
settings. Commands import what they need when they run, so that `--help` and a mistyped option answer at once.
"""

import asyncio
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

if TYPE_CHECKING:
    from gateway.commands.schema_file import Changes

cli = typer.Typer(
    name="gateway",
    help="One GraphQL graph over a telecom operator's CRM, billing, network inventory and ticketing.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # They print local variables, and with them secrets.
    rich_markup_mode=None,
)

Config = Annotated[Path, typer.Option("--config", "-c", envvar="GATEWAY_CONFIG", help="The settings, a TOML file.")]
Port = Annotated[int, typer.Option(envvar="PORT", min=1, max=65535, help="The gateway's port.", show_envvar=True)]
SandboxPort = Annotated[
    int, typer.Option(min=1, max=65500, help="Port of the demo's CRM; those of its other systems follow.")
]


class Kind(StrEnum):
    """Kind of caller that a token is for."""

    CUSTOMER = "customer"
    AGENT = "agent"
    ADMIN = "admin"


def main() -> None:
    """Entry point of the `gateway` command."""
    cli()


def _fail(*lines: object, code: int = 1) -> NoReturn:
    for line in lines:
        typer.echo(line, err=True)
    raise typer.Exit(code)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"opticom-gateway {version('opticom-gateway')}")
        raise typer.Exit


@cli.callback()
def gateway(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """One GraphQL graph over a telecom operator's CRM, billing, network inventory and ticketing."""


@cli.command()
def demo(
    port: Port = 8000,
    sandbox_port: SandboxPort = 8101,
    customers: Annotated[int, typer.Option(min=2, help="How many customers the systems have, from 1001.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same data on every machine.")] = 1,
    today: Annotated[
        str | None, typer.Option(help="The day the data is dated against, e.g. 2026-11-22, or 'now'.")
    ] = None,
) -> None:
    """Start the sandbox's systems and the gateway on this machine, and print what to try."""
    from gateway.commands.demo import Demo, GatewayNotStarted, run
    from gateway.commands.demo_systems import NotStarted
    from gateway.commands.listening import PortUnavailable

    try:
        run(Demo(port, sandbox_port, customers, seed, today), Console(highlight=False))
    except (PortUnavailable, NotStarted, GatewayNotStarted) as error:
        _fail(error)


@cli.command()
def serve(
    config: Config = Path("gateway.toml"),
    workers: Annotated[int | None, typer.Option(min=1, help="Processes, if not as the settings say.")] = None,
) -> None:
    """Serve the graph as the settings say. Needs the section [auth]."""
    from gateway.commands.listening import PortUnavailable
    from gateway.commands.serve import NoAuth, run
    from gateway.settings_file import WrongSettings

    try:
        run(config, workers)
    except (WrongSettings, NoAuth) as error:
        _fail(error, code=2)
    except PortUnavailable as error:
        _fail(f"{error} Choose another one with server.port in {config}, or GATEWAY_SERVER__PORT.")


@cli.command()
def check(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", envvar="GATEWAY_CONFIG", help="The settings; without them, the running demo's."),
    ] = None,
    sandbox_port: SandboxPort = 8101,
) -> None:
    """Try every system in the settings (reach, credentials, one read), and say what to do about each failure."""
    from gateway.commands.check import check
    from gateway.commands.demo_settings import settings
    from gateway.commands.findings import show
    from gateway.settings_file import WrongSettings, load

    try:
        findings = asyncio.run(check(load(config) if config else settings(8000, sandbox_port), is_demo=not config))
    except WrongSettings as error:
        _fail(error, code=2)
    show(findings, Console(highlight=False))
    if not all(one.is_good for one in findings):
        raise typer.Exit(1)


@cli.command("driver-test")
def driver_test(
    module: Annotated[
        str,
        typer.Argument(
            metavar="MODULE",
            help="The driver: its name in the settings (tryton), or package.module:ClassOrDriver.",
        ),
    ],
    config: Config = Path("gateway.toml"),
    customer: Annotated[
        list[str] | None,
        typer.Option(help="A customer's number to ask about; repeat it. Without any, those of the settings' CRM."),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND=VALUE", help="Another key to ask about, e.g. service=S300001; repeat it."),
    ] = None,
    system: Annotated[
        str | None,
        typer.Option(metavar="DOMAIN", help="Whose driver it is, such as crm, where its name does not say it."),
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=50, help="Most keys of a kind that are asked for at once.")] = 5,
    auth_check: Annotated[
        bool, typer.Option("--auth-check/--no-auth-check", help="Whether to try wrong credentials once (some lock).")
    ] = True,
    method: Annotated[
        list[str] | None, typer.Option(help="Check this method of the port only; repeat it. Without any, all of them.")
    ] = None,
    reasons: Annotated[
        bool, typer.Option("--reasons", help="Also say what each check is about, and what it looked at.")
    ] = False,
) -> None:
    """Test a driver against a running system: does it keep every promise of its port? It only reads.

    The settings need the section of that system only, e.g. [systems.billing] with url, auth and options. Prints a line
    for each method of the port with a mark for each check (calls: requests for one key / for many), then what failed,
    in a sentence each. Some seconds to a minute. Exit code 1 where a check failed.
    """
    from gateway.commands import driver_test
    from gateway.settings_file import WrongSettings, load_system

    console = Console(highlight=False)
    try:
        tested = driver_test.found(module, system)
        keys = driver_test.keys_given(customer or (), key or ())
        section = load_system(config, tested.domain)
        good = asyncio.run(
            driver_test.run(
                tested,
                section,
                keys,
                console,
                config,
                most=most,
                check_credentials=auth_check,
                only=method or (),
                reasons=reasons,
            )
        )
    except (driver_test.WrongDriver, WrongSettings) as error:
        _fail(error, code=2)
    if not good:
        raise typer.Exit(1)


@cli.command()
def explain(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A GraphQL document.")],
    operation: Annotated[str | None, typer.Option(help="The one to explain; without it, all in the file.")] = None,
    variables: Annotated[
        str | None, typer.Option(metavar="JSON", help="Variables, where @skip or @include depend on them.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            envvar="GATEWAY_CONFIG",
            help="The settings. With them, methods that cost their systems a call per row are named, too.",
        ),
    ] = None,
    code: Annotated[bool, typer.Option("--code", help="Print the Python that is generated for it instead.")] = False,
) -> None:
    """Say what the gateway will do for a document: steps, loads, keys, what begins early, what is not compiled.

    No system is called.
    """
    from gateway.commands import explain as explaining
    from gateway.settings_file import WrongSettings, load

    console = Console(highlight=False)
    try:
        explained = explaining.explain(file, operation, variables)
        costly = asyncio.run(explaining.one_by_one(load(config))) if config else {}
    except (explaining.UnusableDocument, WrongSettings) as error:
        _fail(error, code=2)
    if code:
        explaining.show_code(explained, console)
        return
    explaining.show(explained, console)
    for warning in explaining.warnings(explained, costly):
        console.print(f"warning: {warning}", style="yellow")


@cli.command()
def schema(
    check: Annotated[bool, typer.Option("--check", help="Compare it with the file; fail where they differ.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Write it into the file.")] = False,
    diff: Annotated[
        Path | None, typer.Option(metavar="OLD", help="List what changed for clients since OLD; fail on what breaks.")
    ] = None,
    file: Annotated[Path, typer.Option(help="The file for --check and --write.")] = Path("schema.graphql"),
) -> None:
    """Print the graph's schema (SDL), compare it, or say what changed for clients."""
    from gateway.commands import schema_file

    if check + write + (diff is not None) > 1:
        _fail("Choose one of --check, --write and --diff.", code=2)
    sdl = schema_file.printed()
    try:
        if check:
            _compare(schema_file.difference(file, sdl), file)
        elif diff is not None:
            _print_changes(schema_file.changes(diff, sdl), diff)
        elif write:
            file.write_text(sdl, encoding="utf-8")
        else:
            typer.echo(sdl, nl=False)
    except schema_file.UnreadableSchema as error:
        _fail(error)


def _compare(difference: list[str], file: Path) -> None:
    if difference:
        message = f"{file} is not the code's schema: run 'gateway schema --write', look at the change, and commit it."
        _fail(*difference, "", message)
    typer.echo(f"{file} is the code's schema.")


def _print_changes(changes: "Changes", old: Path) -> None:
    for kind, lines in (("BREAKING", changes.breaking), ("dangerous", changes.dangerous)):
        for line in lines:
            typer.echo(f"{kind}: {line}")
    if not changes.breaking and not changes.dangerous:
        typer.echo(f"Nothing that a client of {old} could notice has changed for the worse.")
    if changes.breaking:
        raise typer.Exit(1)


@cli.command()
def token(
    kind: Annotated[Kind, typer.Argument(help="For whom.")],
    customers: Annotated[list[str] | None, typer.Argument(help="A subscriber's customer numbers, e.g. 1001.")] = None,
    port: Port = 8000,
) -> None:
    """Print a token that the running demo accepts (and nothing else does)."""
    from gateway.commands.demo_keys import DemoKeys, NoDemoError, key_path
    from resolvers.viewer import ViewerKind

    if kind is Kind.CUSTOMER and not customers:
        _fail("A subscriber's token needs a customer number, e.g. 'gateway token customer 1001'.", code=2)
    if kind is not Kind.CUSTOMER and customers:
        _fail(f"Customer numbers are for subscribers; 'gateway token {kind.value}' takes none.", code=2)
    try:
        keys = DemoKeys.load(key_path(port))
    except NoDemoError as error:
        _fail(f"{error} (Looked for the one on port {port}; --port chooses another.)")
    typer.echo(keys.token(ViewerKind(kind.value), *(customers or ())))
