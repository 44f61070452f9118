"""The configuration spaces of virtio devices, as records.

Cloud Hypervisor saves them by field, for vDPA and vhost-user devices also as bytes. Source: Virtio 1.2, section 5;
linux/virtio_net.h, virtio_blk.h, virtio_console.h, virtio_balloon.h, virtio_mem.h, virtio_pmem.h, virtio_fs.h, virtio_vsock.h,
virtio_iommu.h.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from snapfs.layout import TEXT, Array, Bytes, Flags, Form, Record, hex64, u8, u16, u32, u64
from snapfs.layout.scalars import Stored

__all__ = ["CONFIG", "MAC", "read"]


@dataclass(frozen=True)
class Mac(Form):
    """Six bytes as a MAC address."""

    def render(self, value: Any) -> str:
        return ":".join(f"{b:02x}" for b in value)

    def parse(self, text: str) -> Any:
        if not re.fullmatch("[0-9a-f]{2}(:[0-9a-f]{2}){5}", text):
            raise ValueError(f"not a MAC address: {text[:80]!r}")
        return bytes.fromhex(text.replace(":", ""))


@dataclass(frozen=True)
class Tag(Form):
    """A name of at most `size` bytes, padded with zeros; what is no plain character is written `\\x0a`."""

    size: int

    def render(self, value: Any) -> str:
        return "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\x{b:02x}" for b in bytes(value).rstrip(b"\0"))

    def parse(self, text: str) -> Any:
        if not re.fullmatch(r"([ -\[\]-~]|\\x[0-9a-f]{2})*", text):
            raise ValueError(f"not a name: {text[:80]!r}")
        data = re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes.fromhex(m[1].decode()), text.encode())
        if len(data) > self.size:
            raise ValueError(f"{len(data)} bytes where {self.size} are stored")
        return data.ljust(self.size, b"\0")

    def quote(self, value: Any) -> str:
        return TEXT.quote(self.render(value))


MAC: Final = Mac()


class NetConfig(Record, size=24):
    """struct virtio_net_config, with the fields of RSS."""

    mac: Annotated[bytes, Bytes(6), MAC]
    status: Annotated[int, Stored("H"), Flags(16, {0: "LINK_UP", 1: "ANNOUNCE"})]
    max_virtqueue_pairs: u16
    mtu: u16
    speed: u32
    duplex: u8
    rss_max_key_size: u8
    rss_max_indirection_table_length: u16
    supported_hash_types: Annotated[int, Stored("I"), Flags(32)]


class BlockGeometry(Record, size=4):
    """struct virtio_blk_geometry."""

    cylinders: u16
    heads: u8
    sectors: u8


class BlockZones(Record, size=24):
    """struct virtio_blk_zoned_characteristics."""

    zone_sectors: u32
    max_open_zones: u32
    max_active_zones: u32
    max_append_sectors: u32
    write_granularity: u32
    model: u8
    unused2: Annotated[bytes, Bytes(3)]


class BlockConfig(Record, size=96):
    """struct virtio_blk_config; `capacity` counts sectors of 512 bytes."""

    capacity: u64
    size_max: u32
    seg_max: u32
    geometry: BlockGeometry
    blk_size: u32
    physical_block_exp: u8
    alignment_offset: u8
    min_io_size: u16
    opt_io_size: u32
    writeback: u8
    unused: u8
    num_queues: u16
    max_discard_sectors: u32
    max_discard_seg: u32
    discard_sector_alignment: u32
    max_write_zeroes_sectors: u32
    max_write_zeroes_seg: u32
    write_zeroes_may_unmap: u8
    unused1: Annotated[bytes, Bytes(3)]
    max_secure_erase_sectors: u32
    max_secure_erase_seg: u32
    secure_erase_sector_alignment: u32
    zoned: BlockZones


class ConsoleConfig(Record, size=12):
    """struct virtio_console_config."""

    cols: u16
    rows: u16
    max_nr_ports: u32
    emerg_wr: u32


class BalloonConfig(Record, size=16):
    """struct virtio_balloon_config; both counts are of 4 KiB pages."""

    num_pages: u32
    actual: u32
    free_page_hint_cmd_id: u32
    poison_val: u32


class VsockConfig(Record, size=8):
    """struct virtio_vsock_config."""

    guest_cid: u64


class IommuConfig(Record, size=40):
    """struct virtio_iommu_config."""

    page_size_mask: hex64
    input_range_start: hex64
    input_range_end: hex64
    domain_range_start: u32
    domain_range_end: u32
    probe_size: u32
    bypass: u8
    reserved: Annotated[bytes, Bytes(3)]


class MemConfig(Record, size=56):
    """struct virtio_mem_config."""

    block_size: u64
    node_id: u16
    padding: Annotated[bytes, Bytes(6)]
    addr: hex64
    region_size: u64
    usable_region_size: u64
    plugged_size: u64
    requested_size: u64


class FsConfig(Record, size=40):
    """struct virtio_fs_config."""

    tag: Annotated[bytes, Bytes(36), Tag(36)]
    num_request_queues: u32


class PmemConfig(Record, size=16):
    """struct virtio_pmem_config: where the memory is in the guest's physical address space."""

    start: hex64
    size: u64


class GpuConfig(Record, size=16):
    """struct virtio_gpu_config."""

    events_read: Annotated[int, Stored("I"), Flags(32, {0: "DISPLAY"})]
    events_clear: Annotated[int, Stored("I"), Flags(32, {0: "DISPLAY"})]
    num_scanouts: u32
    num_capsets: u32


class CryptoConfig(Record, size=56):
    """struct virtio_crypto_config."""

    status: Annotated[int, Stored("I"), Flags(32, {0: "HW_READY"})]
    max_dataqueues: u32
    crypto_services: Annotated[int, Stored("I"), Flags(32, {0: "CIPHER", 1: "HASH", 2: "MAC", 3: "AEAD", 4: "AKCIPHER"})]
    algorithms: Annotated[tuple[int, ...], Array(u32, 9)]
    max_size: u64


CONFIG: Final[Mapping[int, type[Record]]] = {
    1: NetConfig,
    2: BlockConfig,
    3: ConsoleConfig,
    5: BalloonConfig,
    16: GpuConfig,
    19: VsockConfig,
    20: CryptoConfig,
    23: IommuConfig,
    24: MemConfig,
    26: FsConfig,
    27: PmemConfig,
}


def read(kind: int | None, value: Any, where: str) -> Any:
    """The configuration space of a device type out of what was saved: by field, or as bytes.

    Bytes that end in the middle of the structure give the fields that are whole, as devices with fewer features have them.
    """
    record = CONFIG.get(kind) if kind is not None else None
    if record is None:
        return value
    if isinstance(value, list) and len(value) < record.SIZE:
        from snapfs.layout.record import octets

        data = octets(value, where)
        value = {
            f.name: f.codec.unpack(data.ljust(record.SIZE, b"\0"), f.offset)
            for f in record.FIELDS.values()
            if f.offset + f.size <= len(data)
        }
    return record.read(value, where)
