"""virtio's names, bits and structs against the kernel's headers."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_headers import check, layout

from snapfs.formats import pci, virtio, virtio_config, virtio_requests
from snapfs.formats.virtio_config import BlockConfig

HEADERS = Path("/usr/include/linux")
needs_headers = pytest.mark.skipif(not (HEADERS / "virtio_net.h").exists(), reason="no kernel headers are installed (linux-libc-dev)")

# Linux's name for a bit -> the specification's, where they are not the same
_OTHERWISE = {
    "EVENT_IDX": "RING_EVENT_IDX",
    "INDIRECT_DESC": "RING_INDIRECT_DESC",
    "IOMMU_PLATFORM": "ACCESS_PLATFORM",
    "WCE": "FLUSH",
}


def _defined(header: str, prefix: str) -> dict[str, int]:
    text = (HEADERS / header).read_text()
    return {m[1]: int(m[2], 0) for m in re.finditer(rf"(?m)^#define\s+{prefix}(\w+)\s+(0x[0-9a-fA-F]+|[0-9]+)\b", text)}


@needs_headers
@pytest.mark.parametrize(
    ("header", "prefix", "kind"),
    [
        ("virtio_net.h", "VIRTIO_NET_F_", 1),
        ("virtio_blk.h", "VIRTIO_BLK_F_", 2),
        ("virtio_console.h", "VIRTIO_CONSOLE_F_", 3),
        ("virtio_balloon.h", "VIRTIO_BALLOON_F_", 5),
        ("virtio_vsock.h", "VIRTIO_VSOCK_F_", 19),
        ("virtio_iommu.h", "VIRTIO_IOMMU_F_", 23),
        ("virtio_mem.h", "VIRTIO_MEM_F_", 24),
        ("virtio_config.h", "VIRTIO_F_", None),
        ("virtio_ring.h", "VIRTIO_RING_F_", None),
    ],
)
def test_every_feature_of_the_headers_has_its_name(header: str, prefix: str, kind: int | None) -> None:
    found = _defined(header, prefix)
    assert found
    for name, bit in found.items():
        assert virtio.feature_name(kind, bit) == _OTHERWISE.get(name, name)


@needs_headers
def test_status_bits_and_device_types_are_those_of_the_headers() -> None:
    status = _defined("virtio_config.h", "VIRTIO_CONFIG_S_")
    assert {1 << bit: name.replace("DEVICE_", "") for bit, name in virtio.STATUS.items()} == {v: k for k, v in status.items()}
    types = _defined("virtio_ids.h", "VIRTIO_ID_")
    theirs = {"CLOCK": "rtc", "SOUND": "sound", "I2C_ADAPTER": "i2c"}
    for name, number in types.items():
        # 35 is the watchdog of Cloud Hypervisor
        if number in virtio.TYPES and number != 35:
            assert virtio.TYPES[number] == theirs.get(name, name.lower()), name


@needs_headers
def test_capabilities_and_command_bits_are_those_of_the_headers() -> None:
    defined = _defined("pci_regs.h", "PCI_CAP_ID_")
    assert {defined[n]: pci.CAPABILITIES[defined[n]] for n in ("PM", "MSI", "VNDR", "EXP", "MSIX")} == {
        0x01: "Power Management",
        0x05: "MSI",
        0x09: "Vendor Specific Information",
        0x10: "Express",
        0x11: "MSI-X",
    }
    assert set(defined.values()) - {0x14} <= set(pci.CAPABILITIES)
    virtio_caps = _defined("virtio_pci.h", "VIRTIO_PCI_CAP_")
    words = {"COMMON_CFG": "CommonCfg", "NOTIFY_CFG": "Notify", "ISR_CFG": "ISR", "DEVICE_CFG": "DeviceCfg", "PCI_CFG": "PCICfg"}
    assert {virtio_caps[k]: v for k, v in words.items()} == {k: v for k, v in pci.VIRTIO_CAPS.items() if k < 6}


@needs_headers
def test_requests_have_the_names_of_the_headers() -> None:
    ops = _defined("virtio_blk.h", "VIRTIO_BLK_T_")
    told = {k: virtio_requests._BLOCK[v] for k, v in ops.items() if v in virtio_requests._BLOCK and k not in ("SCSI_CMD", "BARRIER")}
    expected = {"IN": "read", "OUT": "write", "FLUSH": "flush", "GET_ID": "get id", "DISCARD": "discard", "WRITE_ZEROES": "write zeroes"}
    assert expected.items() <= told.items()
    fuse = {
        m[1]: int(m[2])
        for m in re.finditer(
            r"(?m)^\s+FUSE_([A-Z0-9_]+)\s*=\s*([0-9]+),", (HEADERS / "fuse.h").read_text().split("enum fuse_opcode")[1].split("};")[0]
        )
    }
    assert {v: k for k, v in fuse.items() if v in virtio_requests._FUSE} == {
        v: k for v, k in virtio_requests._FUSE.items() if v in fuse.values()
    }
    assert len(fuse) > 40


def test_configuration_spaces_are_laid_out_as_in_the_headers(tmp_path: Path) -> None:
    structs = {1: "net", 3: "console", 5: "balloon", 16: "gpu", 19: "vsock", 24: "mem", 26: "fs", 27: "pmem"}
    headers = ["linux/types.h", *(f"linux/virtio_{name}.h" for name in structs.values()), "linux/virtio_blk.h", "linux/virtio_iommu.h"]
    facts: list[str] = []
    for kind, name in structs.items():
        facts += layout(virtio_config.CONFIG[kind], f"struct virtio_{name}_config", padding="", free_page_hint_cmd_id="", reserved="")
    # headers before Linux 6.3 end before the zones
    later = {name: "" for name in BlockConfig.FIELDS if "secure" in name or name == "zoned"}
    renamed = {"writeback": "wce", "unused": "", "unused1": ""}
    facts += layout(BlockConfig, "struct virtio_blk_config", **later, **renamed)[1:]
    nested = {"input_range_start": "input_range.start", "input_range_end": "input_range.end"}
    nested |= {"domain_range_start": "domain_range.start", "domain_range_end": "domain_range.end", "reserved": "", "bypass": ""}
    facts += layout(virtio_config.CONFIG[23], "struct virtio_iommu_config", **nested)[1:]
    check("x86_64", headers, facts, tmp_path)


@given(st.binary(min_size=36, max_size=36), st.binary(min_size=6, max_size=6))
def test_names_and_addresses_read_back_as_they_are_written(tag: bytes, mac: bytes) -> None:
    form = virtio_config.Tag(36)
    assert form.parse(form.render(tag)) == tag
    assert virtio_config.MAC.parse(virtio_config.MAC.render(mac)) == mac


@pytest.mark.parametrize("text", ["", "123456789016", "12:34:56:78:90", "12:34:56:78:90:1G", "12:34:56:78:90:16:"])
def test_what_is_no_mac_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a MAC address"):
        virtio_config.MAC.parse(text)


def test_bits_without_a_name_are_told_by_their_number() -> None:
    assert virtio.feature_name(2, 60) is None
    assert virtio.feature_name(None, 32) == "VERSION_1"
