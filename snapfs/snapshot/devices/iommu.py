"""The virtual IOMMU: which device is in which domain, and what each domain maps.

Three shapes: maps by number (v0.8 to v14), lists of pairs (v15 to v23), domains with a bypass flag (from v24).
Source: Cloud Hypervisor, virtio-devices/src/iommu.rs (`IommuState`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from snapfs.errors import AddressError, CorruptState
from snapfs.formats.virtqueue import Reader
from snapfs.layout import facet
from snapfs.layout.facets import Text
from snapfs.snapshot.devices.device import VirtioDevice

__all__ = ["Iommu"]

_MANY = 1 << 20


class Iommu(VirtioDevice):
    """A virtio IOMMU."""

    KIND = "iommu"
    PLACES = ("iommu",)
    STEMS = ("iommu",)
    TYPE = 23

    @facet("endpoints.txt", needs="endpoints")
    def endpoints(self) -> Text:
        """The devices behind the IOMMU and the domain of each."""
        rows = sorted(self._pairs("endpoints"), key=lambda p: p[0])
        return Text("# endpoint     domain\n" + "".join(f"{_bdf(endpoint)} {domain!s:>8}\n" for endpoint, domain in rows))

    @facet("mappings.txt", when=lambda self: "domains" in self.source or "mappings" in self.source)
    def mappings(self) -> Text:
        """What each domain maps: address of the device's view, of guest memory, length."""
        lines = ["# domain  device sees         guest memory        bytes"]
        for domain, ranges, bypass in self._domains():
            if bypass:
                lines.append(f"{domain:<9} bypass")
            for start, mapping in sorted(ranges, key=lambda p: p[0]):
                lines.append(f"{domain:<9} 0x{start:016x}  0x{_field(mapping, 'gpa'):016x}  {_field(mapping, 'size')}")
        return Text("\n".join(lines) + "\n")

    def behind(self, bdf: str) -> Reader:
        """Reads memory as the device at `bdf` sees it. The rings themselves were translated when the driver enabled the queue."""

        def read(address: int, length: int) -> bytes:
            return self.parts.read(self._translate(bdf, address, length), length)

        return read

    @cached_property
    def _views(self) -> dict[str, list[tuple[int, int, int]] | None]:
        """Start, length and guest-physical address of what each device may see, by address; None for all of memory."""
        domains: dict[int, list[tuple[int, int, int]] | None] = {
            domain: None if bypass else [(start, _field(m, "size"), _field(m, "gpa")) for start, m in ranges]
            for domain, ranges, bypass in self._domains()
        }
        return {
            _bdf(endpoint): domains[domain]
            for endpoint, domain in self._pairs("endpoints")
            if isinstance(domain, int) and domain in domains
        }

    def _translate(self, bdf: str, address: int, length: int) -> int:
        view = self._views.get(bdf)
        if view is None:
            return address
        for start, size, target in view:
            if start <= address and address + length <= start + size:
                return target + address - start
        raise AddressError(f"0x{address:016x}: the IOMMU maps no {length} bytes there for {bdf}")

    def _pairs(self, key: str) -> list[tuple[int, Any]]:
        return _pairs(self.source.get(key), f"{self.id}/{key}")

    def _domains(self) -> Iterator[tuple[int, list[tuple[int, Any]], bool]]:
        if "domains" in self.source:
            for domain, value in sorted(self._pairs("domains"), key=lambda p: p[0]):
                where = f"{self.id}/domains/{domain}"
                if not isinstance(value, list | tuple) or len(value) != 2:
                    raise CorruptState(f"{where}: not mappings and a flag")
                yield domain, _pairs(value[0], where), value[1] is True
        else:
            for domain, ranges in sorted(self._pairs("mappings"), key=lambda p: p[0]):
                yield domain, _pairs(ranges, f"{self.id}/mappings/{domain}"), False


def _pairs(value: Any, where: str) -> list[tuple[int, Any]]:
    """Number and value of a map with numbers for keys, or of a list of pairs."""
    items = list(value.items()) if isinstance(value, Mapping) else value
    if not isinstance(items, list) or len(items) > _MANY:
        raise CorruptState(f"{where}: neither a map nor a list of pairs")
    found = []
    for item in items:
        if not isinstance(item, list | tuple) or len(item) != 2:
            raise CorruptState(f"{where}: {repr(item)[:60]} is not a pair")
        key, inner = item
        if isinstance(key, str) and key.isascii() and key.isdecimal() and len(key) <= 20:
            key = int(key)
        if isinstance(key, bool) or not isinstance(key, int) or not 0 <= key < 1 << 64:
            raise CorruptState(f"{where}: {repr(key)[:60]} is not a number of 64 bits")
        found.append((key, inner))
    return found


def _field(mapping: Any, key: str) -> int:
    value = mapping.get(key) if isinstance(mapping, dict) else None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise CorruptState(f"a mapping of the IOMMU without {key}")
    return value


def _bdf(endpoint: int) -> str:
    return f"{endpoint >> 16:04x}:{endpoint >> 8 & 0xFF:02x}:{endpoint >> 3 & 0x1F:02x}.{endpoint & 7}"
