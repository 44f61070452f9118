"""How fast a mount is: one table of medians and ratios, measured in one run on the same data.

The source is in the page cache, every run has a mount of its own, and the variants that are compared take turns (A B A B), so
that what else the machine does falls upon all of them. A ratio is the median of the ratios of runs that stood side by side.
README.md beside this file has the targets' story and a table with the machine that it is from.
"""

from __future__ import annotations

import argparse
import compileall
import functools
import mmap
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import rivals
import snapshots
from rivals import SNAPFS, Absent, Mounted
from snapshots import MIB

import snapfs
from snapfs import sample

NEEDLE = "line 4095 of"
PARTS = ("config", "state", "vcpus", "devices")

Measure = Callable[[Path], float]


class Table:
    """What was measured, printed line by line."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def head(self) -> None:
        self._print("measured", "snapfs", "against", "ratio", "target", "")

    @staticmethod
    def _print(*cells: str) -> None:
        print(" | ".join(f"{cell:{width}}" for cell, width in zip(cells, (48, 11, 36, 8, 7, 6), strict=True)).rstrip(), flush=True)

    def add(
        self, what: str, ours: str, against: str, figure: float | None, target: float | None, *, most: bool = False, unit: str = ""
    ) -> None:
        verdict, wanted = "", ""
        if figure is not None and target is not None:
            met = figure <= target if most else figure >= target
            verdict = "" if met else "missed"
            wanted = f"{'<=' if most else '>='} {target:g}"
            if not met:
                self.missed.append(what)
        self._print(what, ours, against, "" if figure is None else f"{figure:.3g}{unit}", wanted, verdict)

    def skip(self, what: str, why: object) -> None:
        self._print(what, "", f"skipped: {why}", "", "", "")


def in_turn(variants: dict[str, tuple[Mounted, Measure]], rounds: int) -> dict[str, list[float]]:
    """Every variant once a round, each on a fresh mount."""
    found: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, (mounted, measure) in variants.items():
            with mounted() as at:
                found[name].append(measure(at))
    return found


def ratio(these: list[float], those: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(these, those, strict=True))


median = statistics.median


# ---- what is measured


def sequential(path: Path, start: int = 0, end: int | None = None, size: int = MIB) -> float:
    """MiB in a second, in reads of that size."""
    fd = os.open(path, os.O_RDONLY)
    stop = os.fstat(fd).st_size if end is None else end
    # a map begins at a page: a request for any other address is cut in two
    with mmap.mmap(-1, size) as buffer:
        began = time.perf_counter()
        at = start
        while at < stop and (got := os.preadv(fd, [buffer], at)):
            at += got
        taken = time.perf_counter() - began
    os.close(fd)
    if at < stop:
        raise SystemExit(f"{path}: ends at {at}, not at {stop}")
    return (at - start) / MIB / taken


def scattered(path: Path, count: int, seed: int = 1) -> float:
    """Random reads of 4 KiB in a second."""
    rng = random.Random(seed)
    fd = os.open(path, os.O_RDONLY)
    pages = os.fstat(fd).st_size // 4096
    offsets = [rng.randrange(pages) * 4096 for _ in range(count)]
    with mmap.mmap(-1, 4096) as buffer:
        began = time.perf_counter()
        for at in offsets:
            os.preadv(fd, [buffer], at)
        taken = time.perf_counter() - began
    os.close(fd)
    return count / taken


def forked(work: Callable[[], object]) -> int:
    """A process of its own for something."""
    child = os.fork()
    if not child:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return child


def at_once(readers: int, measure: Callable[[Path, int], object]) -> Measure:
    """Seconds for several readers, each a process of its own."""

    def measured(path: Path) -> float:
        began = time.perf_counter()
        children = [forked(functools.partial(measure, path, number)) for number in range(readers)]
        if any(os.waitpid(child, 0)[1] for child in children):
            raise SystemExit(f"{path}: a reader failed")
        return time.perf_counter() - began

    return measured


def listings(at: Path, go_on: Callable[[int], object]) -> list[float]:
    """Seconds that each of many `ls` takes, the first of which finds nothing decoded yet."""
    times: list[float] = []
    while go_on(len(times)):
        before = time.perf_counter()
        # ls -l of a name that the kernel has not asked for before
        os.lstat(at / f"memory/at/{len(times) << 12:#x}+64")
        os.listdir(at / "vcpus/0")
        times.append(time.perf_counter() - before)
        time.sleep(0.005)
    return times


def command(*words: str) -> Measure:
    """Seconds that a command takes with a path as its last word, or inside a directory."""

    def measured(path: Path) -> float:
        inside = path.is_dir()
        began = time.perf_counter()
        done = subprocess.run(
            list(words) if inside else [*words, str(path)],
            cwd=path if inside else None,
            stdout=subprocess.PIPE,  # grep that writes to /dev/null ends at the first match
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
        taken = time.perf_counter() - began
        if done.returncode > 1:
            raise SystemExit(f"{' '.join(words)} {path}: exit code {done.returncode}")
        return taken

    return measured


def private(at: Path) -> tuple[float, float]:
    """MiB of memory of all serving processes together that are theirs alone: what they have written, and what they merely look
    at, which are pages of the snapshot's files in the page cache."""
    own = seen = 0
    for pid in rivals.serving(at):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in ("Private_Dirty", "Swap"):
                own += int(rest.split()[0])
            elif name == "Private_Clean":
                seen += int(rest.split()[0])
    return own / 1024, seen / 1024


def read_all(at: Path) -> float:
    """Reads every file of a mount; MiB of it."""
    total = 0
    buffer = bytearray(MIB)
    for here, _, names in os.walk(at):
        for name in names:
            path = Path(here) / name
            if path.is_symlink():
                continue
            try:
                with path.open("rb", buffering=0) as file:
                    while got := file.readinto(buffer):
                        total += got
            except OSError:
                continue  # what cannot be read is not what is measured here
    return total / MIB


# ---- the table


class Bench:
    def __init__(self, scratch: Path, *, quick: bool, runs: int | None) -> None:
        self.scratch = scratch
        self.at = scratch / "mnt"
        self.table = Table()
        self.rounds = runs or (3 if quick else 7)
        self.crowds = (4,) if quick else (2, 4)
        self.counts = (1,) if quick else (1, 2)
        self.starts = 5 if quick else 15
        size = 512 * MIB if quick else 2048 * MIB
        self.snapshot = snapshots.build(scratch / f"half-dense-{size // MIB}", size, dense=32 * MIB)
        self.source = self.snapshot / "memory-ranges"
        sequential(self.source)

    def sequential(self) -> None:
        physical = rivals.snapfs(self.snapshot, self.at, "memory/physical")
        variants: dict[str, tuple[Mounted, Measure]] = {
            "native": (rivals.native(self.source), sequential),
            "snapfs": (physical, sequential),
            "bare": (rivals.bare(self.source, self.scratch / "bare"), sequential),
            "cache": (rivals.snapfs(self.snapshot, self.at, "memory/physical", "-o", "cache"), sequential),
        }
        absent: Absent | None = None
        try:
            variants["qemu"] = rivals.qemu(self.source, self.scratch / "qemu"), sequential
        except Absent as error:
            absent = error
        found = in_turn(variants, self.rounds)

        def add(what: str, ours: str, name: str, other: str, target: float | None) -> None:
            self.table.add(
                what, f"{median(found[ours]):.0f} MiB/s", f"{other} {median(found[name]):.0f}", ratio(found[ours], found[name]), target
            )

        add("sequential 1 MiB reads", "snapfs", "native", "native file", 0.35)
        if absent:
            self.table.skip("sequential 1 MiB reads", absent)
        else:
            add("sequential 1 MiB reads", "snapfs", "qemu", "qemu-storage-daemon", 4)
        add("sequential 1 MiB reads", "snapfs", "bare", "bare pyfuse3 loop", None)
        add("sequential 1 MiB reads, -o cache", "cache", "native", "native file", None)

    def grep(self) -> None:
        measure = command("grep", "-c", NEEDLE)
        found = in_turn(
            {
                "native": (rivals.native(self.source), measure),
                "bare": (rivals.bare(self.source, self.scratch / "bare"), measure),
                **{f"{n}": (rivals.snapfs(self.snapshot, self.at, "memory/physical", "-o", f"processes={n}"), measure) for n in (1, 2)},
            },
            self.rounds,
        )
        for name, what, target in ("1", "one serving process", 0.25), ("2", "two serving processes", 0.35):
            self.table.add(
                f"grep -c, {what}",
                f"{median(found[name]):.2f} s",
                f"native file {median(found['native']):.2f} s",
                ratio(found["native"], found[name]),
                target,
            )
        self.table.add(
            "grep -c, one serving process",
            f"{median(found['1']):.2f} s",
            f"bare pyfuse3 loop {median(found['bare']):.2f} s",
            ratio(found["bare"], found["1"]),
            None,
        )

    def scattered(self) -> None:
        count = 20000

        def measure(path: Path) -> float:
            return scattered(path, count)

        found = in_turn(
            {
                "bare": (rivals.bare(self.source, self.scratch / "bare"), measure),
                "snapfs": (rivals.snapfs(self.snapshot, self.at, "memory/physical"), measure),
            },
            self.rounds,
        )
        ours, theirs = found["snapfs"], found["bare"]
        self.table.add(
            "random 4 KiB reads",
            f"{1e6 / median(ours):.1f} us",
            f"bare pyfuse3 loop {1e6 / median(theirs):.1f} us",
            ratio(ours, theirs),
            0.9,
        )

    def readers(self) -> None:
        size = self.source.stat().st_size
        for processes in self.counts:
            mounted = rivals.snapfs(self.snapshot, self.at, "memory/physical", "-o", f"processes={processes}")
            for what, one in (
                ("1 MiB sequential", lambda path, n, of: sequential(path, n * size // of, (n + 1) * size // of)),
                # as cat and cp read
                ("128 KiB sequential", lambda path, n, of: sequential(path, n * size // of, (n + 1) * size // of, 128 << 10)),
                ("4 KiB random", lambda path, n, of: scattered(path, 40000 // of, n)),
            ):

                def several(of: int, one: Callable[[Path, int, int], float] = one) -> Measure:
                    return at_once(of, lambda path, number: one(path, number, of))

                found = in_turn({str(n): (mounted, several(n)) for n in (1, *self.crowds)}, self.rounds)
                for n in map(str, self.crowds):
                    self.table.add(
                        f"{n} readers, {what}, processes={processes}",
                        f"{median(found[n]):.2f} s",
                        f"one reader of as much {median(found['1']):.2f} s",
                        ratio(found["1"], found[n]),
                        1,
                    )

    def tree(self) -> None:
        measure = command("grep", "-r", "no such words", *PARTS)
        # a real guest: in the made memory the queues of the devices cannot be read
        ours = rivals.snapfs(Path(str(sample.unpack())), self.at)
        copy = self.scratch / "tree"
        if not copy.exists():
            with ours() as at:
                copy.mkdir()
                subprocess.run(["cp", "-r", *(at / part for part in PARTS), copy], check=True)
        files = sum(len(names) for _, _, names in os.walk(copy))
        what = f"grep -r over {files} files"
        try:
            theirs = rivals.ratarmount(copy, self.scratch, self.scratch / "tar")
        except Absent as error:
            self.table.skip(what, error)
            return

        def again(path: Path) -> float:
            measure(path)
            return measure(path)

        for when, one, target in ("", measure, 1.3), (" once more", again, None):
            found = in_turn({"snapfs": (ours, one), "ratarmount": (theirs, one)}, self.rounds)
            self.table.add(
                what + when,
                f"{median(found['snapfs']):.2f} s",
                f"ratarmount over a tar {median(found['ratarmount']):.2f} s",
                ratio(found["ratarmount"], found["snapfs"]),
                target,
            )

    def first_answer(self) -> None:
        found: dict[str, list[float]] = {"64 MiB": [], "64 GiB": []}
        sizes = {
            "64 MiB": snapshots.build(self.scratch / "64MiB", 64 * MIB, dense=32 * MIB),
            "64 GiB": snapshots.build(self.scratch / "64GiB", 65536 * MIB, dense=0),
        }
        for _ in range(self.starts):
            for name, snapshot in sizes.items():
                began = time.perf_counter()
                subprocess.run([*SNAPFS, "mount", snapshot, self.at], check=True)
                os.listdir(self.at)
                (self.at / "vcpus/0/regs/rip").read_bytes()
                found[name].append(time.perf_counter() - began)
                subprocess.run([*SNAPFS, "umount", self.at], check=True)
        small, large = median(found["64 MiB"]), median(found["64 GiB"])
        self.table.add("mount to first answer, 64 MiB", f"{small:.3f} s", "", small, 0.7, most=True, unit=" s")
        self.table.add("mount to first answer, sparse 64 GiB", f"{large:.3f} s", "", large, 0.7, most=True, unit=" s")
        self.table.add("the difference of the two", "", "", abs(large - small), 0.05, most=True, unit=" s")

    def memory(self) -> None:
        for processes in 1, 2:
            with rivals.snapfs(self.snapshot, self.at, "", "-o", f"processes={processes}")() as at:
                amount = read_all(at)
                own, seen = private(at)
                self.table.add(
                    f"private memory, {len(rivals.serving(at))} processes",
                    f"{own:.0f} MiB",
                    f"after {amount:.0f} MiB, + {seen:.0f} of page cache",
                    own + seen,
                    120,
                    most=True,
                    unit=" MiB",
                )

    def listing(self) -> None:
        def alone(at: Path) -> float:
            return max(listings(at, lambda count: count < 50))

        def meanwhile(at: Path) -> float:
            child = forked((at / "memory/pages.txt").read_bytes)
            times = listings(at, lambda _: not os.waitpid(child, os.WNOHANG)[0])
            medians.append(median(times))
            return max(times)

        for processes in self.counts:
            medians: list[float] = []
            mounted = rivals.snapfs(self.snapshot, self.at, "", "-o", f"processes={processes}")
            found = in_turn({"alone": (mounted, alone), "meanwhile": (mounted, meanwhile)}, min(self.rounds, 3))
            self.table.add(
                f"slowest ls during a slow read, processes={processes}",
                f"{1000 * median(found['meanwhile']):.0f} ms",
                f"alone {1000 * median(found['alone']):.0f} ms; median ls {1000 * median(medians):.1f} ms",
                ratio(found["meanwhile"], found["alone"]),
                1.5,
                most=True,
            )

    def start(self) -> None:
        words = {
            "snapfs": (*SNAPFS, "cat", str(self.snapshot), "vcpus/0/regs/rip"),
            "pydantic": (sys.executable, "-c", "import pydantic"),
        }
        found: dict[str, list[float]] = {name: [] for name in words}
        for _ in range(10):
            for name, line in words.items():
                began = time.perf_counter()
                subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
                found[name].append(time.perf_counter() - began)
        self.table.add(
            "snapfs cat SNAP vcpus/0/regs/rip",
            f"{median(found['snapfs']):.3f} s",
            f"import pydantic {median(found['pydantic']):.3f} s",
            ratio(found["snapfs"], found["pydantic"]),
            3.5,
            most=True,
        )


PARTS_OF_TABLE = ("sequential", "grep", "scattered", "tree", "first_answer", "memory", "readers", "listing", "start")


def machine() -> str:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("pyfuse3", "trio", "pydantic"))
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return (
        f"{os.cpu_count()} cores ({models[0] if models else platform.machine()}), Linux {platform.release()}, "
        f"Python {platform.python_version()}, {versions}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="How fast a mount is, in one table.")
    parser.add_argument("--quick", action="store_true", help="fewer runs and a smaller snapshot, for which the targets are not meant")
    parser.add_argument("--runs", type=int, help="runs of each variant; default 7, with --quick 3")
    parser.add_argument("--scratch", type=Path, help="where to put what is measured; kept for the next time")
    parser.add_argument("--only", help=f"parts, separated by commas: {','.join(PARTS_OF_TABLE)}")
    words = parser.parse_args()
    parts = words.only.split(",") if words.only else PARTS_OF_TABLE
    if wrong := set(parts) - set(PARTS_OF_TABLE):
        parser.error(f"no such part: {', '.join(sorted(wrong))}")
    # an installed program has been compiled: that must neither be measured nor be forbidden here
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compileall.compile_dir(next(iter(snapfs.__path__)), quiet=2)
    with tempfile.TemporaryDirectory(prefix="snapfs-bench-") as temporary:
        scratch = (words.scratch or Path(temporary)).resolve()
        scratch.mkdir(parents=True, exist_ok=True)
        print(machine())
        bench = Bench(scratch, quick=words.quick, runs=words.runs)
        began = time.monotonic()
        size = bench.source.stat().st_size // MIB
        print(f"{size} MiB of memory, half of it dense; medians of {bench.rounds}; load {os.getloadavg()[0]:.1f}\n")
        bench.table.head()
        for part in parts:
            getattr(bench, part)()
        missed = ", ".join(dict.fromkeys(bench.table.missed)) or "none"
        print(f"\n{time.monotonic() - began:.0f} s; load {os.getloadavg()[0]:.1f}; missed: {missed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
