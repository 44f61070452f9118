"""`snapfs install-helpers`: what the rest of the system looks for outside a Python environment.

mount(8) looks for `mount.snapfs` in /sbin and nowhere else; shells and man(1) look below /usr/local/share too, fish in
/etc. The mount helpers are small scripts for the interpreter that runs this command, so that they work from a virtual
environment. Since root runs them, everything on the way to that interpreter and to the package must be root's own.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final, NamedTuple

import click

from snapfs.cli.options import settings, shared
from snapfs.cli.output import emit, emit_json, warn
from snapfs.errors import UsageError, WriteError

_MARK: Final = "made by `snapfs install-helpers`"
_HELPERS: Final = ("/sbin/mount.snapfs", "/sbin/mount.fuse.snapfs")
_SHARE: Final = "/usr/local/share"
_COMPLETIONS: Final = {
    "bash": f"{_SHARE}/bash-completion/completions/snapfs",
    "zsh": f"{_SHARE}/zsh/site-functions/_snapfs",
    "fish": "/etc/fish/completions/snapfs.fish",  # /usr/local/share is not looked into unless XDG_DATA_DIRS names it
}
_PAGES: Final = ("man1/snapfs.1", "man5/snapfs-tree.5", "man8/mount.snapfs.8")
# the kernel cuts a longer first line of a script
_LONGEST_SHEBANG: Final = 255


class _Helper(NamedTuple):
    """One file: where it goes and what is in it."""

    path: str
    text: str
    mode: int


@click.command(name="install-helpers", short_help="Make mount(8), man and the shells know snapfs.")
@click.option("--uninstall", is_flag=True, help="Remove what this command installed.")
@click.option("--root", type=click.Path(), metavar="DIR", default="/", help="Install below DIR instead of /, for packaging.")
@click.option("--trust", is_flag=True, help="Install even though others than root can change this snapfs.")
@shared
def command(*, uninstall: bool, root: str, trust: bool) -> None:
    """Put mount helpers, man pages and completions where the system looks (as root).

    /sbin/mount.snapfs and mount.fuse.snapfs make `mount -t snapfs`, fstab, autofs and systemd work.
    """
    if os.path.abspath(root) == "/" and os.geteuid() != 0:
        raise WriteError("/sbin and /usr/local/share are root's: run this as root, as in: sudo $(command -v snapfs) install-helpers")
    if uninstall:
        done = [path for path in _all_paths() if _remove(_below(root, path))]
    else:
        if not trust and (foreign := _changeable_by_others()):
            raise UsageError(
                f"{foreign} can be changed by others than root, and root is to run it: install snapfs for root first, "
                "for example into a virtual environment in /opt, or use --trust"
            )
        done = []
        for helper in _helpers():
            _write(_below(root, helper.path), helper)
            done.append(helper.path)
    if settings().json:
        emit_json(done)
    elif settings().verbosity >= 0:
        for path in done:
            emit(f"{'removed' if uninstall else 'installed'} {_below(root, path)}")
        if not done:
            emit("nothing to remove")


def _below(root: str, path: str) -> Path:
    return Path(root, path.lstrip("/"))


def _all_paths() -> Iterator[str]:
    yield from _HELPERS
    yield from _COMPLETIONS.values()
    yield from (f"{_SHARE}/man/{page}" for page in _PAGES)


def _helpers() -> Iterator[_Helper]:
    from snapfs.cli.shells import script

    # -E and -P: root's helper listens to no variable and to no directory of the caller
    first = f"#!{sys.executable} -EP\n"
    if len(first) > _LONGEST_SHEBANG or " " in sys.executable:
        raise UsageError(f"{sys.executable}: a script cannot name this interpreter; install snapfs under a shorter path without blanks")
    text = f"{first}# {_MARK}; its --uninstall removes it\nfrom snapfs.cli import main\n\nmain()\n"
    for path in _HELPERS:
        yield _Helper(path, text, 0o755)
    for shell, path in _COMPLETIONS.items():
        yield _Helper(path, _marked(script(shell)), 0o644)
    pages = _pages()
    for page in _PAGES:
        if page in pages:
            yield _Helper(f"{_SHARE}/man/{page}", f'.\\" {_MARK}\n{pages[page]}', 0o644)
    if not pages:
        warn("no man pages: they are built when snapfs is installed with pip, and this one is not")


def _marked(script: str) -> str:
    """A completion script with the mark behind the first line, which zsh needs for itself."""
    first, newline, rest = script.partition("\n")
    return f"{first}{newline}# {_MARK}\n{rest}" if first.startswith("#compdef") else f"# {_MARK}\n{script}"


def _pages() -> dict[str, str]:
    """The man pages that were installed with the package, by section and name."""
    try:
        files = metadata.files("snapfs") or []
    except metadata.PackageNotFoundError:
        return {}
    found = {}
    for file in files:
        page = "/".join(file.parts[-2:])
        if page in _PAGES and Path(str(file.locate())).is_file():
            found[page] = Path(str(file.locate())).read_text()
    return found


def _changeable_by_others() -> Path | None:
    """The first thing on the way to the interpreter or the package that root does not have to itself."""
    import snapfs

    for start in (Path(sys.executable), Path(sys.executable).resolve(), Path(snapfs.__file__).resolve().parent):
        for path in (start, *start.parents):
            status = path.lstat()
            loose = (
                status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not stat.S_ISLNK(status.st_mode) and not status.st_mode & stat.S_ISVTX
            )
            if status.st_uid != 0 or (loose and (status.st_mode & stat.S_IWOTH or status.st_gid != 0)):
                return path
    return None


def _write(path: Path, helper: _Helper) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and _MARK not in path.read_text(errors="replace"):
            raise WriteError(f"{path}: is there already, and not from this command; remove it first")
        scratch = path.with_name(f".{path.name}.{os.getpid()}")
        scratch.write_text(helper.text)
        scratch.chmod(helper.mode)
        scratch.rename(path)
    except OSError as error:
        raise WriteError(f"{path}: {error.strerror}") from error


def _remove(path: Path) -> bool:
    try:
        if not path.is_file() or _MARK not in path.read_text(errors="replace"):
            return False
        path.unlink()
    except OSError as error:
        raise WriteError(f"{path}: {error.strerror}") from error
    return True
