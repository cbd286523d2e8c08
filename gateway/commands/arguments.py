"""What the commands share: options that several of them have, and how a mistake ends a command."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="GATEWAY_CONFIG",
        show_default="gateway.toml, or without it the environment",
        help="The settings, a TOML file. Variables such as GATEWAY_SYSTEMS__CRM__URL win over it, or stand for it.",
    ),
]

SandboxPort = Annotated[
    int, typer.Option(min=1, max=65500, help="Port of the demo's CRM; those of its other systems follow.")
]


def fail(*lines: object, code: int = 1) -> NoReturn:
    """Say what is wrong on standard error, and end with this exit code."""
    for line in lines:
        typer.echo(line, err=True)
    raise typer.Exit(code)
