"""What the tree says of itself: `README`, `summary.txt`, `summary.json`.

A summary is made of facts that are read one by one: what cannot be read is said in its place, and the rest stands.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

from snapfs.errors import SnapfsError
from snapfs.guest import idle
from snapfs.snapshot import Snapshot

__all__ = ["facts", "readme", "summary"]

# more reasons, and more lines of any other kind, than these are counted instead of listed
_MANY: Final = 5
_MORE: Final = 40

_README: Final = """\
{path}

A Cloud Hypervisor snapshot as files. Nothing here can be changed, and nothing that is read changes the snapshot.

summary.txt    the machine on one page: which release wrote it, what is in it, what is missing or not recognised
config/        the configuration, one file per value; config.txt has all of it as `path = value`
state/         every leaf of the state file, unwrapped; state.txt
raw/           the original files, byte for byte
vcpus/         registers by name, each group with its table (regs/ and regs.txt); vcpus.txt shows all at a glance
clock/  ioapic/  gic/   the machine's clock and interrupt controllers, where the architecture has them and the release saved them
devices/       devices by id: PCI configuration space, virtio features, queues with the requests in flight
memory/        guest memory: physical, ranges/, zones/, at/<address>, virtual/<vcpu>/; map.txt and gaps.txt say what is there
dump/          the same memory as files that debuggers open; HOWTO has the commands

Try:

  cat summary.txt
  cat vcpus/vcpus.txt
  grep -H {pc} vcpus/*/regs.txt
  cat vcpus/0/regs.txt
  diff vcpus/0/regs.txt vcpus/1/regs.txt
  grep -r path config
  cat devices/devices.txt
  cat devices/*/queues/*/descriptors.txt
  xxd -l 64 memory/at/0x1000+64
  cat dump/HOWTO

Files under raw/, memory/ and dump/ are as large as the machine's memory: search with `grep -r PATTERN config state vcpus devices`.
Cloud Hypervisor does not save everything. Not in any snapshot: debug registers (under KVM), the PIC and the PIT (x86_64 machines have
none), the contents of disks; vcpus/README has the whole list.
A value that cannot be read gives an input/output error, and LOG says why. Memory holds the secrets of the machine: passwords, keys,
other people's data.
"""


def readme(snap: Snapshot) -> str:
    """What is here, and commands to try."""
    return _README.format(path=snap.source.path, pc=_program_counter(snap))


def _program_counter(snap: Snapshot) -> str:
    try:
        return next(iter(snap.vcpus.values())).WORDS[0]
    except (SnapfsError, StopIteration):
        return "pc"


def facts(snap: Snapshot) -> dict[str, Any]:
    """The machine's facts by name: plain JSON values."""
    found: dict[str, Any] = {}
    for name, read in _FACTS:
        try:
            value = read(snap)
        except SnapfsError as error:
            value = {"ERROR": str(error)}
        if value is not None:
            found[name] = value
    return found


def summary(snap: Snapshot) -> str:
    """The facts as text, one section each."""
    lines: list[str] = []
    for name, value in facts(snap).items():
        lines += _section(name.replace("_", " "), value)
    return "\n".join(lines) + "\n"


def _section(title: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value.keys() == {"ERROR"}:
        yield f"{title}: cannot be read: {value['ERROR']}"
    elif isinstance(value, dict):
        yield f"{title}:"
        width = max(map(len, value), default=0)
        yield from (f"  {key:<{width}}  {inner}" for key, inner in value.items())
    elif isinstance(value, list):
        if not value:
            yield f"{title}: none"
            return
        yield f"{title}:"
        many = _MANY if "because" in title else _MORE
        yield from (f"  {item}" for item in value[:many])
        if len(value) > many:
            yield f"  and {len(value) - many} more; summary.json has them all"
    else:
        yield f"{title}: {value}"


def _saved(snap: Snapshot) -> str | None:
    try:
        clock = snap.clock
        if clock is not None and clock.tells_time:
            return f"{clock.wall_clock} (the machine's clock at the pause)"
    except SnapfsError:
        pass  # the next best is told instead
    name = snap.state_file or snap.config_file
    if name is None:
        return None
    moment = datetime.datetime.fromtimestamp(snap.source.open(name).mtime_ns / 1e9, tz=datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ} (time of {name})"


def _architecture(snap: Snapshot) -> str:
    kinds = sorted({f"{v.arch}{' under ' + v.hypervisor.upper() if v.hypervisor else ''}" for v in snap.vcpus.values()})
    return ", ".join(kinds) or "no vCPU in the state"


def _vcpus(snap: Snapshot) -> dict[str, str]:
    found = {}
    for number, vcpu in snap.vcpus.items():
        try:
            pc = vcpu.pc
            words = (vcpu.running, vcpu.mode, vcpu.privilege and f"{vcpu.WORDS[3]} {vcpu.privilege}", idle.doing(snap, vcpu))
            where = "" if pc is None else f"{vcpu.WORDS[0]} 0x{pc:016x}"
            found[str(number)] = ", ".join(w for w in (*words, where) if w)
        except SnapfsError as error:
            found[str(number)] = f"cannot be read: {error}"
    return found


def _memory(snap: Snapshot) -> dict[str, str]:
    memory = snap.memory
    ranges = memory.by_address
    found = {"saved": f"{_size(sum(r.length - r.missing for r in ranges))} in {len(ranges)} range{'s' if len(ranges) != 1 else ''}"}
    for kind in ("left-out", "unplugged", "truncated"):
        if gaps := [g for g in memory.gaps if g.kind == kind]:
            found[kind] = f"{_size(sum(g.end - g.start for g in gaps))}; {gaps[0].reason}"
    return found


def _size(count: int) -> str:
    for unit, shift in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if count >= 1 << shift:
            return f"{count / (1 << shift):g} {unit}" if count % (1 << (shift - 10)) == 0 else f"{count / (1 << shift):.2f} {unit}"
    return f"{count} bytes"


def _boot(snap: Snapshot) -> dict[str, str] | None:
    config = snap.config
    payload = config.payload
    found = {
        "firmware": payload and payload.firmware,
        "kernel": (payload and payload.kernel) or (config.kernel and config.kernel.path),
        "initramfs": (payload and payload.initramfs) or (config.initramfs and config.initramfs.path),
        "cmdline": (payload and payload.cmdline) or (config.cmdline and config.cmdline.args),
    }
    return {k: v for k, v in found.items() if v} or None


def _on_host(snap: Snapshot) -> dict[str, str]:
    """Every value of the configuration that names something of the host: a restore elsewhere needs them all."""
    from snapfs.snapshot.model import Model, OnHost

    found: dict[str, str] = {}

    def visit(value: Any, path: str) -> None:
        if isinstance(value, Model):
            for name in type(value).model_fields:
                inner = getattr(value, name)
                place = f"{path}/{name}" if path else name
                what = next((m.what for m in _marks(type(value), name) if isinstance(m, OnHost)), None)
                if what and inner not in (None, (), ""):
                    found[place] = f"{inner}" if what == "file" else f"{inner} ({what})"
                else:
                    visit(inner, place)
        elif isinstance(value, tuple):
            for i, item in enumerate(value):
                visit(item, f"{path}/{i}")

    visit(snap.config, "")
    return found


def _marks(model: Any, name: str) -> Iterator[Any]:
    """The metadata anywhere in the annotation of a field."""
    from typing import get_args

    pending = [model.model_fields[name].annotation, *model.model_fields[name].metadata]
    while pending:
        annotation = pending.pop()
        yield annotation
        pending.extend(getattr(annotation, "__metadata__", ()))
        pending.extend(get_args(annotation))


def _devices(snap: Snapshot) -> dict[str, str]:
    return {name: " ".join(w for w in (d.kind, d.bdf) if w) for name, d in snap.devices.items() if d.kind != "host-bridge"}


def _stuck(snap: Snapshot) -> list[str] | None:
    """Requests that a driver waits for and no device works on: why a machine may hang."""
    stuck = (f"{name} {line}" for name, device in snap.devices.items() for line in device.stuck())
    return list(islice(stuck, _MORE)) or None


_FACTS: Final[tuple[tuple[str, Callable[[Snapshot], Any]], ...]] = (
    ("snapshot", lambda s: str(s.source.path)),
    ("written_by", lambda s: f"Cloud Hypervisor {s.origin.text}"),
    ("not_earlier_because", lambda s: list(s.origin.not_before)),
    ("not_later_because", lambda s: list(s.origin.not_after) or None),
    ("but", lambda s: list(s.origin.against) or None),
    ("saved", _saved),
    ("architecture", _architecture),
    ("vcpus", _vcpus),
    ("memory", _memory),
    ("boot", _boot),
    ("devices", _devices),
    ("waiting", _stuck),
    ("on_the_host", _on_host),
    ("problems", lambda s: s.problems),
    ("not_recognised", lambda s: list(s.origin.unrecognised)),
)
