"""The options of `gateway driver-test`."""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from gateway.commands.arguments import Config, fail


def driver_test(
    module: Annotated[
        str,
        typer.Argument(
            metavar="MODULE",
            help="The driver: its name in the settings (tryton), or package.module:ClassOrDriver.",
        ),
    ],
    config: Config = None,
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
    writes: Annotated[
        bool, typer.Option("--writes", help="Check the methods that write instead. This changes the system's data.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --writes: write without asking first.")] = False,
) -> None:
    """Test a driver against a running system: does it keep every promise of its port? Without --writes it only reads.

    The settings need the section of that system only, e.g. [systems.billing] with url, auth and options. Prints a line
    for each method of the port with a mark for each check (calls: requests for one key / for many), then what failed,
    in a sentence each. Some seconds to a minute. Exit code 1 where a check failed.

    With --writes it first says what will be changed on which system, and waits for that system's name to be typed.
    """
    from gateway.commands import driver_test as reads
    from gateway.commands import driver_test_writes
    from gateway.settings_file import WrongSettings, chosen, load_system, section_of

    console = Console(highlight=False)
    try:
        tested = reads.found(module, system)
        keys = reads.keys_given(customer or (), key or ())
        config = chosen(config)
        tested = replace(tested, section=section_of(config, tested.domain, tested.name))
        section = load_system(config, tested.system)
        if writes:
            asked = partial(_asked, tested.domain, yes)
            written = driver_test_writes.run(
                tested, section, keys, console, asked, config, only=method or (), reasons=reasons
            )
            good = asyncio.run(written)
        else:
            good = asyncio.run(
                reads.run(
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
    except (reads.WrongDriver, WrongSettings) as error:
        fail(error, code=2)
    if not good:
        raise typer.Exit(1)


def _asked(domain: str, yes: bool) -> bool:
    """Whether to write: said with --yes, or by typing the system's name."""
    if yes:
        return True
    try:
        typed: str = typer.prompt(f"Type {domain} to write", default="", show_default=False)
    except typer.Abort:
        return False
    return typed.strip() == domain
