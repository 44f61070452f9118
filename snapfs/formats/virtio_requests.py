"""What the entries of a virtqueue ask for: the request headers of the device types, in a few words.

Source: Virtio 1.2, section 5 of each device type; linux/virtio_*.h, linux/fuse.h. Only the first bytes of a chain are read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from snapfs.errors import SnapfsError
from snapfs.formats.virtqueue import INDIRECT, Chain, Descriptor, Reader

__all__ = ["BLOCK_STATUS", "describe", "preview"]

_BLOCK: Final = {
    0: "read",
    1: "write",
    4: "flush",
    5: "flush",
    8: "get id",
    10: "get lifetime",
    11: "discard",
    13: "write zeroes",
    14: "secure erase",
    15: "zone append",
    16: "zone report",
    18: "zone open",
    20: "zone close",
    22: "zone finish",
    24: "zone reset",
    26: "zone reset all",
}
BLOCK_STATUS: Final = {0: "OK", 1: "IOERR", 2: "UNSUPP"}
_IOMMU: Final = {1: "attach", 2: "detach", 3: "map", 4: "unmap", 5: "probe"}
_MEM: Final = {0: "plug", 1: "unplug", 2: "unplug all", 3: "state"}
_VSOCK: Final = {1: "REQUEST", 2: "RESPONSE", 3: "RST", 4: "SHUTDOWN", 5: "RW", 6: "CREDIT_UPDATE", 7: "CREDIT_REQUEST"}
_CTRL: Final = {0: "RX", 1: "MAC", 2: "VLAN", 3: "ANNOUNCE", 4: "MQ", 5: "GUEST_OFFLOADS", 6: "NOTF_COAL"}
_FUSE: Final = {
    1: "LOOKUP",
    2: "FORGET",
    3: "GETATTR",
    4: "SETATTR",
    5: "READLINK",
    6: "SYMLINK",
    8: "MKNOD",
    9: "MKDIR",
    10: "UNLINK",
    11: "RMDIR",
    12: "RENAME",
    13: "LINK",
    14: "OPEN",
    15: "READ",
    16: "WRITE",
    17: "STATFS",
    18: "RELEASE",
    20: "FSYNC",
    21: "SETXATTR",
    22: "GETXATTR",
    23: "LISTXATTR",
    24: "REMOVEXATTR",
    25: "FLUSH",
    26: "INIT",
    27: "OPENDIR",
    28: "READDIR",
    29: "RELEASEDIR",
    30: "FSYNCDIR",
    31: "GETLK",
    32: "SETLK",
    33: "SETLKW",
    34: "ACCESS",
    35: "CREATE",
    36: "INTERRUPT",
    38: "DESTROY",
    42: "BATCH_FORGET",
    43: "FALLOCATE",
    44: "READDIRPLUS",
    45: "RENAME2",
    46: "LSEEK",
    47: "COPY_FILE_RANGE",
    48: "SETUPMAPPING",
    49: "REMOVEMAPPING",
    50: "SYNCFS",
}

_SECTOR: Final = 512
_PREVIEW: Final = 80
# buffers that are looked at in one chain
_BUFFERS: Final = 16


def _buffers(chain: Chain, *, writable: bool) -> list[Descriptor]:
    return [d for d in chain.descriptors if d.writable == writable and not d.flags & INDIRECT]


def _total(buffers: Sequence[Descriptor]) -> int:
    return sum(d.length for d in buffers)


def _gather(read: Reader, buffers: Sequence[Descriptor], skip: int, length: int) -> bytes:
    """Up to `length` bytes behind the first `skip` of some buffers, read where they lie; ends at the first that is not there."""
    found = b""
    for d in buffers[:_BUFFERS]:
        if skip >= d.length:
            skip -= d.length
            continue
        take = min(d.length - skip, length - len(found))
        try:
            found += read(d.address + skip, take)
        except SnapfsError:
            break
        skip = 0
        if len(found) >= length:
            break
    return found


def preview(data: bytes) -> str:
    """The first bytes of some data: as text where it is text, else in hexadecimal."""
    text = data.rstrip(b"\0")
    if text and all(32 <= b < 127 or b in b"\t\r\n" for b in text):
        return (
            '"'
            + "".join(
                chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" if b not in b'\t\r\n"\\' else _ESCAPES[b] for b in text
            )
            + '"'
        )
    return data[:32].hex(" ") + (" ..." if len(data) > 32 else "")


_ESCAPES: Final = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 92: "\\\\"}


def _block(read: Reader, chain: Chain, _role: str) -> str:
    out, into = _buffers(chain, writable=False), _buffers(chain, writable=True)
    header = _gather(read, out, 0, 16)
    if len(header) < 16:
        return ""
    kind, _, sector = struct.unpack("<IIQ", header)
    length = _total(out) - 16 if kind == 1 else max(0, _total(into) - 1)
    words = [_BLOCK.get(kind, f"request {kind}")]
    if kind in (0, 1, 15):
        words.append(f"sector {sector}, {length} bytes ({length // _SECTOR} sectors)")
    elif kind in (11, 13, 14):
        ranges = _gather(read, out, 16, 64)
        for start, count, _flags in struct.iter_unpack("<QII", ranges[: len(ranges) // 16 * 16]):
            words.append(f"sector {start}, {count} sectors")
    elif kind in (8, 10):
        words.append(f"{length} bytes")
    if into and into[-1].length:
        last = into[-1]
        status = _gather(read, [last], last.length - 1, 1)
        if status:
            words.append(f"status {status[0]}{f' {BLOCK_STATUS[status[0]]}' if status[0] in BLOCK_STATUS else ''}")
    text = " ".join(words[:2]) + "".join(f", {w}" for w in words[2:])
    if kind == 1 and (data := _gather(read, out, 16, _PREVIEW)):
        text += f", data {preview(data)}"
    return text


def _net(read: Reader, chain: Chain, role: str) -> str:
    out = _buffers(chain, writable=False)
    if role.startswith("rx"):
        return f"room for a packet, {_total(_buffers(chain, writable=True))} bytes"
    if role == "ctrl":
        head = _gather(read, out, 0, 2)
        return f"control {_CTRL.get(head[0], str(head[0]))} command {head[1]}" if len(head) == 2 else ""
    head = _gather(read, out, 0, 12 + 14)
    if len(head) < 26:
        return ""
    dst, src = (":".join(f"{b:02x}" for b in head[at : at + 6]) for at in (12, 18))
    return f"packet of {_total(out) - 12} bytes, {src} to {dst}, ethertype 0x{head[24]:02x}{head[25]:02x}, gso {head[1]}"


def _vsock(read: Reader, chain: Chain, role: str) -> str:
    if role != "tx":
        return f"room for {'an event' if role == 'event' else 'a packet'}, {_total(_buffers(chain, writable=True))} bytes"
    head = _gather(read, _buffers(chain, writable=False), 0, 44)
    if len(head) < 44:
        return ""
    source, target, source_port, target_port, length, kind, op = struct.unpack_from("<QQIIIHH", head)
    what = {1: "stream", 2: "seqpacket"}.get(kind, f"type {kind}")
    return f"{what} {_VSOCK.get(op, f'operation {op}')} {source}:{source_port} to {target}:{target_port}, {length} bytes"


def _console(read: Reader, chain: Chain, role: str) -> str:
    if role == "receiveq":
        return f"room for {_total(_buffers(chain, writable=True))} bytes of input"
    out = _buffers(chain, writable=False)
    return f"output, {_total(out)} bytes: {preview(_gather(read, out, 0, _PREVIEW))}"


def _rng(_read: Reader, chain: Chain, _role: str) -> str:
    return f"{_total(_buffers(chain, writable=True))} random bytes"


def _balloon(read: Reader, chain: Chain, role: str) -> str:
    if role == "reporting_vq":
        return f"{_total(_buffers(chain, writable=True))} bytes of free pages reported"
    out = _buffers(chain, writable=False)
    frames = struct.unpack("<I", head)[0] if len(head := _gather(read, out, 0, 4)) == 4 else None
    first = f", the first at 0x{frames << 12:016x}" if frames is not None else ""
    return f"{role.removesuffix('q')} {_total(out) // 4} pages{first}" if role in ("inflateq", "deflateq") else ""


def _iommu(read: Reader, chain: Chain, role: str) -> str:
    head = _gather(read, _buffers(chain, writable=False), 0, 36)
    if role != "requestq" or len(head) < 8:
        return ""
    what = f"{_IOMMU.get(head[0], f'request {head[0]}')} domain {int.from_bytes(head[4:8], 'little')}"
    if head[0] == 3 and len(head) == 36:
        start, end, target, _flags = struct.unpack_from("<QQQI", head, 8)
        return f"{what} 0x{start:016x}-0x{end:016x} to 0x{target:016x}"
    if head[0] == 4 and len(head) >= 24:
        start, end = struct.unpack_from("<QQ", head, 8)
        return f"{what} 0x{start:016x}-0x{end:016x}"
    return what


def _mem(read: Reader, chain: Chain, _role: str) -> str:
    head = _gather(read, _buffers(chain, writable=False), 0, 24)
    if len(head) < 24:
        return ""
    kind, address, blocks = int.from_bytes(head[:2], "little"), *struct.unpack_from("<QH", head, 8)
    return f"{_MEM.get(kind, f'request {kind}')} {blocks} blocks at 0x{address:016x}"


def _fs(read: Reader, chain: Chain, _role: str) -> str:
    head = _gather(read, _buffers(chain, writable=False), 0, 40)
    if len(head) < 40:
        return ""
    length, opcode, unique, inode, uid, gid, pid = struct.unpack_from("<IIQQIII", head)
    return f"{_FUSE.get(opcode, f'operation {opcode}')} inode {inode}, request {unique}, {length} bytes, uid {uid} gid {gid} pid {pid}"


def _pmem(_read: Reader, _chain: Chain, _role: str) -> str:
    return "flush"


_BY_TYPE: Final[Mapping[int, Callable[[Reader, Chain, str], str]]] = {
    1: _net,
    2: _block,
    3: _console,
    4: _rng,
    5: _balloon,
    19: _vsock,
    23: _iommu,
    24: _mem,
    26: _fs,
    27: _pmem,
}


def describe(read: Reader, kind: int | None, role: str, chain: Chain) -> str:
    """What a chain of a queue of a device type asks for; empty where that is not known or not there to be read."""
    decode = _BY_TYPE.get(kind) if kind is not None else None
    return decode(read, chain, role) if decode and chain.descriptors else ""
