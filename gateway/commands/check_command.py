"""`gateway check` on the command line: its options, and what it prints."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway.commands.arguments import SandboxPort, fail


def check(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", envvar="GATEWAY_CONFIG", help="The settings; without it the environment, or the demo."
        ),
    ] = None,
    sandbox_port: SandboxPort = 8101,
    customer: Annotated[
        list[str] | None,
        typer.Option(help="A customer to ask the systems about, by the CRM's number; several times for several."),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Instead, say what the token in this file (-: on standard input) would be here, or which setting would"
            " take it. Never the token itself: others on the machine see command lines.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON, for programs.")] = False,
) -> None:
    """Try every system in the settings, and say what to do about each failure.

    Each is reached, read once, and asked about customers: those of --customer, or some that the CRM lists. With
    --token no system is asked.
    """
    from gateway.commands.check import check
    from gateway.commands.demo_settings import settings
    from gateway.commands.findings import show, to_json
    from gateway.settings_file import WrongSettings, has_variables, load

    is_demo = config is None and not has_variables()
    if token is not None:
        _check_token(token, config, is_demo=is_demo)
        return
    if is_demo:
        typer.echo("This checks the demo on this machine: name your settings with --config.", err=True)
    try:
        given = settings(8000, sandbox_port) if is_demo else load(config)
        findings = asyncio.run(check(given, is_demo=is_demo, customers=customer or ()))
    except WrongSettings as error:
        fail(error, code=2)
    if as_json:
        typer.echo(to_json(findings))
    else:
        show(findings, Console(highlight=False))
    if not all(one.is_good for one in findings):
        raise typer.Exit(1)


def _check_token(where: str, config: Path | None, *, is_demo: bool) -> None:
    from gateway.commands.check_token import NoToken, judge, read_token
    from gateway.settings_file import WrongSettings, load

    if is_demo:
        fail("--token needs --config: the settings whose [auth] is to take it.", code=2)
    try:
        settings = load(config)
        auth = settings.auth
        if auth is None:
            fail(f"{config or 'environment'}: auth: missing: no token could be checked (see docs/identity.md).", code=2)
        judged = asyncio.run(judge(auth, read_token(where), settings.scopes))
    except (WrongSettings, NoToken) as error:
        fail(error, code=2)
    for line in judged.lines:
        typer.echo(line)
    if not judged.is_taken:
        raise typer.Exit(1)
