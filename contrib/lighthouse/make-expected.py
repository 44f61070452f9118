"""Write expected.json: what a snapshot of the guest must hold, by the guest's own word.

    make-expected.py lighthouse.elf serial.txt > expected.json

The sources are the ELF file's symbols and what the guest said on its serial
port (its log, and the FACT lines it prints there and nowhere else).  The
snapshot itself is not read.
"""

import json
import re
import struct
import sys

HIGH = 0xFFFFFFFF80000000
SECTOR_TYPE = {0: "read", 1: "write", 8: "get id"}


def symbols(elf):
    (shoff,) = struct.unpack_from("<Q", elf, 0x28)
    shentsize, shnum = struct.unpack_from("<HH", elf, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", elf, shoff + i * shentsize) for i in range(shnum)]
    out = {}
    for _, kind, _, _, offset, size, link, _, _, entsize in sections:
        if kind != 2:
            continue
        for at in range(offset + entsize, offset + size, entsize):
            name, info, _, shndx, value, length = struct.unpack_from("<IBBHQQ", elf, at)
            start = sections[link][4] + name
            name = elf[start : elf.index(b"\0", start)].decode()
            if name and info & 15 not in (3, 4) and shndx < 0xFF00:
                out[name] = (value, length, {1: "object", 2: "function"}.get(info & 15, "label"))
    return out


def main():
    elf = open(sys.argv[1], "rb").read()
    serial = open(sys.argv[2], "rb").read().decode("ascii")
    sym = symbols(elf)
    lines = serial.split("\n")
    log = "\n".join(line for line in lines if not line.startswith("FACT "))
    facts = {}
    for line in lines:
        if line.startswith("FACT "):
            kind, _, rest = line[5:].partition(" ")
            facts.setdefault(kind, []).append(rest)

    def one(kind):
        (value,) = facts[kind]
        return value

    def pairs(text):
        words = text.split(" ")
        return dict(zip(words[0::2], words[1::2]))

    def place(name):
        va, size, _ = sym[name]
        return {"va": hex(va), "pa": hex(va - HIGH), "size": size}

    log_ring = place("log_ring")
    log_ring.update(
        magic="LOGRING1",
        written=len(log),
        text=log,
        layout="char magic[8]; u32 size; u32 written; char text[size]",
        text_size=log_ring["size"] - 16,
    )

    vcpus = {}
    for rest in facts["cpu"]:
        number, _, rest = rest.partition(" ")
        p = pairs(rest)
        vcpus[number] = {
            "apic_id": int(p["apic_id"], 16),
            "cr0": p["cr0"],
            "cr3": p["cr3"],
            "cr4": p["cr4"],
            "efer": p["efer"],
            "cs": "0x8",
            "ss": "0x10",
            "tr": "0x18",
            "cpl": 0,
            "gdt": {"base": p["gdt"], "limit": p["gdt_limit"]},
            "idt": {"base": hex(sym["idt"][0]), "limit": "0xfff"},
            "tss": {"base": p["tss"], "limit": "0x67"},
            "gs_base": p["gs_base"],
            "fs_base": "0x0",
            "tsc_aux": int(p["tsc_aux"]),
            "current_task": p["current"],
        }
    vcpus["0"].update(
        rip_range=[hex(sym["wait_for_disk"][0]), hex(sum(sym["wait_for_disk"][:2]))],
        rip_in="wait_for_disk",
        interrupts_enabled=True,
        halted=True,
        call_chain=["wait_for_disk", "write_log_entry", "keeper_main", "call_on_stack"],
        call_chain_how="frame pointers, from rbp",
        lapic=pairs(one("lapic").partition(" ")[2]),
        lapic_mode="x2apic",
    )
    rip_start, rip_size, _ = sym["stuck_in_spinlock"]
    vcpus["1"].update(
        rip_in="stuck_in_spinlock",
        rip_range=[hex(rip_start), hex(rip_start + rip_size)],
        interrupts_enabled=False,
        halted=False,
        lapic_mode="x2apic",
        gprs=dict(rest.split(" ")[1:] for rest in facts["gpr"]),
        rsp_range=["0xffffc00000002000", "0xffffc00000004000"],
        xmm={rest.split(" ")[1]: rest.split(" ")[2] for rest in facts["xmm"]},
        xmm_as="128-bit little-endian number: byte j of xmm i is i << 4 | j",
        x87=[dict(zip(("value", "is"), rest.split(" ")[2:])) for rest in facts["x87"]],
        x87_as="st(0) first; sign and exponent, then mantissa",
        call_chain=["stuck_in_spinlock", "spin_lock", "turn_the_lamp", "cpu1_main", "high_entry"],
        call_chain_how="rbp holds a pattern; the saved rbp is at rsp and the return address at rsp + 8",
    )

    maps = []
    for rest in facts["map"]:
        cpu, va, pa, size, perm, what = rest.split(" ", 5)
        maps.append({"vcpu": "any" if cpu == "*" else int(cpu), "va": va, "pa": pa, "size": size, "perm": perm, "what": what})
    for start, end, perm, what in (
        ("text_start", "rodata_start", "r-x", "text"),
        ("rodata_start", "data_start", "r--", "rodata"),
        ("data_start", "image_end", "rw-", "data and bss"),
    ):
        va = sym[start][0]
        maps.append({"vcpu": "any", "va": hex(va), "pa": hex(va - HIGH), "size": hex(sym[end][0] - va), "perm": perm, "what": what})
    unmapped = []
    for rest in facts["unmapped"]:
        cpu, va, what = rest.split(" ", 2)
        unmapped.append({"vcpu": "any" if cpu == "*" else int(cpu), "va": va, "what": what})

    queues = {}
    for rest in facts["queue"]:
        name, _, rest = rest.partition(" ")
        p = pairs(rest)
        queues[name] = {
            "slot": int(p["slot"]),
            "features": p["features"],
            "size": int(p["size"]),
            "desc": p["desc"],
            "avail": p["avail"],
            "used": p["used"],
            "avail_idx": int(p["avail_idx"]),
            "used_idx": int(p["used_idx"]),
        }
    requests = []
    for rest in facts["disk_request"]:
        number, _, rest = rest.partition(" ")
        p = pairs(rest)
        done = int(number) < queues["disk"]["used_idx"]
        requests.append(
            {
                "type": SECTOR_TYPE[int(p["type"])],
                "sector": int(p["sector"]),
                "head": int(p["head"]),
                "header": p["header"],
                "data": p["data"],
                "len": int(p["len"]),
                "status_byte": p["status_byte"],
                "status": 0 if done else 255,
                "done": done,
            }
        )
    requests[-1]["text"] = "Entry 13. Fog. Heard a bell to the north-west, twice. Answered with the horn.\n"

    tasks = []
    for rest in facts["task"]:
        m = re.fullmatch(r"(\d+) (\S+) (\S+) state (\d+) cpu (\d+) wakeups (\d+) waiting_for (\S+) (\S+)", rest)
        tasks.append(
            {
                "id": int(m[1]),
                "va": m[2],
                "pa": m[3],
                "state": int(m[4]),
                "cpu": int(m[5]),
                "wakeups": int(m[6]),
                "waiting_for": m[7],
                "name": m[8],
            }
        )

    # The log's last line was written at this tick, and the next one is due 5 s after it.
    last = [line for line in lines if line.startswith("[")][-1]
    last_tick = round(float(last[1:9]) * 1000) // 10

    def text_fact(kind, words):
        *places, text = one(kind).split(" ", words)
        return places, text

    (secret_va, secret_pa), secret = text_fact("secret", 2)
    (note_va, note_pa, note_pa2), note = text_fact("night_note", 3)
    (cmdline_pa,), cmdline = text_fact("cmdline", 1)
    banner_va = sym["banner"][0]
    banner = "".join(line[11:] + "\n" for line in lines[:8])
    lock = pairs(one("lamp_lock"))

    json.dump(
        {
            "about": "Facts about the snapshot beside this file, from the guest's ELF file and serial output, not from the snapshot.",
            "ram_size": int(one("ram_end"), 16),
            "cmdline": {"pa": cmdline_pa, "text": cmdline},
            "vcpus": vcpus,
            "translations": maps,
            "unmapped": unmapped,
            "banner": {"va": hex(banner_va), "pa": hex(banner_va - HIGH), "text": banner},
            "secret": {"va": secret_va, "pa": secret_pa, "text": secret, "note": "whole at one place in RAM only"},
            "night_note": {
                "va": note_va,
                "pa": note_pa,
                "pa_from_byte_40": note_pa2,
                "text": note,
                "note": "crosses a page boundary; nowhere whole in physical memory",
            },
            "log": log_ring,
            "tick_count": dict(place("tick_count"), at_least=last_tick, at_most=last_tick + 500, ms_per_tick=10),
            "tasks": {
                "list_head": place("task_list"),
                "struct_size": 64,
                "layout": "char magic[4] TASK; u32 id; char name[16]; u32 state, cpu; u64 wakeups; void *waiting_for; task *next",
                "states": ["sleeping", "running", "waiting for disk", "spinning"],
                "list": tasks,
            },
            "lamp_lock": dict(
                place("lamp_lock"),
                locked=int(lock["locked"]),
                owner_cpu=int(lock["owner_cpu"]),
                owner=lock["owner"],
                layout="u32 locked, owner_cpu; struct task *owner",
            ),
            "queues": queues,
            "disk": {
                "requests": requests,
                "msix": {"vector": 0, "address": "0xfee00000", "data": "0x31", "masked": False},
                "sectors_read_at": one("sectors").split(" ")[0],
                "name": "LOGBOOK",
            },
            "random": {"pa": one("random").split(" ")[0], "first_16_bytes": one("random_hex").replace(" ", "")},
            "ioapic": {"4": {"vector": "0x24", "dest": 0, "masked": False}},
            "uart": dict(pairs(one("uart"))),
            "pci": {m[1]: m[2] for m in re.finditer(r"pci: (\S+) is (\S+)", log)},
            "symbols": {
                name: {"va": hex(va), "size": size, "type": kind} for name, (va, size, kind) in sorted(sym.items(), key=lambda s: s[1])
            },
        },
        sys.stdout,
        indent=1,
    )
    print()


main()
