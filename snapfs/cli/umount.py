"""`snapfs umount`."""

from __future__ import annotations

import click

from snapfs.cli.options import settings, shared
from snapfs.cli.output import emit_json
from snapfs.cli.reading import each

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

    done: list[str] = []

    def take_away(path: str) -> None:
        unmount(path, lazy=lazy, patience=timeout)
        done.append(path)

    code = each(mountpoints, take_away)
    if settings().json:
        emit_json(done)
    return code
