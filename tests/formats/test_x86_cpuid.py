"""CPUID: processors as their makers and the Linux kernel name them."""

import pytest

from snapfs.formats.x86_cpuid import Cpuid, Leaf


def processor(*leaves: tuple[int, ...]) -> Cpuid:
    return Cpuid(Leaf(*leaf) for leaf in leaves)


def vendor(text: str) -> tuple[int, ...]:
    a, b, c = (int.from_bytes(text[i : i + 4].encode(), "little") for i in (0, 4, 8))
    return 0x0, 0, 0x20, a, c, b


@pytest.mark.parametrize(
    ("signature", "name"),
    [
        (0x000806F8, (6, 143, 8)),  # Sapphire Rapids
        (0x00050657, (6, 85, 7)),  # Cascade Lake
        (0x00A20F12, (25, 33, 2)),  # Zen 3
        (0x00800F12, (23, 1, 2)),  # Zen
        (0x00000F4A, (15, 4, 10)),  # Pentium 4
        (0x00000633, (6, 3, 3)),  # Pentium II
        (0x00000543, (5, 4, 3)),  # Pentium MMX: the extended model does not count below family 6
        (0x00060FB1, (15, 107, 1)),  # Athlon 64 X2, as QEMU's TCG says it is
    ],
)
def test_family_model_and_stepping(signature: int, name: tuple[int, int, int]) -> None:
    found = processor((1, 0, signature, 0, 0, 0))
    assert (found["family"], found["model"], found["stepping"]) == name


def test_vendor_and_brand() -> None:
    text = b"Intel(R) Xeon(R) Platinum 8488C".ljust(48, b"\0")
    words = [int.from_bytes(text[i : i + 4], "little") for i in range(0, 48, 4)]
    found = processor(vendor("GenuineIntel"), *((0x80000002 + n, 0, *words[4 * n : 4 * n + 4]) for n in range(3)))
    assert (found["vendor"], found["brand"]) == ("GenuineIntel", "Intel(R) Xeon(R) Platinum 8488C")


def test_padding_is_left_out_and_the_first_of_a_leaf_counts() -> None:
    found = processor(
        vendor("AuthenticAMD"), (7, 0, 1, 2, 3, 4), (7, 0, 9, 9, 9, 9), (7, 1, 5, 0, 0, 0), (0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0)
    )
    assert [name for name in found if name.startswith("0x")] == ["0x00000000.0", "0x00000007.0", "0x00000007.1"]
    assert dict(found["0x00000007.0"]) == {"eax": 1, "ebx": 2, "ecx": 3, "edx": 4}
    assert found["vendor"] == "AuthenticAMD"


def test_features_are_named_as_in_proc_cpuinfo() -> None:
    found = processor(
        (0x1, 0, 0, 0, 0x80000001, 0x00000011),
        (0x7, 0, 1, 1 << 16 | 1 << 5, 1 << 3, 1 << 26),
        (0x7, 1, 1 << 5, 0, 0, 0),
        (0x80000001, 0, 0, 0, 1 << 8, 1 << 29 | 1 << 20),
        (0x80000007, 0, 0, 0, 0, 1 << 8),
        (0x80000008, 0, 0x3030, 1, 0, 0),
    )
    words = "fpu tsc nx lm constant_tsc nonstop_tsc pni hypervisor 3dnowprefetch avx2 avx512f avx512_bf16 clzero pku ibrs ibpb"
    assert " ".join(found["features"]) == words
    assert (found["physical_address_bits"], found["linear_address_bits"]) == (48, 48)


@pytest.mark.parametrize(
    ("leaves", "apic_id"),
    [
        ([(1, 0, 0, 5 << 24, 0, 0)], 5),
        ([(1, 0, 0, 0, 0, 0), (0xB, 0, 0, 0, 0, 5)], 5),  # up to v32: only the id of leaf 0xB
        ([(1, 0, 0, 44 << 24, 0, 0), (0xB, 0, 0, 1, 0x100, 300)], 300),
        ([(0x1F, 0, 0, 1, 0x100, 7), (0xB, 0, 0, 1, 0x100, 7)], 7),
    ],
)
def test_the_apic_id_is_the_widest_one(leaves: list[tuple[int, ...]], apic_id: int) -> None:
    assert processor(*leaves).apic_id == apic_id


def test_kvms_features_are_named_where_kvm_shows_its_own_leaves() -> None:
    kvm = (0x40000000, 0, 0x40000001, 0x4B4D564B, 0x564B4D56, 0x4D)
    hyperv = (0x40000000, 0, 0x40000001, 0x7263694D, 0x666F736F, 0x76482074)
    features = (0x40000001, 0, 0x01000028, 0, 0, 0)
    found = processor(kvm, features)
    assert (found["hypervisor"], found["hypervisor_features"]) == ("KVMKVMKVM", ["clocksource2", "steal_time", "clocksource_stable"])
    found = processor(hyperv, features)
    assert (found["hypervisor"], found["hypervisor_features"]) == ("Microsoft Hv", [])


@pytest.mark.parametrize(("name", "there"), [("7", True), ("0x7", True), ("0x00000007.0", True), ("7.1", False), ("x", False), ("", False)])
def test_a_leaf_is_found_by_its_short_name(name: str, there: bool) -> None:
    assert (processor((7, 0, 0, 0, 0, 0)).find(name) == "0x00000007.0") == there


def test_an_empty_list_is_an_empty_directory() -> None:
    assert dict(processor()) == {}
