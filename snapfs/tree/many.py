"""Several snapshots under one roof: one directory each, and `latest`, a link to the one with the newest state file.

What is on the disk decides, again and again: a snapshot that appears is there on the next look, one that is still being written
has an `ERROR` that says so until it is whole, one that was replaced is another directory. Nothing is opened before it
is looked into, so a thousand are there as fast as one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import string
import threading
import time
import weakref
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from snapfs.errors import CannotOpen, CorruptState, NotASnapshot, SnapfsError, UsageError
from snapfs.snapshot import Snapshot
from snapfs.snapshot.source import NAME_IT
from snapfs.tree import names
from snapfs.tree.nodes import Dir, Link, Node, error_file
from snapfs.tree.root import root

__all__ = ["LATEST", "Many", "tree_of"]

LATEST: Final = "latest"

# what was seen on the disk is taken for true for so long, in seconds
_FRESH: Final = 0.25
# a snapshot that is not whole and was changed within this time is being written
_WRITING: Final = 10.0
_STATES: Final = ("state.json", "vm.json")
_FIELDS: Final = ("dir", "parent", "time")


@dataclass(frozen=True)
class _Place:
    """A directory that is, or may become, a snapshot."""

    path: str
    time_ns: int

    def named(self, template: str) -> str:
        parent, own = os.path.split(self.path)
        when = datetime.fromtimestamp(self.time_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return names.escape(template.format(dir=own, parent=os.path.basename(parent), time=when))


def tree_of(paths: Sequence[str], template: str | None = None) -> tuple[Dir, Snapshot | None]:
    """The tree of what was named: that of one snapshot, which is returned too, or one directory for each of many.
    CannotOpen or NotASnapshot when one of the paths is neither a snapshot nor a directory of snapshots."""
    _check(template)
    if len(paths) == 1:
        try:
            snap = Snapshot(paths[0])
            return root(snap), snap
        except NotASnapshot:
            if not _holds_any(paths[0]):
                raise
    for path in paths:
        if not _is_one(path) and not _holds_any(path):
            Snapshot(path).close()  # raises what is wrong with it
    return Many(paths, template), None


def _check(template: str | None) -> None:
    if template is None:
        return
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:
        parts = [("", "", "", None)]
    # nothing but the fields: str.format itself would look into attributes, and fill up to any width
    if any(field is not None and (field not in _FIELDS or form or conversion) for _, field, form, conversion in parts):
        known = ", ".join(f"{{{field}}}" for field in _FIELDS)
        raise UsageError(f"--name {template}: not a template; its fields are {known}")


def _is_one(path: str) -> bool:
    try:
        Snapshot(path).close()
    except SnapfsError:
        return False
    return True


def _below(path: str) -> Generator[str, None, None]:
    """The directories in a directory, hidden ones left out."""
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                try:
                    if not entry.name.startswith(".") and entry.is_dir():
                        yield entry.path
                except OSError:
                    continue
    except OSError as error:
        raise CannotOpen(f"{path}: {error.strerror}; name a snapshot, or a directory of snapshots") from error


def _holds_any(path: str) -> bool:
    try:
        with contextlib.closing(_below(path)) as directories:
            return any(map(_is_one, directories))
    except CannotOpen:
        return False


class Many(Dir):
    """The directory of the snapshots; `live`, since the disk decides."""

    live = True

    def __init__(self, paths: Sequence[str], template: str | None = None) -> None:
        super().__init__(tuple)
        self._paths = tuple(os.path.abspath(path) for path in paths)
        self._template = template
        self._scanning = threading.Lock()
        self._seen: dict[str, _Place] = {}
        self._seen_at = -_FRESH
        self._left_out: int | None = None
        #: the trees that somebody uses; those whom nobody uses any more are let go with their files
        self._trees: weakref.WeakValueDictionary[str, _One] = weakref.WeakValueDictionary()
        self.mtime_ns = time.time_ns()

    @property
    def ready(self) -> bool:
        return False

    @property
    def children(self) -> Mapping[str, Node]:
        places = self._places()
        found: dict[str, Node] = {name: self._tree(name, place) for name, place in places.items()}
        newest = max(places.items(), key=lambda item: (item[1].time_ns, item[0]), default=None)
        if newest is not None and LATEST not in found:
            found[LATEST] = Link(newest[0])
        return found

    def get(self, name: str) -> Node | None:
        place = self._places().get(name)
        if place is not None:
            return self._tree(name, place)
        return self.children.get(name) if name == LATEST else None

    @property
    def directories(self) -> Mapping[str, str]:
        """The directory on the disk that each name stands for."""
        return {name: place.path for name, place in self._places().items()}

    def leave_out(self, device: str) -> None:
        """From now on what lies on that device, named as in mountinfo, is not looked into: it is the mount of this very tree."""
        major, minor = map(int, device.split(":"))
        with self._scanning:
            self._left_out = os.makedev(major, minor)
            self._seen_at = -_FRESH

    def _tree(self, name: str, place: _Place) -> Node:
        key = _key(place.path)
        known = self._trees.get(name)
        if known is None or known.identity != key:
            known = self._trees[name] = _One(place, key)
        return known

    def _places(self) -> dict[str, _Place]:
        """The snapshots by name, as the disk has them now."""
        with self._scanning:
            if time.monotonic() - self._seen_at >= _FRESH:
                self._seen = dict(self._scan())
                self._seen_at = time.monotonic()
            return self._seen

    def _scan(self) -> Iterator[tuple[str, _Place]]:
        places: list[_Place] = []
        for path in self._paths:
            if any(os.path.isfile(os.path.join(path, name)) for name in (*_STATES, "config.json", "memory-ranges")):
                places.append(_Place(path, _state_time(path)))
                continue
            try:
                places += [_Place(below, _state_time(below)) for below in _below(path) if not self._is_own(below)]
            except CannotOpen:
                places.append(_Place(path, 0))
        places.sort(key=lambda place: names.natural(place.path))
        template = self._template or "{dir}"
        plain = [place.named(template) for place in places]
        clashes = Counter(plain)
        if self._template is None:
            plain = [place.named("{parent}-{dir}") if clashes[name] > 1 else name for name, place in zip(plain, places, strict=True)]
        yield from names.distinct(zip(plain, places, strict=True))

    def _is_own(self, path: str) -> bool:
        if self._left_out is None:
            return False
        try:
            return os.stat(path).st_dev == self._left_out
        except OSError:
            return False


def _state_time(path: str) -> int:
    for name in _STATES:
        try:
            return os.stat(os.path.join(path, name)).st_mtime_ns
        except OSError:
            continue
    return 0


def _files(path: str) -> list[tuple[str, os.stat_result]]:
    try:
        with os.scandir(path) as entries:
            found = [(entry.name, entry.stat()) for entry in entries]
    except OSError:
        return []
    return sorted((name, status) for name, status in found if stat.S_ISREG(status.st_mode))


def _key(path: str) -> str:
    """What makes a snapshot this one and no other: its files, their sizes and times."""
    digest = hashlib.blake2b(digest_size=8)
    for name, status in _files(path):
        digest.update(
            f"{name}\0{status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_mode}\0".encode(
                "utf-8", "surrogateescape"
            )
        )
    return digest.hexdigest()


class _One(Dir):
    """One of them: opened when it is looked into. As long as it is not whole it is looked at again, also for those who are in it."""

    def __init__(self, place: _Place, key: str) -> None:
        super().__init__(self._parts)
        self._place = place
        #: also part of its inode number, so that what is replaced is not mistaken for what was there
        self.identity = key
        self.mtime_ns = place.time_ns or None
        self._made_of = ""
        self._looked_again_at = 0.0

    @property
    def children(self) -> Mapping[str, Node]:
        if self.live and self.ready and self._has_changed():
            self._children = None
        return super().children

    def _has_changed(self) -> bool:
        """Whether the files are others now, or are no longer being written; what was seen is taken for true for a while."""
        now = time.monotonic()
        if now - self._looked_again_at < _FRESH:
            return False
        self._looked_again_at = now
        return self._state() != self._made_of

    def _state(self) -> str:
        return f"{_key(self._place.path)} {self._is_being_written()}"

    def _is_being_written(self) -> bool:
        changed = max((status.st_mtime_ns for _, status in _files(self._place.path)), default=0)
        return time.time_ns() - changed < _WRITING * 1e9

    def _parts(self) -> Iterator[tuple[str, Node]]:
        path = self._place.path
        writing = self._is_being_written()
        # before the files are read: what changes meanwhile is seen the next time
        self._made_of = self._state()
        self.live = True
        try:
            snap = Snapshot(path)
        except NotASnapshot as error:
            raise NotASnapshot(f"{str(error).removesuffix(f'; {NAME_IT}')}; or it has only just been begun") from None
        tree = root(snap)
        problems = snap.problems
        if problems:
            more = f" ({len(problems) - 1} more of that kind)" if len(problems) > 1 else ""
            why = CorruptState(f"{path}: not whole: {problems[0]}{more}; it is still being written, or was cut short")
            yield "ERROR", error_file(why)
            if writing:
                snap.close()
                return
        self.live = bool(problems)
        yield from tree.children.items()
