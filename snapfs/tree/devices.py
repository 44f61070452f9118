"""`devices/`: one directory per device, its configuration one link away, and all of them at a glance."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from snapfs.snapshot import Snapshot
from snapfs.snapshot.devices import Device
from snapfs.snapshot.devices.parts import Entry
from snapfs.tree import names, reflect
from snapfs.tree.nodes import Dir, Link, Node, TextFile

__all__ = ["devices"]

# queues that the table names below the devices
_STUCK: Final = 32

_README: Final = """\
devices.txt has all devices at a glance; lines that begin with # at its end name requests that nobody works on.

One directory per device, by its id:
  kind         what it is                               config       link to its entry of the configuration
  summary.txt  what it is and what it waits for         host/        what it uses of the host that ran it
  state/       what was saved of it, by name            resources/   addresses and interrupts that it takes up
  pci/         configuration space, in words in config.txt; base addresses, capabilities, MSI-X table
  virtio/      status of the driver, features offered and accepted, configuration space
  queues/      addresses, indices and entries in flight of each queue; descriptors.txt has their descriptor chains.
               What is in flight stands in guest memory alone: from v16 on the state has no ring indices.
Each directory has its table beside it: grep -H status devices/*/virtio.txt

No release saves, so that nothing of it can be here: the CMOS clock and the keyboard controller i8042 (x86_64: ports 0x70 and 0x61,
0x64), the PL031 clock (aarch64: 0x09010000), ACPI GED and PM timer, fw_cfg, the state of a TPM (it is in the emulator behind its
socket), the address allocators of the PCI buses. PIT and PIC: Cloud Hypervisor has none. Nor are the contents of disks, pmem
files and ivshmem in a snapshot, nor what vhost-user, vfio-user, vDPA and VFIO devices know of themselves.
pci-SSSS:00:00.0 is the host bridge of a PCI segment: not saved either, but the same in every machine.
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
    heads = ("# id", "kind", "bdf", "driver", "queues", "in_flight", "config")
    rows = [heads]
    for name, device in snap.devices.items():
        driver = device.driver.replace(" ", ",")
        entry = device.parts.entry
        count = device.queue_count
        queues = ("-" if count is None else str(count), device.in_flight() or "-")
        # an id may have blanks: the columns are for awk too
        rows.append((names.escape(name).replace(" ", "%20"), device.kind, device.bdf or "-", driver or "-", *queues, _place(entry)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    stuck = (f"# {names.escape(name)} {line}" for name, device in snap.devices.items() for line in device.stuck())
    lines += islice(stuck, _STUCK)
    return "".join(line + "\n" for line in lines)


def _place(entry: Entry | None) -> str:
    return f"config/{entry.path}" if entry else "-"
