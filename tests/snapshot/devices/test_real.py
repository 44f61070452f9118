"""Devices of real snapshots against what their guests said of themselves."""

import re
from collections.abc import Iterator

import pytest
from corpus import REAL, demo, trimmed, truth
from programs import lspci

import snapfs
from snapfs import tree
from snapfs.snapshot.devices import ALL, Device


def _pci(name: str) -> Iterator[tuple[str, int, int, int, list[tuple[int, int, int]], bytes]]:
    """Address, vendor, device, class, resources (start, end, flags) and the dump of each function that the guest listed."""
    for block in re.split(r"(?m)^(?=/sys/bus/pci/devices/)", truth(name)["pci"])[1:]:
        head, *lines = block.splitlines()
        path, vendor, device, code, *_ = head.split()
        resources = [tuple(int(v, 16) for v in line.split()) for line in lines if line.startswith("0x")]
        data, repeat = bytearray(), False
        for line in lines:
            if line.startswith("0x"):
                continue
            if line == "*":
                repeat = True
                continue
            offset = int(line.split()[0], 16)
            if repeat:
                data += bytes(data[-16:]) * ((offset - len(data)) // 16)
                repeat = False
            data += bytes.fromhex("".join(line[10:58].split()))
        yield path.rsplit("/", 1)[1], int(vendor, 16), int(device, 16), int(code, 16), resources, bytes(data)  # type: ignore[misc]


def _by_bdf(snap: snapfs.Snapshot) -> dict[str, snapfs.snapshot.devices.Device]:
    return {d.pci.address: d for d in snap.devices.values() if d.is_pci}


@pytest.mark.parametrize("name", REAL)
def test_every_pci_function_of_the_guest_is_a_device_with_its_ids(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        found = _by_bdf(snap)
        listed = list(_pci(name))
        assert listed
        for bdf, vendor, device, code, _, _ in listed:
            pci = found[bdf].pci
            assert (pci.vendor, pci.device, pci.class_code) == (vendor, device, code), bdf


@pytest.mark.parametrize("name", REAL)
def test_the_configuration_space_is_the_one_that_the_guest_dumped(name: str) -> None:
    # bytes that the VMM computes when they are read, or that change as the guest reads: the window into the BARs
    with snapfs.open(trimmed(name)) as snap:
        found = _by_bdf(snap)
        for bdf, _, _, _, _, dump in _pci(name):
            raw = found[bdf].pci.space.raw
            assert dump
            window = [c for c in found[bdf].pci.space.capabilities() if c.id == 9 and found[bdf].pci.space.u8(c.offset + 3) == 5]
            loose = {at for c in window for at in range(c.offset + 4, c.offset + 20)}
            differing = [at for at in range(len(dump)) if raw[at] != dump[at] and at not in loose]
            assert not differing, (bdf, differing)


@pytest.mark.parametrize("name", REAL)
def test_base_addresses_and_sizes_are_those_of_the_guests_resources(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        found = _by_bdf(snap)
        for bdf, _, _, _, resources, _ in _pci(name):
            pci = found[bdf].pci
            bars = {bar.index: (bar.base, pci.sizes()[bar.index]) for bar in pci.space.bars}
            assert bars == {n: (start, end - start + 1) for n, (start, end, flags) in enumerate(resources[:6]) if flags}, bdf


@pytest.mark.parametrize("name", REAL)
def test_virtio_features_and_status_are_those_of_sysfs(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        virtio = [d for d in sorted(_by_bdf(snap).items()) if d[1].pci.vendor == 0x1AF4]
        lines = truth(name)["virtio"].splitlines()
        assert len(lines) == len(virtio) >= 5
        for line, (_, device) in zip(lines, virtio, strict=True):
            _, kind, _, status, bits, *_ = line.split()
            part = device.virtio  # type: ignore[attr-defined]
            assert part.type == int(kind, 16)
            assert part.status == int(status, 16)
            if "acked_features" not in part.source:
                # the balloon's features are saved from v19 on
                assert (name, device.kind) == ("v16.0-x86_64-small", "balloon")
                continue
            assert f"{part.accepted:064b}"[::-1] == bits


@pytest.mark.parametrize("name", REAL)
def test_config_txt_reads_as_lspci_does(name: str) -> None:
    from importlib.resources import files

    with snapfs.open(trimmed(name)) as snap:
        for bdf, device in sorted(_by_bdf(snap).items()):
            raw = device.pci.space.raw
            dump = f"{bdf} x\n" + "".join(f"{at:02x}: {raw[at : at + 16].hex(' ')}\n" for at in range(0, len(raw), 16)) + "\n"
            ids = str(files("pypci").joinpath("data", "pci.ids"))
            told = lspci("-D", "-vv", "-i", ids, "-F", "/dev/stdin", given=dump)
            # lspci cannot know sizes from a dump, and takes the upper half of a 64-bit register for one of its own
            wide = [f"\tRegion {bar.index + 1}:" for bar in device.pci.space.bars if bar.kind == "mem64"]
            expected = [line for line in told if line and not line.startswith(tuple(wide) or "\0")]
            ours = re.sub(r" \[size=[^]]*\]", "", device.pci.config_txt).splitlines()
            assert ours == expected


@pytest.mark.parametrize("name", [*REAL, "demo"])
def test_no_file_of_devices_is_damaged(name: str) -> None:
    path = demo() if name == "demo" else trimmed(name)
    with snapfs.open(path) as snap:
        pending = [("devices", tree.root(snap) / "devices")]
        seen = 0
        while pending:
            where, node = pending.pop()
            if isinstance(node, tree.nodes.Dir):
                assert "ERROR" not in node.children, where
                pending += [(f"{where}/{k}", v) for k, v in node.children.items()]
            elif isinstance(node, tree.nodes.Link):
                assert tree.root(snap) / f"{where}/../{node.target}"
            else:
                seen += 1
                # rings of a trimmed snapshot are zeros: indices apart from each other are none of this test
                assert isinstance(node, tree.nodes.File)
                assert node.read_bytes() is not None, where
        assert seen > 100


@pytest.mark.parametrize("name", REAL)
def test_every_component_with_an_id_is_in_exactly_one_device(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        manager = snap.machine.find("device-manager")
        assert manager
        ids = {re.sub("^_virtio-pci-", "", key) for key in manager.children if key}
        assert ids <= set(snap.devices)
        assert not [d.id for d in snap.devices.values() if d.kind in ("unknown", "virtio")]


def test_kinds_are_distinct_and_none_is_forgotten() -> None:
    assert len({kind.KIND for kind in ALL}) == len(ALL)
    pending, defined = [Device], set()
    while pending:
        kind = pending.pop()
        defined.add(kind)
        pending += kind.__subclasses__()
    # what any device is that no kind knows, and what stands in no state file
    assert {kind.__name__ for kind in defined - set(ALL)} == {"Device", "VirtioDevice", "AnyVirtio", "HostBridge"}
    assert all(kind.__doc__ for kind in defined)


@pytest.mark.parametrize("name", REAL)
def test_every_queue_has_all_its_files(name: str) -> None:
    files = {"size", "ready", "desc_table", "avail_ring", "used_ring", "avail_idx", "used_idx", "in_flight", "descriptors.txt"}
    with snapfs.open(trimmed(name)) as snap:
        for device in snap.devices.values():
            for number in getattr(device, "queues", ()) if "queues" in getattr(device, "_facets", {}) else ():
                queue = tree.root(snap) / f"devices/{device.id}/queues/{number}"
                assert isinstance(queue, tree.nodes.Dir)
                assert files <= set(queue.children)
                if (queue / "ready").read_text() == "false\n":
                    assert (queue / "in_flight").read_text() == "0\n"


@pytest.mark.parametrize("name", REAL)
def test_interrupts_that_are_set_up_are_those_of_proc_interrupts(name: str) -> None:
    lines = truth(name)["interrupts"].splitlines()
    with snapfs.open(trimmed(name)) as snap:
        virtio = [d for _, d in sorted(_by_bdf(snap).items()) if d.pci.vendor == 0x1AF4]
        for number, device in enumerate(virtio):
            rows = [row.split() for row in device.pci.msix.splitlines()[2:]]
            told = [line.split()[-1] for line in lines if f"virtio{number}-" in line]
            assert len([row for row in rows if row[3] == "no"]) == len(told), device.id
            # the kernel names them after their queues, of which each knows its entry of the table
            queues = [q for q in device.queues.values() if q.set_up and q.vector != 0xFFFF]  # type: ignore[attr-defined]
            assert len(queues) == len([t for t in told if not t.endswith("-config")]), device.id
