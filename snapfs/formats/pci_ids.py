"""Names of PCI vendors, devices, subsystems and classes.

Source: the PCI ID Repository (https://pci-ids.ucw.cz/), the file `pci.ids` that lspci reads too. It comes with the package
pypci-ng (BSD-3-Clause), which is released anew whenever the repository has grown; where that is missing, the system's own copy
is read (of hwdata, or of Debian's pci.ids). Only the file is used: names are looked up in its text, nothing is kept but it.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

__all__ = ["class_name", "device_name", "pair", "program_name", "subsystem_name", "vendor_name"]

_SYSTEM: Final = ("/usr/share/hwdata/pci.ids", "/usr/share/misc/pci.ids", "/usr/share/pci.ids")


@lru_cache(maxsize=1)
def _text() -> str:
    """The whole file, a line feed before its first line; empty where this machine has none."""
    try:
        return "\n" + files("pypci").joinpath("data", "pci.ids").read_bytes().decode("utf-8", "replace")
    except (ModuleNotFoundError, OSError):
        pass
    for path in _SYSTEM:
        try:
            return "\n" + Path(path).read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
    return ""


def _section(start: str, indent: str, key: str) -> tuple[int, str]:
    """Position behind, and the name in, the line `<indent><key>  <name>` below the line that begins at `start`."""
    text = _text()
    at = text.find(start)
    if at < 0:
        return -1, ""
    return _below(at + 1, indent, key)


def _below(at: int, indent: str, key: str) -> tuple[int, str]:
    text = _text()
    at = text.find("\n", at)
    wanted = f"{indent}{key}  "
    while at >= 0:
        end = text.find("\n", at + 1)
        line = text[at + 1 : end if end >= 0 else None]
        if line.startswith(wanted):
            return at + 1, line[len(wanted) :].strip()
        if line and not line.startswith("#") and not line.startswith(indent):
            break
        at = end
    return -1, ""


@lru_cache(maxsize=256)
def vendor_name(vendor: int) -> str:
    """The vendor's name; empty where it has none."""
    text = _text()
    at = text.find(f"\n{vendor:04x}  ")
    return text[at + 7 : text.find("\n", at + 1)].strip() if at >= 0 else ""


@lru_cache(maxsize=256)
def device_name(vendor: int, device: int) -> str:
    """The device's name; empty where it has none."""
    return _section(f"\n{vendor:04x}  ", "\t", f"{device:04x}")[1]


@lru_cache(maxsize=256)
def subsystem_name(vendor: int, device: int, subvendor: int, subdevice: int) -> str:
    """The subsystem's name: its own, or that of the device where both ids are the device's; empty where it has none."""
    at, _ = _section(f"\n{vendor:04x}  ", "\t", f"{device:04x}")
    found = _below(at, "\t\t", f"{subvendor:04x} {subdevice:04x}")[1] if at >= 0 else ""
    return found or (device_name(vendor, device) if (vendor, device) == (subvendor, subdevice) else "")


@lru_cache(maxsize=256)
def class_name(code: int) -> str:
    """The name of a class and subclass (16 bits), as lspci writes it: the subclass, or the class with the number behind."""
    _, name = _section(f"\nC {code >> 8:02x}  ", "\t", f"{code & 0xFF:02x}")
    if name:
        return name
    text = _text()
    at = text.find(f"\nC {code >> 8:02x}  ")
    return f"{text[at + 7 : text.find(chr(10), at + 1)].strip()} [{code:04x}]" if at >= 0 else f"Class {code:04x}"


@lru_cache(maxsize=256)
def program_name(code: int, interface: int) -> str:
    """The name of a programming interface of a class and subclass; empty where it has none."""
    at, _ = _section(f"\nC {code >> 8:02x}  ", "\t", f"{code & 0xFF:02x}")
    return _below(at, "\t\t", f"{interface:02x}")[1] if at >= 0 else ""


def pair(vendor: int, device: int, name: str) -> str:
    """Vendor and device (whose name is given) in one line, as lspci writes them."""
    maker = vendor_name(vendor)
    if not maker:
        return f"Device {vendor:04x}:{device:04x}"
    return f"{maker} {name}" if name else f"{maker} Device {device:04x}"
