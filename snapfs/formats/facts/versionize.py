"""Field order of the structs that Cloud Hypervisor v16 to v38 wrote with versionize.

Derived by contrib/derive-versionize.py from the struct declarations of the Cloud Hypervisor release tags (Apache-2.0).
Do not edit by hand.
"""

from __future__ import annotations

from typing import Final

__all__ = ["EPOCHS", "LAYOUTS"]

# the releases at which any layout changed, in order
EPOCHS: Final = ("v16.0", "v17.0", "v18.0", "v19.0", "v22.0", "v23.0", "v24.0", "v25.0", "v28.0", "v34.0", "v37.0")

# name -> release at which the layout begins -> (field, Rust type) of a struct, or the variants of an enum
LAYOUTS: Final[dict[str, dict[str, tuple[tuple[str, str], ...] | tuple[str, ...]]]] = {
    "MemoryManagerSnapshotData": {
        "v16.0": (("memory_regions", "Vec<MemoryRegion>"),),
        "v19.0": (
            ("memory_ranges", "MemoryRangeTable"),
            ("guest_ram_mappings", "Vec<GuestRamMapping>"),
            ("start_of_device_area", "u64"),
            ("boot_ram", "u64"),
            ("current_ram", "u64"),
            ("arch_mem_regions", "Vec<ArchMemRegion>"),
            ("hotplug_slots", "Vec<HotPlugState>"),
            ("next_memory_slot", "u32"),
            ("selected_slot", "usize"),
            ("next_hotplug_slot", "usize"),
        ),
    },
    "MemoryRegion": {
        "v16.0": (("content", "Option<String>"), ("start_addr", "u64"), ("size", "u64")),
    },
    "MemoryRangeTable": {
        "v19.0": (("data", "Vec<MemoryRange>"),),
    },
    "MemoryRange": {
        "v19.0": (("gpa", "u64"), ("length", "u64")),
    },
    "GuestRamMapping": {
        "v19.0": (("slot", "u32"), ("gpa", "u64"), ("size", "u64"), ("zone_id", "String"), ("virtio_mem", "bool"), ("file_offset", "u64")),
    },
    "ArchMemRegion": {
        "v19.0": (("base", "u64"), ("size", "usize"), ("r_type", "RegionType")),
    },
    "RegionType": {
        "v19.0": ("Ram", "SubRegion", "Reserved"),
    },
    "HotPlugState": {
        "v19.0": (("base", "u64"), ("length", "u64"), ("active", "bool"), ("inserting", "bool"), ("removing", "bool")),
    },
    "VirtioPciDeviceState": {
        "v16.0": (("device_activated", "bool"), ("queues", "Vec<QueueState>"), ("interrupt_status", "usize")),
    },
    "QueueState": {
        "v16.0": (
            ("max_size", "u16"),
            ("size", "u16"),
            ("ready", "bool"),
            ("vector", "u16"),
            ("desc_table", "u64"),
            ("avail_ring", "u64"),
            ("used_ring", "u64"),
        ),
        "v22.0": (
            ("max_size", "u16"),
            ("size", "u16"),
            ("ready", "bool"),
            ("desc_table", "u64"),
            ("avail_ring", "u64"),
            ("used_ring", "u64"),
        ),
    },
    "VirtioPciCommonConfigState": {
        "v16.0": (
            ("driver_status", "u8"),
            ("config_generation", "u8"),
            ("device_feature_select", "u32"),
            ("driver_feature_select", "u32"),
            ("queue_select", "u16"),
            ("msix_config", "u16"),
        ),
        "v22.0": (
            ("driver_status", "u8"),
            ("config_generation", "u8"),
            ("device_feature_select", "u32"),
            ("driver_feature_select", "u32"),
            ("queue_select", "u16"),
            ("msix_config", "u16"),
            ("msix_queues", "Vec<u16>"),
        ),
    },
    "PciConfigurationState": {
        "v16.0": (
            ("registers", "Vec<u32>"),
            ("writable_bits", "Vec<u32>"),
            ("bars", "Vec<PciBar>"),
            ("rom_bar_addr", "u32"),
            ("rom_bar_size", "u32"),
            ("rom_bar_used", "bool"),
            ("last_capability", "Option<(usize,usize)>"),
            ("msix_cap_reg_idx", "Option<usize>"),
        ),
    },
    "PciBar": {
        "v16.0": (("addr", "u32"), ("size", "u32"), ("used", "bool"), ("type", "Option<PciBarRegionType>")),
    },
    "PciBarRegionType": {
        "v16.0": ("Memory32BitRegion", "IoRegion", "Memory64BitRegion"),
    },
    "MsixConfigState": {
        "v16.0": (("table_entries", "Vec<MsixTableEntry>"), ("pba_entries", "Vec<u64>"), ("masked", "bool"), ("enabled", "bool")),
    },
    "MsixTableEntry": {
        "v16.0": (("msg_addr_lo", "u32"), ("msg_addr_hi", "u32"), ("msg_data", "u32"), ("vector_ctl", "u32")),
    },
    "MsiConfigState": {
        "v24.0": (("cap", "MsiCap"),),
    },
    "MsiCap": {
        "v24.0": (
            ("msg_ctl", "u16"),
            ("msg_addr_lo", "u32"),
            ("msg_addr_hi", "u32"),
            ("msg_data", "u16"),
            ("mask_bits", "u32"),
            ("pending_bits", "u32"),
        ),
    },
    "VfioCommonState": {
        "v25.0": (("intx_state", "Option<IntxState>"), ("msi_state", "Option<MsiState>"), ("msix_state", "Option<MsixState>")),
    },
    "IntxState": {
        "v25.0": (("enabled", "bool"),),
    },
    "MsiState": {
        "v25.0": (("cap", "MsiCap"), ("cap_offset", "u32")),
    },
    "MsixState": {
        "v25.0": (("cap", "MsixCap"), ("cap_offset", "u32"), ("bdf", "u32")),
    },
    "MsixCap": {
        "v25.0": (("msg_ctl", "u16"), ("table", "u32"), ("pba", "u32")),
    },
    "BlockState": {
        "v16.0": (
            ("disk_path", "String"),
            ("disk_nsectors", "u64"),
            ("avail_features", "u64"),
            ("acked_features", "u64"),
            ("config", "VirtioBlockConfig"),
        ),
    },
    "VirtioBlockConfig": {
        "v16.0": (
            ("capacity", "u64"),
            ("size_max", "u32"),
            ("seg_max", "u32"),
            ("geometry", "VirtioBlockGeometry"),
            ("blk_size", "u32"),
            ("physical_block_exp", "u8"),
            ("alignment_offset", "u8"),
            ("min_io_size", "u16"),
            ("opt_io_size", "u32"),
            ("writeback", "u8"),
            ("unused", "u8"),
            ("num_queues", "u16"),
            ("max_discard_sectors", "u32"),
            ("max_discard_seg", "u32"),
            ("discard_sector_alignment", "u32"),
            ("max_write_zeroes_sectors", "u32"),
            ("max_write_zeroes_seg", "u32"),
            ("write_zeroes_may_unmap", "u8"),
            ("unused1", "[u8;3]"),
        ),
    },
    "VirtioBlockGeometry": {
        "v16.0": (("cylinders", "u16"), ("heads", "u8"), ("sectors", "u8")),
    },
    "NetState": {
        "v16.0": (("avail_features", "u64"), ("acked_features", "u64"), ("config", "VirtioNetConfig"), ("queue_size", "Vec<u16>")),
    },
    "VirtioNetConfig": {
        "v16.0": (("mac", "[u8;6]"), ("status", "u16"), ("max_virtqueue_pairs", "u16"), ("mtu", "u16"), ("speed", "u32"), ("duplex", "u8")),
    },
    "ConsoleState": {
        "v16.0": (("avail_features", "u64"), ("acked_features", "u64"), ("config", "VirtioConsoleConfig"), ("in_buffer", "Vec<u8>")),
    },
    "VirtioConsoleConfig": {
        "v16.0": (("cols", "u16"), ("rows", "u16"), ("max_nr_ports", "u32"), ("emerg_wr", "u32")),
    },
    "RngState": {
        "v16.0": (("avail_features", "u64"), ("acked_features", "u64")),
    },
    "BalloonState": {
        "v19.0": (("avail_features", "u64"), ("acked_features", "u64"), ("config", "VirtioBalloonConfig")),
    },
    "VirtioBalloonConfig": {
        "v19.0": (("num_pages", "u32"), ("actual", "u32")),
    },
    "PmemState": {
        "v16.0": (("avail_features", "u64"), ("acked_features", "u64"), ("config", "VirtioPmemConfig")),
    },
    "VirtioPmemConfig": {
        "v16.0": (("start", "u64"), ("size", "u64")),
    },
    "VsockState": {
        "v16.0": (("avail_features", "u64"), ("acked_features", "u64")),
    },
    "WatchdogState": {
        "v16.0": (("avail_features", "u64"), ("acked_features", "u64"), ("enabled", "bool")),
    },
    "IommuState": {
        "v16.0": (
            ("avail_features", "u64"),
            ("acked_features", "u64"),
            ("endpoints", "Vec<(u32,u32)>"),
            ("mappings", "Vec<(u32,Vec<(u64,Mapping)>)>"),
        ),
        "v24.0": (
            ("avail_features", "u64"),
            ("acked_features", "u64"),
            ("endpoints", "Vec<(u32,u32)>"),
            ("domains", "Vec<(u32,(Vec<(u64,Mapping)>,bool))>"),
        ),
    },
    "Mapping": {
        "v16.0": (("gpa", "u64"), ("size", "u64")),
    },
    "MemState": {
        "v19.0": (("avail_features", "u64"), ("acked_features", "u64"), ("config", "VirtioMemConfig"), ("blocks_state", "BlocksState")),
    },
    "VirtioMemConfig": {
        "v19.0": (
            ("block_size", "u64"),
            ("node_id", "u16"),
            ("padding", "[u8;6]"),
            ("addr", "u64"),
            ("region_size", "u64"),
            ("usable_region_size", "u64"),
            ("plugged_size", "u64"),
            ("requested_size", "u64"),
        ),
    },
    "BlocksState": {
        "v19.0": (("bitmap", "Vec<bool>"),),
    },
    "VdpaState": {
        "v28.0": (
            ("avail_features", "u64"),
            ("acked_features", "u64"),
            ("device_type", "u32"),
            ("iova_range_first", "u64"),
            ("iova_range_last", "u64"),
            ("config", "Vec<u8>"),
            ("queue_sizes", "Vec<u16>"),
            ("backend_features", "u64"),
        ),
    },
    "VhostUserBlkState": {
        "v18.0": (
            ("avail_features", "u64"),
            ("acked_features", "u64"),
            ("config", "VirtioBlockConfig"),
            ("acked_protocol_features", "u64"),
            ("vu_num_queues", "usize"),
        ),
    },
    "VhostUserFsState": {
        "v18.0": (
            ("avail_features", "u64"),
            ("acked_features", "u64"),
            ("config", "VirtioFsConfig"),
            ("acked_protocol_features", "u64"),
            ("vu_num_queues", "usize"),
            ("slave_req_support", "bool"),
        ),
        "v37.0": (
            ("avail_features", "u64"),
            ("acked_features", "u64"),
            ("config", "VirtioFsConfig"),
            ("acked_protocol_features", "u64"),
            ("vu_num_queues", "usize"),
            ("backend_req_support", "bool"),
        ),
    },
    "VhostUserNetState": {
        "v18.0": (
            ("avail_features", "u64"),
            ("acked_features", "u64"),
            ("config", "VirtioNetConfig"),
            ("acked_protocol_features", "u64"),
            ("vu_num_queues", "usize"),
        ),
    },
    "VirtioFsConfig": {
        "v18.0": (("tag", "[u8;36]"), ("num_request_queues", "u32")),
    },
    "IoapicState": {
        "v16.0": (
            ("id_reg", "u32"),
            ("reg_sel", "u32"),
            ("reg_entries", "[u64;24]"),
            ("used_entries", "[bool;24]"),
            ("apic_address", "u64"),
        ),
    },
    "SerialState": {
        "v16.0": (
            ("interrupt_enable", "u8"),
            ("interrupt_identification", "u8"),
            ("line_control", "u8"),
            ("line_status", "u8"),
            ("modem_control", "u8"),
            ("modem_status", "u8"),
            ("scratch", "u8"),
            ("baud_divisor", "u16"),
            ("in_buffer", "Vec<u8>"),
        ),
    },
    "Pl011State": {
        "v16.0": (
            ("flags", "u32"),
            ("lcr", "u32"),
            ("rsr", "u32"),
            ("cr", "u32"),
            ("dmacr", "u32"),
            ("int_enabled", "u32"),
            ("int_level", "u32"),
            ("read_fifo", "Vec<u8>"),
            ("ilpr", "u32"),
            ("ibrd", "u32"),
            ("fbrd", "u32"),
            ("ifl", "u32"),
            ("read_count", "u32"),
            ("read_trigger", "u32"),
        ),
        "v23.0": (
            ("flags", "u32"),
            ("lcr", "u32"),
            ("rsr", "u32"),
            ("cr", "u32"),
            ("dmacr", "u32"),
            ("debug", "u32"),
            ("int_enabled", "u32"),
            ("int_level", "u32"),
            ("read_fifo", "Vec<u8>"),
            ("ilpr", "u32"),
            ("ibrd", "u32"),
            ("fbrd", "u32"),
            ("ifl", "u32"),
            ("read_count", "u32"),
            ("read_trigger", "u32"),
        ),
    },
    "GpioState": {
        "v16.0": (
            ("data", "u32"),
            ("old_in_data", "u32"),
            ("dir", "u32"),
            ("isense", "u32"),
            ("ibe", "u32"),
            ("iev", "u32"),
            ("im", "u32"),
            ("istate", "u32"),
            ("afsel", "u32"),
        ),
    },
    "PvPanicDeviceState": {
        "v34.0": (("events", "u8"),),
    },
    "Gicv3State": {
        "v16.0": (("dist", "Vec<u32>"), ("rdist", "Vec<u32>"), ("icc", "Vec<u32>"), ("gicd_ctlr", "u32")),
    },
    "Gicv3ItsState": {
        "v17.0": (
            ("dist", "Vec<u32>"),
            ("rdist", "Vec<u32>"),
            ("icc", "Vec<u32>"),
            ("gicd_ctlr", "u32"),
            ("its_ctlr", "u64"),
            ("its_iidr", "u64"),
            ("its_cbaser", "u64"),
            ("its_cwriter", "u64"),
            ("its_creadr", "u64"),
            ("its_baser", "[u64;8]"),
        ),
    },
}
