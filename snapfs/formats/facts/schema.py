"""Which keys each Cloud Hypervisor release writes into the configuration and the state.

Derived by contrib/derive-schema.py from the struct declarations of the Cloud Hypervisor release tags (Apache-2.0). Do not
edit by hand. A row is (Rust type, first release, last release, mark); the mark `o` says that the release may leave the key out.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CONFIG", "RELEASES", "STATE", "Schema"]

Row = tuple[str, str, str, str]
# struct or enum -> (which of the two, field or variant -> rows)
Schema = dict[str, tuple[str, dict[str, tuple[Row, ...]]]]

# every release that can write a snapshot, in order; the last stands for the development head
RELEASES: Final[tuple[str, ...]] = (
    "v0.7.0",
    "v0.8.0",
    "v0.9.0",
    "v0.10.0",
    "v0.11.0",
    "v0.12.0",
    "v0.13.0",
    "v0.14.0",
    "v0.14.1",
    "v15.0",
    "v16.0",
    "v17.0",
    "v18.0",
    "v19.0",
    "v20.0",
    "v20.1",
    "v20.2",
    "v21.0",
    "v21.1",
    "v22.0",
    "v22.1",
    "v23.0",
    "v23.1",
    "v24.0",
    "v25.0",
    "v26.0",
    "v27.0",
    "v28.0",
    "v28.1",
    "v28.2",
    "v28.3",
    "v28.4",
    "v29.0",
    "v30.0",
    "v30.1",
    "v31.0",
    "v31.1",
    "v31.2",
    "v32.0",
    "v32.1",
    "v33.0",
    "v34.0",
    "v35.0",
    "v35.1",
    "v36.0",
    "v36.1",
    "v37.0",
    "v37.1",
    "v38.0",
    "v39.0",
    "v40.0",
    "v41.0",
    "v42.0",
    "v43.0",
    "v44.0",
    "v45.0",
    "v46.0",
    "v47.0",
    "v48.0",
    "v49.0",
    "v50.0",
    "v50.1",
    "v50.2",
    "v51.0",
    "v51.1",
    "v51.2",
    "v52.0",
    "v53.0",
    "HEAD",
)

CONFIG: Final[Schema] = {
    "VmConfig": (
        "struct",
        {
            "cpus": (("CpusConfig", "v0.7.0", "HEAD", ""),),
            "memory": (("MemoryConfig", "v0.7.0", "HEAD", ""),),
            "kernel": (("Option<KernelConfig>", "v0.7.0", "v27.0", ""),),
            "initramfs": (("Option<InitramfsConfig>", "v0.7.0", "v27.0", ""),),
            "cmdline": (("CmdlineConfig", "v0.7.0", "v27.0", ""),),
            "disks": (("Option<Vec<DiskConfig>>", "v0.7.0", "HEAD", ""),),
            "net": (("Option<Vec<NetConfig>>", "v0.7.0", "HEAD", ""),),
            "rng": (("RngConfig", "v0.7.0", "HEAD", ""),),
            "fs": (("Option<Vec<FsConfig>>", "v0.7.0", "HEAD", ""),),
            "pmem": (("Option<Vec<PmemConfig>>", "v0.7.0", "HEAD", ""),),
            "serial": (("ConsoleConfig", "v0.7.0", "v51.2", ""), ("SerialConfig", "v52.0", "HEAD", "")),
            "console": (("ConsoleConfig", "v0.7.0", "HEAD", ""),),
            "devices": (("Option<Vec<DeviceConfig>>", "v0.7.0", "HEAD", ""),),
            "vsock": (("Option<VsockConfig>", "v0.7.0", "HEAD", ""),),
            "iommu": (("bool", "v0.7.0", "HEAD", ""),),
            "sgx_epc": (("Option<Vec<SgxEpcConfig>>", "v0.9.0", "v47.0", "o"),),
            "numa": (("Option<Vec<NumaConfig>>", "v0.10.0", "HEAD", ""),),
            "balloon": (("Option<BalloonConfig>", "v0.11.0", "HEAD", ""),),
            "watchdog": (("bool", "v0.11.0", "HEAD", ""),),
            "tdx": (("Option<TdxConfig>", "v0.14.0", "v26.0", "o"),),
            "user_devices": (("Option<Vec<UserDeviceConfig>>", "v18.0", "HEAD", ""),),
            "platform": (("Option<PlatformConfig>", "v20.0", "HEAD", ""),),
            "gdb": (("bool", "v22.0", "v26.0", "o"), ("bool", "v27.0", "v33.0", "o"), ("bool", "v34.0", "HEAD", "o")),
            "vdpa": (("Option<Vec<VdpaConfig>>", "v23.0", "HEAD", ""),),
            "payload": (("Option<PayloadConfig>", "v26.0", "v27.0", ""), ("Option<PayloadConfig>", "v28.0", "HEAD", "")),
            "tpm": (("Option<TpmConfig>", "v28.0", "HEAD", ""),),
            "pvpanic": (("bool", "v34.0", "HEAD", ""),),
            "rate_limit_groups": (("Option<Vec<RateLimiterGroupConfig>>", "v38.0", "HEAD", ""),),
            "debug_console": (("DebugConsoleConfig", "v38.0", "HEAD", "o"),),
            "pci_segments": (("Option<Vec<PciSegmentConfig>>", "v39.0", "HEAD", ""),),
            "pvmemcontrol": (("Option<PvmemcontrolConfig>", "v41.0", "HEAD", "o"),),
            "landlock_enable": (("bool", "v41.0", "HEAD", ""),),
            "landlock_rules": (("Option<Vec<LandlockConfig>>", "v41.0", "HEAD", ""),),
            "ivshmem": (("Option<IvshmemConfig>", "v48.0", "HEAD", "o"),),
            "generic_vhost_user": (("Option<Vec<GenericVhostUserConfig>>", "v52.0", "HEAD", ""),),
            "rtc": (("Option<RtcConfig>", "v53.0", "HEAD", ""),),
        },
    ),
    "CpusConfig": (
        "struct",
        {
            "boot_vcpus": (("u8", "v0.7.0", "v47.0", ""), ("u32", "v48.0", "HEAD", "")),
            "max_vcpus": (("u8", "v0.7.0", "v47.0", ""), ("u32", "v48.0", "HEAD", "")),
            "topology": (("Option<CpuTopology>", "v0.9.0", "HEAD", ""),),
            "kvm_hyperv": (("bool", "v0.10.0", "HEAD", ""),),
            "max_phys_bits": (("Option<u8>", "v0.11.0", "v18.0", ""), ("u8", "v19.0", "HEAD", "")),
            "affinity": (("Option<Vec<CpuAffinity>>", "v20.0", "HEAD", ""),),
            "features": (("CpuFeatures", "v23.0", "HEAD", ""),),
            "nested": (("bool", "v50.0", "HEAD", ""),),
            "core_scheduling": (("CoreScheduling", "v52.0", "HEAD", ""),),
            "profile": (("CpuProfile", "v53.0", "HEAD", ""),),
        },
    ),
    "CpuTopology": (
        "struct",
        {
            "threads_per_core": (("u8", "v0.9.0", "v47.0", ""), ("u16", "v48.0", "HEAD", "")),
            "cores_per_die": (("u8", "v0.9.0", "v47.0", ""), ("u16", "v48.0", "HEAD", "")),
            "dies_per_package": (("u8", "v0.9.0", "v47.0", ""), ("u16", "v48.0", "HEAD", "")),
            "packages": (("u8", "v0.9.0", "v47.0", ""), ("u16", "v48.0", "HEAD", "")),
        },
    ),
    "CpuAffinity": (
        "struct",
        {
            "vcpu": (("u8", "v20.0", "v47.0", ""), ("u32", "v48.0", "HEAD", "")),
            "host_cpus": (("Vec<u8>", "v20.0", "v37.1", ""), ("Vec<usize>", "v38.0", "v52.0", ""), ("Vec<>", "v53.0", "HEAD", "")),
        },
    ),
    "CpuFeatures": (
        "struct",
        {
            "amx": (("bool", "v23.0", "v26.0", "o"), ("bool", "v27.0", "HEAD", "o")),
        },
    ),
    "CoreScheduling": (
        "enum",
        {
            "Vm": (("", "v52.0", "HEAD", ""),),
            "Vcpu": (("", "v52.0", "HEAD", ""),),
            "Off": (("", "v52.0", "HEAD", ""),),
        },
    ),
    "CpuProfile": (
        "enum",
        {
            "Host": (("", "v53.0", "HEAD", ""),),
        },
    ),
    "CpuProfile:x86_64": (
        "enum",
        {
            "Host": (("", "v53.0", "HEAD", ""),),
        },
    ),
    "MemoryConfig": (
        "struct",
        {
            "size": (("u64", "v0.7.0", "HEAD", ""),),
            "file": (("Option<PathBuf>", "v0.7.0", "v0.9.0", ""),),
            "mergeable": (("bool", "v0.7.0", "HEAD", ""),),
            "hotplug_method": (("HotplugMethod", "v0.7.0", "HEAD", ""),),
            "hotplug_size": (("Option<u64>", "v0.7.0", "HEAD", ""),),
            "shared": (("bool", "v0.7.0", "HEAD", ""),),
            "hugepages": (("bool", "v0.7.0", "HEAD", ""),),
            "balloon": (("bool", "v0.9.0", "v0.10.0", ""),),
            "balloon_size": (("u64", "v0.9.0", "v0.10.0", ""),),
            "hotplugged_size": (("Option<u64>", "v0.10.0", "HEAD", ""),),
            "zones": (("Option<Vec<MemoryZoneConfig>>", "v0.10.0", "HEAD", ""),),
            "hugepage_size": (("Option<u64>", "v0.13.0", "HEAD", ""),),
            "prefault": (("bool", "v19.0", "HEAD", ""),),
            "thp": (("bool", "v28.0", "HEAD", ""),),
            "reserve": (("bool", "v53.0", "HEAD", ""),),
        },
    ),
    "MemoryZoneConfig": (
        "struct",
        {
            "id": (("String", "v0.10.0", "HEAD", ""),),
            "size": (("u64", "v0.10.0", "HEAD", ""),),
            "file": (("Option<PathBuf>", "v0.10.0", "HEAD", ""),),
            "shared": (("bool", "v0.10.0", "HEAD", ""),),
            "hugepages": (("bool", "v0.10.0", "HEAD", ""),),
            "host_numa_node": (("Option<u32>", "v0.10.0", "HEAD", ""),),
            "hotplug_size": (("Option<u64>", "v0.10.0", "HEAD", ""),),
            "hotplugged_size": (("Option<u64>", "v0.10.0", "HEAD", ""),),
            "hugepage_size": (("Option<u64>", "v0.13.0", "HEAD", ""),),
            "prefault": (("bool", "v19.0", "HEAD", ""),),
            "mergeable": (("bool", "v52.0", "HEAD", ""),),
            "reserve": (("bool", "v53.0", "HEAD", ""),),
        },
    ),
    "HotplugMethod": (
        "enum",
        {
            "Acpi": (("", "v0.7.0", "HEAD", ""),),
            "VirtioMem": (("", "v0.7.0", "HEAD", ""),),
        },
    ),
    "PayloadConfig": (
        "struct",
        {
            "firmware": (("Option<PathBuf>", "v26.0", "HEAD", ""),),
            "kernel": (("Option<PathBuf>", "v26.0", "HEAD", ""),),
            "cmdline": (("Option<String>", "v26.0", "HEAD", ""),),
            "initramfs": (("Option<PathBuf>", "v26.0", "HEAD", ""),),
            "igvm": (("Option<PathBuf>", "v37.0", "HEAD", "o"),),
            "host_data": (("Option<String>", "v39.0", "HEAD", "o"),),
            "fw_cfg_config": (("Option<FwCfgConfig>", "v48.0", "HEAD", "o"),),
        },
    ),
    "FwCfgConfig": (
        "struct",
        {
            "e820": (("bool", "v48.0", "HEAD", ""),),
            "kernel": (("bool", "v48.0", "HEAD", ""),),
            "cmdline": (("bool", "v48.0", "HEAD", ""),),
            "initramfs": (("bool", "v48.0", "HEAD", ""),),
            "acpi_tables": (("bool", "v48.0", "HEAD", ""),),
            "items": (("Option<FwCfgItemList>", "v48.0", "HEAD", ""),),
        },
    ),
    "FwCfgItemList": (
        "struct",
        {
            "item_list": (("Vec<FwCfgItem>", "v48.0", "HEAD", ""),),
        },
    ),
    "FwCfgItem": (
        "struct",
        {
            "name": (("String", "v48.0", "HEAD", ""),),
            "file": (("PathBuf", "v48.0", "v51.2", ""), ("Option<PathBuf>", "v52.0", "HEAD", "")),
            "string": (("Option<String>", "v52.0", "HEAD", ""),),
        },
    ),
    "KernelConfig": (
        "struct",
        {
            "path": (("PathBuf", "v0.7.0", "v27.0", ""),),
        },
    ),
    "InitramfsConfig": (
        "struct",
        {
            "path": (("PathBuf", "v0.7.0", "v27.0", ""),),
        },
    ),
    "CmdlineConfig": (
        "struct",
        {
            "args": (("String", "v0.7.0", "v27.0", ""),),
        },
    ),
    "DiskConfig": (
        "struct",
        {
            "path": (("Option<PathBuf>", "v0.7.0", "HEAD", ""),),
            "readonly": (("bool", "v0.7.0", "HEAD", ""),),
            "direct": (("bool", "v0.7.0", "HEAD", ""),),
            "iommu": (("bool", "v0.7.0", "v51.2", ""), ("bool", "v52.0", "HEAD", "o")),
            "num_queues": (("usize", "v0.7.0", "HEAD", ""),),
            "queue_size": (("u16", "v0.7.0", "HEAD", ""),),
            "vhost_user": (("bool", "v0.7.0", "HEAD", ""),),
            "vhost_socket": (("Option<String>", "v0.7.0", "HEAD", ""),),
            "wce": (("bool", "v0.7.0", "v0.7.0", ""),),
            "poll_queue": (("bool", "v0.7.0", "v25.0", ""),),
            "id": (("Option<String>", "v0.7.0", "v51.2", ""), ("Option<String>", "v52.0", "HEAD", "")),
            "disable_io_uring": (("bool", "v0.12.0", "HEAD", ""),),
            "rate_limiter_config": (("Option<RateLimiterConfig>", "v0.14.0", "HEAD", ""),),
            "pci_segment": (("u16", "v20.0", "v51.2", ""), ("u16", "v52.0", "HEAD", "")),
            "serial": (("Option<String>", "v35.0", "HEAD", ""),),
            "disable_aio": (("bool", "v36.0", "HEAD", ""),),
            "rate_limit_group": (("Option<String>", "v38.0", "HEAD", ""),),
            "queue_affinity": (("Option<Vec<VirtQueueAffinity>>", "v38.0", "HEAD", ""),),
            "backing_files": (("bool", "v50.1", "HEAD", ""),),
            "image_type": (("ImageType", "v50.1", "HEAD", ""),),
            "sparse": (("bool", "v51.0", "HEAD", ""),),
            "pci_device_id": (("Option<u8>", "v52.0", "HEAD", ""),),
            "lock_granularity": (("LockGranularityChoice", "v52.0", "HEAD", ""),),
        },
    ),
    "ImageType": (
        "enum",
        {
            "FixedVhd": (("", "v50.1", "HEAD", ""),),
            "Qcow2": (("", "v50.1", "HEAD", ""),),
            "Raw": (("", "v50.1", "HEAD", ""),),
            "Vhdx": (("", "v50.1", "HEAD", ""),),
            "Unknown": (("", "v50.1", "HEAD", ""),),
            "FlatVmdk": (("", "HEAD", "HEAD", ""),),
        },
    ),
    "LockGranularityChoice": (
        "enum",
        {
            "ByteRange": (("", "v52.0", "HEAD", ""),),
            "Full": (("", "v52.0", "HEAD", ""),),
        },
    ),
    "VirtQueueAffinity": (
        "struct",
        {
            "queue_index": (("u16", "v38.0", "HEAD", ""),),
            "host_cpus": (("Vec<usize>", "v38.0", "v52.0", ""), ("Vec<>", "v53.0", "HEAD", "")),
        },
    ),
    "RateLimiterConfig": (
        "struct",
        {
            "bandwidth": (("Option<TokenBucketConfig>", "v0.14.0", "HEAD", ""),),
            "ops": (("Option<TokenBucketConfig>", "v0.14.0", "HEAD", ""),),
        },
    ),
    "TokenBucketConfig": (
        "struct",
        {
            "size": (("u64", "v0.14.0", "HEAD", ""),),
            "one_time_burst": (("Option<u64>", "v0.14.0", "HEAD", ""),),
            "refill_time": (("u64", "v0.14.0", "HEAD", ""),),
        },
    ),
    "RateLimiterGroupConfig": (
        "struct",
        {
            "id": (("String", "v38.0", "HEAD", ""),),
            "rate_limiter_config": (("RateLimiterConfig", "v38.0", "HEAD", ""),),
        },
    ),
    "NetConfig": (
        "struct",
        {
            "tap": (("Option<String>", "v0.7.0", "HEAD", ""),),
            "ip": (("Ipv4Addr", "v0.7.0", "v45.0", ""), ("IpAddr", "v46.0", "v48.0", ""), ("Option<IpAddr>", "v49.0", "HEAD", "")),
            "mask": (("Ipv4Addr", "v0.7.0", "v45.0", ""), ("IpAddr", "v46.0", "v48.0", ""), ("Option<IpAddr>", "v49.0", "HEAD", "")),
            "mac": (("MacAddr", "v0.7.0", "v53.0", ""), ("Option<MacAddr>", "HEAD", "HEAD", "")),
            "iommu": (("bool", "v0.7.0", "v51.2", ""), ("bool", "v52.0", "HEAD", "o")),
            "num_queues": (("usize", "v0.7.0", "HEAD", ""),),
            "queue_size": (("u16", "v0.7.0", "HEAD", ""),),
            "vhost_user": (("bool", "v0.7.0", "HEAD", ""),),
            "vhost_socket": (("Option<String>", "v0.7.0", "HEAD", ""),),
            "id": (("Option<String>", "v0.7.0", "v51.2", ""), ("Option<String>", "v52.0", "HEAD", "")),
            "host_mac": (("Option<MacAddr>", "v0.8.0", "HEAD", ""),),
            "fds": (("Option<Vec<i32>>", "v0.13.0", "HEAD", ""),),
            "rate_limiter_config": (("Option<RateLimiterConfig>", "v15.0", "HEAD", ""),),
            "vhost_mode": (("VhostMode", "v16.0", "HEAD", ""),),
            "pci_segment": (("u16", "v20.0", "v51.2", ""), ("u16", "v52.0", "HEAD", "")),
            "mtu": (("Option<u16>", "v27.0", "HEAD", ""),),
            "offload_tso": (("bool", "v29.0", "HEAD", ""),),
            "offload_ufo": (("bool", "v29.0", "HEAD", ""),),
            "offload_csum": (("bool", "v29.0", "HEAD", ""),),
            "pci_device_id": (("Option<u8>", "v52.0", "HEAD", ""),),
        },
    ),
    "VhostMode": (
        "enum",
        {
            "Client": (("", "v16.0", "HEAD", ""),),
            "Server": (("", "v16.0", "HEAD", ""),),
        },
    ),
    "RngConfig": (
        "struct",
        {
            "src": (("PathBuf", "v0.7.0", "HEAD", ""),),
            "iommu": (("bool", "v0.7.0", "v51.2", ""), ("bool", "v52.0", "HEAD", "o")),
            "id": (("Option<String>", "v52.0", "HEAD", ""),),
            "pci_segment": (("u16", "v52.0", "HEAD", ""),),
            "pci_device_id": (("Option<u8>", "v52.0", "HEAD", ""),),
        },
    ),
    "BalloonConfig": (
        "struct",
        {
            "size": (("u64", "v0.11.0", "HEAD", ""),),
            "deflate_on_oom": (("bool", "v17.0", "HEAD", ""),),
            "free_page_reporting": (("bool", "v22.0", "HEAD", ""),),
            "id": (("Option<String>", "v53.0", "HEAD", ""),),
            "iommu": (("bool", "v53.0", "HEAD", "o"),),
            "pci_segment": (("u16", "v53.0", "HEAD", ""),),
            "pci_device_id": (("Option<u8>", "v53.0", "HEAD", ""),),
        },
    ),
    "FsConfig": (
        "struct",
        {
            "tag": (("String", "v0.7.0", "HEAD", ""),),
            "sock": (("PathBuf", "v0.7.0", "v0.7.0", ""),),
            "num_queues": (("usize", "v0.7.0", "HEAD", ""),),
            "queue_size": (("u16", "v0.7.0", "HEAD", ""),),
            "dax": (("bool", "v0.7.0", "v24.0", ""),),
            "cache_size": (("u64", "v0.7.0", "v24.0", ""),),
            "id": (("Option<String>", "v0.7.0", "v51.2", ""), ("Option<String>", "v52.0", "HEAD", "")),
            "socket": (("PathBuf", "v0.8.0", "HEAD", ""),),
            "pci_segment": (("u16", "v20.0", "v51.2", ""), ("u16", "v52.0", "HEAD", "")),
            "iommu": (("bool", "v52.0", "HEAD", "o"),),
            "pci_device_id": (("Option<u8>", "v52.0", "HEAD", ""),),
        },
    ),
    "PmemConfig": (
        "struct",
        {
            "file": (("PathBuf", "v0.7.0", "HEAD", ""),),
            "size": (("Option<u64>", "v0.7.0", "HEAD", ""),),
            "iommu": (("bool", "v0.7.0", "v51.2", ""), ("bool", "v52.0", "HEAD", "o")),
            "mergeable": (("bool", "v0.7.0", "v24.0", ""),),
            "discard_writes": (("bool", "v0.7.0", "HEAD", ""),),
            "id": (("Option<String>", "v0.7.0", "v51.2", ""), ("Option<String>", "v52.0", "HEAD", "")),
            "pci_segment": (("u16", "v20.0", "v51.2", ""), ("u16", "v52.0", "HEAD", "")),
            "pci_device_id": (("Option<u8>", "v52.0", "HEAD", ""),),
        },
    ),
    "ConsoleConfig": (
        "struct",
        {
            "file": (("Option<PathBuf>", "v0.7.0", "v51.2", ""), ("Option<PathBuf>", "v52.0", "HEAD", "")),
            "mode": (("ConsoleOutputMode", "v0.7.0", "v51.2", ""), ("ConsoleOutputMode", "v52.0", "HEAD", "")),
            "iommu": (("bool", "v0.7.0", "v51.2", ""), ("bool", "v52.0", "HEAD", "o")),
            "socket": (("Option<PathBuf>", "v36.0", "v51.2", ""), ("Option<PathBuf>", "v52.0", "HEAD", "")),
            "id": (("Option<String>", "v52.0", "HEAD", ""),),
            "pci_segment": (("u16", "v52.0", "HEAD", ""),),
            "pci_device_id": (("Option<u8>", "v52.0", "HEAD", ""),),
        },
    ),
    "SerialConfig": (
        "struct",
        {
            "file": (("Option<PathBuf>", "v52.0", "HEAD", ""),),
            "mode": (("ConsoleOutputMode", "v52.0", "HEAD", ""),),
            "socket": (("Option<PathBuf>", "v52.0", "HEAD", ""),),
        },
    ),
    "CommonConsoleConfig": (
        "struct",
        {
            "file": (("Option<PathBuf>", "v52.0", "HEAD", ""),),
            "mode": (("ConsoleOutputMode", "v52.0", "HEAD", ""),),
            "socket": (("Option<PathBuf>", "v52.0", "HEAD", ""),),
        },
    ),
    "ConsoleOutputMode": (
        "enum",
        {
            "Off": (("", "v0.7.0", "HEAD", ""),),
            "Tty": (("", "v0.7.0", "HEAD", ""),),
            "File": (("", "v0.7.0", "HEAD", ""),),
            "Null": (("", "v0.7.0", "HEAD", ""),),
            "Pty": (("", "v0.13.0", "HEAD", ""),),
            "Socket": (("", "v36.0", "HEAD", ""),),
        },
    ),
    "DebugConsoleConfig": (
        "struct",
        {
            "file": (("Option<PathBuf>", "v38.0", "HEAD", ""),),
            "mode": (("ConsoleOutputMode", "v38.0", "HEAD", ""),),
            "iobase": (("Option<u16>", "v38.0", "HEAD", ""),),
        },
    ),
    "DeviceConfig": (
        "struct",
        {
            "path": (("PathBuf", "v0.7.0", "v52.0", ""), ("Option<PathBuf>", "v53.0", "HEAD", "")),
            "iommu": (("bool", "v0.7.0", "v51.2", ""), ("bool", "v52.0", "HEAD", "o")),
            "id": (("Option<String>", "v0.7.0", "v51.2", ""), ("Option<String>", "v52.0", "HEAD", "")),
            "pci_segment": (("u16", "v20.0", "v51.2", ""), ("u16", "v52.0", "HEAD", "")),
            "x_nv_gpudirect_clique": (("Option<u8>", "v39.0", "HEAD", ""),),
            "pci_device_id": (("Option<u8>", "v52.0", "HEAD", ""),),
            "x_exclude_mmap_bars": (("Vec<u64>", "v52.0", "HEAD", ""),),
            "fd": (("Option<i32>", "v53.0", "HEAD", ""),),
        },
    ),
    "UserDeviceConfig": (
        "struct",
        {
            "socket": (("PathBuf", "v18.0", "HEAD", ""),),
            "id": (("Option<String>", "v18.0", "v51.2", ""), ("Option<String>", "v52.0", "HEAD", "")),
            "pci_segment": (("u16", "v20.0", "v51.2", ""), ("u16", "v52.0", "HEAD", "")),
            "iommu": (("bool", "v52.0", "HEAD", "o"),),
            "pci_device_id": (("Option<u8>", "v52.0", "HEAD", ""),),
        },
    ),
    "VdpaConfig": (
        "struct",
        {
            "path": (("PathBuf", "v23.0", "HEAD", ""),),
            "num_queues": (("usize", "v23.0", "HEAD", ""),),
            "iommu": (("bool", "v23.0", "v51.2", ""), ("bool", "v52.0", "HEAD", "o")),
            "id": (("Option<String>", "v23.0", "v51.2", ""), ("Option<String>", "v52.0", "HEAD", "")),
            "pci_segment": (("u16", "v23.0", "v51.2", ""), ("u16", "v52.0", "HEAD", "")),
            "pci_device_id": (("Option<u8>", "v52.0", "HEAD", ""),),
        },
    ),
    "VsockConfig": (
        "struct",
        {
            "cid": (("u64", "v0.7.0", "v37.0", ""), ("u32", "v37.1", "HEAD", "")),
            "sock": (("PathBuf", "v0.7.0", "v0.7.0", ""),),
            "iommu": (("bool", "v0.7.0", "v51.2", ""), ("bool", "v52.0", "HEAD", "o")),
            "id": (("Option<String>", "v0.7.0", "v51.2", ""), ("Option<String>", "v52.0", "HEAD", "")),
            "socket": (("PathBuf", "v0.8.0", "HEAD", ""),),
            "pci_segment": (("u16", "v20.0", "v51.2", ""), ("u16", "v52.0", "HEAD", "")),
            "pci_device_id": (("Option<u8>", "v52.0", "HEAD", ""),),
        },
    ),
    "GenericVhostUserConfig": (
        "struct",
        {
            "id": (("Option<String>", "v52.0", "HEAD", ""),),
            "iommu": (("bool", "v52.0", "HEAD", "o"),),
            "pci_segment": (("u16", "v52.0", "HEAD", ""),),
            "pci_device_id": (("Option<u8>", "v52.0", "HEAD", ""),),
            "socket": (("PathBuf", "v52.0", "HEAD", ""),),
            "queue_sizes": (("Vec<u16>", "v52.0", "HEAD", ""),),
            "device_type": (("u32", "v52.0", "HEAD", ""),),
        },
    ),
    "PciDeviceCommonConfig": (
        "struct",
        {
            "id": (("Option<String>", "v52.0", "HEAD", ""),),
            "iommu": (("bool", "v52.0", "HEAD", "o"),),
            "pci_segment": (("u16", "v52.0", "HEAD", ""),),
            "pci_device_id": (("Option<u8>", "v52.0", "HEAD", ""),),
        },
    ),
    "SgxEpcConfig": (
        "struct",
        {
            "size": (("u64", "v0.9.0", "v47.0", ""),),
            "prefault": (("bool", "v0.9.0", "v47.0", ""),),
            "id": (("String", "v17.0", "v47.0", ""),),
        },
    ),
    "NumaConfig": (
        "struct",
        {
            "guest_numa_id": (("u32", "v0.10.0", "v50.2", ""), ("u32", "v51.0", "HEAD", "")),
            "cpus": (("Option<Vec<u8>>", "v0.10.0", "v47.0", ""), ("Option<Vec<u32>>", "v48.0", "HEAD", "")),
            "distances": (("Option<Vec<NumaDistance>>", "v0.10.0", "HEAD", ""),),
            "memory_zones": (("Option<Vec<String>>", "v0.10.0", "HEAD", ""),),
            "sgx_epc_sections": (("Option<Vec<String>>", "v17.0", "v47.0", "o"),),
            "pci_segments": (("Option<Vec<u16>>", "v36.0", "HEAD", ""),),
            "device_id": (("Option<String>", "v51.0", "HEAD", ""),),
        },
    ),
    "NumaDistance": (
        "struct",
        {
            "destination": (("u32", "v0.10.0", "HEAD", ""),),
            "distance": (("u8", "v0.10.0", "HEAD", ""),),
        },
    ),
    "PlatformConfig": (
        "struct",
        {
            "num_pci_segments": (("u16", "v20.0", "HEAD", ""),),
            "iommu_segments": (("Option<Vec<u16>>", "v22.0", "HEAD", ""),),
            "serial_number": (("Option<String>", "v24.0", "v52.0", ""),),
            "uuid": (("Option<String>", "v26.0", "v52.0", ""),),
            "oem_strings": (("Option<Vec<String>>", "v26.0", "HEAD", ""),),
            "tdx": (("bool", "v27.0", "HEAD", "o"),),
            "sev_snp": (("bool", "v35.0", "HEAD", "o"),),
            "iommu_address_width_bits": (("u8", "v44.0", "HEAD", ""),),
            "iommufd": (("bool", "v52.0", "HEAD", ""),),
            "vfio_p2p_dma": (("bool", "v52.0", "HEAD", ""),),
            "system_serial_number": (("Option<String>", "v53.0", "HEAD", ""),),
            "system_uuid": (("Option<String>", "v53.0", "HEAD", ""),),
            "system_manufacturer": (("Option<String>", "v53.0", "HEAD", ""),),
            "system_product_name": (("Option<String>", "v53.0", "HEAD", ""),),
            "system_version": (("Option<String>", "v53.0", "HEAD", ""),),
            "system_family": (("Option<String>", "v53.0", "HEAD", ""),),
            "system_sku_number": (("Option<String>", "v53.0", "HEAD", ""),),
            "chassis_asset_tag": (("Option<String>", "v53.0", "HEAD", ""),),
            "iommufd_fd": (("Option<i32>", "v53.0", "HEAD", ""),),
        },
    ),
    "PciSegmentConfig": (
        "struct",
        {
            "pci_segment": (("u16", "v39.0", "HEAD", ""),),
            "mmio32_aperture_weight": (("u32", "v39.0", "HEAD", ""),),
            "mmio64_aperture_weight": (("u32", "v39.0", "HEAD", ""),),
        },
    ),
    "TpmConfig": (
        "struct",
        {
            "socket": (("PathBuf", "v28.0", "HEAD", ""),),
        },
    ),
    "TdxConfig": (
        "struct",
        {
            "firmware": (("PathBuf", "v0.14.0", "v26.0", ""),),
        },
    ),
    "PvmemcontrolConfig": ("struct", {}),
    "LandlockConfig": (
        "struct",
        {
            "path": (("PathBuf", "v41.0", "HEAD", ""),),
            "access": (("String", "v41.0", "HEAD", ""),),
        },
    ),
    "IvshmemConfig": (
        "struct",
        {
            "path": (("PathBuf", "v48.0", "HEAD", ""),),
            "size": (("usize", "v48.0", "HEAD", ""),),
            "id": (("Option<String>", "v53.0", "HEAD", ""),),
            "iommu": (("bool", "v53.0", "HEAD", "o"),),
            "pci_segment": (("u16", "v53.0", "HEAD", ""),),
            "pci_device_id": (("Option<u8>", "v53.0", "HEAD", ""),),
        },
    ),
    "RtcConfig": (
        "struct",
        {
            "id": (("Option<String>", "v53.0", "HEAD", ""),),
            "iommu": (("bool", "v53.0", "HEAD", "o"),),
            "pci_segment": (("u16", "v53.0", "HEAD", ""),),
            "pci_device_id": (("Option<u8>", "v53.0", "HEAD", ""),),
        },
    ),
}

STATE: Final[Schema] = {
    "Snapshot": (
        "struct",
        {
            "id": (("String", "v0.7.0", "v28.4", ""),),
            "snapshots": (("HashMap<String,Snapshot>", "v0.7.0", "v0.10.0", ""), ("BTreeMap<String,Snapshot>", "v0.11.0", "HEAD", "")),
            "snapshot_data": (
                ("HashMap<String,SnapshotDataSection>", "v0.7.0", "v28.4", ""),
                ("Option<SnapshotData>", "v29.0", "HEAD", ""),
            ),
        },
    ),
    "SnapshotData": (
        "struct",
        {
            "0": (("Vec<u8>", "v29.0", "v38.0", ""),),
            "state": (("String", "v39.0", "HEAD", ""),),
        },
    ),
    "SnapshotDataSection": (
        "struct",
        {
            "id": (("String", "v0.7.0", "v28.4", ""),),
            "snapshot": (("Vec<u8>", "v0.7.0", "v28.4", ""),),
        },
    ),
    "VmSnapshot": (
        "struct",
        {
            "config": (("VmConfig", "v0.7.0", "v21.1", ""),),
            "clock": (
                ("Option<ClockData>", "v0.9.0", "v0.11.0", "o"),
                ("Option<ClockData>", "v0.12.0", "v39.0", "o"),
                ("Option<ClockData>", "v40.0", "v52.0", "o"),
                ("Option<ClockState>", "v53.0", "HEAD", "o"),
            ),
            "state": (("Option<VmState>", "v0.10.0", "v25.0", ""),),
            "common_cpuid": (("CpuId", "v18.0", "v25.0", "o"), ("Vec<CpuIdEntry>", "v26.0", "HEAD", "o")),
        },
    ),
    "ClockData": (
        "enum",
        {
            "Kvm": (
                ("(kvm_clock_data)", "v26.0", "v37.0", "o"),
                ("(kvm_clock_data_old)", "v37.1", "v37.1", "o"),
                ("(kvm_clock_data)", "v38.0", "HEAD", "o"),
            ),
            "Mshv": (("", "v26.0", "v39.0", "o"), ("(MshvClockData)", "v40.0", "HEAD", "o")),
        },
    ),
    "TimerState": (
        "struct",
        {
            "cntvct": (("u64", "v53.0", "HEAD", ""),),
            "host_realtime_ns": (("u64", "v53.0", "HEAD", ""),),
            "cntfrq": (("u64", "v53.0", "HEAD", ""),),
        },
    ),
    "MshvClockData:mshv-x86_64": (
        "struct",
        {
            "ref_time": (("u64", "v40.0", "HEAD", ""),),
        },
    ),
    "CpuState": (
        "enum",
        {
            "Kvm": (("(VcpuKvmState)", "v26.0", "HEAD", "o"),),
            "Mshv": (("(VcpuMshvState)", "v26.0", "v44.0", "o"), ("(VcpuMshvState)", "v45.0", "HEAD", "o")),
        },
    ),
    "VcpuKvmState:kvm-x86_64": (
        "struct",
        {
            "msrs": (("Msrs", "v0.7.0", "v0.8.0", ""), ("MsrEntries", "v0.9.0", "v25.0", ""), ("Vec<MsrEntry>", "v26.0", "HEAD", "")),
            "vcpu_events": (("kvm_vcpu_events", "v0.7.0", "v0.8.0", ""), ("VcpuEvents", "v0.9.0", "HEAD", "")),
            "regs": (("kvm_regs", "v0.7.0", "v0.8.0", ""), ("StandardRegisters", "v0.9.0", "v25.0", ""), ("kvm_regs", "v26.0", "HEAD", "")),
            "sregs": (
                ("kvm_sregs", "v0.7.0", "v0.8.0", ""),
                ("SpecialRegisters", "v0.9.0", "v25.0", ""),
                ("kvm_sregs", "v26.0", "HEAD", ""),
            ),
            "fpu": (("kvm_fpu", "v0.7.0", "v0.8.0", ""), ("FpuState", "v0.9.0", "HEAD", "")),
            "lapic_state": (("kvm_lapic_state", "v0.7.0", "v0.8.0", ""), ("LapicState", "v0.9.0", "HEAD", "")),
            "xsave": (("kvm_xsave", "v0.7.0", "v0.8.0", ""), ("Xsave", "v0.9.0", "v37.0", ""), ("XsaveState", "v37.1", "HEAD", "")),
            "xcrs": (("kvm_xcrs", "v0.7.0", "v0.8.0", ""), ("ExtendedControlRegisters", "v0.9.0", "HEAD", "")),
            "mp_state": (("kvm_mp_state", "v0.7.0", "v0.8.0", ""), ("MpState", "v0.9.0", "HEAD", "")),
            "cpuid": (("CpuId", "v0.11.0", "v25.0", ""), ("Vec<CpuIdEntry>", "v26.0", "HEAD", "")),
            "tsc_khz": (("Option<u32>", "v35.0", "HEAD", ""),),
            "nested_state": (("Option<KvmNestedStateBuffer>", "v49.0", "HEAD", ""),),
            "hyperv_synic": (("bool", "v50.0", "HEAD", ""),),
        },
    ),
    "VcpuKvmState:kvm-aarch64": (
        "struct",
        {
            "mp_state": (("kvm_mp_state", "v0.11.0", "HEAD", ""),),
            "core_regs": (("kvm_regs", "v0.11.0", "HEAD", ""),),
            "sys_regs": (("Vec<kvm_one_reg>", "v0.11.0", "HEAD", ""),),
            "mpidr": (("u64", "v0.11.0", "v25.0", ""),),
            "pre_finalize_regs": (("Vec<ExtendedReg>", "v53.0", "HEAD", ""),),
            "extended_regs": (("Vec<ExtendedReg>", "v53.0", "HEAD", ""),),
        },
    ),
    "VcpuKvmState:kvm-riscv64": (
        "struct",
        {
            "mp_state": (("kvm_mp_state", "v43.0", "HEAD", ""),),
            "core_regs": (("kvm_riscv_core", "v43.0", "HEAD", ""),),
            "non_core_regs": (("Vec<kvm_one_reg>", "v43.0", "HEAD", ""),),
        },
    ),
    "VcpuMshvState:mshv-x86_64": (
        "struct",
        {
            "msrs": (("MsrEntries", "v0.12.0", "v25.0", ""), ("Vec<MsrEntry>", "v26.0", "HEAD", "")),
            "vcpu_events": (("VcpuEvents", "v0.12.0", "HEAD", ""),),
            "regs": (("StandardRegisters", "v0.12.0", "v25.0", ""), ("MshvStandardRegisters", "v26.0", "HEAD", "")),
            "sregs": (("SpecialRegisters", "v0.12.0", "v25.0", ""), ("MshvSpecialRegisters", "v26.0", "HEAD", "")),
            "fpu": (("FpuState", "v0.12.0", "HEAD", ""),),
            "xcrs": (("ExtendedControlRegisters", "v0.12.0", "HEAD", ""),),
            "lapic": (("LapicState", "v0.12.0", "v38.0", ""),),
            "dbg": (("DebugRegisters", "v0.12.0", "HEAD", ""),),
            "xsave": (("Xsave", "v0.12.0", "v38.0", ""),),
            "misc": (("MiscRegisters", "v20.0", "HEAD", ""),),
            "vp_states": (("AllVpStateComponents", "v39.0", "HEAD", ""),),
        },
    ),
    "VcpuMshvState:mshv-aarch64": (
        "struct",
        {
            "regs": (("MshvStandardRegisters", "v45.0", "HEAD", ""),),
        },
    ),
    "KvmVmState": ("struct", {}),
    "HvState": (
        "struct",
        {
            "hypercall_page": (("u64", "v0.12.0", "v25.0", ""),),
        },
    ),
    "CpuIdEntry": (
        "struct",
        {
            "function": (("u32", "v26.0", "HEAD", ""),),
            "index": (("u32", "v26.0", "HEAD", ""),),
            "flags": (("u32", "v26.0", "HEAD", ""),),
            "eax": (("u32", "v26.0", "HEAD", ""),),
            "ebx": (("u32", "v26.0", "HEAD", ""),),
            "ecx": (("u32", "v26.0", "HEAD", ""),),
            "edx": (("u32", "v26.0", "HEAD", ""),),
        },
    ),
    "MsrEntry": (
        "struct",
        {
            "index": (("u32", "v26.0", "HEAD", ""),),
            "data": (("u64", "v26.0", "HEAD", ""),),
        },
    ),
    "FpuState": (
        "struct",
        {
            "fpr": (("[[u8;16];8]", "v26.0", "HEAD", ""),),
            "fcw": (("u16", "v26.0", "HEAD", ""),),
            "fsw": (("u16", "v26.0", "HEAD", ""),),
            "ftwx": (("u8", "v26.0", "HEAD", ""),),
            "last_opcode": (("u16", "v26.0", "HEAD", ""),),
            "last_ip": (("u64", "v26.0", "HEAD", ""),),
            "last_dp": (("u64", "v26.0", "HEAD", ""),),
            "xmm": (("[[u8;16];16]", "v26.0", "HEAD", ""),),
            "mxcsr": (("u32", "v26.0", "HEAD", ""),),
        },
    ),
    "LapicState": (
        "struct",
        {
            "regs": (("[i8;1024]", "v26.0", "HEAD", ""),),
        },
    ),
    "XsaveState": (
        "struct",
        {
            "region": (("[u32;1024]", "v38.0", "HEAD", ""),),
            "extra": (("Vec<u32>", "v50.0", "HEAD", "o"),),
        },
    ),
    "ExtendedReg:aarch64": (
        "struct",
        {
            "id": (("u64", "v53.0", "HEAD", ""),),
            "data": (("Vec<u8>", "v53.0", "HEAD", ""),),
        },
    ),
    "MemoryManagerSnapshotData": (
        "struct",
        {
            "memory_regions": (("Vec<MemoryRegion>", "v0.7.0", "v18.0", ""),),
            "memory_ranges": (("MemoryRangeTable", "v19.0", "HEAD", ""),),
            "guest_ram_mappings": (("Vec<GuestRamMapping>", "v19.0", "HEAD", ""),),
            "start_of_device_area": (("u64", "v19.0", "HEAD", ""),),
            "boot_ram": (("u64", "v19.0", "HEAD", ""),),
            "current_ram": (("u64", "v19.0", "HEAD", ""),),
            "arch_mem_regions": (("Vec<ArchMemRegion>", "v19.0", "HEAD", ""),),
            "hotplug_slots": (("Vec<HotPlugState>", "v19.0", "HEAD", ""),),
            "next_memory_slot": (("u32", "v19.0", "HEAD", ""),),
            "selected_slot": (("usize", "v19.0", "HEAD", ""),),
            "next_hotplug_slot": (("usize", "v19.0", "HEAD", ""),),
        },
    ),
    "MemoryRegion": (
        "struct",
        {
            "backing_file": (("PathBuf", "v0.7.0", "v0.9.0", ""), ("Option<PathBuf>", "v0.10.0", "v0.10.0", "")),
            "start_addr": (("u64", "v0.7.0", "v18.0", ""),),
            "size": (("u64", "v0.7.0", "v18.0", ""),),
            "content": (("Option<PathBuf>", "v0.11.0", "v0.14.1", ""), ("Option<String>", "v15.0", "v18.0", "")),
        },
    ),
    "MemoryRangeTable": (
        "struct",
        {
            "data": (("Vec<MemoryRange>", "v19.0", "HEAD", ""),),
        },
    ),
    "MemoryRange": (
        "struct",
        {
            "gpa": (("u64", "v19.0", "HEAD", ""),),
            "length": (("u64", "v19.0", "HEAD", ""),),
        },
    ),
    "GuestRamMapping": (
        "struct",
        {
            "slot": (("u32", "v19.0", "HEAD", ""),),
            "gpa": (("u64", "v19.0", "HEAD", ""),),
            "size": (("u64", "v19.0", "HEAD", ""),),
            "zone_id": (("String", "v19.0", "HEAD", ""),),
            "virtio_mem": (("bool", "v19.0", "HEAD", ""),),
            "file_offset": (("u64", "v19.0", "HEAD", ""),),
        },
    ),
    "ArchMemRegion": (
        "struct",
        {
            "base": (("u64", "v19.0", "HEAD", ""),),
            "size": (("usize", "v19.0", "HEAD", ""),),
            "r_type": (("RegionType", "v19.0", "HEAD", ""),),
        },
    ),
    "RegionType": (
        "enum",
        {
            "Ram": (("", "v19.0", "HEAD", ""),),
            "SubRegion": (("", "v19.0", "HEAD", ""),),
            "Reserved": (("", "v19.0", "HEAD", ""),),
        },
    ),
    "HotPlugState": (
        "struct",
        {
            "base": (("u64", "v19.0", "HEAD", ""),),
            "length": (("u64", "v19.0", "HEAD", ""),),
            "active": (("bool", "v19.0", "HEAD", ""),),
            "inserting": (("bool", "v19.0", "HEAD", ""),),
            "removing": (("bool", "v19.0", "HEAD", ""),),
        },
    ),
    "DeviceManagerState": (
        "struct",
        {
            "device_tree": (("DeviceTree", "v0.8.0", "HEAD", ""),),
            "device_id_cnt": (("usize", "v0.8.0", "HEAD", ""),),
        },
    ),
    "DeviceTree": (
        "struct",
        {
            "0": (("HashMap<String,DeviceNode>", "v0.8.0", "HEAD", ""),),
        },
    ),
    "DeviceNode": (
        "struct",
        {
            "id": (("String", "v0.8.0", "HEAD", ""),),
            "resources": (("Vec<Resource>", "v0.8.0", "HEAD", ""),),
            "parent": (("Option<String>", "v0.8.0", "HEAD", ""),),
            "children": (("Vec<String>", "v0.8.0", "HEAD", ""),),
            "pci_bdf": (
                ("Option<u32>", "v0.8.0", "v0.10.0", "o"),
                ("Option<u32>", "v0.11.0", "v21.1", ""),
                ("Option<PciBdf>", "v22.0", "HEAD", ""),
            ),
        },
    ),
    "Resource": (
        "enum",
        {
            "PioAddressRange": (("{base:u16,size:u16}", "v0.8.0", "HEAD", ""),),
            "MmioAddressRange": (("{base:u64,size:u64}", "v0.8.0", "HEAD", ""),),
            "LegacyIrq": (("(u32)", "v0.8.0", "HEAD", ""),),
            "MsiIrq": (("{ty:MsiIrqType,base:u32,size:u32,}", "v0.8.0", "HEAD", ""),),
            "MacAddress": (("(String)", "v0.8.0", "HEAD", ""),),
            "KvmMemSlot": (("(u32)", "v0.8.0", "HEAD", ""),),
            "PciBar": (("{index:usize,base:u64,size:u64,type_:PciBarType,prefetchable:bool,}", "v24.0", "HEAD", ""),),
        },
    ),
    "MsiIrqType": (
        "enum",
        {
            "PciMsi": (("", "v0.8.0", "HEAD", ""),),
            "PciMsix": (("", "v0.8.0", "HEAD", ""),),
            "GenericMsi": (("", "v0.8.0", "HEAD", ""),),
        },
    ),
    "PciBarType": (
        "enum",
        {
            "Io": (("", "v24.0", "HEAD", ""),),
            "Mmio32": (("", "v24.0", "HEAD", ""),),
            "Mmio64": (("", "v24.0", "HEAD", ""),),
        },
    ),
    "VirtioPciDeviceState": (
        "struct",
        {
            "device_activated": (("bool", "v0.8.0", "HEAD", ""),),
            "queues": (("Vec<Queue>", "v0.8.0", "v15.0", ""), ("Vec<QueueState>", "v16.0", "HEAD", "")),
            "interrupt_status": (("usize", "v0.8.0", "HEAD", ""),),
            "cap_pci_cfg_offset": (("usize", "v39.0", "HEAD", ""),),
            "cap_pci_cfg": (("Vec<u8>", "v39.0", "HEAD", ""),),
        },
    ),
    "Queue": (
        "struct",
        {
            "max_size": (("u16", "v0.7.0", "v15.0", ""),),
            "size": (("u16", "v0.7.0", "v15.0", ""),),
            "ready": (("bool", "v0.7.0", "v15.0", ""),),
            "vector": (("u16", "v0.7.0", "v15.0", ""),),
            "desc_table": (("u64", "v0.7.0", "v15.0", ""),),
            "avail_ring": (("u64", "v0.7.0", "v15.0", ""),),
            "used_ring": (("u64", "v0.7.0", "v15.0", ""),),
            "next_avail": (("u16", "v0.7.0", "v15.0", ""),),
            "next_used": (("u16", "v0.7.0", "v15.0", ""),),
            "event_idx": (("bool", "v0.8.0", "v15.0", ""),),
            "signalled_used": (("Option<u16>", "v0.8.0", "v15.0", ""),),
        },
    ),
    "QueueState": (
        "struct",
        {
            "max_size": (("u16", "v16.0", "HEAD", ""),),
            "size": (("u16", "v16.0", "HEAD", ""),),
            "ready": (("bool", "v16.0", "HEAD", ""),),
            "vector": (("u16", "v16.0", "v21.1", ""),),
            "desc_table": (("u64", "v16.0", "HEAD", ""),),
            "avail_ring": (("u64", "v16.0", "HEAD", ""),),
            "used_ring": (("u64", "v16.0", "HEAD", ""),),
        },
    ),
    "VirtioPciCommonConfigState": (
        "struct",
        {
            "driver_status": (("u8", "v0.8.0", "HEAD", ""),),
            "config_generation": (("u8", "v0.8.0", "HEAD", ""),),
            "device_feature_select": (("u32", "v0.8.0", "HEAD", ""),),
            "driver_feature_select": (("u32", "v0.8.0", "HEAD", ""),),
            "queue_select": (("u16", "v0.8.0", "HEAD", ""),),
            "msix_config": (("u16", "v0.8.0", "HEAD", ""),),
            "msix_queues": (("Vec<u16>", "v22.0", "HEAD", ""),),
        },
    ),
    "PciConfigurationState": (
        "struct",
        {
            "registers": (("Vec<u32>", "v0.8.0", "HEAD", ""),),
            "writable_bits": (("Vec<u32>", "v0.8.0", "HEAD", ""),),
            "bar_addr": (("Vec<u32>", "v0.8.0", "v0.8.0", ""),),
            "bar_size": (("Vec<u32>", "v0.8.0", "v0.8.0", ""),),
            "bar_used": (("Vec<bool>", "v0.8.0", "v0.8.0", ""),),
            "bar_type": (("Vec<Option<PciBarRegionType>>", "v0.8.0", "v0.8.0", ""),),
            "rom_bar_addr": (("u32", "v0.8.0", "HEAD", ""),),
            "rom_bar_size": (("u32", "v0.8.0", "HEAD", ""),),
            "rom_bar_used": (("bool", "v0.8.0", "HEAD", ""),),
            "last_capability": (("Option<(usize,usize)>", "v0.8.0", "HEAD", ""),),
            "msix_cap_reg_idx": (("Option<usize>", "v0.8.0", "HEAD", ""),),
            "bars": (("Vec<PciBar>", "v0.9.0", "HEAD", ""),),
            "pending_bar_reprogram": (("Vec<BarReprogrammingParams>", "v52.0", "HEAD", ""),),
        },
    ),
    "PciBar": (
        "struct",
        {
            "addr": (("u32", "v0.9.0", "HEAD", ""),),
            "size": (("u32", "v0.9.0", "HEAD", ""),),
            "used": (("bool", "v0.9.0", "HEAD", ""),),
            "type": (("Option<PciBarRegionType>", "v0.9.0", "HEAD", ""),),
        },
    ),
    "PciBarRegionType": (
        "enum",
        {
            "Memory32BitRegion": (("", "v0.8.0", "HEAD", ""),),
            "IORegion": (("", "v0.8.0", "v0.13.0", ""),),
            "Memory64BitRegion": (("", "v0.8.0", "HEAD", ""),),
            "IoRegion": (("", "v0.14.0", "HEAD", ""),),
        },
    ),
    "BarReprogrammingParams": (
        "struct",
        {
            "old_base": (("u64", "v52.0", "HEAD", ""),),
            "new_base": (("u64", "v52.0", "HEAD", ""),),
            "len": (("u64", "v52.0", "HEAD", ""),),
            "region_type": (("PciBarRegionType", "v52.0", "HEAD", ""),),
        },
    ),
    "MsixConfigState": (
        "struct",
        {
            "table_entries": (("Vec<MsixTableEntry>", "v0.8.0", "HEAD", ""),),
            "pba_entries": (("Vec<u64>", "v0.8.0", "HEAD", ""),),
            "masked": (("bool", "v0.8.0", "HEAD", ""),),
            "enabled": (("bool", "v0.8.0", "HEAD", ""),),
        },
    ),
    "MsixTableEntry": (
        "struct",
        {
            "msg_addr_lo": (("u32", "v0.8.0", "HEAD", ""),),
            "msg_addr_hi": (("u32", "v0.8.0", "HEAD", ""),),
            "msg_data": (("u32", "v0.8.0", "HEAD", ""),),
            "vector_ctl": (("u32", "v0.8.0", "HEAD", ""),),
        },
    ),
    "MsiConfigState": (
        "struct",
        {
            "cap": (("MsiCap", "v24.0", "HEAD", ""),),
        },
    ),
    "MsiCap": (
        "struct",
        {
            "msg_ctl": (("u16", "v24.0", "HEAD", ""),),
            "msg_addr_lo": (("u32", "v24.0", "HEAD", ""),),
            "msg_addr_hi": (("u32", "v24.0", "HEAD", ""),),
            "msg_data": (("u16", "v24.0", "HEAD", ""),),
            "mask_bits": (("u32", "v24.0", "HEAD", ""),),
            "pending_bits": (("u32", "v24.0", "HEAD", ""),),
        },
    ),
    "VfioCommonState": (
        "struct",
        {
            "intx_state": (("Option<IntxState>", "v25.0", "HEAD", ""),),
            "msi_state": (("Option<MsiState>", "v25.0", "HEAD", ""),),
            "msix_state": (("Option<MsixState>", "v25.0", "HEAD", ""),),
        },
    ),
    "IntxState": (
        "struct",
        {
            "enabled": (("bool", "v25.0", "HEAD", ""),),
        },
    ),
    "MsiState": (
        "struct",
        {
            "cap": (("MsiCap", "v25.0", "HEAD", ""),),
            "cap_offset": (("u32", "v25.0", "HEAD", ""),),
        },
    ),
    "MsixState": (
        "struct",
        {
            "cap": (("MsixCap", "v25.0", "HEAD", ""),),
            "cap_offset": (("u32", "v25.0", "HEAD", ""),),
            "bdf": (("u32", "v25.0", "HEAD", ""),),
        },
    ),
    "MsixCap": (
        "struct",
        {
            "msg_ctl": (("u16", "v25.0", "HEAD", ""),),
            "table": (("u32", "v25.0", "HEAD", ""),),
            "pba": (("u32", "v25.0", "HEAD", ""),),
        },
    ),
    "VfioMigrationData": (
        "struct",
        {
            "blob": (("String", "v53.0", "HEAD", ""),),
        },
    ),
    "VirtioMmioDeviceState": (
        "struct",
        {
            "device_activated": (("bool", "v0.7.0", "v0.10.0", ""),),
            "features_select": (("u32", "v0.7.0", "v0.10.0", ""),),
            "acked_features_select": (("u32", "v0.7.0", "v0.10.0", ""),),
            "queue_select": (("u32", "v0.7.0", "v0.10.0", ""),),
            "interrupt_status": (("usize", "v0.7.0", "v0.10.0", ""),),
            "driver_status": (("u32", "v0.7.0", "v0.10.0", ""),),
            "queues": (("Vec<Queue>", "v0.7.0", "v0.10.0", ""),),
            "shm_region_select": (("u32", "v0.7.0", "v0.10.0", ""),),
        },
    ),
    "BlockState": (
        "struct",
        {
            "disk_path": (("PathBuf", "v0.7.0", "v0.14.1", ""), ("String", "v15.0", "HEAD", "")),
            "disk_nsectors": (("u64", "v0.7.0", "HEAD", ""),),
            "avail_features": (("u64", "v0.7.0", "HEAD", ""),),
            "acked_features": (("u64", "v0.7.0", "HEAD", ""),),
            "config": (("VirtioBlockConfig", "v0.7.0", "HEAD", ""),),
        },
    ),
    "BlockState:io_uring": (
        "struct",
        {
            "disk_path": (("PathBuf", "v0.9.0", "v0.12.0", ""),),
            "disk_nsectors": (("u64", "v0.9.0", "v0.12.0", ""),),
            "avail_features": (("u64", "v0.9.0", "v0.12.0", ""),),
            "acked_features": (("u64", "v0.9.0", "v0.12.0", ""),),
            "config": (("VirtioBlockConfig", "v0.9.0", "v0.12.0", ""),),
        },
    ),
    "VirtioBlockConfig": (
        "struct",
        {
            "capacity": (("u64", "v0.7.0", "HEAD", ""),),
            "size_max": (("u32", "v0.7.0", "HEAD", ""),),
            "seg_max": (("u32", "v0.7.0", "HEAD", ""),),
            "geometry": (("VirtioBlockGeometry", "v0.7.0", "HEAD", ""),),
            "blk_size": (("u32", "v0.7.0", "HEAD", ""),),
            "physical_block_exp": (("u8", "v0.7.0", "HEAD", ""),),
            "alignment_offset": (("u8", "v0.7.0", "HEAD", ""),),
            "min_io_size": (("u16", "v0.7.0", "HEAD", ""),),
            "opt_io_size": (("u32", "v0.7.0", "HEAD", ""),),
            "wce": (("u8", "v0.7.0", "v0.7.0", ""),),
            "unused": (("u8", "v0.7.0", "HEAD", ""),),
            "num_queues": (("u16", "v0.7.0", "HEAD", ""),),
            "max_discard_sectors": (("u32", "v0.7.0", "HEAD", ""),),
            "max_discard_seg": (("u32", "v0.7.0", "HEAD", ""),),
            "discard_sector_alignment": (("u32", "v0.7.0", "HEAD", ""),),
            "max_write_zeroes_sectors": (("u32", "v0.7.0", "HEAD", ""),),
            "max_write_zeroes_seg": (("u32", "v0.7.0", "HEAD", ""),),
            "write_zeroes_may_unmap": (("u8", "v0.7.0", "HEAD", ""),),
            "unused1": (("[u8;3]", "v0.7.0", "HEAD", ""),),
            "writeback": (("u8", "v0.8.0", "HEAD", ""),),
        },
    ),
    "VirtioBlockGeometry": (
        "struct",
        {
            "cylinders": (("u16", "v0.7.0", "HEAD", ""),),
            "heads": (("u8", "v0.7.0", "HEAD", ""),),
            "sectors": (("u8", "v0.7.0", "HEAD", ""),),
        },
    ),
    "NetState": (
        "struct",
        {
            "avail_features": (("u64", "v0.7.0", "HEAD", ""),),
            "acked_features": (("u64", "v0.7.0", "HEAD", ""),),
            "config": (("VirtioNetConfig", "v0.7.0", "HEAD", ""),),
            "queue_size": (("Vec<u16>", "v0.7.0", "HEAD", ""),),
        },
    ),
    "VirtioNetConfig": (
        "struct",
        {
            "mac": (("[u8;6]", "v0.7.0", "HEAD", ""),),
            "status": (("u16", "v0.7.0", "HEAD", ""),),
            "max_virtqueue_pairs": (("u16", "v0.7.0", "HEAD", ""),),
            "mtu": (("u16", "v0.7.0", "HEAD", ""),),
            "speed": (("u32", "v0.7.0", "HEAD", ""),),
            "duplex": (("u8", "v0.7.0", "HEAD", ""),),
        },
    ),
    "ConsoleState": (
        "struct",
        {
            "avail_features": (("u64", "v0.7.0", "HEAD", ""),),
            "acked_features": (("u64", "v0.7.0", "HEAD", ""),),
            "config": (("VirtioConsoleConfig", "v0.7.0", "HEAD", ""),),
            "in_buffer": (("VecDeque<u8>", "v0.7.0", "v0.14.1", ""), ("Vec<u8>", "v15.0", "HEAD", "")),
        },
    ),
    "VirtioConsoleConfig": (
        "struct",
        {
            "cols": (("u16", "v0.7.0", "HEAD", ""),),
            "rows": (("u16", "v0.7.0", "HEAD", ""),),
            "max_nr_ports": (("u32", "v0.7.0", "HEAD", ""),),
            "emerg_wr": (("u32", "v0.7.0", "HEAD", ""),),
        },
    ),
    "RngState": (
        "struct",
        {
            "avail_features": (("u64", "v0.7.0", "HEAD", ""),),
            "acked_features": (("u64", "v0.7.0", "HEAD", ""),),
            "paused": (("bool", "v0.7.0", "v0.9.0", ""),),
        },
    ),
    "RtcState": (
        "struct",
        {
            "avail_features": (("u64", "v53.0", "HEAD", ""),),
            "acked_features": (("u64", "v53.0", "HEAD", ""),),
        },
    ),
    "BalloonState": (
        "struct",
        {
            "avail_features": (("u64", "v19.0", "HEAD", ""),),
            "acked_features": (("u64", "v19.0", "HEAD", ""),),
            "config": (("VirtioBalloonConfig", "v19.0", "HEAD", ""),),
        },
    ),
    "VirtioBalloonConfig": (
        "struct",
        {
            "num_pages": (("u32", "v19.0", "HEAD", ""),),
            "actual": (("u32", "v19.0", "HEAD", ""),),
        },
    ),
    "PmemState": (
        "struct",
        {
            "avail_features": (("u64", "v0.7.0", "HEAD", ""),),
            "acked_features": (("u64", "v0.7.0", "HEAD", ""),),
            "config": (("VirtioPmemConfig", "v0.7.0", "HEAD", ""),),
        },
    ),
    "VirtioPmemConfig": (
        "struct",
        {
            "start": (("u64", "v0.7.0", "HEAD", ""),),
            "size": (("u64", "v0.7.0", "HEAD", ""),),
        },
    ),
    "VsockState": (
        "struct",
        {
            "avail_features": (("u64", "v0.8.0", "HEAD", ""),),
            "acked_features": (("u64", "v0.8.0", "HEAD", ""),),
            "connections": (("Vec<(u32,u32)>", "v52.0", "HEAD", ""),),
        },
    ),
    "WatchdogState": (
        "struct",
        {
            "avail_features": (("u64", "v0.11.0", "HEAD", ""),),
            "acked_features": (("u64", "v0.11.0", "HEAD", ""),),
            "enabled": (("bool", "v0.11.0", "HEAD", ""),),
        },
    ),
    "IommuState": (
        "struct",
        {
            "avail_features": (("u64", "v0.8.0", "HEAD", ""),),
            "acked_features": (("u64", "v0.8.0", "HEAD", ""),),
            "endpoints": (
                ("BTreeMap<u32,u32>", "v0.8.0", "v0.14.1", ""),
                ("Vec<(u32,u32)>", "v15.0", "v23.1", ""),
                ("Vec<(u32,u32)>", "v24.0", "HEAD", ""),
            ),
            "mappings": (
                ("BTreeMap<u32,BTreeMap<u64,Mapping>>", "v0.8.0", "v0.14.1", ""),
                ("Vec<(u32,Vec<(u64,Mapping)>)>", "v15.0", "v23.1", ""),
            ),
            "domains": (("Vec<(u32,(Vec<(u64,Mapping)>,bool))>", "v24.0", "HEAD", ""),),
        },
    ),
    "Mapping": (
        "struct",
        {
            "gpa": (("u64", "v0.8.0", "HEAD", ""),),
            "size": (("u64", "v0.8.0", "HEAD", ""),),
        },
    ),
    "MemState": (
        "struct",
        {
            "avail_features": (("u64", "v19.0", "HEAD", ""),),
            "acked_features": (("u64", "v19.0", "HEAD", ""),),
            "config": (("VirtioMemConfig", "v19.0", "HEAD", ""),),
            "blocks_state": (("BlocksState", "v19.0", "HEAD", ""),),
        },
    ),
    "VirtioMemConfig": (
        "struct",
        {
            "block_size": (("u64", "v19.0", "HEAD", ""),),
            "node_id": (("u16", "v19.0", "HEAD", ""),),
            "padding": (("[u8;6]", "v19.0", "HEAD", ""),),
            "addr": (("u64", "v19.0", "HEAD", ""),),
            "region_size": (("u64", "v19.0", "HEAD", ""),),
            "usable_region_size": (("u64", "v19.0", "HEAD", ""),),
            "plugged_size": (("u64", "v19.0", "HEAD", ""),),
            "requested_size": (("u64", "v19.0", "HEAD", ""),),
        },
    ),
    "BlocksState": (
        "struct",
        {
            "bitmap": (("Vec<bool>", "v19.0", "HEAD", ""),),
        },
    ),
    "VdpaState": (
        "struct",
        {
            "avail_features": (("u64", "v28.0", "HEAD", ""),),
            "acked_features": (("u64", "v28.0", "HEAD", ""),),
            "device_type": (("u32", "v28.0", "HEAD", ""),),
            "iova_range_first": (("u64", "v28.0", "HEAD", ""),),
            "iova_range_last": (("u64", "v28.0", "HEAD", ""),),
            "config": (("Vec<u8>", "v28.0", "HEAD", ""),),
            "queue_sizes": (("Vec<u16>", "v28.0", "HEAD", ""),),
            "backend_features": (("u64", "v28.0", "HEAD", ""),),
        },
    ),
    "VhostUserBlkState": (
        "struct",
        {
            "avail_features": (("u64", "v18.0", "v51.2", ""),),
            "acked_features": (("u64", "v18.0", "v51.2", ""),),
            "config": (("VirtioBlockConfig", "v18.0", "v51.2", ""),),
            "acked_protocol_features": (("u64", "v18.0", "v51.2", ""),),
            "vu_num_queues": (("usize", "v18.0", "v51.2", ""),),
        },
    ),
    "VhostUserFsState": (
        "struct",
        {
            "avail_features": (("u64", "v18.0", "v51.2", ""),),
            "acked_features": (("u64", "v18.0", "v51.2", ""),),
            "config": (("VirtioFsConfig", "v18.0", "v51.2", ""),),
            "acked_protocol_features": (("u64", "v18.0", "v51.2", ""),),
            "vu_num_queues": (("usize", "v18.0", "v51.2", ""),),
            "slave_req_support": (("bool", "v18.0", "v36.1", ""),),
            "backend_req_support": (("bool", "v37.0", "v51.2", ""),),
        },
    ),
    "VhostUserNetState": (
        "struct",
        {
            "avail_features": (("u64", "v18.0", "v51.2", ""),),
            "acked_features": (("u64", "v18.0", "v51.2", ""),),
            "config": (("VirtioNetConfig", "v18.0", "v51.2", ""),),
            "acked_protocol_features": (("u64", "v18.0", "v51.2", ""),),
            "vu_num_queues": (("usize", "v18.0", "v51.2", ""),),
        },
    ),
    "VhostUserState": (
        "struct",
        {
            "avail_features": (("u64", "v52.0", "HEAD", ""),),
            "acked_features": (("u64", "v52.0", "HEAD", ""),),
            "config": (("C", "v52.0", "HEAD", ""),),
            "acked_protocol_features": (("u64", "v52.0", "HEAD", ""),),
            "vu_num_queues": (("usize", "v52.0", "HEAD", ""),),
            "backend_req_support": (("bool", "v52.0", "HEAD", ""),),
            "vring_bases": (("Option<Vec<u64>>", "v52.0", "HEAD", ""),),
            "backend_state": (("Option<Vec<u8>>", "v52.0", "HEAD", ""),),
        },
    ),
    "VirtioFsConfig:fs": (
        "struct",
        {
            "tag": (("[u8;36]", "v18.0", "HEAD", ""),),
            "num_request_queues": (("u32", "v18.0", "HEAD", ""),),
        },
    ),
    "IoapicState": (
        "struct",
        {
            "id_reg": (("u32", "v0.7.0", "HEAD", ""),),
            "reg_sel": (("u32", "v0.7.0", "HEAD", ""),),
            "reg_entries": (("[u64;24]", "v0.7.0", "HEAD", ""),),
            "used_entries": (("[bool;24]", "v0.7.0", "HEAD", ""),),
            "apic_address": (("u64", "v0.7.0", "HEAD", ""),),
        },
    ),
    "SerialState": (
        "struct",
        {
            "interrupt_enable": (("u8", "v0.7.0", "HEAD", ""),),
            "interrupt_identification": (("u8", "v0.7.0", "HEAD", ""),),
            "line_control": (("u8", "v0.7.0", "HEAD", ""),),
            "line_status": (("u8", "v0.7.0", "HEAD", ""),),
            "modem_control": (("u8", "v0.7.0", "HEAD", ""),),
            "modem_status": (("u8", "v0.7.0", "HEAD", ""),),
            "scratch": (("u8", "v0.7.0", "HEAD", ""),),
            "baud_divisor": (("u16", "v0.7.0", "HEAD", ""),),
            "in_buffer": (("VecDeque<u8>", "v0.7.0", "v0.14.1", ""), ("Vec<u8>", "v15.0", "HEAD", "")),
        },
    ),
    "Pl011State": (
        "struct",
        {
            "flags": (("u32", "v0.14.0", "HEAD", ""),),
            "lcr": (("u32", "v0.14.0", "HEAD", ""),),
            "rsr": (("u32", "v0.14.0", "HEAD", ""),),
            "cr": (("u32", "v0.14.0", "HEAD", ""),),
            "dmacr": (("u32", "v0.14.0", "HEAD", ""),),
            "int_enabled": (("u32", "v0.14.0", "HEAD", ""),),
            "int_level": (("u32", "v0.14.0", "HEAD", ""),),
            "read_fifo": (("VecDeque<u8>", "v0.14.0", "v0.14.1", ""), ("Vec<u8>", "v15.0", "HEAD", "")),
            "ilpr": (("u32", "v0.14.0", "HEAD", ""),),
            "ibrd": (("u32", "v0.14.0", "HEAD", ""),),
            "fbrd": (("u32", "v0.14.0", "HEAD", ""),),
            "ifl": (("u32", "v0.14.0", "HEAD", ""),),
            "read_count": (("u32", "v0.14.0", "HEAD", ""),),
            "read_trigger": (("u32", "v0.14.0", "HEAD", ""),),
            "debug": (("u32", "v23.0", "HEAD", ""),),
        },
    ),
    "GpioState": (
        "struct",
        {
            "data": (("u32", "v0.14.0", "HEAD", ""),),
            "old_in_data": (("u32", "v0.14.0", "HEAD", ""),),
            "dir": (("u32", "v0.14.0", "HEAD", ""),),
            "isense": (("u32", "v0.14.0", "HEAD", ""),),
            "ibe": (("u32", "v0.14.0", "HEAD", ""),),
            "iev": (("u32", "v0.14.0", "HEAD", ""),),
            "im": (("u32", "v0.14.0", "HEAD", ""),),
            "istate": (("u32", "v0.14.0", "HEAD", ""),),
            "afsel": (("u32", "v0.14.0", "HEAD", ""),),
        },
    ),
    "PvPanicDeviceState": (
        "struct",
        {
            "events": (("u8", "v34.0", "HEAD", ""),),
        },
    ),
    "IvshmemDeviceState": (
        "struct",
        {
            "interrupt_mask": (("u32", "v48.0", "HEAD", ""),),
            "interrupt_status": (("u32", "v48.0", "HEAD", ""),),
            "iv_position": (("u32", "v48.0", "HEAD", ""),),
            "doorbell": (("u32", "v48.0", "HEAD", ""),),
        },
    ),
    "Gicv3State:aarch64": (
        "struct",
        {
            "dist": (("Vec<u32>", "v0.11.0", "v24.0", ""),),
            "rdist": (("Vec<u32>", "v0.11.0", "v24.0", ""),),
            "icc": (("Vec<u32>", "v0.11.0", "v24.0", ""),),
            "gicd_ctlr": (("u32", "v0.11.0", "v24.0", ""),),
        },
    ),
    "Gicv3ItsState:aarch64": (
        "struct",
        {
            "dist": (("Vec<u32>", "v17.0", "v24.0", ""),),
            "rdist": (("Vec<u32>", "v17.0", "v24.0", ""),),
            "icc": (("Vec<u32>", "v17.0", "v24.0", ""),),
            "gicd_ctlr": (("u32", "v17.0", "v24.0", ""),),
            "its_ctlr": (("u64", "v17.0", "v24.0", ""),),
            "its_iidr": (("u64", "v17.0", "v24.0", ""),),
            "its_cbaser": (("u64", "v17.0", "v24.0", ""),),
            "its_cwriter": (("u64", "v17.0", "v24.0", ""),),
            "its_creadr": (("u64", "v17.0", "v24.0", ""),),
            "its_baser": (("[u64;8]", "v17.0", "v24.0", ""),),
        },
    ),
    "Gicv3ItsState:kvm-aarch64": (
        "struct",
        {
            "dist": (("Vec<u32>", "v25.0", "HEAD", ""),),
            "rdist": (("Vec<u32>", "v25.0", "HEAD", ""),),
            "icc": (("Vec<u32>", "v25.0", "HEAD", ""),),
            "gicd_ctlr": (("u32", "v25.0", "HEAD", ""),),
            "its_ctlr": (("u64", "v25.0", "HEAD", ""),),
            "its_iidr": (("u64", "v25.0", "HEAD", ""),),
            "its_cbaser": (("u64", "v25.0", "HEAD", ""),),
            "its_cwriter": (("u64", "v25.0", "HEAD", ""),),
            "its_creadr": (("u64", "v25.0", "HEAD", ""),),
            "its_baser": (("[u64;8]", "v25.0", "HEAD", ""),),
        },
    ),
    "GicState:aarch64": (
        "enum",
        {
            "Kvm": (("(Gicv3ItsState)", "v46.0", "HEAD", "o"),),
            "MshvGicV2M": (("(MshvGicV2MState)", "v46.0", "HEAD", "o"),),
        },
    ),
    "MshvGicV2MState:mshv-aarch64": ("struct", {}),
    "AiaImsicsState:kvm-riscv64": ("struct", {}),
}
