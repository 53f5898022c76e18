"""The command line: one module a command, imported when it is called."""

import importlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from syncd import __version__
from syncd.cli.options import settings_options
from syncd.errors import SyncdError

COMMANDS = {
    "sync": "Bring the database level with the files: everything, or the sessions that are named.",
    "verify": "Compute every row again from the files and compare; exit 1 on drift.",
    "status": "Say what the database knows, and whether it is level with its files.",
    "show": "Show one session as a tree of agents, or list all sessions and tasks.",
    "quarantine": "List the files that were refused: where, why, and what to do.",
    "history": "Show every change of a row; or a row, a table or a session as it was at a time.",
    "rebuild": "Make the database anew from the files and what the past owes, prove it, put it in place.",
    "backup": "Copy the database to a dated file, while others read and write, and keep the newest few.",
    "prune": "Remove archived sessions and entries of the change log that are too old to matter.",
    "migrate": "Say which schema the database has, and bring it up to date.",
    "config": "Show every setting, its value and where it came from.",
    "completion": "Print the script that completes commands and sessions in a shell.",
}


COMPLETING = "_SYNCD_COMPLETE"
"""The variable in which a shell asks for completions."""


class LazyGroup(click.Group):
    """A group that imports a command when it is called: ``--help`` needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which people need them."""
        del ctx
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"syncd.cli.{cmd_name}_command").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their summaries, without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="syncd")
@settings_options
@click.pass_context
def main(ctx: click.Context, /, **flags: Any) -> None:
    """Keep a relational database level with a tree of state files.

    Files are the truth, the database is the view. Begin with `syncd sync`, then `syncd show`.
    """
    ctx.obj = flags


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; every error is a sentence with what to do next."""
    try:
        result = main.main([*arguments], prog_name="syncd", standalone_mode=False)
    except click.exceptions.Abort:
        return 130
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        asked = error.ctx if isinstance(error, click.UsageError) else None
        hint = f"`{asked.command_path if asked else 'syncd'} --help` lists what it takes."
        _complain(arguments, error.format_message(), hint, 2)
        return 2
    except SyncdError as error:
        _complain(arguments, error.message, error.hint, error.exit_code)
        return error.exit_code
    except SystemExit:
        if COMPLETING in os.environ:
            raise
        # So click and rich leave when whoever read our output has gone; what is left in the buffer has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return result if isinstance(result, int) else 0


def _complain(arguments: Sequence[str], message: str, hint: str, code: int) -> None:
    from syncd.sources.files import shown

    if "--json" in arguments:
        click.echo(json.dumps({"schema": 1, "error": message, "hint": hint, "exit_code": code}), err=True)
        return
    lines = [f"{click.style('error:', fg='red', bold=True)} {shown(message)}"]
    lines += [f"       {shown(hint)}"] if hint else []
    click.echo("\n".join(lines), err=True, color=None if "NO_COLOR" not in os.environ else False)
