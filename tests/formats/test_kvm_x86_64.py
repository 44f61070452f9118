"""KVM's structures for x86_64 against the installed kernel headers, and against themselves."""

import platform
import shutil
import struct
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapfs.errors import CorruptState
from snapfs.formats import kvm, kvm_x86_64
from snapfs.formats.kvm_x86_64 import KvmClockData, KvmRegs, KvmSregs, KvmVcpuEvents, nested
from snapfs.layout import DEC, Record

# record -> the C struct, and the path of the member that the record stands for
STRUCTS: dict[str, tuple[str, str]] = {
    "KvmRegs": ("kvm_regs", ""),
    "KvmSegment": ("kvm_segment", ""),
    "KvmDtable": ("kvm_dtable", ""),
    "KvmSregs": ("kvm_sregs", ""),
    "KvmException": ("kvm_vcpu_events", "exception"),
    "KvmInterrupt": ("kvm_vcpu_events", "interrupt"),
    "KvmNmi": ("kvm_vcpu_events", "nmi"),
    "KvmSmi": ("kvm_vcpu_events", "smi"),
    "KvmTripleFault": ("kvm_vcpu_events", "triple_fault"),
    "KvmVcpuEvents": ("kvm_vcpu_events", ""),
    "KvmFpu": ("kvm_fpu", ""),
    "KvmXcr": ("kvm_xcr", ""),
    "KvmXcrs": ("kvm_xcrs", ""),
    "KvmMsrEntry": ("kvm_msr_entry", ""),
    "KvmCpuidEntry2": ("kvm_cpuid_entry2", ""),
    "KvmClockData": ("kvm_clock_data", ""),
    "KvmVmxNestedStateHdr": ("kvm_nested_state", "hdr"),
    "KvmSvmNestedStateHdr": ("kvm_nested_state", "hdr"),
    "KvmNestedState": ("kvm_nested_state", ""),
    "KvmMpState": ("kvm_mp_state", ""),
}
# members inside members, and what fills a union up to its size
MEMBERS = {
    "KvmVmxNestedStateHdr": {
        "vmxon_pa": "vmx.vmxon_pa",
        "vmcs12_pa": "vmx.vmcs12_pa",
        "smm_flags": "vmx.smm.flags",
        "pad": "vmx.pad",
        "flags": "vmx.flags",
        "preemption_timer_deadline": "vmx.preemption_timer_deadline",
        "rest": None,
    },
    "KvmSvmNestedStateHdr": {"vmcb_pa": "svm.vmcb_pa", "rest": None},
}
RECORDS = {
    name: record
    for module in (kvm_x86_64, kvm)
    for name, record in vars(module).items()
    if isinstance(record, type) and issubclass(record, Record) and record is not Record and record.__module__ == module.__name__
} | {"KvmMpState": kvm.KvmMpState}
# not of x86_64, or a struct as headers had it once
ELSEWHERE = {"OneReg", "_OldClockData"}


def members(name: str) -> dict[str, str]:
    renamed = MEMBERS.get(name, {})
    return {field: member for field in RECORDS[name].FIELDS if (member := renamed.get(field, field)) is not None}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, tuple[int, int]]]:
    """Offset and size of each member, as a C compiler sees them in the installed headers."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    if platform.machine() != "x86_64":
        pytest.skip("the kernel headers of this machine are those of another architecture")
    lines = []
    for name, (tag, path) in STRUCTS.items():
        start = f"offsetof(struct {tag}, {path})" if path else "(size_t)0"
        whole = f"((struct {tag} *)0)->{path}" if path else f"struct {tag}"
        lines.append(f'printf("{name} - 0 %zu\\n", sizeof({whole}));')
        for field, member in members(name).items():
            inner = f"{path}.{member}" if path else member
            size = f"sizeof(((struct {tag} *)0)->{inner})"
            lines.append(f'printf("{name} {field} %zu %zu\\n", offsetof(struct {tag}, {inner}) - {start}, {size});')
    folder = tmp_path_factory.mktemp("headers")
    source = folder / "layout.c"
    body = "\n  ".join(lines)
    source.write_text(f"#include <stddef.h>\n#include <stdio.h>\n#include <linux/kvm.h>\nint main(void) {{\n  {body}\n  return 0;\n}}\n")
    built = subprocess.run([compiler, "-o", folder / "layout", source], capture_output=True, text=True, check=False)
    if "linux/kvm.h: No such file" in built.stderr:
        pytest.skip("no kernel headers (linux-libc-dev)")
    assert not built.returncode, built.stderr
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for line in subprocess.run([folder / "layout"], capture_output=True, text=True, check=True).stdout.splitlines():
        name, field, offset, size = line.split()
        found.setdefault(name, {})[field] = (int(offset), int(size))
    return found


def test_every_record_is_compared_with_the_headers() -> None:
    assert set(RECORDS) - ELSEWHERE == set(STRUCTS)


@pytest.mark.parametrize("name", STRUCTS)
def test_sizes_and_offsets_are_those_of_the_kernel_headers(name: str, measured: dict[str, dict[str, tuple[int, int]]]) -> None:
    record = RECORDS[name]
    expected = dict(measured[name])
    size = expected.pop("-")[1]
    assert size == record.SIZE
    assert {field: (record.FIELDS[field].offset, record.FIELDS[field].size) for field in members(name)} == expected


@given(data=st.data(), name=st.sampled_from(sorted(set(RECORDS) - {"OneReg"})))
def test_encode_undoes_decode(data: st.DataObject, name: str) -> None:
    record = RECORDS[name]
    raw = data.draw(st.binary(min_size=record.SIZE, max_size=record.SIZE + 8))
    decoded = record.decode(raw)
    assert decoded.encode() == raw
    assert record.read(list(raw)) == decoded


def as_object(record: Record) -> Any:
    """The object that serde wrote of a struct."""
    found = {}
    for name in record.FIELDS:
        value = getattr(record, name)
        if isinstance(value, Record):
            value = as_object(value)
        elif isinstance(value, bytes):
            value = list(value)
        elif isinstance(value, tuple):
            value = [as_object(v) if isinstance(v, Record) else list(v) if isinstance(v, bytes) else v for v in value]
        found["type_" if name == "type" else name] = value
    return found


@given(data=st.data(), name=st.sampled_from(sorted(set(RECORDS) - {"OneReg"})))
def test_an_object_reads_as_its_bytes_do(data: st.DataObject, name: str) -> None:
    record = RECORDS[name]
    decoded = record.decode(data.draw(st.binary(min_size=record.SIZE, max_size=record.SIZE)))
    assert record.read(as_object(decoded)) == decoded


def test_registers_are_little_endian_in_the_order_of_the_struct() -> None:
    regs = KvmRegs.decode(bytes(range(144)))
    assert regs.rax == 0x0706050403020100
    assert regs.rip == 0x8786858483828180


def test_events_of_releases_without_a_triple_fault_keep_it_in_the_reserved_bytes() -> None:
    new = KvmVcpuEvents.decode(bytes(range(64)))
    old = as_object(new)
    old["reserved"] = [old.pop("triple_fault")["pending"], *old["reserved"]]
    assert KvmVcpuEvents.read(old) == new


def test_padding_of_old_clocks_is_what_newer_headers_name() -> None:
    words = [0, 0x11111111, 0x22222222, 0x33333333, 0x44444444, 5, 6, 7, 8]
    found = KvmClockData.read({"clock": 1, "flags": 2, "pad": words})
    assert (found.realtime, found.host_tsc, found.pad) == (0x2222222211111111, 0x4444444433333333, (5, 6, 7, 8))


def nested_state(form: int, header: bytes, data: bytes, flags: int = 1) -> list[int]:
    """As Cloud Hypervisor keeps it: the header of 128 bytes and 8192 bytes of data, of which `size` says how many count."""
    return list((struct.pack("<HHI", flags, form, 128 + len(data)) + header.ljust(120, b"\0") + data).ljust(8320, b"\xee"))


def test_a_guest_hypervisor_on_intel() -> None:
    header = struct.pack("<QQHHIQ", 0x1000, 0x2000, 2, 0, 1, 77)
    found = nested(nested_state(0, header, b"\x11" * 4096, flags=0x101), "nested_state")
    assert (found["flags"], found["format"], found["size"]) == (0x101, 0, 4224)
    assert found.words("flags") == "GUEST_MODE GIF_SET"
    assert found.words("format") == "VMX"
    assert (found["vmx"].vmxon_pa, found["vmx"].vmcs12_pa, found["vmx"].preemption_timer_deadline) == (0x1000, 0x2000, 77)
    assert found["vmcs12"] == b"\x11" * 4096
    assert "shadow_vmcs12" not in found
    both = nested(nested_state(0, header, b"\x11" * 4096 + b"\x22" * 4096), "nested_state")
    assert both["shadow_vmcs12"] == b"\x22" * 4096


def test_a_guest_hypervisor_on_amd() -> None:
    found = nested(nested_state(1, struct.pack("<Q", 0x3000), b"\x33" * 4096), "nested_state")
    assert found["svm"].vmcb_pa == 0x3000
    assert found["vmcb12"] == b"\x33" * 4096


def test_a_nested_state_that_says_it_is_longer_than_it_is_ends_where_it_ends() -> None:
    data = nested_state(0, b"", b"")
    data[4:8] = [0xFF] * 4
    assert len(nested(data, "nested_state")["shadow_vmcs12"]) == 4096
    with pytest.raises(CorruptState):
        nested(data[:100], "nested_state")


def test_cr3_is_spelled_as_cr4_says() -> None:
    sregs = KvmSregs.decode(bytes(240) + struct.pack("<QQ", 0x1234018, 0) + bytes(56))
    assert sregs.form_of("cr3").spell(sregs.cr3) == "PWT PCD"  # type: ignore[union-attr]
    sregs = KvmSregs.decode(bytes(240) + struct.pack("<QQ", 0x1234018, 1 << 17) + bytes(56))
    assert sregs.form_of("cr3") is None
    assert KvmSregs.FIELDS["cr3"].form.spell(sregs.cr3) == "PCID=24"  # type: ignore[union-attr]


def test_an_exception_is_named_when_it_is_about_to_be_delivered() -> None:
    pending = KvmVcpuEvents.decode(bytes([0, 14, 1, 1]) + bytes(60)).exception
    assert pending.form_of("nr") is None
    assert pending.FIELDS["nr"].form.spell(pending.nr) == "#PF"  # type: ignore[union-attr]
    assert KvmVcpuEvents.decode(bytes([0, 14]) + bytes(62)).exception.form_of("nr") is DEC
