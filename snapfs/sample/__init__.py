"""The embedded sample: *lighthouse*, a small guest of our own that hangs for a reason that its snapshot shows.

Its source is in contrib/lighthouse. The memory file is packed in the package and unpacked, sparse, into the user's cache
directory on first use.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Final

from snapfs.errors import WriteError

__all__ = ["unpack"]

_FILES: Final = ("config.json", "state.json", "memory-ranges.xz")
_PAUSED: Final = 1795397352
_PIECE: Final = 1 << 16


def unpack() -> Path:
    """The directory of the sample snapshot, unpacked. WriteError when no cache directory can be written."""
    packed = {name: files(__package__).joinpath("lighthouse", name).read_bytes() for name in _FILES}
    digest = hashlib.sha256(b"".join(packed.values())).hexdigest()[:16]
    target = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "snapfs" / f"lighthouse-{digest}"
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return _unpack(packed, target)
    except OSError:
        try:
            return _unpack(packed, Path(tempfile.mkdtemp(prefix="snapfs-")) / "lighthouse")
        except OSError as error:
            raise WriteError(f"{target}: {error.strerror}; set XDG_CACHE_HOME to a directory that can be written") from error


def _unpack(packed: dict[str, bytes], target: Path) -> Path:
    """Writes the files beside `target` and renames them into place, so that no other process sees half of them."""
    scratch = Path(tempfile.mkdtemp(prefix=".lighthouse-", dir=target.parent))
    for name, data in packed.items():
        path = scratch / name.removesuffix(".xz")
        with path.open("wb") as out:
            content = lzma.decompress(data) if name.endswith(".xz") else data
            for at in range(0, len(content), _PIECE):
                piece = content[at : at + _PIECE]
                if piece.count(0) == len(piece):
                    out.seek(len(piece), os.SEEK_CUR)
                else:
                    out.write(piece)
            out.truncate(len(content))
        os.utime(path, (_PAUSED, _PAUSED))
        path.chmod(0o400)
    try:
        scratch.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        for name in packed:
            (scratch / name.removesuffix(".xz")).unlink()
        scratch.rmdir()
    return target
