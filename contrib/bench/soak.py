"""Random parallel readers, stat storms, remounts, and snapshots that come and go, for an hour or `--minutes` of them.

First a hundred mounts are made at once. Then two stay for the whole time: that of one snapshot, and that of a directory whose
snapshots come and go. Readers compare what they read with what was read before the storm, or with the snapshot's own files. A
third mount is made and unmounted in every way there is. Once a minute, a line says what the serving processes hold. After a
quarter of the time and at the end the kernel is asked to forget all names, and what is held then is compared. Exit code 1 for
any error, or for a leak of memory, descriptors or inodes.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import hashlib
import multiprocessing
import multiprocessing.synchronize
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

SNAPFS = (sys.executable, "-m", "snapfs")
# what memory may grow by after the warm-up: the allocator's arenas and the texts that are kept for the next reader; a short run,
# whose warm-up is shorter, has its share of them left
MEMORY_SLACK = 12 << 20
SHORT, SHORT_SLACK = 10, 24 << 20
# the files of some snapshots that were there a moment ago
FDS_SLACK = 20
# what is open while it is counted
INODES_SLACK = 20
# linux/mount.h
MS_REMOUNT = 32
# a file of the tree that is compared as a whole
SMALL = 1 << 20
# seconds that a process may take to end, and a name to appear; it takes one where nobody else wants the processors
PATIENCE = 120
UMOUNT = ("umount", "--timeout", str(PATIENCE))


class Wrong(Exception):
    """What must not happen."""


@dataclass(frozen=True)
class Held:
    """What the processes that serve a mount hold."""

    private: int
    resident: int
    fds: int
    threads: int
    inodes: int

    def __str__(self) -> str:
        return (
            f"private {self.private / 2**20:6.1f} MiB  resident {self.resident / 2**20:6.1f} MiB  fds {self.fds:3}  "
            f"threads {self.threads:2}  inodes {self.inodes:6}"
        )


def server(at: Path) -> int:
    return int(os.getxattr(at, "user.snapfs.pid"))


def serving(pid: int) -> list[int]:
    """The processes of the session that a serving process began."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                state, _, _, session = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[:4]
                if int(session) == pid and state != "Z":
                    found.append(int(entry))
            except OSError:
                continue
    return found


def held(at: Path) -> Held:
    pids = serving(server(at))
    private = resident = threads = fds = 0
    for pid in pids:
        try:
            memory = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            fds += len(os.listdir(f"/proc/{pid}/fd"))
            threads += len(os.listdir(f"/proc/{pid}/task"))
        except OSError:
            continue  # ended meanwhile
        for line in memory:
            name, _, rest = line.partition(":")
            if name in ("Private_Clean", "Private_Dirty"):
                private += int(rest.split()[0]) << 10
            elif name == "Rss":
                resident += int(rest.split()[0]) << 10
    return Held(private, resident, fds, threads, os.statvfs(at).f_files)


def rested(at: Path) -> Held:
    """What is held when the kernel has forgotten all names of the mount: for root a remount drops its cached directory entries,
    and changes nothing. Asked of the kernel itself, since mount(8) of today leaves it out where nothing changes."""
    libc = ctypes.CDLL(None, use_errno=True)
    flags = MS_REMOUNT | os.ST_RDONLY | os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC
    if libc.mount(None, os.fsencode(at), None, ctypes.c_ulong(flags), None) and os.geteuid() == 0:
        raise Wrong(f"{at}: cannot be remounted: {os.strerror(ctypes.get_errno())}")
    # it tells the process later; as long as that goes on, there are fewer each second
    before, now = 0, os.statvfs(at).f_files
    while now != before:
        time.sleep(1)
        before, now = now, os.statvfs(at).f_files
    return held(at)


def snapfs(*words: str | Path) -> None:
    done = subprocess.run([*SNAPFS, *map(str, words)], capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
    if done.returncode or done.stderr:
        raise Wrong(f"snapfs {' '.join(map(str, words))}: {done.returncode}, {done.stderr.strip()}")


def mounted(at: Path) -> bool:
    return any(line.split()[4] == str(at) for line in Path("/proc/self/mountinfo").read_text("latin-1").splitlines())


def wait_for(what: Callable[[], bool], sentence: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        if time.monotonic() > deadline:
            raise Wrong(sentence)
        time.sleep(0.02)


# ---- the tree before the storm


def files(at: Path) -> Iterator[Path]:
    for here, _, names in os.walk(at):
        yield from (Path(here) / name for name in names)


def survey(at: Path) -> tuple[dict[Path, str | int], list[Path]]:
    """The digest of every small file, or the error that it reads as; and the huge ones."""
    known: dict[Path, str | int] = {}
    huge = []
    for path in files(at):
        if path.name == "LOG" or path.is_symlink():
            continue
        if path.parts[len(at.parts)] in ("memory", "raw", "dump", "guest") and path.stat().st_size > SMALL:
            huge.append(path)
            continue
        known[path] = digest(path)
    return known, huge


def digest(path: Path) -> str | int:
    try:
        return hashlib.blake2b(path.read_bytes()).hexdigest()
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return error.errno


# ---- what is done to the mounts; each is repeated until the end


class Storm:
    """What all work on."""

    def __init__(self, place: Path, snapshot: Path) -> None:
        self.snapshot = snapshot
        self.one, self.many, self.third = place / "one", place / "many", place / "third"
        self.sources, self.errors = place / "sources", place / "errors"
        self.known: dict[Path, str | int] = {}
        self.huge: list[Path] = []

    def read_whole(self, rng: random.Random) -> None:
        path = rng.choice(self.paths)
        if digest(path) != self.known[path]:
            raise Wrong(f"{path} reads differently from before")

    def read_within(self, rng: random.Random) -> None:
        """A piece of a huge file, twice, through two openings."""
        path = rng.choice(self.huge)
        offset = rng.randrange(path.stat().st_size)
        length = rng.choice((1, 4096, 65536, 1 << 20))
        pieces = []
        for _ in range(2):
            with path.open("rb", buffering=0) as file:
                file.seek(offset)
                try:
                    pieces.append(file.read(length))
                except OSError as error:
                    if error.errno != errno.EIO:
                        raise
                    pieces.append(b"")
        if pieces[0] != pieces[1]:
            raise Wrong(f"{path} reads differently at {offset}")

    def read_original(self, rng: random.Random) -> None:
        name = rng.choice(sorted(os.listdir(self.one / "raw")))
        size = (self.snapshot / name).stat().st_size
        offset, length = rng.randrange(max(size, 1)), rng.choice((1, 4096, 1 << 20))
        with (self.snapshot / name).open("rb") as original, (self.one / "raw" / name).open("rb") as shown:
            original.seek(offset)
            shown.seek(offset)
            if original.read(length) != shown.read(length):
                raise Wrong(f"raw/{name} is not the file at {offset}")

    def begin_and_leave(self, rng: random.Random) -> None:
        """Files that are made while they are read, left in the middle."""
        with (self.one / "memory/pages.txt").open("rb", buffering=0) as file:
            file.read(rng.choice((1, 100, 4096)))

    def windows(self, rng: random.Random) -> None:
        """Names that are made on look-up, and names that are not there."""
        for _ in range(50):
            length = rng.choice((1, 64, 4096, 5000))
            path = self.one / f"memory/at/{rng.randrange(64) << 12:#x}+{length}"
            if path.stat().st_size != length:
                raise Wrong(f"{path} is not {length} bytes long")
            path = self.one / f"vcpus/0/{rng.randrange(1000)}"
            if path.exists():
                raise Wrong(f"{path} should not be there")

    def storm(self, rng: random.Random) -> None:
        """stat(2) of everything below a directory."""
        for here, directories, names in os.walk(rng.choice(self.directories)):
            for name in (*directories, *names):
                os.lstat(os.path.join(here, name))

    def come_and_go(self, rng: random.Random) -> None:
        """A snapshot that appears, is read, and is gone."""
        name = f"s{os.getpid()}"
        shutil.rmtree(self.sources / name, ignore_errors=True)  # where an attempt before this one failed
        shutil.copytree(self.snapshot, self.sources / name, copy_function=os.link)
        there = self.many / name
        wait_for(there.exists, f"{there} did not appear")
        if not os.listdir(there / "raw"):
            raise Wrong(f"{there}/raw is empty")
        if (there / "config/cpus/boot_vcpus").read_bytes() != (self.one / "config/cpus/boot_vcpus").read_bytes():
            raise Wrong(f"{there} is not what it was copied from")
        shutil.rmtree(self.sources / name)
        wait_for(lambda: not there.exists(), f"{there} is still there")

    def remount(self, rng: random.Random) -> None:
        """A mount of its own, and one of the ways to end it."""
        at = self.third
        snapfs("mount", *rng.choice(([], ["-o", "cache"], ["-o", "umask=022"], ["-o", "processes=2"])), self.snapshot, at)
        pid = server(at)
        for path in rng.sample(self.paths, 20):
            if digest(at / path.relative_to(self.one)) != self.known[path]:
                raise Wrong(f"{path} reads differently in another mount")
        way = rng.choice(("snapfs", "TERM", "INT", "umount", "umount -l", "fusermount3", "reader"))
        if way == "snapfs":
            snapfs(*UMOUNT, at)
        elif way in ("TERM", "INT"):
            os.kill(pid, signal.Signals[f"SIG{way}"])
        elif way == "fusermount3":
            subprocess.run(["fusermount3", "-u", at], check=True)
        elif way == "reader":
            with rng.choice([at / path.relative_to(self.one) for path in self.huge]).open("rb", buffering=0) as file:
                snapfs(*UMOUNT, "--lazy", at)
                file.read(1 << 20)
        else:
            subprocess.run([*way.split(), at], check=True)
        wait_for(lambda: not serving(pid), f"{way}: {pid} did not end")
        if mounted(at):
            raise Wrong(f"{way}: {at} is still mounted")

    @property
    def paths(self) -> list[Path]:
        return list(self.known)

    @property
    def directories(self) -> list[Path]:
        return [self.one / name for name in ("", "config", "state", "vcpus", "devices", "memory") if (self.one / name).is_dir()]


def repeat(work: list[Callable[[random.Random], None]], seed: int, done: list, end: object, errors: Path) -> None:
    """One process: random work until the end. What went wrong is a line in `errors`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    rng = random.Random(seed)
    counter, failed = done
    assert isinstance(end, multiprocessing.synchronize.Event)
    while not end.is_set():
        task = rng.choice(work)
        try:
            task(rng)
        except (Wrong, OSError, subprocess.SubprocessError, AssertionError):
            with failed.get_lock():
                failed.value += 1
            text = traceback.format_exc()
            sys.stderr.write(f"{task.__name__}: {text}")
            with errors.open("a") as file:
                file.write(f"{task.__name__}: {text.splitlines()[-1]}\n")
            if failed.value > 20:
                end.set()
        with counter.get_lock():
            counter.value += 1


def at_once(place: Path, snapshot: Path, count: int) -> int:
    """Many mounts begun at the same time, read, and ended at the same time; what one of them costs."""
    started = time.monotonic()
    ats = [place / f"m{number}" for number in range(count)]
    begun = [subprocess.Popen([*SNAPFS, "mount", snapshot, at], stderr=subprocess.PIPE, text=True) for at in ats]
    said = [(process.communicate()[1], process.returncode) for process in begun]
    wrong = [(text, code) for text, code in said if text or code]
    up = time.monotonic() - started
    pids = [server(at) for at in ats if mounted(at)]
    contents = {(at / "vcpus/0/regs.txt").read_bytes() for at in ats if mounted(at)}
    private = sum(held(at).private for at in ats if mounted(at))
    ending = [subprocess.Popen([*SNAPFS, *UMOUNT, at], stderr=subprocess.PIPE, text=True) for at in ats]
    said = [(process.communicate()[1], process.returncode) for process in ending]
    wrong += [(text, code) for text, code in said if text or code]
    left = [at for at in ats if os.path.lexists(at)] + [pid for pid in pids if serving(pid)]
    print(f"{count} mounts at once: up in {up:.1f} s, {private / max(len(pids), 1) / 2**20:.1f} MiB private memory each")
    if wrong or left or len(contents) != 1:
        print(f"FAILED: {count} mounts at once: {wrong[:3]}, left {left[:3]}, {len(contents)} different answers")
        return 1
    return 0


def run(storm: Storm, minutes: float, readers: int, seed: int) -> int:
    started = time.monotonic()
    end, counter, failed = multiprocessing.Event(), multiprocessing.Value("Q", 0), multiprocessing.Value("Q", 0)
    read = [storm.read_whole, storm.read_within, storm.read_original, storm.begin_and_leave, storm.windows, storm.storm]
    work = [read] * readers + [[storm.remount], [storm.come_and_go]]
    processes = [
        multiprocessing.Process(target=repeat, args=(w, seed + i, (counter, failed), end, storm.errors), daemon=True)
        for i, w in enumerate(work)
    ]
    mounts = {"one": storm.one, "many": storm.many}
    fresh = {name: held(at) for name, at in mounts.items()}
    for process in processes:
        process.start()
    warm: dict[str, Held] = {}
    try:
        while not end.wait(min(60.0, minutes * 15)):
            passed = (time.monotonic() - started) / 60
            now = {name: held(at) for name, at in mounts.items()}
            for name, figures in now.items():
                print(f"{passed:5.1f} min  {counter.value:8} done  {failed.value} errors  {name:4}  {figures}", flush=True)
            if not warm and passed >= minutes / 4:
                warm = {name: rested(at) for name, at in mounts.items()}
            if passed >= minutes:
                break
    finally:
        end.set()
        for process in processes:
            process.join(PATIENCE)
    problems = [f"{failed.value} errors"] if failed.value else []
    if storm.errors.exists():
        problems += storm.errors.read_text().splitlines()[:5]
    problems += [f"{process.name} does not end" for process in processes if process.is_alive()]
    problems += [f"{process.name} ended with {process.exitcode}" for process in processes if process.exitcode]
    warm = warm or fresh  # ended before its time
    for name, at in mounts.items():
        last = rested(at)
        print(f"{name}\n  at first      {fresh[name]}\n  after warm-up {warm[name]}\n  at the end    {last}")
        if last.private > warm[name].private + (SHORT_SLACK if minutes < SHORT else MEMORY_SLACK):
            problems.append(f"{name}: memory grew by {(last.private - warm[name].private) / 2**20:.1f} MiB after the warm-up")
        if last.fds > warm[name].fds + FDS_SLACK:
            problems.append(f"{name}: {last.fds - warm[name].fds} more descriptors than after the warm-up")
        if os.geteuid() == 0 and last.inodes > INODES_SLACK:
            problems.append(f"{name}: {last.inodes} inodes are kept that the kernel has forgotten")
        log = [line for line in (at / "LOG").read_text().splitlines() if "internal error" in line]
        problems += [f"{name}: {line}" for line in log[:3]]
    for problem in problems:
        print(f"FAILED: {problem}")
    return 1 if problems else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Mounts under load; exit code 1 for an error or a leak.")
    parser.add_argument("snapshot", nargs="?", type=Path, help="a snapshot directory; default: the embedded sample")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--readers", type=int, default=6, help="processes that read")
    parser.add_argument("--mounts", type=int, default=100, help="mounts at once, before the storm")
    parser.add_argument("--options", metavar="OPT,OPT", help="mount options of the two that stay, such as processes=2")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    words = parser.parse_args()
    from snapfs import sample

    snapshot = words.snapshot.resolve() if words.snapshot else Path(str(sample.unpack()))
    print(f"{words.minutes:g} minutes, {words.readers} readers, {os.cpu_count()} processors, seed {words.seed}, {snapshot}")
    # beside the snapshot's own file system, so that its files can be linked
    with tempfile.TemporaryDirectory(prefix="snapfs-soak-") as scratch:
        place = Path(scratch)
        own = place / "snapshot"
        subprocess.run(["cp", "-r", "--sparse=always", "--reflink=auto", snapshot, own], check=True)
        storm = Storm(place, own)
        storm.sources.mkdir()
        for name in ("a", "b"):
            shutil.copytree(own, storm.sources / name, copy_function=os.link)
        try:
            code = at_once(place, own, words.mounts)
            options = ["-o", words.options] if words.options else []
            snapfs("mount", *options, "--log-file", place / "one.log", own, storm.one)
            snapfs("mount", *options, "--log-file", place / "many.log", storm.sources, storm.many)
            storm.known, storm.huge = survey(storm.one)
            unreadable = sum(1 for found in storm.known.values() if isinstance(found, int))
            print(f"{len(storm.known)} small files, {unreadable} of them unreadable; {len(storm.huge)} huge ones")
            code |= run(storm, words.minutes, words.readers, words.seed)
            for at in (storm.one, storm.many):
                pid = server(at)
                snapfs(*UMOUNT, at)
                if serving(pid) or mounted(at):
                    print(f"FAILED: {at} or its process is still there")
                    code = 1
        finally:
            for log in place.glob("*.log"):
                print(f"{log.name}: " + "\n  ".join(log.read_text().splitlines()[-30:]))
            for at in (storm.one, storm.many, storm.third, *place.glob("m[0-9]*")):
                if mounted(at):
                    subprocess.run(["umount", "-l", at], check=False)
        print("no leak, no error" if code == 0 else "failed")
        return code


if __name__ == "__main__":
    sys.exit(main())
