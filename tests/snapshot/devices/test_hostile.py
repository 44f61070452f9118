"""State files that nobody vouches for: whatever stands in them, devices/ lists, and what cannot be read says so."""

import copy
import json
import random
import struct
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from builders import Machine, Node, Ram, write
from corpus import FIXTURES, demo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import snapfs
from snapfs import tree
from snapfs.errors import SnapfsError
from snapfs.tree.nodes import Dir, File

_JUNK: list[Any] = [
    None,
    True,
    -1,
    2**64,
    2**70,
    1.5,
    "",
    "x" * 300,
    "\ud800",
    [],
    {},
    [None],
    [[1]],
    {"a": 1},
    [256, -200],
    "../../etc",
    0,
]


def _walk(node: Dir) -> int:
    """Reads all of a directory; anything but a SnapfsError escapes."""
    read = 0
    pending: list[Any] = [node]
    while pending:
        here = pending.pop()
        if isinstance(here, Dir):
            pending += here.children.values()
            try:
                here.to_json()
            except SnapfsError:
                pass
        elif isinstance(here, File):
            try:
                here.read_bytes()
                read += 1
            except SnapfsError:
                pass
    return read


_MAPPING = [4096, {"gpa": 0x8000, "size": 4096}]
_MEM = {"block_size": 2 << 20, "node_id": 0, "padding": [0] * 6, "addr": 4 << 30, "region_size": 1 << 24, "plugged_size": 0}
_CAP = {"msg_ctl": 1, "msg_addr_lo": 2, "msg_addr_hi": 3, "msg_data": 4, "mask_bits": 5, "pending_bits": 6}
#: kinds that the sample has not
_OTHERS: dict[str, Any] = {
    name: {"data": data, "children": children}
    for name, data, children in (
        ("__iommu", {"endpoints": [[8, 1], [16, 1]], "domains": [[1, [[_MAPPING, _MAPPING], False]]], "acked_features": 1}, {}),
        ("_iommu", {"endpoints": {"24": 1}, "mappings": {"1": {"4096": _MAPPING[1]}}}, {}),
        ("_mem7", {"config": _MEM, "blocks_state": {"bitmap": [True, False, True]}}, {}),
        ("_pmem8", {"config": {"start": 1, "size": 2}}, {}),
        ("_vdpa9", {"device_type": 1, "config": [1] * 12, "backend_features": 3, "iova_range_first": 0}, {}),
        ("_fs10", {"config": {"tag": [65] * 36, "num_request_queues": 1}, "acked_protocol_features": 1, "vring_bases": [1]}, {}),
        ("_serial", {"flags": 1, "lcr": 2, "cr": 3, "read_fifo": [1, 2], "ifl": 4}, {}),
        ("__gpio", {"data": 1, "dir": 2}, {}),
        (
            "_vfio11",
            {"intx_state": None},
            {"msix_config": {"table_entries": [{"msg_addr_lo": 1}], "pba_entries": [1]}, "msi_config": {"cap": _CAP}},
        ),
    )
}


@cache
def _leaves() -> dict[str, Any]:
    """The data of every component of the sample below its device manager, by path."""
    state = json.loads((demo() / "state.json").read_text())
    return (
        {
            name: {
                "data": json.loads(node["snapshot_data"]["state"]) if node["snapshot_data"] else None,
                "children": {k: json.loads(v["snapshot_data"]["state"]) for k, v in node["snapshots"].items()},
            }
            for name, node in state["snapshots"]["device-manager"]["snapshots"].items()
        }
        | _OTHERS
        | {"tree": json.loads(state["snapshots"]["device-manager"]["snapshot_data"]["state"])}
    )


def _spoil(value: Any, dice: random.Random) -> Any:
    """The value with one place in it replaced, taken away or doubled; long lists are left where it is their rows that count."""
    path: list[Any] = []
    here = value
    while isinstance(here, dict | list) and here and (not path or dice.random() < 0.8):
        key = dice.choice(list(here)) if isinstance(here, dict) else dice.randrange(min(len(here), 40))
        path.append((here, key))
        here = here[key]
    if not path:
        return dice.choice(_JUNK)
    holder, key = path[-1]
    how = dice.random()
    if how < 0.7:
        holder[key] = copy.deepcopy(dice.choice(_JUNK))
    elif how < 0.85:
        del holder[key]
    elif isinstance(holder, list):
        holder.append(holder[key])
    return value


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32))
def test_no_spoilt_state_makes_anything_but_an_error_of_ours(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    dice = random.Random(seed)
    leaves = copy.deepcopy(_leaves())
    manager = leaves.pop("tree")
    config = json.loads((demo() / "config.json").read_text())
    for _ in range(dice.randrange(1, 12)):
        which = dice.random()
        name = dice.choice(list(leaves))
        if which < 0.15:
            manager = _spoil(manager, dice)
        elif which < 0.3:
            config = _spoil(config, dice)
        elif leaves[name]["children"] and which < 0.7:
            child = dice.choice(list(leaves[name]["children"]))
            leaves[name]["children"][child] = _spoil(leaves[name]["children"][child], dice)
        else:
            leaves[name]["data"] = _spoil(leaves[name]["data"], dice)
    devices = {name: Node(leaf["data"], {k: Node(v) for k, v in leaf["children"].items()}) for name, leaf in leaves.items()}
    target = tmp_path_factory.mktemp("spoilt")
    machine = Machine(config=config if isinstance(config, dict) else {}, devices=devices, device_manager=manager)
    with snapfs.open(write(target, machine)) as snap:
        root = tree.root(snap)
        devices_dir = root / "devices"
        assert isinstance(devices_dir, Dir)
        assert "devices.txt" in devices_dir.children
        assert _walk(devices_dir) > 0


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"snapshots": {"device-manager": 3}}', '{"snapshots": {"device-manager": {"snapshots": {"a": 1}}}}']
)
def test_a_state_file_without_devices_has_an_empty_table(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    (tmp_path / "config.json").write_text("{}")
    with snapfs.open(tmp_path) as snap:
        devices = tree.root(snap) / "devices"
        assert isinstance(devices, Dir)
        assert _walk(devices) >= 2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(kind=st.sampled_from([1, 2, 3, 4, 5, 19, 23, 24, 26, 27, 35, 60]), number=st.integers(0, 3), seed=st.integers(0, 2**32))
def test_no_request_makes_anything_but_words(tmp_path_factory: pytest.TempPathFactory, kind: int, number: int, seed: int) -> None:
    dice = random.Random(seed)
    ram = bytearray(dice.randbytes(0x4000))
    for n in range(16):
        # addresses in and around RAM, lengths from none to more than there is
        address = dice.choice([dice.randrange(0x4000), 0x3FF8, 1 << 40, (1 << 64) - dice.randrange(1, 40)])
        length = dice.choice([0, 1, 8, 15, 16, 17, 40, 44, 512, 0xFFFFFFFF])
        struct.pack_into("<QIHH", ram, 0x1000 + 16 * n, address, length, dice.randrange(8), dice.randrange(17))
        struct.pack_into("<H", ram, 0x1404 + 2 * n, dice.randrange(17))
    struct.pack_into("<HH", ram, 0x1400, 0, dice.randrange(17))
    struct.pack_into("<HH", ram, 0x1800, dice.randrange(2), 0)
    for n in range(0, 0x400, 16):
        # request headers of types that there are
        struct.pack_into("<I", ram, 0x2000 + n, dice.randrange(30))
    features = dice.choice([1 << 32, 1 << 29 | 1 << 32, 1 << 34 | 1 << 32])
    queue = {"size": 16, "ready": True, "desc_table": 0x1000, "avail_ring": 0x1400, "used_ring": 0x1800}
    queues = [queue if n == number else {} for n in range(4)]
    registers = [0x1AF4 | 0x1040 + kind << 16] + [0] * 1023
    devices = {
        "it": Node({"avail_features": features, "acked_features": features}),
        "_virtio-pci-it": Node({"queues": queues}, {"pci_configuration": Node({"registers": registers})}),
    }
    target = tmp_path_factory.mktemp("requests")
    with snapfs.open(write(target, Machine(ram=(Ram(0, bytes(ram)),), devices=devices))) as snap:
        root = tree.root(snap)
        text = (root / f"devices/it/queues/{number}/descriptors.txt").read_text()
        assert text.startswith("# ")
        assert all(ch == "\n" or ch.isprintable() for ch in text)
        assert (root / "devices/it/summary.txt").read_text().startswith("it: ")


def test_without_any_memory_file_all_but_the_rings_reads(tmp_path: Path) -> None:
    for name in ("config.json", "state.json"):
        (tmp_path / name).write_bytes((FIXTURES / "v53.0-x86_64-small" / name).read_bytes())
    with snapfs.open(tmp_path) as snap:
        queue = tree.root(snap) / "devices/_disk0/queues/0"
        assert isinstance(queue, Dir)
        assert (queue / "size").read_text() == "128\n"
        with pytest.raises(SnapfsError):
            (queue / "avail_idx").read_text()
        assert (tree.root(snap) / "devices/_disk0/pci/vendor").read_text() == "0x1af4\n"
