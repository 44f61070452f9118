"""virtio: device types, feature bits, status bits, the roles of queues.

Source: Virtio 1.2 (sections 3, 5 and 6), linux/virtio_*.h, linux/vhost_types.h; Cloud Hypervisor's own use of device ids 35
(watchdog) and of bit 30 between vhost-user front and back ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["INTERRUPT_STATUS", "NO_VECTOR", "PROTOCOL", "STATUS", "TYPES", "feature_name", "is_input", "queue_name"]

TYPES: Final = {
    1: "net",
    2: "block",
    3: "console",
    4: "rng",
    5: "balloon",
    8: "scsi",
    9: "9p",
    16: "gpu",
    17: "rtc",
    18: "input",
    19: "vsock",
    20: "crypto",
    23: "iommu",
    24: "mem",
    25: "sound",
    26: "fs",
    27: "pmem",
    28: "rpmb",
    34: "i2c",
    35: "watchdog",
    41: "gpio",
}
STATUS: Final = {
    0: "ACKNOWLEDGE",
    1: "DRIVER",
    2: "DRIVER_OK",
    3: "FEATURES_OK",
    6: "DEVICE_NEEDS_RESET",
    7: "FAILED",
}
INTERRUPT_STATUS: Final = {0: "QUEUE", 1: "CONFIG"}
NO_VECTOR: Final = 0xFFFF

_COMMON: Final = {
    24: "NOTIFY_ON_EMPTY",
    26: "LOG_ALL",
    27: "ANY_LAYOUT",
    28: "RING_INDIRECT_DESC",
    29: "RING_EVENT_IDX",
    30: "VHOST_USER_PROTOCOL_FEATURES",
    32: "VERSION_1",
    33: "ACCESS_PLATFORM",
    34: "RING_PACKED",
    35: "IN_ORDER",
    36: "ORDER_PLATFORM",
    37: "SR_IOV",
    38: "NOTIFICATION_DATA",
    39: "NOTIF_CONFIG_DATA",
    40: "RING_RESET",
    41: "ADMIN_VQ",
}
_FEATURES: Final[Mapping[int, Mapping[int, str]]] = {
    1: {
        0: "CSUM",
        1: "GUEST_CSUM",
        2: "CTRL_GUEST_OFFLOADS",
        3: "MTU",
        5: "MAC",
        6: "GSO",
        7: "GUEST_TSO4",
        8: "GUEST_TSO6",
        9: "GUEST_ECN",
        10: "GUEST_UFO",
        11: "HOST_TSO4",
        12: "HOST_TSO6",
        13: "HOST_ECN",
        14: "HOST_UFO",
        15: "MRG_RXBUF",
        16: "STATUS",
        17: "CTRL_VQ",
        18: "CTRL_RX",
        19: "CTRL_VLAN",
        20: "CTRL_RX_EXTRA",
        21: "GUEST_ANNOUNCE",
        22: "MQ",
        23: "CTRL_MAC_ADDR",
        50: "DEVICE_STATS",
        51: "HASH_TUNNEL",
        52: "VQ_NOTF_COAL",
        53: "NOTF_COAL",
        54: "GUEST_USO4",
        55: "GUEST_USO6",
        56: "HOST_USO",
        57: "HASH_REPORT",
        59: "GUEST_HDRLEN",
        60: "RSS",
        61: "RSC_EXT",
        62: "STANDBY",
        63: "SPEED_DUPLEX",
    },
    2: {
        0: "BARRIER",
        1: "SIZE_MAX",
        2: "SEG_MAX",
        4: "GEOMETRY",
        5: "RO",
        6: "BLK_SIZE",
        7: "SCSI",
        9: "FLUSH",
        10: "TOPOLOGY",
        11: "CONFIG_WCE",
        12: "MQ",
        13: "DISCARD",
        14: "WRITE_ZEROES",
        15: "LIFETIME",
        16: "SECURE_ERASE",
        17: "ZONED",
    },
    3: {0: "SIZE", 1: "MULTIPORT", 2: "EMERG_WRITE"},
    5: {0: "MUST_TELL_HOST", 1: "STATS_VQ", 2: "DEFLATE_ON_OOM", 3: "FREE_PAGE_HINT", 4: "PAGE_POISON", 5: "REPORTING"},
    17: {0: "ALARM"},
    19: {0: "STREAM", 1: "SEQPACKET", 2: "NO_IMPLIED_STREAM"},
    23: {0: "INPUT_RANGE", 1: "DOMAIN_RANGE", 2: "MAP_UNMAP", 3: "BYPASS", 4: "PROBE", 5: "MMIO", 6: "BYPASS_CONFIG"},
    24: {0: "ACPI_PXM", 1: "UNPLUGGED_INACCESSIBLE", 2: "PERSISTENT_SUSPEND"},
    26: {0: "NOTIFICATION"},
    27: {0: "SHMEM_REGION"},
}
PROTOCOL: Final = {
    0: "MQ",
    1: "LOG_SHMFD",
    2: "RARP",
    3: "REPLY_ACK",
    4: "NET_MTU",
    5: "BACKEND_REQ",
    6: "CROSS_ENDIAN",
    7: "CRYPTO_SESSION",
    8: "PAGEFAULT",
    9: "CONFIG",
    10: "BACKEND_SEND_FD",
    11: "HOST_NOTIFIER",
    12: "INFLIGHT_SHMFD",
    13: "RESET_DEVICE",
    14: "INBAND_NOTIFICATIONS",
    15: "CONFIGURE_MEM_SLOTS",
    16: "STATUS",
    17: "XEN_MMAP",
    18: "SHARED_OBJECT",
    19: "DEVICE_STATE",
}

_ROLES: Final[Mapping[int, tuple[str, ...]]] = {
    3: ("receiveq", "transmitq"),
    4: ("requestq",),
    17: ("requestq", "alarmq"),
    19: ("rx", "tx", "event"),
    23: ("requestq", "eventq"),
    24: ("guest-request",),
    27: ("requestq",),
    35: ("watchdogq",),
}
# queues in which the driver only lays out buffers that the device fills when something arrives
_INPUT: Final = {("receiveq", 3), ("rx", 19), ("event", 19), ("eventq", 23), ("statsq", 5), ("alarmq", 17)}


def feature_name(kind: int | None, bit: int) -> str | None:
    """The name of a feature bit of a device type; None for one that has none."""
    own = _FEATURES.get(kind, {}) if kind is not None else {}
    return own.get(bit) or _COMMON.get(bit)


def queue_name(kind: int | None, index: int, count: int, features: int) -> str:
    """What queue `index` of `count` is for; empty for types that are not known. `features` are those in force."""
    if kind == 1:
        if count % 2 and index == count - 1 and count > 1:
            return "ctrl"
        return f"{'tx' if index % 2 else 'rx'}{index // 2}"
    if kind == 2:
        return f"requestq{index}"
    if kind == 5:
        further = [name for bit, name in ((1, "statsq"), (3, "free_page_vq"), (5, "reporting_vq")) if features >> bit & 1]
        roles: tuple[str, ...] = ("inflateq", "deflateq", *further)
    elif kind == 26:
        notification = bool(features & 1)
        roles = ("hiprio", *(("notification",) if notification else ()), *(f"request{n}" for n in range(min(count, 1024))))
    else:
        roles = _ROLES.get(kind, ()) if kind is not None else ()
    return roles[index] if index < len(roles) else ""


def is_input(kind: int | None, role: str) -> bool:
    """Whether buffers that wait in such a queue are the normal state, and no sign of a request that hangs."""
    return (kind == 1 and role.startswith("rx")) or (role, kind) in _INPUT
