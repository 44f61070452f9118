"""`snapfs export`: a file or directory of the tree to disk, or into a tar stream."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snapfs.cli.options import settings, shared
from snapfs.cli.output import Stdout, complain, emit_json, warn
from snapfs.cli.places import Words, places
from snapfs.errors import SnapfsError, SnapshotError, TruncatedMemory, UsageError, WriteError

if TYPE_CHECKING:
    from snapfs.export import Selection
    from snapfs.tree import Node


@click.command(short_help="Copy a part of the tree, holes kept.")
@click.option("-f", "--force", is_flag=True, help="Replace DEST where it exists.")
@click.option("-t", "--tar", is_flag=True, help="Write a tar archive. Implied by a DEST that ends in .tar, and by -.")
@click.option("-a", "--all", "everything", is_flag=True, help="Of the whole tree, write the images in memory/ and dump/ too.")
@click.option("-x", "--exclude", multiple=True, metavar="PATTERN", help="Leave out names or paths that match.")
@click.option("--fill-gaps", is_flag=True, help="Write zeros for memory that is not there; still exit 14.")
@places("SNAPSHOT PATH DEST", rest=(2, 2))
@shared
def command(words: Words, *, force: bool, tar: bool, everything: bool, exclude: tuple[str, ...], fill_gaps: bool) -> int:
    """Copy a file or directory of the tree to DEST; - is a tar stream on stdout.

    Holes stay holes. DEST gets its name when all is written and verified. The whole tree (PATH .) is written with guest memory
    once, as raw/ has it.
    """
    path, dest = words.rest
    from snapfs.fuse.daemon import ended_by_signals

    with words.open() as place, ended_by_signals():
        from snapfs import export

        trail = place.top.walk(path)
        selection = export.select(trail, everything=everything, exclude=exclude)
        if selection.left_out and not exclude:
            warn(f"left out, since it repeats raw/ or costs real work: {_listed(selection.left_out)}; name it, or use --all")
        target = None if dest == "-" else Path(os.path.abspath(dest))
        evidence = Path(place.path).resolve()
        if target is not None and evidence in (target.resolve(), *target.resolve().parents):
            raise WriteError(f"{dest}: is inside the snapshot, which is evidence; name a place outside")
        if target is not None and target.resolve() in evidence.parents:
            raise WriteError(f"{dest}: holds the snapshot, which is evidence and not replaced; name another")
        job = _Job(trail[-1], selection, path, fill_gaps=fill_gaps, force=force)
        if target is None or tar or target.suffix == ".tar":
            job.archive(target, _top_name(path, evidence.name))
        else:
            job.disk(target)
        return job.finish(dest)


def _top_name(path: str, snapshot: str) -> str:
    """The name of the top entry in an archive: the last part of PATH, of the whole tree the snapshot's own."""
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    return parts[-1] if parts else snapshot or "snapshot"


def _listed(paths: list[str]) -> str:
    few = ", ".join(paths[:4])
    return few if len(paths) <= 4 else f"{few} and {len(paths) - 4} more"


class _Job:
    """One export, and what went wrong in it."""

    def __init__(self, node: Node, selection: Selection, path: str, *, fill_gaps: bool, force: bool) -> None:
        self._node = node
        self._selection = selection
        self._path = path
        self._fill_gaps = fill_gaps
        self._force = force
        self._failed: list[tuple[str, SnapfsError]] = []

    def _fail(self, path: str, error: SnapfsError) -> None:
        complain(error if str(error).startswith(path) else type(error)(f"{path}: {error}"))
        self._failed.append((path, error))

    def archive(self, target: Path | None, name: str) -> None:
        """Writes a tar archive, to stdout for None."""
        from snapfs.cli.progress import progress
        from snapfs.export import write_archive, write_tar

        if target is None and sys.stdout.isatty():
            raise UsageError("a tar archive is not for a terminal; redirect it or name a DEST")
        with progress(name, self._selection.data_bytes) as advance:
            if target is None:
                with io.BufferedWriter(Stdout()) as out:
                    write_tar(self._selection, out, name, advance, self._fail, fill_gaps=self._fill_gaps)
            else:
                write_archive(self._selection, target, name, advance, self._fail, force=self._force, fill_gaps=self._fill_gaps)

    def disk(self, target: Path) -> None:
        """Writes a file or a directory."""
        from snapfs.cli.progress import progress
        from snapfs.export import write_directory, write_file
        from snapfs.tree import File

        # every byte is written once and read back once
        with progress(target.name, 2 * self._selection.data_bytes) as advance:
            if isinstance(self._node, File):
                write_file(
                    self._node,
                    target,
                    self._selection.items[0].mtime_ns,
                    advance,
                    self._fail,
                    where=self._path,
                    force=self._force,
                    fill_gaps=self._fill_gaps,
                )
            else:
                write_directory(self._selection, target, advance, self._fail, force=self._force, fill_gaps=self._fill_gaps)

    def finish(self, dest: str) -> int:
        """The exit code, after the errors in the tree itself have been counted."""
        unreadable = [i.path for i in self._selection.items if i.path.rpartition("/")[2] == "ERROR"]
        if settings().json and dest != "-":
            failed = {path: str(error) for path, error in self._failed}
            emit_json({"dest": dest, "entries": len(self._selection.items), "left_out": self._selection.left_out, "failed": failed})
        if any(isinstance(error, TruncatedMemory) for _, error in self._failed):
            return TruncatedMemory.exit_code
        if unreadable:
            complain(SnapshotError(f"could not be read, why is in {_listed(unreadable)}"))
        return SnapshotError.exit_code if self._failed or unreadable else 0
