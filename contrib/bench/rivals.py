"""The file systems that are compared: each is mounted afresh, used, and unmounted. Imported by `speed`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

SNAPFS = (sys.executable, "-m", "snapfs")
# seconds that a mount may take to be there, or to be gone
PATIENCE = 30

#: a variant: gives the path to measure at, for the length of one run
Mounted = Callable[[], AbstractContextManager[Path]]


class Absent(Exception):
    """The rival is not there, and why."""


def wait_for(there: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not there():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise Absent(f"{process.args[0]} did not mount")  # type: ignore[index]
        time.sleep(0.01)


def is_mounted(at: Path) -> bool:
    return any(line.split()[4] == str(at) for line in Path("/proc/self/mountinfo").read_text(errors="replace").splitlines())


def unmount(at: Path) -> None:
    subprocess.run(["fusermount3", "-u", at], check=True)


def native(path: Path) -> Mounted:
    """The file, or the directory, as it is."""

    @contextmanager
    def mounted() -> Iterator[Path]:
        yield path

    return mounted


def snapfs(snapshot: Path, at: Path, inside: str = "", *options: str) -> Mounted:
    @contextmanager
    def mounted() -> Iterator[Path]:
        subprocess.run([*SNAPFS, "mount", *options, snapshot, at], check=True)
        first = server(at)
        try:
            yield at / inside
        finally:
            # on a busy machine a process may need longer to end than the command waits
            subprocess.run([*SNAPFS, "umount", at], check=False, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + PATIENCE
            while is_mounted(at) or os.path.lexists(f"/proc/{first}/exe"):
                if time.monotonic() > deadline:
                    raise SystemExit(f"{at}: process {first} does not end")
                time.sleep(0.01)

    return mounted


def bare(file: Path, at: Path) -> Mounted:
    """The loop of bare.py over a file."""

    @contextmanager
    def mounted() -> Iterator[Path]:
        at.mkdir(exist_ok=True)
        process = subprocess.Popen([sys.executable, Path(__file__).with_name("bare.py"), file, at])
        wait_for(lambda: is_mounted(at), process)
        try:
            yield at / "file"
        finally:
            unmount(at)
            process.wait(PATIENCE)

    return mounted


def qemu(file: Path, at: Path) -> Mounted:
    """The FUSE export of qemu-storage-daemon, which mounts a file upon a file."""
    program = shutil.which("qemu-storage-daemon")
    if program is None:
        raise Absent("qemu-storage-daemon is not installed")

    @contextmanager
    def mounted() -> Iterator[Path]:
        at.touch()
        process = subprocess.Popen(
            [
                program,
                *("--blockdev", f"driver=file,node-name=file,filename={file},read-only=on,locking=off"),
                *("--blockdev", "driver=raw,node-name=disk,file=file,read-only=on"),
                *("--export", f"type=fuse,id=export,node-name=disk,mountpoint={at},writable=off,growable=off,allow-other=off"),
            ]
        )
        wait_for(lambda: is_mounted(at), process)
        try:
            yield at
        finally:
            process.terminate()
            process.wait(PATIENCE)
            at.unlink()

    return mounted


def ratarmount(tree: Path, scratch: Path, at: Path) -> Mounted:
    """ratarmount over a tar of a directory; it is installed into a virtual environment of its own."""
    program = scratch / "ratarmount/bin/ratarmount"
    if not program.exists():
        venv.create(program.parents[1], with_pip=True)
        words = [program.with_name("python"), "-m", "pip", "install", "--disable-pip-version-check", "-q", "ratarmount"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Absent(f"pip cannot install ratarmount: {(done.stderr.strip().splitlines() or ['no reason'])[-1]}")
    archive = scratch / "tree.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(tree, ".")

    @contextmanager
    def mounted() -> Iterator[Path]:
        at.mkdir(exist_ok=True)
        subprocess.run([program, "--index-file", ":memory:", archive, at], check=True, capture_output=True)
        try:
            yield at
        finally:
            unmount(at)
            while is_mounted(at):
                time.sleep(0.01)

    return mounted


def server(at: Path) -> int:
    """The first process of a mount of snapfs."""
    return int(os.getxattr(at, "user.snapfs.pid"))


def serving(at: Path) -> list[int]:
    """All processes of a mount of snapfs: those of the session that the first one began."""
    first = server(at)
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                state, _, _, session = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            if int(session) == first and state != "Z":
                found.append(int(entry))
    return found
