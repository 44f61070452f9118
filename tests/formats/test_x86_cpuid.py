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


@pytest.mark.parametrize(
    ("leaf", "sub_leaf", "register", "value", "words"),
    [
        # an Ice Lake's caches, as `cpuid` prints them
        (0x4, 0, "eax", 0x7C004121, "data level=1 shared_by=2 cores=32"),
        (0x4, 0, "ebx", 0x02C0003F, "line=64 partitions=1 ways=12"),
        (0x4, 0, "ecx", 63, "sets=64"),
        (0x4, 3, "eax", 0x7C0FC163, "unified level=3 shared_by=64 cores=32"),
        (0x4, 4, "eax", 0, "none"),
        (0xA, 0, "eax", 0x08300805, "version=5 counters=8 width=48 events=8"),
        (0xA, 0, "edx", 0x00008604, "fixed_counters=4 fixed_width=48 any_thread_gone"),
        (0xB, 1, "ecx", 0x201, "level=1 type=core"),
        (0xD, 0, "eax", 0x000602E7, "x87 SSE AVX opmask ZMM_Hi256 Hi16_ZMM PKRU XTILECFG XTILEDATA"),
        (0xD, 0, "ecx", 0x2B00, "largest_size=11008"),
        (0xD, 18, "eax", 0x2000, "size=8192"),
        (0xD, 18, "ecx", 6, "aligned_64 XFD"),
        (0xD, 1, "ecx", 0x1800, "CET_U CET_S"),
        (0x15, 0, "ecx", 25000000, "crystal=25000000Hz"),
        (0x16, 0, "eax", 2000, "base=2000MHz"),
        (0x40000010, 0, "eax", 2299978, "tsc=2299978kHz"),
        (0x80000006, 0, "ecx", 0x02006140, "size=512KB ways=8 line=64"),
        (0x80000006, 0, "edx", 0x01009140, "size=32768KB ways=9 line=64"),
        (0x80000008, 0, "eax", 0x00003030, "physical_bits=48 linear_bits=48"),
        (0x8000001E, 0, "ebx", 0x00000105, "core_id=5 threads_per_core=2"),
        (0x12345678, 0, "eax", 5, ""),
    ],
)
def test_registers_that_are_no_features_are_spelled(leaf: int, sub_leaf: int, register: str, value: int, words: str) -> None:
    registers = dict.fromkeys(("eax", "ebx", "ecx", "edx"), 0) | {register: value}
    found = Cpuid([Leaf(leaf, sub_leaf, **registers)])[f"0x{leaf:08x}.{sub_leaf}"]
    assert found[register] == value
    assert found.words(register) == words


def test_leaves_of_hyper_v_are_spelled_where_the_hypervisor_shows_them() -> None:
    hyperv = (0x40000000, 0, 0x40000005, 0x7263694D, 0x666F736F, 0x76482074)
    features = (0x40000003, 0, 0x00000E7F, 0, 0, 0)
    interface = (0x40000001, 0, 0x31237648, 0, 0, 0)
    words = processor(hyperv, interface, features)["0x40000003.0"].words("eax")
    assert words == "VP_RUNTIME REFERENCE_COUNTER SYNIC STIMER APIC_ACCESS HYPERCALL VP_INDEX REFERENCE_TSC GUEST_IDLE FREQUENCY"
    assert processor(hyperv, interface, features)["0x40000001.0"].words("eax") == ""
    assert processor(features)["0x40000003.0"].words("eax") == ""
