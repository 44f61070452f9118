"""`dump/HOWTO`: which tool opens which file, with the exact commands for this guest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from snapfs.guest.linux import Linux
from snapfs.images.cores import Cores

__all__ = ["debug_information", "howto"]

# a build id, which distributors' servers know debug information by
_BUILD_ID: Final = re.compile(r"[0-9a-f]{16,64}")
# pieces of 4 MiB that guest memory is looked through in, to a dot
_PIECES: Final = 64
_RELEASE: Final = re.compile(r"[A-Za-z0-9._+~-]{1,64}")


def howto(cores: Cores) -> Iterator[bytes]:
    """The text, in pieces: the guest is looked for between them."""
    yield b"How to open this snapshot in debuggers. Every file here is made of the snapshot's own bytes; nothing is copied.\n\n"
    yield b"Guest "
    # a dot for each 256 MiB of RAM that were looked through, and for as much work at hostile tables; as many when that was done before, so
    # that the text is always the same
    shown = 0
    for _ in cores.look():
        due = cores.spent // _PIECES
        yield b"." * (due - shown)
        shown = due
    yield b"." * (cores.spent // _PIECES - shown) + b"\n"
    yield "".join(f"    {line}\n" for line in _guest(cores)).encode()
    yield "".join(f"\n{title}\n" + "".join(f"    {line}\n" for line in lines) for title, lines in _tools(cores)).encode()


def _guest(cores: Cores) -> Iterator[str]:
    kernel = cores.linux
    if kernel is None:
        yield "No Linux kernel was recognised: no VMCOREINFO in RAM agrees with page tables. Firmware, an early boot, another"
        yield "system, or encrypted memory. vmcore has registers and physical memory; tools that need VMCOREINFO refuse it."
        if cores.arch == "x86_64":
            yield "Should it be Linux all the same: `crash VMLINUX vmcore` finds its way by the registers."
        yield from _missing(cores)
        return
    yield kernel.banner(cores.memory) or f"Linux {kernel.release}"
    yield f"slide (KASLR)    0x{kernel.slide:x}"
    if kernel.image is not None:
        yield f"kernel image     0x{kernel.image.virtual:016x} at physical 0x{kernel.image.physical:x}, {kernel.image.length} bytes"
    if kernel.direct is not None and cores.packed.parts:
        first = cores.packed.parts[0].start
        yield f"direct map       0x{kernel.direct + first & (1 << 64) - 1:016x} is physical 0x{first:x}"
    if _BUILD_ID.fullmatch(build := kernel.info.values.get("BUILD-ID", "")):
        yield f"build id         {build}"
    yield from _missing(cores)


def _missing(cores: Cores) -> Iterator[str]:
    """What of RAM no image can have."""
    lost = [gap for gap in cores.memory.gaps if gap.kind in ("left-out", "truncated")]
    if lost:
        size = sum(gap.end - gap.start for gap in lost)
        yield f"not in the snapshot: {size} bytes of RAM ({lost[0].kind}: {lost[0].reason}); see memory/gaps.txt"


def _tools(cores: Cores) -> Iterator[tuple[str, list[str]]]:
    kernel = cores.linux
    numbers = list(cores.vcpus)
    if kernel is not None:
        yield "Debug information: a vmlinux of exactly this kernel", list(debug_information(kernel))
        yield "Kernel debuggers", list(_debuggers(kernel, cores.arch))
    first = numbers[0] if numbers else 0
    vmlinux = _vmlinux(kernel) if kernel is not None else ""
    symbols = f"-ex 'add-symbol-file {vmlinux} -o 0x{kernel.slide:x}'" if kernel is not None else "-ex 'symbol-file YOUR-ELF-FILE'"
    yield (
        "gdb: one file per vCPU, with all that its own page tables map",
        [
            f"gdb {symbols} -ex 'core-file gdb-{first}.core' -ex 'info registers' -ex 'x/8i $pc'",
            *(["On a machine of another architecture: gdb-multiarch."] if cores.arch != "x86_64" else []),
            *(
                ["This kernel signs its return addresses: gdb 13 ends a backtrace at the first of them, gdb 16 reads them."]
                if kernel is not None and kernel.info.number("KERNELPACMASK")
                else []
            ),
            f"vCPUs: {', '.join(map(str, numbers[:64])) or 'none'}{' ...' if len(numbers) > 64 else ''}",
            "gdb -ex 'core-file vmcore' -ex 'info threads'    (all vCPUs; thread N is vCPU N - 1)",
            f"A file holds up to {cores.segments} mappings; memory/virtual/<vcpu>/map.txt has the list.",
        ],
    )
    yield "volatility3", list(_volatility(kernel))
    yield (
        "Anything that takes a raw image",
        [
            "strings -t x ../memory/physical | less     (offset = guest-physical address)",
            "yara RULES ../memory/physical",
            "memory.lime has the ranges of RAM alone, without the holes between them.",
        ],
    )
    yield (
        "Through a mount",
        [
            "Debuggers read in small pieces: mount with -o cache, they are several times as fast then.",
        ],
    )
    yield (
        "Copying",
        [
            "cp vmcore /var/tmp/ keeps the holes; tar and rsync keep them with -S.",
            "snapfs export SNAPSHOT dump/vmcore DEST does so without a mount.",
        ],
    )


def _debuggers(kernel: Linux, arch: str) -> Iterator[str]:
    vmlinux = _vmlinux(kernel)
    yield f"crash {vmlinux} vmcore    (never without the vmlinux, and a crash as new as the kernel)"
    yield "crash --osrelease vmcore                   (no vmlinux needed)"
    if "SYMBOL(prb)" in kernel.info.values:
        yield "crash --log vmcore fails on this kernel (`no log buffer data`, crash 8.0.2 of Debian 12): since Linux 5.10 the log is in a"
        yield "    ring that crash reads with the vmlinux only. Without one the log is to be had with:"
    yield "makedumpfile --dump-dmesg vmcore /var/tmp/dmesg.txt    (the kernel log; no vmlinux needed)"
    yield "makedumpfile -c -d 31 vmcore /var/tmp/small.kdump      (a small dump to send)"
    if arch != "x86_64":
        yield f"crash and makedumpfile read dumps of the machine that they were built for: run them on {arch}."
    yield f"drgn -c vmcore -s {vmlinux}    (types, helpers, stack traces)"
    yield "drgn -c vmcore                             (no vmlinux: symbols alone, since Linux 6.0, after these two lines)"
    yield "    >>> from drgn.helpers.linux.kallsyms import load_vmlinux_kallsyms"
    yield '    >>> prog.register_symbol_finder("kallsyms", load_vmlinux_kallsyms(prog), enable_index=0)'


# how distributions name their kernels: release, whose it is, command that installs the vmlinux, where that then is
_DISTRIBUTIONS: Final = (
    (
        # a kernel of another kind has its name behind the architecture: 5.14.0-503.11.1.el9_5.aarch64+64k is of kernel-64k
        re.compile(r"(?P<build>.*\.(?:(?:fc|el|amzn)\d|el)[^+]*)(?:\+(?P<kind>[a-z0-9-]+))?"),
        "Fedora, RHEL:  dnf debuginfo-install kernel-{kind}{build}",
        "/usr/lib/debug/lib/modules/{release}/vmlinux",
    ),
    (
        re.compile(r".*-\d+-(generic|aws|azure|gcp|kvm|virtual|oracle|lowlatency).*"),
        "Ubuntu:  apt install linux-image-unsigned-{release}-dbgsym",
        "/usr/lib/debug/boot/vmlinux-{release}",
    ),
    (
        re.compile(r"(?P<build>.*)-(?P<kind>default|azure|rt|64kb)"),
        "SUSE:  zypper install kernel-{kind}debuginfo (of {release})",
        "/usr/lib/debug/boot/vmlinux-{release}.debug",
    ),
    (
        # the names of their kinds stand before the architecture, that of a page size behind it: 6.12.48+deb13-arm64-16k
        re.compile(r".*-(amd64|arm64|riscv64)(-16k)?"),
        "Debian:  apt install linux-image-{release}-dbg",
        "/usr/lib/debug/boot/vmlinux-{release}",
    ),
)


def _distribution(kernel: Linux) -> tuple[str, str] | None:
    """What installs the vmlinux of a distribution's kernel, and where that then is."""
    release = kernel.release
    if not _RELEASE.fullmatch(release):
        return None
    for pattern, install, path in _DISTRIBUTIONS:
        if match := pattern.fullmatch(release):
            parts = match.groupdict()
            kind = f"{parts['kind']}-" if parts.get("kind") else ""
            return install.format(release=release, build=parts.get("build"), kind=kind), path.format(release=release)
    return None


def _vmlinux(kernel: Linux) -> str:
    """The file with debug information, as commands name it."""
    found = _distribution(kernel)
    return found[1] if found else "vmlinux"


def debug_information(kernel: Linux) -> Iterator[str]:
    """Where the vmlinux with debug information is to be had, by how distributions write their releases."""
    build = kernel.info.values.get("BUILD-ID", "")
    if found := _distribution(kernel):
        yield f"{found[0]}    -> {found[1]}"
    elif _RELEASE.fullmatch(kernel.release):
        yield f"A kernel of your own: the vmlinux of the build of {kernel.release} (not bzImage)."
    if _BUILD_ID.fullmatch(build):
        yield f"debuginfod-find debuginfo {build}     (DEBUGINFOD_URLS=https://debuginfod.elfutils.org)"


def _volatility(kernel: Linux | None) -> Iterator[str]:
    yield "vol -f vmcore banners.Banners              (or -f memory.lime)"
    if kernel is None:
        yield "vol -f vmcore windows.info                 (should the guest be Windows)"
        return
    yield "vol -f vmcore -s ISF-DIRECTORY linux.pslist (needs the symbol table, ISF, of this very banner:"
    yield f"dwarf2json linux --elf {_vmlinux(kernel)} > ISF-DIRECTORY/kernel.json)"
    if kernel.info.number("pgtable_l5_enabled"):
        yield "This guest uses 5-level paging, which volatility3 cannot read: it ends with an empty table and no error."
