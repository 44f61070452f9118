"""`devices/`: one directory per device, its configuration one link away, and all of them at a glance."""

from __future__ import annotations

from collections.abc import Iterator

from snapfs.snapshot import Snapshot
from snapfs.snapshot.devices import Device
from snapfs.snapshot.devices.parts import Entry
from snapfs.tree import names, reflect
from snapfs.tree.nodes import Dir, Link, Node, TextFile

__all__ = ["devices"]

_README = """\
One directory per device: kind, state/, pci/, virtio/, queues/, and config, a link to its entry of the configuration.
devices.txt has them all at a glance, summary.txt of each says what it is and what it waits for.

Not saved by any release, and so not here: CMOS clock and i8042 (x86_64), PL031 clock (aarch64), ACPI GED and PM timer,
fw_cfg, PIT and PIC (Cloud Hypervisor has none of KVM's), TPM (its emulator holds the state), the allocators of the PCI buses.
The contents of disks, pmem files, ivshmem and of the processes behind vhost-user and vfio-user are not in a snapshot either.
"""


def devices(snap: Snapshot) -> Iterator[tuple[str, Node]]:
    """The children of `devices/`."""
    yield "README", TextFile(lambda: _README)
    yield "devices.txt", TextFile(lambda: _table(snap))
    for name, device in snap.devices.items():
        yield names.escape(name), Dir(lambda d=device: _device(d))  # type: ignore[misc]


def _device(device: Device) -> Iterator[tuple[str, Node]]:
    for name, node in reflect.facets(device):
        yield name, node
        if name == "kind" and device.parts.entry:
            yield "config", Link("../../config/" + "/".join(names.escape(step) for step in device.parts.entry.path.split("/")))


def _table(snap: Snapshot) -> str:
    heads = ("# id", "kind", "bdf", "driver", "queues", "config")
    rows = [heads]
    for name, device in snap.devices.items():
        driver = device.driver.replace(" ", ",")
        entry = device.parts.entry
        rows.append((names.escape(name), device.kind, device.bdf or "-", driver or "-", device.in_flight() or "-", _place(entry)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"# {names.escape(name)} {line}" for name, device in snap.devices.items() for line in device.stuck()]
    return "".join(line + "\n" for line in lines)


def _place(entry: Entry | None) -> str:
    return f"config/{entry.path}" if entry else "-"
