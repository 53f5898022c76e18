"""``syncd completion``: the shell's help."""

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that completes commands and sessions.

    For bash, add `eval "$(syncd completion bash)"` to ~/.bashrc; zsh likewise; for fish, write the output to
    ~/.config/fish/completions/syncd.fish.
    """
    from syncd.cli import main  # noqa: PLC0415  the group imports this module

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(main, {}, "syncd", "_SYNCD_COMPLETE").source())
