"""The configuration of a machine, every key of every release that can write a snapshot.

A key that some release does not write is None where it is absent. Values that name something of the host say so in their type. Unknown
keys are kept. The comments tell which releases write a key.
Source: Cloud Hypervisor, vmm/src/vm_config.rs (up to v27: vmm/src/config.rs).
"""

from __future__ import annotations

from snapfs.snapshot.model import (
    ByteCount,
    Count,
    DeviceId,
    HostFd,
    HostInterface,
    HostPath,
    IpAddress,
    MacAddress,
    Many,
    Model,
    SocketPath,
)

__all__ = ["VmConfig"]


class PciDevice(Model):
    """What every PCI device may say of itself: flat in each device's object in every release."""

    id: DeviceId | None = None
    iommu: bool | None = None
    pci_segment: Count | None = None  # since v20.0
    pci_device_id: Count | None = None  # since v52.0


class CpuTopology(Model):
    """How vCPUs are laid out for the guest."""

    threads_per_core: Count
    cores_per_die: Count
    dies_per_package: Count
    packages: Count


class CpuAffinity(Model):
    """Which host CPUs a vCPU may run on."""

    vcpu: Count
    host_cpus: Many[Count]


class CpuFeatures(Model):
    """CPU features that are offered on demand."""

    amx: bool | None = None


class CpusConfig(Model):
    """`--cpus`."""

    boot_vcpus: Count
    max_vcpus: Count
    topology: CpuTopology | None = None  # since v0.9.0
    kvm_hyperv: bool | None = None  # since v0.10.0
    max_phys_bits: Count | None = None  # since v0.11.0
    affinity: Many[CpuAffinity] | None = None  # since v20.0
    features: CpuFeatures | None = None  # since v23.0
    nested: bool | None = None  # since v50.0
    core_scheduling: str | None = None  # since v52.0
    profile: str | None = None  # since v53.0


class MemoryZoneConfig(Model):
    """`--memory-zone`."""

    id: DeviceId
    size: ByteCount
    shared: bool
    hugepages: bool
    file: HostPath | None = None
    host_numa_node: Count | None = None
    hotplug_size: ByteCount | None = None
    hotplugged_size: ByteCount | None = None
    hugepage_size: ByteCount | None = None  # since v0.13.0
    prefault: bool | None = None  # since v19.0
    mergeable: bool | None = None  # since v52.0
    reserve: bool | None = None  # since v53.0


class MemoryConfig(Model):
    """`--memory`."""

    size: ByteCount
    mergeable: bool
    hotplug_method: str
    shared: bool
    hugepages: bool
    file: HostPath | None = None  # up to v0.9.0
    hotplug_size: ByteCount | None = None
    balloon: bool | None = None  # since v0.9.0, up to v0.10.0
    balloon_size: ByteCount | None = None  # since v0.9.0, up to v0.10.0
    hotplugged_size: ByteCount | None = None  # since v0.10.0
    zones: Many[MemoryZoneConfig] | None = None  # since v0.10.0
    hugepage_size: ByteCount | None = None  # since v0.13.0
    prefault: bool | None = None  # since v19.0
    thp: bool | None = None  # since v28.0
    reserve: bool | None = None  # since v53.0


class KernelConfig(Model):
    """`--kernel`, up to v27; `payload` since."""

    path: HostPath


class InitramfsConfig(Model):
    """`--initramfs`, up to v27."""

    path: HostPath


class CmdlineConfig(Model):
    """`--cmdline`, up to v27."""

    args: str


class TokenBucketConfig(Model):
    """A token bucket: `size` tokens, refilled in `refill_time` milliseconds."""

    size: Count
    refill_time: Count
    one_time_burst: Count | None = None


class RateLimiterConfig(Model):
    """Limits of bytes and of operations."""

    bandwidth: TokenBucketConfig | None = None
    ops: TokenBucketConfig | None = None


class VirtQueueAffinity(Model):
    """Which host CPUs serve a queue."""

    queue_index: Count
    host_cpus: Many[Count]


class DiskConfig(PciDevice):
    """`--disk`."""

    readonly: bool
    direct: bool
    num_queues: Count
    queue_size: Count
    vhost_user: bool
    path: HostPath | None = None
    vhost_socket: SocketPath | None = None
    wce: bool | None = None  # up to v0.7.0
    poll_queue: bool | None = None  # up to v25.0
    disable_io_uring: bool | None = None  # since v0.12.0
    rate_limiter_config: RateLimiterConfig | None = None  # since v0.14.0
    serial: str | None = None  # since v35.0
    disable_aio: bool | None = None  # since v36.0
    rate_limit_group: str | None = None  # since v38.0
    queue_affinity: Many[VirtQueueAffinity] | None = None  # since v38.0
    backing_files: bool | None = None  # since v50.1
    image_type: str | None = None  # since v50.1
    sparse: bool | None = None  # since v51.0
    lock_granularity: str | None = None  # since v52.0


class NetConfig(PciDevice):
    """`--net`."""

    num_queues: Count
    queue_size: Count
    vhost_user: bool
    tap: HostInterface | None = None
    ip: IpAddress | None = None
    mask: IpAddress | None = None
    mac: MacAddress | None = None
    vhost_socket: SocketPath | None = None
    host_mac: MacAddress | None = None  # since v0.8.0
    fds: Many[HostFd] | None = None  # since v0.13.0
    rate_limiter_config: RateLimiterConfig | None = None  # since v15.0
    vhost_mode: str | None = None  # since v16.0
    mtu: Count | None = None  # since v27.0
    offload_tso: bool | None = None  # since v29.0
    offload_ufo: bool | None = None  # since v29.0
    offload_csum: bool | None = None  # since v29.0


class RngConfig(PciDevice):
    """`--rng`."""

    src: HostPath


class FsConfig(PciDevice):
    """`--fs`."""

    tag: str
    num_queues: Count
    queue_size: Count
    sock: SocketPath | None = None  # up to v0.7.0
    dax: bool | None = None  # up to v24.0
    cache_size: ByteCount | None = None  # up to v24.0
    socket: SocketPath | None = None  # since v0.8.0


class PmemConfig(PciDevice):
    """`--pmem`."""

    file: HostPath
    discard_writes: bool
    size: ByteCount | None = None
    mergeable: bool | None = None  # up to v24.0


class ConsoleConfig(PciDevice):
    """`--console`."""

    mode: str
    file: HostPath | None = None
    socket: SocketPath | None = None  # since v36.0


class SerialConfig(Model):
    """`--serial`."""

    mode: str
    file: HostPath | None = None
    socket: SocketPath | None = None


class DeviceConfig(PciDevice):
    """`--device`: VFIO."""

    path: HostPath | None = None
    x_nv_gpudirect_clique: Count | None = None  # since v39.0
    x_exclude_mmap_bars: Many[Count] | None = None  # since v52.0
    fd: HostFd | None = None  # since v53.0


class VsockConfig(PciDevice):
    """`--vsock`."""

    cid: Count
    sock: SocketPath | None = None  # up to v0.7.0
    socket: SocketPath | None = None  # since v0.8.0


class SgxEpcConfig(Model):
    """`--sgx-epc`, up to v47."""

    size: ByteCount
    prefault: bool
    id: DeviceId | None = None  # since v17.0, up to v47.0


class NumaDistance(Model):
    """A distance between NUMA nodes."""

    destination: Count
    distance: Count


class NumaConfig(Model):
    """`--numa`."""

    guest_numa_id: Count
    cpus: Many[Count] | None = None
    distances: Many[NumaDistance] | None = None
    memory_zones: Many[str] | None = None
    sgx_epc_sections: Many[str] | None = None  # since v17.0, up to v47.0
    pci_segments: Many[Count] | None = None  # since v36.0
    device_id: str | None = None  # since v51.0


class BalloonConfig(PciDevice):
    """`--balloon`."""

    size: ByteCount
    deflate_on_oom: bool | None = None  # since v17.0
    free_page_reporting: bool | None = None  # since v22.0


class TdxConfig(Model):
    """`--tdx`, up to v26."""

    firmware: HostPath


class UserDeviceConfig(PciDevice):
    """`--user-device`: vfio-user."""

    socket: SocketPath


class PlatformConfig(Model):
    """`--platform`."""

    num_pci_segments: Count
    iommu_segments: Many[Count] | None = None  # since v22.0
    serial_number: str | None = None  # since v24.0, up to v52.0
    uuid: str | None = None  # since v26.0, up to v52.0
    oem_strings: Many[str] | None = None  # since v26.0
    tdx: bool | None = None  # since v27.0
    sev_snp: bool | None = None  # since v35.0
    iommu_address_width_bits: Count | None = None  # since v44.0
    iommufd: bool | None = None  # since v52.0
    vfio_p2p_dma: bool | None = None  # since v52.0
    system_serial_number: str | None = None  # since v53.0
    system_uuid: str | None = None  # since v53.0
    system_manufacturer: str | None = None  # since v53.0
    system_product_name: str | None = None  # since v53.0
    system_version: str | None = None  # since v53.0
    system_family: str | None = None  # since v53.0
    system_sku_number: str | None = None  # since v53.0
    chassis_asset_tag: str | None = None  # since v53.0
    iommufd_fd: HostFd | None = None  # since v53.0


class VdpaConfig(PciDevice):
    """`--vdpa`."""

    path: HostPath
    num_queues: Count


class FwCfgItem(Model):
    """An item of fw_cfg."""

    name: str
    file: HostPath | None = None
    string: str | None = None  # since v52.0


class FwCfgItemList(Model):
    """The items of fw_cfg."""

    item_list: Many[FwCfgItem]


class FwCfgConfig(Model):
    """`--fw-cfg-config`."""

    e820: bool
    kernel: bool
    cmdline: bool
    initramfs: bool
    acpi_tables: bool
    items: FwCfgItemList | None = None


class PayloadConfig(Model):
    """What the machine boots."""

    firmware: HostPath | None = None
    kernel: HostPath | None = None
    cmdline: str | None = None
    initramfs: HostPath | None = None
    igvm: HostPath | None = None  # since v37.0
    host_data: str | None = None  # since v39.0
    fw_cfg_config: FwCfgConfig | None = None  # since v48.0


class TpmConfig(Model):
    """`--tpm`."""

    socket: SocketPath


class RateLimiterGroupConfig(Model):
    """`--rate-limit-group`."""

    id: DeviceId
    rate_limiter_config: RateLimiterConfig


class DebugConsoleConfig(Model):
    """`--debug-console`."""

    mode: str
    file: HostPath | None = None
    iobase: Count | None = None


class PciSegmentConfig(Model):
    """`--pci-segment`."""

    pci_segment: Count
    mmio32_aperture_weight: Count
    mmio64_aperture_weight: Count


class PvmemcontrolConfig(Model):
    """`--pvmemcontrol`; it has no keys."""


class LandlockConfig(Model):
    """`--landlock-rules`."""

    path: HostPath
    access: str


class IvshmemConfig(PciDevice):
    """`--ivshmem`."""

    path: HostPath
    size: ByteCount


class GenericVhostUserConfig(PciDevice):
    """`--generic-vhost-user`."""

    socket: SocketPath
    queue_sizes: Many[Count]
    device_type: Count


class RtcConfig(PciDevice):
    """`--rtc`."""


class VmConfig(Model):
    """The whole configuration."""

    cpus: CpusConfig
    memory: MemoryConfig
    rng: RngConfig
    serial: SerialConfig
    console: ConsoleConfig
    iommu: bool
    kernel: KernelConfig | None = None  # up to v27.0
    initramfs: InitramfsConfig | None = None  # up to v27.0
    cmdline: CmdlineConfig | None = None  # up to v27.0
    disks: Many[DiskConfig] | None = None
    net: Many[NetConfig] | None = None
    fs: Many[FsConfig] | None = None
    pmem: Many[PmemConfig] | None = None
    devices: Many[DeviceConfig] | None = None
    vsock: VsockConfig | None = None
    sgx_epc: Many[SgxEpcConfig] | None = None  # since v0.9.0, up to v47.0
    numa: Many[NumaConfig] | None = None  # since v0.10.0
    balloon: BalloonConfig | None = None  # since v0.11.0
    watchdog: bool | None = None  # since v0.11.0
    tdx: TdxConfig | None = None  # since v0.14.0, up to v26.0
    user_devices: Many[UserDeviceConfig] | None = None  # since v18.0
    platform: PlatformConfig | None = None  # since v20.0
    gdb: bool | None = None  # since v22.0
    vdpa: Many[VdpaConfig] | None = None  # since v23.0
    payload: PayloadConfig | None = None  # since v26.0
    tpm: TpmConfig | None = None  # since v28.0
    pvpanic: bool | None = None  # since v34.0
    rate_limit_groups: Many[RateLimiterGroupConfig] | None = None  # since v38.0
    debug_console: DebugConsoleConfig | None = None  # since v38.0
    pci_segments: Many[PciSegmentConfig] | None = None  # since v39.0
    pvmemcontrol: PvmemcontrolConfig | None = None  # since v41.0
    landlock_enable: bool | None = None  # since v41.0
    landlock_rules: Many[LandlockConfig] | None = None  # since v41.0
    ivshmem: IvshmemConfig | None = None  # since v48.0
    generic_vhost_user: Many[GenericVhostUserConfig] | None = None  # since v52.0
    rtc: RtcConfig | None = None  # since v53.0
