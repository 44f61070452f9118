"""Kinds of devices of which no real capture was to be had, and releases before v16.

Written from the declarations of the release named (virtio-devices/src/*.rs, pci/src/vfio.rs, vmm/src/device_manager.rs).
"""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from builders import Era, Machine, Node, Ram, write

import snapfs
from snapfs import tree
from snapfs.errors import SnapfsError
from snapfs.tree.nodes import Dir

_DESC, _AVAIL, _USED = 0x1000, 0x1400, 0x1800
_FEATURES = {"avail_features": 0x1_3000_0000, "acked_features": 0x1_0000_0000}


def _function(device: int, bdf: str = "0000:00:03.0", **registers: int) -> Node:
    space = [0x1AF4 | device << 16, 0x0010_0006, 0x0180_0001, 0, 0xE7F8_0000] + [0] * 1019
    bars = [{"addr": 0xE7F8_0000, "size": 0xFFF8_0000, "used": True, "type": "Memory32BitRegion"}] + [
        {"addr": 0, "size": 0, "used": False, "type": None} for _ in range(5)
    ]
    return Node({"registers": space, "writable_bits": [0] * 1024, "bars": bars})


def _queue(**more: Any) -> dict[str, Any]:
    return {"max_size": 16, "size": 16, "ready": True, "desc_table": _DESC, "avail_ring": _AVAIL, "used_ring": _USED, **more}


def _transport(kind: int, *queues: Mapping[str, Any]) -> Node:
    return Node(
        {"device_activated": True, "queues": list(queues), "interrupt_status": 0},
        {
            "pci_configuration": _function(0x1040 + kind),
            "virtio_pci_common_config": Node(
                {"driver_status": 15, "config_generation": 0, "queue_select": 0, "msix_config": 0, "msix_queues": [1] * len(queues)}
            ),
            "msix_config": Node({"table_entries": [], "pba_entries": [], "masked": False, "enabled": True}),
        },
    )


def _node(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "resources": [], "parent": None, "children": [], "pci_bdf": None, **more}


def _machine(
    target: Path,
    devices: Mapping[str, Node],
    config: Mapping[str, Any] | None = None,
    nodes: Mapping[str, Any] | None = None,
    ram: bytes = bytes(0x4000),
    era: Era = "D",
) -> snapfs.Snapshot:
    tree_ = {name: _node(name) for name in devices if name} | dict(nodes or {})
    full = {"cpus": {"boot_vcpus": 1, "max_vcpus": 1}, "memory": {"size": len(ram)}, **(config or {})}
    machine = Machine(
        era=era, ram=(Ram(0, ram),), config=full, devices=devices, device_manager={"device_tree": tree_, "device_id_cnt": len(tree_)}
    )
    return snapfs.open(write(target, machine))


def _ring(*chains: list[tuple[int, int, int]], used: int = 0, event: int | None = None) -> bytearray:
    """16 KiB of RAM with a queue of 16 at its place; a chain is `(address, length, flags)` per descriptor."""
    ram = bytearray(0x4000)
    number = 0
    for position, chain in enumerate(chains):
        struct.pack_into("<H", ram, _AVAIL + 4 + 2 * position, number)
        for i, (address, length, flags) in enumerate(chain):
            more = i + 1 < len(chain)
            struct.pack_into("<QIHH", ram, _DESC + 16 * number, address, length, flags | (1 if more else 0), number + 1 if more else 0)
            number += 1
    struct.pack_into("<H", ram, _AVAIL + 2, len(chains))
    struct.pack_into("<H", ram, _USED + 2, used)
    if event is not None:
        struct.pack_into("<H", ram, _USED + 4 + 8 * 16, event)
    return ram


def _all(snap: snapfs.Snapshot, name: str) -> dict[str, str]:
    """Every file of a device by path; its error where it cannot be read."""
    found = {}
    pending = [("", tree.root(snap) / f"devices/{name}")]
    while pending:
        where, node = pending.pop()
        if isinstance(node, Dir):
            pending += [(f"{where}/{k}" if where else k, v) for k, v in node.children.items()]
        elif isinstance(node, tree.nodes.File):
            try:
                found[where] = node.read_text()
            except SnapfsError as error:
                found[where] = f"EIO {error}"
    return found


def test_a_user_chosen_id_is_what_the_list_that_names_it_says(tmp_path: Path) -> None:
    devices = {"_net9": Node(_FEATURES), "_virtio-pci-_net9": _transport(2, _queue())}
    with _machine(tmp_path, devices, {"disks": [{"id": "other", "path": "/a"}, {"id": "_net9", "path": "/srv/b.raw"}]}) as snap:
        assert snap.devices["_net9"].kind == "block"
        assert (tree.root(snap) / "devices/_net9/config/path").read_text() == "/srv/b.raw\n"
        assert snap.devices["other"].kind == "block"
        assert "state" not in (tree.root(snap) / "devices/other").children  # type: ignore[attr-defined]


def test_an_id_that_nothing_names_is_what_its_pci_device_id_says(tmp_path: Path) -> None:
    with _machine(tmp_path, {"scratch": Node(_FEATURES), "_virtio-pci-scratch": _transport(19, _queue())}) as snap:
        assert snap.devices["scratch"].kind == "vsock"


def test_a_device_of_a_future_release_still_shows_all_it_has(tmp_path: Path) -> None:
    devices = {"_quantum7": Node({"spin": 3}), "_virtio-pci-_quantum7": _transport(63, _queue())}
    with _machine(tmp_path, devices) as snap:
        files = _all(snap, "_quantum7")
        assert (files["kind"], files["state/spin"], files["virtio/type"]) == ("virtio\n", "3\n", "63\n")
        assert files["queues/0/in_flight"] == "0\n"


def test_since_v52_a_device_of_which_there_is_one_may_have_an_id_of_the_users(tmp_path: Path) -> None:
    devices = {"dice": Node(_FEATURES), "_virtio-pci-dice": _transport(4, _queue()), "__console": Node(_FEATURES)}
    with _machine(tmp_path, devices, {"rng": {"id": "dice", "src": "/dev/urandom"}, "console": {"mode": "Tty"}}) as snap:
        assert (snap.devices["dice"].kind, snap.devices["__console"].kind) == ("rng", "console")
        assert (tree.root(snap) / "devices/dice/config/src").read_text() == "/dev/urandom\n"


def test_entries_without_an_id_belong_to_the_generated_ids_in_their_order(tmp_path: Path) -> None:
    devices = {f"_disk{n}": Node(_FEATURES) for n in (0, 2, 10)}
    with _machine(tmp_path, devices, {"disks": [{"path": f"/{n}"} for n in "abc"]}) as snap:
        paths = {n: snap.devices[n].parts.entry.get("path") for n in devices}  # type: ignore[union-attr]
        assert paths == {"_disk0": "/a", "_disk2": "/b", "_disk10": "/c"}


def test_a_component_without_an_id_stays_in_state_only(tmp_path: Path) -> None:
    with _machine(tmp_path, {"": Node(), "_rng": Node(_FEATURES)}, era="A") as snap:
        assert set(snap.devices) == {"_rng"}
        assert "%" in (tree.root(snap) / "state/device-manager").children  # type: ignore[attr-defined]


def test_saved_indices_of_v0_8_to_v15_are_shown_beside_those_of_the_rings(tmp_path: Path) -> None:
    queue = _queue(vector=1, next_avail=3, next_used=2, event_idx=True, signalled_used=None)
    devices = {"_disk0": Node(_FEATURES), "_virtio-pci-_disk0": _transport(2, queue)}
    ram = _ring([(0x2000, 16, 0)], used=1)
    nodes = {
        "_virtio-pci-_disk0": _node("_virtio-pci-_disk0", pci_bdf=24, resources=[{"MmioAddressRange": {"base": 0xE7F80000, "size": 4096}}])
    }
    with _machine(tmp_path, devices, {"disks": [{"path": "/a"}]}, nodes, bytes(ram), "A") as snap:
        files = _all(snap, "_disk0")
        assert [files[f"queues/0/{n}"] for n in ("next_avail", "next_used", "vector", "event_idx")] == ["3\n", "2\n", "1\n", "true\n"]
        assert (files["queues/0/avail_idx"], files["queues/0/used_idx"], files["pci/bdf"]) == ("1\n", "1\n", "0000:00:03.0\n")
        assert "queues/0/signalled_used" not in files
        assert files["pci/bars.txt"].splitlines()[1].split() == ["0", "mem32", "no", "0x00000000e7f80000", "524288", "0x00000000e7f80000"]


def test_base_address_registers_of_v0_8_have_their_sizes_in_a_list_of_their_own(tmp_path: Path) -> None:
    registers = [0x1042_1AF4, 0x0010_0006, 0x0180_0001, 0, 0x0000_0004, 0xFF] + [0] * 1018
    registers[12] = 0xFE00_0001
    data = {
        "registers": registers,
        "bar_addr": [4, 255, 0, 0, 0, 0],
        "bar_size": [0xFFF8_0000, 0xFFFF_FFFF, 0, 0, 0, 0],
        "bar_used": [True, True, False, False, False, False],
        "rom_bar_size": 0xFFFF_0000,
        "pending_bar_reprogram": [{"old_base": 0x1000, "new_base": 0x2000, "len": 4096, "region_type": "Memory64BitRegion"}],
    }
    with _machine(
        tmp_path, {"_disk0": Node(), "_virtio-pci-_disk0": Node({"queues": []}, {"pci_configuration": Node(data)})}, era="A"
    ) as snap:
        first, rom, move = _all(snap, "_disk0")["pci/bars.txt"].splitlines()[1:]
        assert first.split() == ["0", "mem64", "no", "0x000000ff00000004", "524288", "-"]
        assert rom.split()[:5] == ["rom", "mem32", "no", "0x00000000fe000001", "65536"]
        assert move == "# to be moved from 0x0000000000001000 to 0x0000000000002000"


def test_a_transport_over_mmio_is_part_of_its_device(tmp_path: Path) -> None:
    transport = Node({"device_activated": True, "driver_status": 7, "interrupt_status": 1, "queues": [_queue()], "queue_select": 0})
    with _machine(tmp_path, {"_rng": Node(_FEATURES), "_virtio-mmio-_rng": transport}, {"rng": {"src": "/dev/urandom"}}, era="A") as snap:
        files = _all(snap, "_rng")
        assert set(snap.devices) == {"_rng"}
        assert files["virtio/status.flags"] == "ACKNOWLEDGE DRIVER DRIVER_OK\n"
        assert files["queues/0/avail_idx"] == "0\n"


def test_rings_outside_ram_fail_alone(tmp_path: Path) -> None:
    far = _queue(avail_ring=1 << 40)
    with _machine(tmp_path, {"_disk0": Node(_FEATURES), "_virtio-pci-_disk0": _transport(2, far, _queue())}) as snap:
        files = _all(snap, "_disk0")
        assert files["queues/0/avail_idx"].startswith("EIO 0x0000010000000002")
        assert files["queues/0/used_idx"] == "0\n"
        assert files["queues/0/size"] == "16\n"
        assert files["queues/1/in_flight"] == "0\n"
        assert "cannot be read" in files["summary.txt"]
        rows = [line.split() for line in files["queues.txt"].splitlines()]
        assert ["0.size", "16"] in rows
        assert ["1.in_flight", "0"] in rows
        assert [row[:2] for row in rows if row[0] == "0.avail_idx"] == [["0.avail_idx", "ERROR"]]
        assert "unreadable" in (tree.root(snap) / "devices/devices.txt").read_text()


@pytest.mark.parametrize(("event", "stuck"), [(0, True), (1, False)])
def test_with_event_indices_the_device_tells_how_far_it_has_come(tmp_path: Path, event: int, stuck: bool) -> None:
    features = {"avail_features": 1 << 29 | 1 << 32, "acked_features": 1 << 29 | 1 << 32}
    ram = _ring([(0x2000, 16, 0), (0x3000, 1, 2)], event=event)
    struct.pack_into("<IIQ", ram, 0x2000, 4, 0, 0)
    with _machine(tmp_path, {"_disk0": Node(features), "_virtio-pci-_disk0": _transport(2, _queue())}, ram=bytes(ram)) as snap:
        text = (tree.root(snap) / "devices/devices.txt").read_text()
        assert ("doorbell" in text) is stuck
        assert _all(snap, "_disk0")["queues/0/avail_event"] == f"{event}\n"
        assert ": flush" in _all(snap, "_disk0")["queues/0/descriptors.txt"]


def test_answers_that_the_driver_has_not_looked_at_are_told(tmp_path: Path) -> None:
    features = {"avail_features": 1 << 29 | 1 << 32, "acked_features": 1 << 29 | 1 << 32}
    ram = _ring([(0x2000, 16, 0)], [(0x2000, 16, 0)], used=2, event=2)
    for looked, told in ((2, False), (0, True)):
        struct.pack_into("<H", ram, _AVAIL + 4 + 2 * 16, looked)
        with _machine(tmp_path, {"_disk0": Node(features), "_virtio-pci-_disk0": _transport(2, _queue())}, ram=bytes(ram)) as snap:
            assert ("has returned 2 that the driver had not looked at" in _all(snap, "_disk0")["summary.txt"]) is told
        (tmp_path / "state.json").unlink()


def test_a_packed_ring_says_that_it_is_one(tmp_path: Path) -> None:
    features = {"avail_features": 1 << 34 | 1 << 32, "acked_features": 1 << 34 | 1 << 32}
    ram = bytearray(0x4000)
    struct.pack_into("<QIHH", ram, _DESC, 0x2000, 64, 5, 1 << 7)
    with _machine(tmp_path, {"_disk0": Node(features), "_virtio-pci-_disk0": _transport(2, _queue())}, ram=bytes(ram)) as snap:
        files = _all(snap, "_disk0")
        assert files["queues/0/in_flight"] == "1\n"
        assert "queues/0/avail_idx" not in files
        assert files["queues/0/descriptors.txt"].startswith("# packed ring: 1 descriptors in flight")
        assert "id 5: 0x0000000000002000 64 bytes" in files["queues/0/descriptors.txt"]


_REQUESTS = [
    (2, 0, struct.pack("<IIQ", 0, 0, 7), 1025, "read sector 7, 1024 bytes (2 sectors)"),
    (2, 0, struct.pack("<IIQQII", 11, 0, 0, 64, 8, 0), 1, "discard sector 64, 8 sectors"),
    (
        1,
        1,
        bytes(12) + bytes.fromhex("ffffffffffff 123456789016 0806") + bytes(28),
        0,
        "packet of 42 bytes, 12:34:56:78:90:16 to ff:ff:ff:ff:ff:ff, ethertype 0x0806",
    ),
    (3, 1, b"login: ", 0, 'output, 7 bytes: "login: "'),
    (4, 0, b"", 64, "64 random bytes"),
    (5, 0, struct.pack("<II", 5, 6), 0, "inflate 2 pages, the first at 0x0000000000005000"),
    (19, 1, struct.pack("<QQIIIHHIII", 3, 2, 1024, 5000, 4, 1, 5, 0, 0, 0) + b"ping", 0, "stream RW 3:1024 to 2:5000, 4 bytes"),
    (
        23,
        0,
        struct.pack("<B3xIQQQI", 3, 1, 0x1000, 0x1FFF, 0x8000, 3),
        4,
        "map domain 1 0x0000000000001000-0x0000000000001fff to 0x0000000000008000",
    ),
    (24, 0, struct.pack("<H6xQH6x", 0, 0x1_0000_0000, 2), 10, "plug 2 blocks at 0x0000000100000000"),
    (26, 1, struct.pack("<IIQQIIII", 56, 15, 9, 1, 0, 0, 77, 0) + bytes(16), 80, "READ inode 1, request 9, 56 bytes, uid 0 gid 0 pid 77"),
    (27, 0, struct.pack("<I", 0), 4, "flush"),
]


@pytest.mark.parametrize(("kind", "number", "request_", "room", "words"), _REQUESTS)
def test_requests_in_flight_are_told_by_device_type(tmp_path: Path, kind: int, number: int, request_: bytes, room: int, words: str) -> None:
    chain = ([(0x2000, len(request_), 0)] if request_ else []) + ([(0x3000, room, 2)] if room else [])
    ram = _ring(chain)
    ram[0x2000 : 0x2000 + len(request_)] = request_
    idle = {"max_size": 16, "size": 16, "ready": False, "desc_table": 0, "avail_ring": 0, "used_ring": 0}
    queues = [_queue() if n == number else idle for n in range(2)]
    with _machine(tmp_path, {"it": Node(_FEATURES), "_virtio-pci-it": _transport(kind, *queues)}, ram=bytes(ram)) as snap:
        ((found, text),) = snap.devices["it"].queues[number].requests()  # type: ignore[attr-defined]
        assert text.startswith(words)
        assert not found.problem


def test_an_indirect_request_is_told_like_any_other(tmp_path: Path) -> None:
    ram = _ring([(0x2800, 48, 4)])
    struct.pack_into("<QIHH", ram, 0x2800, 0x2000, 16, 1, 1)
    struct.pack_into("<QIHH", ram, 0x2810, 0x2100, 512, 1, 2)
    struct.pack_into("<QIHH", ram, 0x2820, 0x3000, 1, 2, 0)
    struct.pack_into("<IIQ", ram, 0x2000, 1, 0, 99)
    ram[0x2100:0x2104] = b"\x7fELF"
    with _machine(tmp_path, {"_disk0": Node(_FEATURES), "_virtio-pci-_disk0": _transport(2, _queue())}, ram=bytes(ram)) as snap:
        assert "write sector 99, 512 bytes (1 sectors), status 0 OK, data 7f 45 4c 46" in _all(snap, "_disk0")["queues/0/descriptors.txt"]


_MAPPINGS = [
    # v0.8 to v14: maps with numbers for keys; v15 to v23: lists of pairs; v24 on: domains with a flag
    {"endpoints": {"24": 1}, "mappings": {"1": {"4096": {"gpa": 0x8000, "size": 4096}}}},
    {"endpoints": [[24, 1]], "mappings": [[1, [[4096, {"gpa": 0x8000, "size": 4096}]]]]},
    {"endpoints": [[24, 1]], "domains": [[1, [[[4096, {"gpa": 0x8000, "size": 4096}]], False]]]},
]


@pytest.mark.parametrize("state", _MAPPINGS)
def test_the_mappings_of_the_iommu_read_the_same_in_all_three_shapes(tmp_path: Path, state: Mapping[str, Any]) -> None:
    devices = {"__iommu": Node({**_FEATURES, **state}), "_virtio-pci-__iommu": _transport(23, _queue())}
    with _machine(tmp_path, devices, {"iommu": True}) as snap:
        files = _all(snap, "__iommu")
        assert files["endpoints.txt"].splitlines()[1].split() == ["0000:00:03.0", "1"]
        assert files["mappings.txt"].splitlines()[1].split() == ["1", "0x0000000000001000", "0x0000000000008000", "4096"]


def test_requests_of_a_device_behind_the_iommu_are_read_through_its_mappings(tmp_path: Path) -> None:
    ram = _ring([(0x7000_0800, 16, 0), (0x7000_0900, 1025, 2)])
    struct.pack_into("<IIQ", ram, 0x2800, 0, 0, 5)
    devices = {
        "__iommu": Node({**_FEATURES, "endpoints": [[24, 1]], "domains": [[1, [[[0x7000_0000, {"gpa": 0x2000, "size": 4096}]], False]]]}),
        "_virtio-pci-__iommu": _transport(23, _queue()),
        "_disk0": Node(_FEATURES),
        "_virtio-pci-_disk0": _transport(2, _queue()),
    }
    nodes = {"_virtio-pci-_disk0": _node("_virtio-pci-_disk0", pci_bdf="0000:00:03.0")}
    with _machine(tmp_path, devices, {"iommu": True}, nodes, ram=bytes(ram)) as snap:
        ((_, words),) = snap.devices["_disk0"].queues[0].requests()  # type: ignore[attr-defined]
        assert words.startswith("read sector 5, 1024 bytes")


def test_a_domain_that_bypasses_the_iommu_says_so(tmp_path: Path) -> None:
    with _machine(tmp_path, {"__iommu": Node({**_FEATURES, "endpoints": [], "domains": [[5, [[], True]]]})}) as snap:
        assert _all(snap, "__iommu")["mappings.txt"].splitlines()[1].split() == ["5", "bypass"]


def test_plugged_blocks_of_virtio_mem_are_ranges(tmp_path: Path) -> None:
    config = {
        "block_size": 2 << 20,
        "node_id": 0,
        "padding": [0] * 6,
        "addr": 4 << 30,
        "region_size": 16 << 20,
        "usable_region_size": 16 << 20,
        "plugged_size": 6 << 20,
        "requested_size": 6 << 20,
    }
    state = {**_FEATURES, "config": config, "blocks_state": {"bitmap": [True, True, False, False, False, False, False, True]}}
    devices = {"zone7": Node(state), "_virtio-pci-zone7": _transport(24, _queue())}
    with _machine(tmp_path, devices, {"memory": {"size": 0, "zones": [{"id": "zone7", "size": 0}]}}) as snap:
        files = _all(snap, "zone7")
        assert files["kind"] == "mem\n"
        assert files["plugged"] == f"{6 << 20}\n"
        assert [line.split()[:2] for line in files["blocks.txt"].splitlines()[1:]] == [
            ["0x0000000100000000", "0x0000000100400000"],
            ["0x0000000100e00000", "0x0000000101000000"],
        ]
        assert (tree.root(snap) / "devices/zone7/config/id").read_text() == "zone7\n"


def test_pmem_shows_its_mapping_and_its_file(tmp_path: Path) -> None:
    devices = {"_pmem0": Node({**_FEATURES, "config": {"start": 8 << 30, "size": 1 << 21}}), "_virtio-pci-_pmem0": _transport(27, _queue())}
    with _machine(tmp_path, devices, {"pmem": [{"id": "_pmem0", "file": "/srv/pmem.img", "size": 1 << 21}]}) as snap:
        files = _all(snap, "_pmem0")
        assert files["mapping.txt"].splitlines()[1].split() == ["0x0000000200000000", "0x0000000200200000", "2097152", "/srv/pmem.img"]
        assert files["host/file"] == "/srv/pmem.img\n"


def test_vdpa_is_of_the_type_that_it_saved(tmp_path: Path) -> None:
    config = list(bytes.fromhex("525400123456") + struct.pack("<HHH", 1, 4, 1500))
    state = {
        **_FEATURES,
        "device_type": 1,
        "iova_range_first": 0,
        "iova_range_last": 2**64 - 1,
        "config": config,
        "queue_sizes": [256, 256],
        "backend_features": 3,
    }
    with _machine(tmp_path, {"_vdpa3": Node(state)}, {"vdpa": [{"id": "_vdpa3", "path": "/dev/vhost-vdpa-0", "num_queues": 2}]}) as snap:
        files = _all(snap, "_vdpa3")
        assert (files["kind"], files["virtio/type.name"], files["virtio/config/mac"]) == ("vdpa\n", "net\n", "52:54:00:12:34:56\n")
        assert (files["virtio/config/mtu"], files["state/iova_range_last"]) == ("1500\n", "0xffffffffffffffff\n")
        assert "virtio/config/speed" not in files
        assert files["host/path"] == "/dev/vhost-vdpa-0\n"


def test_vhost_user_devices_are_told_from_those_of_the_vmm(tmp_path: Path) -> None:
    shared = {**_FEATURES, "acked_protocol_features": 0x201, "vu_num_queues": 1}
    tag = list(b"shared".ljust(36, b"\0"))
    devices = {
        "_disk0": Node({**shared, "config": {"capacity": 2048, "blk_size": 512}, "vring_bases": [41]}),
        "_virtio-pci-_disk0": _transport(2, _queue()),
        "_net1": Node(),
        "_fs2": Node({**shared, "config": {"tag": tag, "num_request_queues": 1}, "backend_req_support": True}),
        "_generic_vhost_user3": Node({**shared, "config": [1, 2, 3]}),
        "_virtio-pci-_generic_vhost_user3": _transport(16, _queue()),
    }
    config = {
        "disks": [{"id": "_disk0", "vhost_user": True, "vhost_socket": "/run/disk.sock"}],
        "net": [{"id": "_net1", "vhost_user": True, "vhost_socket": "/run/net.sock", "mac": "52:54:00:00:00:01"}],
        "fs": [{"id": "_fs2", "tag": "shared", "socket": "/run/fs.sock"}],
        "generic_vhost_user": [{"id": "_generic_vhost_user3", "socket": "/run/gpu.sock", "device_type": 16}],
    }
    with _machine(tmp_path, devices, config) as snap:
        kinds = {name: snap.devices[name].kind for name in ("_disk0", "_net1", "_fs2", "_generic_vhost_user3")}
        assert list(kinds.values()) == ["vhost-user-blk", "vhost-user-net", "vhost-user-fs", "vhost-user"]
        disk, fs, gpu = (_all(snap, name) for name in ("_disk0", "_fs2", "_generic_vhost_user3"))
        assert (tree.root(snap) / "devices/_net1/mac").read_text() == "52:54:00:00:00:01\n"
        assert disk["virtio/protocol_features.flags"] == "MQ CONFIG\n"
        assert disk["queues/0/vring_base"] == "41\n"
        assert disk["virtio/config/capacity"] == "2048\n"
        assert (fs["tag"], fs["virtio/config/tag"]) == ("shared\n", "shared\n")
        assert gpu["virtio/type.name"] == "gpu\n"
        assert gpu["host/socket"] == "/run/gpu.sock\n"


def test_vfio_devices_show_what_the_vmm_kept_of_them(tmp_path: Path) -> None:
    cap = {"msg_ctl": 0x81, "msg_addr_lo": 0xFEE00000, "msg_addr_hi": 0, "msg_data": 0x31, "mask_bits": 0, "pending_bits": 0}
    registers = [0] * 1024
    registers[4] = 0xE000_0004
    common = Node(
        {
            "intx_state": None,
            "msi_state": {"cap": cap, "cap_offset": 0x60},
            "msix_state": {"cap": {"msg_ctl": 7, "table": 0x2000, "pba": 0x3000}, "cap_offset": 0x90, "bdf": 24},
        },
        {
            "pci_configuration": Node({"registers": registers}),
            "msi_config": Node({"cap": cap}),
            "msix_config": Node(
                {
                    "table_entries": [{"msg_addr_lo": 0xFEE01000, "msg_addr_hi": 0, "msg_data": 0x42, "vector_ctl": 0}],
                    "pba_entries": [1],
                    "masked": False,
                    "enabled": True,
                }
            ),
            "vfio_migration": Node({"blob": "AAAA"}),
        },
    )
    bar = {"PciBar": {"index": 0, "base": 0xE000_0000, "size": 0x10000, "type_": "Mmio64", "prefetchable": True}}
    nodes = {"gpu": _node("gpu", pci_bdf="0002:00:05.0", resources=[bar, {"KvmMemSlot": 9}])}
    config = {"devices": [{"id": "gpu", "path": "/sys/bus/pci/devices/0000:41:00.0"}]}
    with _machine(tmp_path, {"gpu": Node(None, {"vfio_common": common})}, config, nodes) as snap:
        files = _all(snap, "gpu")
        assert files["kind"] == "vfio\n"
        assert files["host/path"] == "/sys/bus/pci/devices/0000:41:00.0\n"
        assert files["pci/bdf"] == "0002:00:05.0\n"
        assert files["pci/bars.txt"].splitlines()[1].split()[-2:] == ["65536", "0x00000000e0000000"]
        assert files["pci/msix.txt"].splitlines()[2].split() == [
            "0",
            "0x00000000fee01000",
            "0x00000042",
            "no",
            "yes",
            "APIC",
            "1",
            "vector",
            "0x42",
        ]
        assert files["common/msi_state/cap/msg_addr_lo"] == "0xfee00000\n"
        assert files["msi/cap/msg_data"] == "0x0031\n"
        assert files["resources/1/KvmMemSlot"] == "9\n"
        assert {"pci-0000:00:00.0", "pci-0002:00:00.0"} <= set(snap.devices)


def test_vfio_before_v25_and_vfio_user_have_their_place_in_the_device_tree(tmp_path: Path) -> None:
    nodes = {
        "_vfio4": _node("_vfio4", pci_bdf=40, resources=[{"MmioAddressRange": {"base": 0xE000_0000, "size": 4096}}]),
        "_vfio_user5": _node("_vfio_user5", pci_bdf=48),
    }
    config = {"devices": [{"id": "_vfio4", "path": "/sys/x"}], "user_devices": [{"id": "_vfio_user5", "socket": "/run/nvme.sock"}]}
    with _machine(tmp_path, {}, config, nodes, era="A") as snap:
        assert {n: (d.kind, d.bdf) for n, d in snap.devices.items() if n in nodes} == {
            "_vfio4": ("vfio", "0000:00:05.0"),
            "_vfio_user5": ("vfio-user", "0000:00:06.0"),
        }
        assert _all(snap, "_vfio4")["resources/0/MmioAddressRange/base"] == "0x00000000e0000000\n"


def test_a_tpm_is_found_in_the_configuration(tmp_path: Path) -> None:
    config = {"tpm": {"socket": "/run/swtpm.sock"}, "sgx_epc": [{"id": "epc0", "size": 1 << 20}]}
    with _machine(tmp_path, {}, config) as snap:
        assert snap.devices["epc0"].kind == "sgx-epc"
        files = _all(snap, "tpm")
        assert files["kind"] == "tpm\n"
        assert files["host/socket"] == "/run/swtpm.sock\n"
        assert (tree.root(snap) / "devices/tpm/config/socket").read_text() == "/run/swtpm.sock\n"


def test_established_vsock_connections_are_listed(tmp_path: Path) -> None:
    devices = {"_vsock0": Node({**_FEATURES, "connections": [[1024, 5000]]}), "_virtio-pci-_vsock0": _transport(19, _queue())}
    with _machine(tmp_path, devices, {"vsock": {"id": "_vsock0", "cid": 42, "socket": "/run/v.sock"}}) as snap:
        files = _all(snap, "_vsock0")
        assert files["connections.txt"].splitlines()[1].split() == ["1024", "5000"]
        assert (files["cid"], files["virtio/config/guest_cid"]) == ("42\n", "42\n")


def test_a_pl011_is_spelled_out(tmp_path: Path) -> None:
    state = {
        "flags": 0x90,
        "lcr": 0x70,
        "rsr": 0,
        "cr": 0x301,
        "dmacr": 0,
        "debug": 0,
        "int_enabled": 0x50,
        "int_level": 0,
        "read_fifo": [104, 105],
        "ilpr": 0,
        "ibrd": 0,
        "fbrd": 0,
        "ifl": 0x12,
        "read_count": 2,
        "read_trigger": 1,
    }
    with _machine(tmp_path, {"__serial": Node(state)}, {"serial": {"mode": "Tty"}}) as snap:
        files = _all(snap, "__serial")
        assert files["kind"] == "pl011\n"
        assert files["state/cr.flags"] == "UARTEN TXE RXE\n"
        assert files["state/flags.flags"] == "RXFE TXFE\n"
        assert files["state/int_enabled.flags"] == "RX RT\n"
        assert '2 bytes that the guest has not read: "hi"' in files["summary.txt"]
