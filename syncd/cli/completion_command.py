"""``syncd completion``: the shell's help."""

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

SCRIPTS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command("completion")
@click.argument("shell", type=click.Choice([*SCRIPTS]))
def command(shell: str) -> None:
    """Print the script that completes commands and sessions.

    For bash, add `eval "$(syncd completion bash)"` to ~/.bashrc; zsh likewise; for fish, write the output to
    ~/.config/fish/completions/syncd.fish.
    """
    from syncd.cli import COMPLETING, main

    click.echo(SCRIPTS[shell](main, {}, "syncd", COMPLETING).source())
