"""`snapfs mount`."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from snapfs.cli.options import demo, settings, shared
from snapfs.cli.output import emit, emit_json, warn
from snapfs.errors import UsageError

if TYPE_CHECKING:
    from snapfs.fuse.options import MountOptions

__all__ = ["command", "under_sudo"]


@click.command(name="mount", short_help="Mount snapshots, read-only.")
@shared
@click.argument("paths", nargs=-1, metavar="SNAPSHOT... MOUNTPOINT", type=click.Path(readable=False))
@click.option("-f", "--foreground", is_flag=True, help="Stay in the foreground; log to stderr.")
@click.option("-d", "--debug", is_flag=True, help="Foreground, with every request and with tracebacks.")
@click.option("-o", "options", multiple=True, metavar="OPT,OPT", help="Mount options; -o help lists them.")
@click.option("--name", "template", metavar="TEMPLATE", help="Names of several snapshots: {dir} {parent} {time}.")
@click.option("--ready-fd", type=int, metavar="N", help="Write a line to this descriptor when the mount answers.")
@click.option("--pid-file", type=click.Path(), metavar="FILE", help="Write the number of the serving process there.")
@click.option("--log-file", type=click.Path(), metavar="FILE", help="Log to this file instead of syslog.")
@demo
def command(
    paths: tuple[str, ...],
    foreground: bool,
    debug: bool,
    options: tuple[str, ...],
    template: str | None,
    ready_fd: int | None,
    pid_file: str | None,
    log_file: str | None,
    demo: bool,
) -> None:
    """Mount a snapshot, several, or a directory of snapshots, read-only.

    Returns when the mount answers. Unmount with `snapfs umount MOUNTPOINT`.
    """
    from snapfs.fuse.mount import Request, mount
    from snapfs.fuse.options import HELP, parse

    if "help" in options:
        if settings().json:
            emit_json(HELP)
            return
        width = max(map(len, HELP))
        emit("\n".join(f"{name:<{width}}  {text}" for name, text in HELP.items()))
        return
    if demo:
        from snapfs import sample

        if len(paths) != 1:
            raise UsageError("with --demo only the mount point is named: snapfs mount --demo MOUNTPOINT")
        paths = (str(sample.unpack()), *paths)
    if len(paths) < 2:
        raise UsageError("name a snapshot directory and a mount point: snapfs mount SNAPSHOT MOUNTPOINT")
    *snapshots, mountpoint = paths
    own = settings()
    own.debug |= debug
    parsed = parse(options)
    parsed = replace(
        parsed,
        name=template or parsed.name,
        pid_file=pid_file or parsed.pid_file,
        log_file=log_file or parsed.log_file,
        debug=parsed.debug or debug,
    )
    if not foreground or parsed.log_file:  # else the log is on stderr
        for warning in parsed.warnings:
            warn(f"warning: {warning}")
    problems = mount(
        Request(
            tuple(snapshots),
            mountpoint,
            parsed,
            foreground=foreground or parsed.debug,
            debug=parsed.debug,
            verbosity=own.verbosity,
            ready_fd=ready_fd,
        )
    )
    if problems:
        more = f" (and {len(problems) - 1} more, in {os.path.join(mountpoint, 'LOG')})" if len(problems) > 1 else ""
        warn(f"warning: {problems[0]}{more}")
    if hint := under_sudo(parsed):
        warn(hint)
    if own.json:
        emit_json(
            {"mountpoint": os.path.abspath(mountpoint), "snapshots": [os.path.abspath(path) for path in snapshots], "problems": problems}
        )


def under_sudo(options: MountOptions) -> str | None:
    """What to do where root mounted for somebody who will not see it."""
    uid = os.environ.get("SUDO_UID")
    if not uid or options.allow is not None:
        return None
    return f"mounted for root alone; for yourself: -o allow_other,uid={uid}, or mount without sudo and -o allow_root"
