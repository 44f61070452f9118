"""The directory of a snapshot: which files it has, and which of them play a part.

| file | part |
| --- | --- |
| `config.json` | the configuration |
| `state.json`, `vm.json` | the state; `vm.json` holds the configuration as well |
| `migration_config.json` | configuration and memory table of the offload daemon |
| `memory-ranges`, `memory-region-<n>`, `memory-<slot>` | guest memory |

Files are opened on first use, read-only, relative to the directory as it was opened, so that a directory that is renamed
or replaced under us stays the one that was asked for.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from snapfs.blob import File
from snapfs.errors import CannotOpen, NotASnapshot

__all__ = ["NAME_IT", "Source"]

_PARTS: Final = ("config.json", "state.json", "vm.json", "migration_config.json")
_PACKED: Final = (".zst", ".gz", ".xz", ".lz4")
_ARCHIVES: Final = (*_PACKED, ".tar", ".tgz", ".txz", ".tzst", ".zip", ".7z")

#: what to do about a directory that is no snapshot
NAME_IT: Final = "name the directory that the snapshot was written to"


class Source:
    """An opened snapshot directory."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """CannotOpen for what is no directory or may not be read at all, NotASnapshot where there is nothing in it that snapfs reads."""
        self.path = Path(os.path.abspath(path))
        try:
            self.dir_fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            reason = "not a directory" if isinstance(error, NotADirectoryError) else error.strerror
            raise CannotOpen(f"{path}: {reason}; {_instead(path, error)}") from error
        self._files: dict[str, File] = {}
        parts = [name for name in self.names if name in _PARTS or is_memory(name)]
        if not parts:
            self.close()
            packed = [n for n in os.listdir(path) if n.endswith(_PACKED)]
            hint = f"; {packed[0]} is compressed, unpack it first" if packed else f"; {NAME_IT}"
            raise NotASnapshot(f"{path}: none of config.json, state.json, vm.json and memory-ranges is in it{hint}")
        self._open_any(parts)

    def _open_any(self, parts: Sequence[str]) -> None:
        """CannotOpen when not one of the parts can be opened."""
        refused: CannotOpen | None = None
        for name in parts:
            try:
                self.open(name)
                return
            except CannotOpen as error:
                refused = refused or error
        self.close()
        if refused:
            raise refused

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The regular files of the directory, sorted."""
        found = []
        try:
            with os.scandir(self.dir_fd) as entries:
                for entry in entries:
                    try:
                        if stat.S_ISREG(os.stat(entry.name, dir_fd=self.dir_fd).st_mode):
                            found.append(entry.name)
                    except OSError:
                        continue  # vanished, or a link to nowhere
        except OSError as error:
            raise CannotOpen(f"{self.path}: {error.strerror}; check its permissions") from error
        return tuple(sorted(found))

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def open(self, name: str) -> File:
        """The file of that name; CannotOpen when it is not there or not a plain file."""
        if name not in self._files:
            try:
                self._files[name] = File.open(name, dir_fd=self.dir_fd)
            except CannotOpen as error:
                packed = next((name + suffix for suffix in _PACKED if name + suffix in self.names), None)
                hint = f"; {packed} is beside it: unpack it there, snapfs reads plain files" if packed else ""
                raise CannotOpen(f"{self.path}/{error}{hint}") from error
        return self._files[name]

    def packed(self, name: str) -> str | None:
        """The name of a compressed form of `name` in the directory."""
        return next((name + suffix for suffix in _PACKED if name + suffix in self.names), None)

    def unusable(self, name: str) -> bool:
        """Whether something of that name is there and is no plain file: a directory, a FIFO, a link to nowhere."""
        try:
            os.lstat(name, dir_fd=self.dir_fd)
        except OSError:
            return False
        return name not in self

    @property
    def memory_names(self) -> tuple[str, ...]:
        """The memory files."""
        return tuple(name for name in self.names if is_memory(name))

    def files(self) -> Mapping[str, File]:
        """The files that are open."""
        return self._files

    def __del__(self) -> None:
        if getattr(self, "dir_fd", -1) >= 0:
            os.close(self.dir_fd)
            self.dir_fd = -1

    def close(self) -> None:
        """Closes everything that was opened."""
        for file in self._files.values():
            file.close()
        self._files.clear()
        if self.dir_fd >= 0:
            os.close(self.dir_fd)
            self.dir_fd = -1


def _instead(path: str | os.PathLike[str], error: OSError) -> str:
    """What to name instead of a path that is no directory."""
    text = os.fspath(path)
    above, name = os.path.split(text)
    if text.startswith("file:"):
        return "name the path alone, without file://"
    if error.errno == errno.ENOTCONN:
        return "the process that served this mount died: unmount it and mount it again"
    if isinstance(error, NotADirectoryError) and os.path.isfile(path):
        if name in _PARTS or is_memory(name):
            return f"this is one file of a snapshot, name its directory: {above or '.'}"
        if name.endswith(_ARCHIVES):
            return "unpack it, and name the directory that the snapshot is in then"
    return NAME_IT


def is_memory(name: str) -> bool:
    """Whether a file of this name holds guest memory."""
    if name == "memory-ranges":
        return True
    prefix, _, number = name.rpartition("-")
    return prefix in ("memory-region", "memory") and number.isascii() and number.isdecimal()
