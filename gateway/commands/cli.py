"""The command line: `gateway demo | serve | check | driver-test | events | explain | schema | token`.

`python -m gateway` is the same.

Exit codes: 0 all is well; 1 something is wrong, and one sentence on standard error says what; 2 wrong arguments or
settings. Commands import what they need when they run, so that `--help` and a mistyped option answer at once.
"""

import asyncio
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from gateway.commands.arguments import Config, SandboxPort, fail
from gateway.commands.check_command import check
from gateway.commands.driver_test_command import driver_test
from gateway.commands.garbage import collect_rarely

if TYPE_CHECKING:
    from gateway.commands.schema_file import Changes

cli = typer.Typer(
    name="gateway",
    help="One GraphQL graph over a telecom operator's CRM, billing, network inventory and ticketing.",
    no_args_is_help=True,
    add_completion=True,  # gateway --install-completion; typer finds out which shell it is
    pretty_exceptions_enable=False,  # They print local variables, and with them secrets.
    rich_markup_mode=None,
)

Port = Annotated[int, typer.Option(envvar="PORT", min=1, max=65535, help="The gateway's port.", show_envvar=True)]


class DomainName(StrEnum):
    """Domain whose system tells of a change."""

    CRM = "crm"
    BILLING = "billing"
    INVENTORY = "inventory"
    TICKETING = "ticketing"


class Kind(StrEnum):
    """Kind of caller that a token is for."""

    CUSTOMER = "customer"
    AGENT = "agent"
    ADMIN = "admin"


def main() -> None:
    """Entry point of the `gateway` command."""
    collect_rarely()
    cli(prog_name="gateway")  # however it was started: completion in shells is for that name


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
        fail(error)


@cli.command()
def serve(
    config: Config = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes, if not as the settings say.")] = None,
) -> None:
    """Serve the graph as the settings say. Needs the section [auth]."""
    from gateway.commands.listening import PortUnavailable
    from gateway.commands.serve import NoAuth, run
    from gateway.settings_file import WrongSettings, chosen

    settings = chosen(config)
    try:
        run(settings, workers)
    except (WrongSettings, NoAuth) as error:
        fail(error, code=2)
    except PortUnavailable as error:
        where = f"server.{error.setting} in {settings}, or " if settings is not None else ""
        fail(f"{error} Choose another one with {where}GATEWAY_SERVER__{error.setting.upper()}.")


cli.command("check")(check)
cli.command("driver-test")(driver_test)


@cli.command()
def events(
    url: Annotated[str, typer.Option(help="Where the gateway answers.")] = "http://127.0.0.1:8000",
    token: Annotated[
        str | None,
        typer.Option(
            envvar="OPTICOM_TOKEN",
            help="An agent's or an admin's token. Without it, one for the demo on this machine is made."
            " In the environment it is not seen by others on the machine.",
        ),
    ] = None,
    domain: Annotated[
        list[DomainName] | None,
        typer.Option(metavar="NAME", help="Only of this system, such as crm or ticketing. Can be given again."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line, for programs.")] = False,
) -> None:
    """Follow what a running gateway hears of the systems, until Ctrl-C. It needs [live] on.

    A line for each hint that something changed: when, in which domain, what, how (created, changed, removed), how the
    gateway learnt of it (hub, webhook, poll, or write: a client's mutation), and how long after it happened. And a line
    for each event that was refused, with the reason. Change something in a system: if no line comes, its hub or webhook
    does not reach the gateway; if it comes by poll only, that works and the hub does not.
    """
    from gateway.commands.events import NotFollowed, demo_token, follow, is_wanted, json_line, line, usable

    domains = {one.value for one in domain or ()}

    def show(event: tuple[str, dict[str, Any]]) -> None:
        if is_wanted(event, domains):
            typer.echo(json_line(event) if as_json else line(event))

    try:
        url, token = usable(url, token)
        asyncio.run(follow(url, token or demo_token(url), show, lambda said: typer.echo(said, err=True)))
    except NotFollowed as error:
        fail(error)
    except KeyboardInterrupt:
        typer.echo("", err=True)


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
        settings = load(config) if config else None
        systems = settings.systems.by_domain if settings else None
        explained = explaining.explain(file, operation, variables, systems)
        costly = asyncio.run(explaining.one_by_one(settings)) if settings else {}
    except (explaining.UnusableDocument, WrongSettings) as error:
        fail(error, code=2)
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
        fail("Choose one of --check, --write and --diff.", code=2)
    sdl = schema_file.printed()
    try:
        if check:
            _compare(schema_file.difference(file, sdl), file)
        elif diff is not None:
            _print_changes(schema_file.changes(diff, sdl), diff)
        elif write:
            schema_file.write(file, sdl)
        else:
            typer.echo(sdl, nl=False)
    except (schema_file.UnreadableSchema, schema_file.NotWritten) as error:
        fail(error)


def _compare(difference: list[str], file: Path) -> None:
    if difference:
        message = f"{file} is not the code's schema: run 'gateway schema --write', look at the change, and commit it."
        fail(*difference, "", message)
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
    port: Annotated[
        int | None,
        typer.Option(
            envvar="PORT",
            min=1,
            max=65535,
            help="The demo's port. Without it, that of the only demo that runs.",
            show_envvar=True,
        ),
    ] = None,
) -> None:
    """Print a token that the running demo accepts (and nothing else does)."""
    from gateway.commands.demo_keys import DemoKeys, NoDemoError, key_of_running
    from resolvers.viewer import ViewerKind

    if kind is Kind.CUSTOMER and not customers:
        fail("A subscriber's token needs a customer number, e.g. 'gateway token customer 1001'.", code=2)
    if kind is not Kind.CUSTOMER and customers:
        fail(f"Customer numbers are for subscribers; 'gateway token {kind.value}' takes none.", code=2)
    try:
        keys = DemoKeys.load(key_of_running(port))
    except NoDemoError as error:
        fail(error)
    typer.echo(keys.token(ViewerKind(kind.value), *(customers or ())))
