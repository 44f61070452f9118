"""`snapfs completion`: the completion script of a shell."""

from __future__ import annotations

import click

from snapfs.cli.options import settings, shared
from snapfs.cli.output import emit_bytes, emit_json


@click.command()
@shared
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    For this session: `source <(snapfs completion bash)`, in zsh the same, `snapfs completion fish | source`.
    For all users: `snapfs install-helpers`.
    """
    from snapfs.cli.shells import script

    if settings().json:
        emit_json(script(shell))
    else:
        emit_bytes(script(shell).encode())
