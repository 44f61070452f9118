"""`snapfs completion`: the completion script of a shell."""

from __future__ import annotations

import click

from snapfs.cli.options import shared
from snapfs.cli.output import emit_bytes


@click.command()
@shared
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    For this session: `source <(snapfs completion bash)`, in zsh the same, `snapfs completion fish | source`.
    For all users: `snapfs install-helpers`.
    """
    from snapfs.cli.shells import script

    emit_bytes(script(shell).encode())
