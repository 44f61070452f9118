"""Mount options: what `-o` accepts, what it means, and what the kernel is told.

The kernel is always told `ro,nosuid,nodev,noexec,default_permissions,subtype=snapfs` and the path of the snapshot as `fsname`.
libfuse takes its options as one comma-separated string and undoes backslashes (lib/fuse_opt.c), so both are escaped in what
comes from outside: a path must not smuggle options in.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from snapfs.errors import UsageError

__all__ = ["HELP", "MountOptions", "parse", "split"]

#: the options that do something, with their meaning
HELP: Final = {
    "allow_other": "others may look at the mount, within the modes of the files",
    "allow_root": "root may look at the mount",
    "uid=N": "owner of the files; default: the mounter",
    "gid=N": "group of the files",
    "umask=OCTAL": "modes are 0444 and 0555 less this",
    "cache": "huge files go through the page cache: read-ahead, and shared maps of them, at the price of a second copy",
    "processes=N": "number of serving processes, for one snapshot; several are always served by one",
    "name=TEMPLATE": "names of several snapshots: {dir} {parent} {time}",
    "log_file=PATH": "as --log-file",
    "pid_file=PATH": "as --pid-file",
    "debug": "as --debug",
}

_VALUED: Final = frozenset(name.partition("=")[0] for name in HELP if "=" in name)

# words of fstab(5) and mount(8) that say nothing to a read-only file system, or what is so anyway
_WORDS: Final = (
    "ro rw defaults auto noauto user nouser users nousers owner noowner group nogroup nofail _netdev nosuid nodev noexec async sync "
    "atime noatime diratime nodiratime relatime norelatime strictatime nostrictatime lazytime nolazytime mand nomand silent loud "
    "default_permissions nonempty symfollow iversion noiversion fg bg"
)
_ACCEPTED: Final = frozenset(_WORDS.split())
_ACCEPTED_PREFIXES: Final = (
    "x-",
    "X-",
    "comment=",
    "user=",
    "uhelper=",
    "helper=",
    "subtype=",
    "context=",
    "fscontext=",
    "defcontext=",
    "rootcontext=",
)
# words that ask for what snapfs never does
_REFUSED: Final = {"suid": "nosuid", "dev": "nodev", "exec": "noexec"}

_LONGEST: Final = 255


class _Option(str):
    """A mount option that may hold any byte of a path; pyfuse3 itself would encode it as ASCII."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return os.fsencode(str(self))


@dataclass(frozen=True)
class MountOptions:
    """What the options say. `warnings` are for the user; `uid` and the others are None where nothing was said."""

    allow: Literal["other", "root"] | None = None
    uid: int | None = None
    gid: int | None = None
    umask: int | None = None
    cache: bool = False
    processes: int | None = None
    name: str | None = None
    log_file: str | None = None
    pid_file: str | None = None
    debug: bool = False
    warnings: tuple[str, ...] = field(default=())

    @property
    def modes(self) -> tuple[int, int]:
        """The modes of files and directories."""
        if self.umask is None:
            return 0o400, 0o500
        return 0o444 & ~self.umask, 0o555 & ~self.umask

    def for_kernel(self, source: str) -> set[str]:
        """The options that libfuse is given; `source` is the absolute path of the snapshot."""
        fixed = {"ro", "nosuid", "nodev", "noexec", "default_permissions", "subtype=snapfs"}
        if self.allow:
            fixed.add(f"allow_{self.allow}")
        if self.debug:
            fixed.add("debug")
        return fixed | {_Option(f"fsname={_escaped(source)}")}


def _escaped(source: str) -> str:
    """A path with `\\` and `,` escaped, cut to 255 bytes between two characters."""
    out: list[str] = []
    size = 0
    for character in source:
        piece = "\\" + character if character in "\\," else character
        size += len(os.fsencode(piece))
        if size > _LONGEST:
            break
        out.append(piece)
    return "".join(out)


def split(text: str) -> list[str]:
    """The options of one `-o`: separated by commas, a backslash takes the next character as it is."""
    return [re.sub(r"\\(.)", r"\1", part) for part in re.findall(r"(?:\\.|[^,\\])+", text)]


def _number(name: str, text: str, base: int, most: int) -> int:
    try:
        value = int(text, base)
    except ValueError:
        value = -1
    if not 0 <= value <= most:
        raise UsageError(
            f"-o {name}={text}: {'an octal number' if base == 8 else 'a number'} from 0 to {most:{'o' if base == 8 else 'd'}} is needed"
        )
    return value


def parse(texts: list[str] | tuple[str, ...], *, sloppy: bool = False) -> MountOptions:
    """The options of all `-o`; UsageError for one that is not known, unless sloppy."""
    found = MountOptions()
    words = [option for text in texts for option in split(text)]
    if "remount" in words:
        raise UsageError("-o remount: a snapfs mount is read-only and its options stay as they are; unmount it and mount it again")
    for option in words:
        name, given, value = option.partition("=")
        match name, bool(given):
            case (("allow_other" | "allow_root"), False):
                found = replace(found, allow="other" if name == "allow_other" or found.allow == "other" else "root")
            case (("uid" | "gid"), True):
                number = _number(name, value, 10, (1 << 32) - 2)
                found = replace(found, uid=number) if name == "uid" else replace(found, gid=number)
            case "umask", True:
                found = replace(found, umask=_number(name, value, 8, 0o777))
            case "processes", True:
                count = _number(name, value, 10, 64)
                if not count:
                    raise UsageError("-o processes=0: at least one process must serve the mount")
                found = replace(found, processes=count)
            case "cache", False:
                found = replace(found, cache=True)
            case "debug", False:
                found = replace(found, debug=True)
            case "name", True:
                found = replace(found, name=value)
            case "log_file", True:
                found = replace(found, log_file=value)
            case "pid_file", True:
                found = replace(found, pid_file=value)
            case _ if option in _REFUSED:
                warning = f"-o {option} is ignored: a snapfs mount is always {_REFUSED[option]}"
                found = replace(found, warnings=(*found.warnings, warning))
            case _ if option in _ACCEPTED or option.startswith(_ACCEPTED_PREFIXES):
                pass
            case _ if not sloppy:
                known = ", ".join(HELP)
                if name in HELP or name in _VALUED:
                    raise UsageError(f"-o {option}: {'takes no' if given else 'needs a'} value; the options are {known}")
                raise UsageError(f"-o {option}: not an option of snapfs; those are {known}, and the words of fstab(5)")
    return found
