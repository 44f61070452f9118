"""`snapfs umount`."""

from __future__ import annotations

import sys

import click

from snapfs.cli.options import shared
from snapfs.errors import SnapfsError

__all__ = ["command"]


@click.command(name="umount", short_help="Unmount.")
@shared
@click.argument("mountpoints", nargs=-1, required=True, metavar="MOUNTPOINT...", type=click.Path(readable=False))
@click.option("-l", "--lazy", is_flag=True, help="Detach at once; open files are served until they are closed.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a busy mount is tried again.",
)
def command(mountpoints: tuple[str, ...], lazy: bool, timeout: float) -> int:
    """Unmount, and wait until the serving process has ended."""
    from snapfs.fuse.unmount import unmount

    code = 0
    for path in mountpoints:
        try:
            unmount(path, lazy=lazy, patience=timeout)
        except SnapfsError as error:
            sys.stderr.write(f"snapfs: {error}\n")
            code = code or error.exit_code
    return code
