"""The XSAVE area: which components it has, where they are, and the registers in them.

Offsets and sizes are those of the vCPU's own CPUID leaf 0xD; where that is missing (MSHV saves no CPUID) Intel's are taken. In
the compacted form XCOMP_BV says which components follow one another.
Source: Intel SDM volume 1, chapter 13, sections 13.4 (layout) and 13.5 (components).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from snapfs.errors import CorruptState
from snapfs.formats import x86_fpu
from snapfs.formats.x86_cpuid import Cpuid
from snapfs.formats.x86_flags import XCR0
from snapfs.layout import TEXT, Flags, Form, Hex, Spelled, Values

__all__ = ["Component", "Xsave"]

_LEGACY: Final = 512
_HEADER: Final = 576
_COMPACT: Final = 1 << 63
_HEX64: Final = Hex(64)

# component -> name, and Intel's offset, size, and whether the compacted form aligns it to 64 bytes
_KNOWN: Final[dict[int, tuple[str, int, int, bool]]] = {
    0: ("x87", 0, 160, False),
    1: ("SSE", 160, 256, False),
    2: ("AVX", 576, 256, False),
    3: ("BNDREGS", 960, 64, False),
    4: ("BNDCSR", 1024, 64, False),
    5: ("opmask", 1088, 64, False),
    6: ("ZMM_Hi256", 1152, 512, False),
    7: ("Hi16_ZMM", 1664, 1024, False),
    8: ("PT", 0, 128, False),
    9: ("PKRU", 2688, 8, False),
    10: ("PASID", 0, 8, False),
    11: ("CET_U", 0, 16, False),
    12: ("CET_S", 0, 24, False),
    13: ("HDC", 0, 8, False),
    14: ("UINTR", 0, 48, False),
    15: ("LBR", 0, 808, False),
    16: ("HWP", 0, 8, False),
    17: ("XTILECFG", 2752, 64, False),
    18: ("XTILEDATA", 2816, 8192, True),
    19: ("APX", 960, 128, False),
    62: ("LWP", 832, 128, False),
}
_SUPERVISOR: Final = frozenset((8, 10, 11, 12, 13, 14, 15, 16))
_COMPONENTS: Final = Flags(64, XCR0.names)
_XCOMP: Final = Flags(64, {**XCR0.names, 63: "compacted"})
_CONTROL_FLOW: Final = Flags(64, {0: "SH_STK_EN", 1: "WR_SHSTK_EN", 2: "ENDBR_EN", 3: "LEG_IW_EN", 4: "NO_TRACK_EN", 5: "SUPPRESS_DIS"})


def _keys(value: int) -> str:
    """The protection keys that deny something: access, or writes alone."""
    denied = {0: "", 1: "no-access", 2: "no-write", 3: "no-access"}
    return " ".join(f"{key}={word}" for key in range(16) if (word := denied[value >> 2 * key & 3]))


_PKRU: Final = Spelled(32, _keys)


@dataclass(frozen=True)
class Component:
    """One state component as it lies in an area."""

    bit: int
    name: str
    offset: int
    data: bytes
    #: whether the processor had it in use; else its registers have their initial values, whatever the bytes
    in_use: bool


class Xsave(Values):
    """The registers of an XSAVE area by name, the vector registers whole; what is not understood as hexadecimal bytes."""

    def __init__(self, area: bytes, cpuid: Cpuid | None) -> None:
        """`area` is the region and what continues it; CorruptState when it cannot even hold the header."""
        if len(area) < _HEADER:
            raise CorruptState(f"{len(area)} bytes where an XSAVE area has at least {_HEADER}; file truncated?")
        super().__init__()
        self.area = area
        self.xstate_bv = x86_fpu.number(area[512:520])
        self.xcomp_bv = x86_fpu.number(area[520:528])
        self._layout = dict(_layout(self.xstate_bv, self.xcomp_bv, cpuid))
        self.components = tuple(self._present())
        self.put(
            "header",
            Values([("xstate_bv", self.xstate_bv, _COMPONENTS), ("xcomp_bv", self.xcomp_bv, _XCOMP), ("reserved", area[528:576], None)]),
        )
        self.put("components", [_describe(c) for c in self.components] + list(self._absent()), TEXT)
        for name, value, form in self._registers():
            self.put(name, value, form)

    def component(self, bit: int) -> bytes:
        """The bytes of a component; empty when the area does not have it."""
        return next((c.data for c in self.components if c.bit == bit), b"")

    def _present(self) -> Iterator[Component]:
        for bit, (offset, size) in self._layout.items():
            if offset + size <= len(self.area):
                yield Component(bit, _name(bit), offset, self.area[offset : offset + size], bool(self.xstate_bv >> bit & 1))

    def _absent(self) -> Iterator[str]:
        """Components that the layout has and the area is too short for: tile data, before Cloud Hypervisor saved `extra`."""
        for bit, (offset, size) in self._layout.items():
            if offset + size > len(self.area) and self.xstate_bv >> bit & 1:
                yield f"{_name(bit)} bit={bit} offset={offset} size={size} not-saved"

    def _registers(self) -> Iterator[tuple[str, int | str | list[int] | bytes, Form | None]]:
        area = self.area
        for name, offset, size, form in (
            ("fcw", 0, 2, x86_fpu.FCW),
            ("fsw", 2, 2, x86_fpu.FSW),
            ("ftw", 4, 1, x86_fpu.FTW),
            ("fop", 6, 2, Hex(16)),
            ("fip", 8, 8, _HEX64),
            ("fdp", 16, 8, _HEX64),
            ("mxcsr", 24, 4, x86_fpu.MXCSR),
            ("mxcsr_mask", 28, 4, x86_fpu.MXCSR_MASK),
        ):
            yield name, x86_fpu.number(area[offset : offset + size]), form
        yield from x86_fpu.legacy(_slices(area[32:160], 16), _slices(area[160:416], 16))
        if any(area[464:512]):
            yield "software_reserved", area[464:512], None
        xmm, high = _slices(area[160:416], 16), _slices(self.component(2), 16)
        ymm = [low + top for low, top in zip(xmm, high, strict=False)]
        yield from ((f"ymm{i}", x86_fpu.number(data), x86_fpu.vector(256)) for i, data in enumerate(ymm))
        upper = _slices(self.component(6), 32)
        if ymm:
            yield from (
                (f"zmm{i}", x86_fpu.number(low + top), x86_fpu.vector(512)) for i, (low, top) in enumerate(zip(ymm, upper, strict=False))
            )
        yield from ((f"zmm{16 + i}", x86_fpu.number(d), x86_fpu.vector(512)) for i, d in enumerate(_slices(self.component(7), 64)))
        yield from self._words(5, "k", 8)
        if len(bounds := self.component(3)) >= 64:
            for i, d in enumerate(_slices(bounds[:64], 16)):
                yield f"bnd{i}_lower", x86_fpu.number(d[:8]), _HEX64
                # the upper bound is kept inverted
                yield f"bnd{i}_upper", x86_fpu.number(d[8:]) ^ (1 << 64) - 1, _HEX64
        yield from zip(("bndcfgu", "bndstatus"), map(x86_fpu.number, _slices(self.component(4)[:16], 8)), (_HEX64, _HEX64), strict=False)
        if len(keys := self.component(9)) >= 4:
            yield "pkru", x86_fpu.number(keys[:4]), _PKRU
        yield from zip(
            ("u_cet", "pl3_ssp"), map(x86_fpu.number, _slices(self.component(11)[:16], 8)), (_CONTROL_FLOW, _HEX64), strict=False
        )
        yield from zip(
            ("pl0_ssp", "pl1_ssp", "pl2_ssp"), map(x86_fpu.number, _slices(self.component(12)[:24], 8)), (_HEX64,) * 3, strict=False
        )
        yield from ((f"r{16 + i}", v, _HEX64) for i, v in enumerate(map(x86_fpu.number, _slices(self.component(19)[:128], 8))))
        if tiles := self.component(17):
            yield "tilecfg", tiles, None
        for i, tile in enumerate(_slices(self.component(18)[:8192], 1024)):
            yield f"tmm{i}", [x86_fpu.number(row) for row in _slices(tile, 64)], Hex(512)
        for c in self.components:
            if c.bit not in (0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 17, 18, 19):
                yield f"component{c.bit}", c.data, None

    def _words(self, bit: int, prefix: str, count: int) -> Iterator[tuple[str, int, Form]]:
        yield from ((f"{prefix}{i}", x86_fpu.number(d), _HEX64) for i, d in enumerate(_slices(self.component(bit)[: 8 * count], 8)))


def _slices(data: bytes, size: int) -> list[bytes]:
    """The whole pieces of `size` bytes."""
    return [data[i : i + size] for i in range(0, len(data) - size + 1, size)]


def _name(bit: int) -> str:
    return _KNOWN[bit][0] if bit in _KNOWN else f"component{bit}"


def _describe(component: Component) -> str:
    use = "in-use" if component.in_use else "initial"
    return f"{component.name} bit={component.bit} offset={component.offset} size={len(component.data)} {use}"


def _sizes(cpuid: Cpuid | None) -> Mapping[int, tuple[int, int, bool]]:
    """Offset, size and alignment of each component that the processor has."""
    own = {bit: leaf for bit in range(2, 63) if cpuid and (leaf := cpuid.get_leaf(0xD, bit)) and leaf.eax}
    if cpuid and (cpuid.get_leaf(0xD) or own):
        return {bit: (leaf.ebx, leaf.eax, bool(leaf.ecx & 2)) for bit, leaf in own.items()}
    return {bit: (offset, size, align) for bit, (_, offset, size, align) in _KNOWN.items() if 1 < bit < 62}


def _layout(xstate_bv: int, xcomp_bv: int, cpuid: Cpuid | None) -> Iterator[tuple[int, tuple[int, int]]]:
    """Offset and size of each component in the area. Without CPUID only the components in use are trusted to be there."""
    sizes = _sizes(cpuid)
    yield 0, (0, 160)
    yield 1, (160, 256)
    if xcomp_bv & _COMPACT:
        at = _HEADER
        for bit in range(2, 63):
            if not xcomp_bv >> bit & 1:
                continue
            if bit not in sizes:
                return  # where the next ones are cannot be told
            _, size, align = sizes[bit]
            at = (at + 63) // 64 * 64 if align else at
            yield bit, (at, size)
            at += size
        return
    trusted = cpuid is not None and cpuid.get_leaf(0xD) is not None
    for bit, (offset, size, _) in sizes.items():
        if offset >= _HEADER and bit not in (_SUPERVISOR if not trusted else ()) and (trusted or xstate_bv >> bit & 1):
            yield bit, (offset, size)
