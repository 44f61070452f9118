"""XSAVE areas in both forms, laid out as the Intel SDM has them (volume 1, section 13.4; offsets of a Sapphire Rapids)."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapfs.errors import CorruptState
from snapfs.formats.x86_cpuid import Cpuid, Leaf
from snapfs.formats.x86_xsave import Xsave

# CPUID.(0DH, n): EAX size, EBX offset, ECX flags (bit 1: aligned to 64 bytes in the compacted form)
LEAVES = {
    2: (256, 576, 0),
    3: (64, 960, 0),
    4: (64, 1024, 0),
    5: (64, 1088, 0),
    6: (512, 1152, 0),
    7: (1024, 1664, 0),
    9: (8, 2688, 0),
    11: (16, 0, 1),
    17: (64, 2752, 2),
    18: (8192, 2816, 6),
}
SAPPHIRE_RAPIDS = Cpuid(
    [Leaf(0xD, 0, 0x602E7, 11008, 11008, 0), *(Leaf(0xD, n, size, at, flags, 0) for n, (size, at, flags) in LEAVES.items())]
)
LANES = {n: bytes((17 * n + i) & 0xFF for i in range(size)) for n, (size, _, _) in LEAVES.items()}


def legacy() -> bytes:
    head = struct.pack("<HHBBHQQII", 0x27F, 0x3800, 0x80, 0, 0x123, 0x401000, 0x7FFE0000, 0x9FC0, 0x2FFFF)
    return (head + bytes(range(128)) + bytes(range(256))).ljust(512, b"\0")


def standard(bits: int) -> bytes:
    area = bytearray(11008)
    area[:512] = legacy()
    area[512:520] = bits.to_bytes(8, "little")
    for n, (size, at, _) in LEAVES.items():
        if bits >> n & 1 and at:
            area[at : at + size] = LANES[n]
    return bytes(area)


def compacted(bits: int) -> bytes:
    area = bytearray(legacy() + struct.pack("<QQ48x", bits, bits | 1 << 63))
    for n in sorted(LEAVES):
        if bits >> n & 1:
            if LEAVES[n][2] & 2:
                area += bytes(-len(area) % 64)
            area += LANES[n]
    return bytes(area)


def number(data: bytes) -> int:
    return int.from_bytes(data, "little")


ALL = sum(1 << n for n in LEAVES) | 3


@pytest.mark.parametrize(("area", "supervisor"), [(standard(ALL), False), (compacted(ALL), True)], ids=["standard", "compacted"])
def test_every_component_is_found_in_both_forms(area: bytes, supervisor: bool) -> None:
    found = Xsave(area, SAPPHIRE_RAPIDS)
    xmm = [bytes(range(256))[16 * i : 16 * i + 16] for i in range(16)]
    for i in range(16):
        ymm = xmm[i] + LANES[2][16 * i : 16 * i + 16]
        assert found[f"xmm{i}"] == number(xmm[i])
        assert found[f"ymm{i}"] == number(ymm)
        assert found[f"zmm{i}"] == number(ymm + LANES[6][32 * i : 32 * i + 32])
        assert found[f"zmm{16 + i}"] == number(LANES[7][64 * i : 64 * i + 64])
    assert [found[f"k{i}"] for i in range(8)] == [*struct.unpack("<8Q", LANES[5])]
    assert found["pkru"] == number(LANES[9][:4])
    assert found["bnd3_lower"] == number(LANES[3][48:56])
    assert found["bnd3_upper"] == number(LANES[3][56:64]) ^ (1 << 64) - 1
    assert (found["bndcfgu"], found["bndstatus"]) == struct.unpack("<QQ", LANES[4][:16])
    assert found["tilecfg"] == LANES[17]
    assert found["tmm7"] == [number(LANES[18][7168 + 64 * row : 7168 + 64 * row + 64]) for row in range(16)]
    assert ("u_cet" in found) == supervisor
    words = [found[name] for name in ("fcw", "fsw", "ftw", "fop", "fip", "fdp", "mxcsr", "mxcsr_mask")]
    assert words == [0x27F, 0x3800, 0x80, 0x123, 0x401000, 0x7FFE0000, 0x9FC0, 0x2FFFF]
    assert found["st1"] == number(bytes(range(16, 26)))


def test_words_of_the_control_registers() -> None:
    found = Xsave(standard(ALL), SAPPHIRE_RAPIDS)
    spelled = {name: found.form_of(name).spell(found[name]) for name in ("fcw", "fsw", "ftw", "mxcsr")}  # type: ignore[union-attr]
    assert spelled == {
        "fcw": "IM DM ZM OM UM PM PC=double RC=nearest",
        "fsw": "TOP=7",
        "ftw": "R7",
        "mxcsr": "DAZ IM DM ZM OM UM PM RC=nearest FZ",
    }
    pkru = found.form_of("pkru")
    assert pkru is not None
    assert pkru.spell(0x58) == "1=no-write 2=no-access 3=no-access"


def test_components_out_of_use_are_named_so() -> None:
    words = Xsave(standard(0b111), SAPPHIRE_RAPIDS)["components"]
    assert "AVX bit=2 offset=576 size=256 in-use" in words
    assert "Hi16_ZMM bit=7 offset=1664 size=1024 initial" in words


def test_tiles_that_were_cut_off_are_said_to_be_lost() -> None:
    found = Xsave(standard(ALL)[:4096], SAPPHIRE_RAPIDS)
    assert "tmm0" not in found
    assert found["tilecfg"] == LANES[17]
    assert found["components"][-1] == "XTILEDATA bit=18 offset=2816 size=8192 not-saved"


def test_a_processor_without_avx_has_no_ymm_registers() -> None:
    found = Xsave(standard(3), Cpuid([Leaf(0xD, 0, 3, 576, 576, 0)]))
    assert "xmm0" in found
    assert not [name for name in found if name.startswith(("ymm", "zmm", "k"))]


def test_an_amd_layout_without_mpx_is_followed() -> None:
    zen4 = Cpuid(
        [Leaf(0xD, 0, 0x2E7, 2440, 2440, 0), Leaf(0xD, 2, 256, 576, 0, 0), Leaf(0xD, 5, 64, 832, 0, 0), Leaf(0xD, 9, 8, 2432, 0, 0)]
    )
    area = bytearray(standard(3).ljust(4096, b"\0")[:4096])
    area[512:520] = (0b1000100111).to_bytes(8, "little")
    area[832:840] = b"\x0f\0\0\0\0\0\0\0"
    area[2432:2436] = b"\x04\0\0\0"
    found = Xsave(bytes(area), zen4)
    assert (found["k0"], found["pkru"]) == (15, 4)


def test_a_component_that_no_manual_names_is_shown_as_bytes() -> None:
    future = Cpuid([Leaf(0xD, 0, 3, 0, 0, 0), Leaf(0xD, 25, 16, 600, 0, 0)])
    found = Xsave(bytes(600) + bytes(range(16)), future)
    assert found["component25"] == bytes(range(16))


@pytest.mark.parametrize("length", [0, 100, 575])
def test_an_area_without_a_header_is_an_error(length: int) -> None:
    with pytest.raises(CorruptState, match="576"):
        Xsave(bytes(length), SAPPHIRE_RAPIDS)


words = st.integers(0, (1 << 32) - 1)


@given(
    area=st.binary(min_size=576, max_size=1400),
    leaves=st.lists(st.builds(Leaf, st.just(0xD), st.integers(0, 63), words, words, words, words), max_size=6),
)
def test_any_bytes_under_any_layout_end_in_registers(area: bytes, leaves: list[Leaf]) -> None:
    found = Xsave(area, Cpuid(leaves))
    assert found["xmm15"] == number(area[400:416])
    for name, value in found.items():
        form = found.form_of(name)
        if form is not None and isinstance(value, int):
            assert form.parse(form.render(value)) == value
            form.spell(value)
