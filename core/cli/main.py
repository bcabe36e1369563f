"""The command line: names, options and help. What commands do is in ``core/cli/running.py`` and ``core/cli/models.py``.

Those bring everything else with them, so they are loaded only when a command is run: ``--help`` is there at once.
"""

import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated, Any

import typer

from core.errors import SettingsError, StoreError

_app = typer.Typer(
    name="waystation",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="The configuration; else WAYSTATION_CONFIG, else config.toml."),
]


def main() -> None:
    """Run a command; what the operator can mend is told in one sentence, with exit code 2."""
    try:
        _app()
    except (SettingsError, StoreError) as problem:
        print(problem, file=sys.stderr)  # noqa: T201 - this is the command line
        sys.exit(2)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's calling convention
    if wanted:
        typer.echo(f"waystation {version('waystation')}")
        raise typer.Exit


@_app.callback()
def _waystation(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """One assistant in the messengers you already use, on a machine of your own."""


@_app.command()
def run(
    config: _Config = None,
    *,
    chat: Annotated[
        bool | None, typer.Option("--chat/--no-chat", help="Talk to it right here; by default at a terminal.")
    ] = None,
) -> None:
    """Run Waystation until it is stopped (Ctrl-C; twice for at once)."""
    raise typer.Exit(_command("run")(config, chat=chat))


@_app.command()
def chat(
    question: Annotated[str | None, typer.Argument(help="Ask this, print the answer, and exit.")] = None,
    config: _Config = None,
) -> None:
    """Talk with the assistant; text on standard input is added to the question."""
    raise typer.Exit(_command("chat")(config, question))


@_app.command()
def status(config: _Config = None) -> None:
    """Say what is on, what is off and why, and what is waiting."""
    raise typer.Exit(_command("status")(config))


@_app.command()
def models(
    config: _Config = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those beyond the first few of each provider.")
    ] = False,
) -> None:
    """List the models there are: what each can do, costs and holds, and which one answers."""
    raise typer.Exit(_command("models")(config, as_json=as_json, everything=everything))


@_app.command()
def link(config: _Config = None) -> None:
    """Print a link that lets one browser into the web chat, once."""
    raise typer.Exit(_command("link")(config))


@_app.command()
def check(config: _Config = None) -> None:
    """Read the configuration and say what it switches on, without starting anything."""
    raise typer.Exit(_command("check")(config))


def _command(name: str) -> Callable[..., int]:
    found: Any = resolve_name(f"core.cli.{'models' if name == 'models' else 'running'}:{name}")
    command: Callable[..., int] = found
    return command


if __name__ == "__main__":
    main()
