"""A snapshot as a typed model: configuration, components, vCPUs, devices, memory.

Opening reads two small files at the most and decodes nothing; each part is decoded once, on first use. What is damaged
raises when it is used and is listed in `problems`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from snapfs.errors import CannotOpen, CorruptState, SnapfsError
from snapfs.snapshot import document
from snapfs.snapshot.component import Component
from snapfs.snapshot.source import Source

if TYPE_CHECKING:
    from snapfs.formats.x86_cpuid import Cpuid
    from snapfs.snapshot.clock import Clock
    from snapfs.snapshot.config import VmConfig
    from snapfs.snapshot.devices import Device
    from snapfs.snapshot.gic import Gic
    from snapfs.snapshot.ioapic import Ioapic
    from snapfs.snapshot.memory import GuestMemory, MemoryManagerState
    from snapfs.snapshot.releases import Origin
    from snapfs.snapshot.vcpu import Vcpu

__all__ = ["Snapshot"]


class Snapshot:
    """An opened snapshot; a context manager that closes its files."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Opens the directory at `path`; CannotOpen or NotASnapshot where that is none."""
        self.source = Source(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the files; what was read before stays readable."""
        self.source.close()

    # ---- the two documents

    @property
    def state_file(self) -> str | None:
        """The name of the file that holds the state."""
        return next((n for n in ("state.json", "vm.json") if n in self.source), None)

    @property
    def config_file(self) -> str | None:
        """The name of the file that holds the configuration."""
        return next((n for n in ("config.json", "vm.json", "migration_config.json") if n in self.source), None)

    def _document(self, name: str | None, what: str) -> document.Document:
        if name is None:
            usual = "config.json" if what == "configuration" else "state.json"
            odd = f"; {usual} is there, but is no plain file" if self.source.unusable(usual) else ""
            raise CannotOpen(f"{self.source.path}: no {what} file in the snapshot{odd}; only raw/ and what the other files say can be read")
        file = self.source.open(name)
        found = document.salvage(file.pread(0, file.size), name)
        if not isinstance(found.value, dict):
            raise CorruptState(found.damage or f"{name}: no JSON object; only raw/ shows the file")
        return found

    @cached_property
    def _state(self) -> document.Document | SnapfsError:
        try:
            return self._document(self.state_file, "state")
        except SnapfsError as error:
            return error

    @cached_property
    def _config(self) -> document.Document | SnapfsError:
        try:
            if self.config_file == "vm.json":
                return document.Document(self._embedded_config())
            found = self._document(self.config_file, "configuration")
            if self.config_file == "migration_config.json" and isinstance(found.value, dict):
                return document.Document(found.value.get("vm_config"), found.damage)
        except SnapfsError as error:
            return error
        return found

    def _embedded_config(self) -> Any:
        """`vm.json` holds the configuration in the machine's own state (v0.7 to v21)."""
        data = self.machine.data
        if not isinstance(data, dict) or "config" not in data:
            raise CorruptState("vm.json: no configuration in the machine's state")
        return data["config"]

    @cached_property
    def machine(self) -> Component:
        """The root component. Raises when there is no state file or nothing of it can be read."""
        if isinstance(self._state, SnapfsError):
            raise self._state.with_traceback(None)
        return Component(self._state.value)

    @property
    def config_json(self) -> Any:
        """The configuration as plain JSON values."""
        if isinstance(self._config, SnapfsError):
            raise self._config.with_traceback(None)
        return self._config.value

    @cached_property
    def config_values(self) -> Any:
        """The configuration as plain JSON values, with the nulls that releases since v53 leave out put back."""
        from snapfs.snapshot.releases import omitted_nulls

        return omitted_nulls(self.config_json)

    @cached_property
    def config(self) -> VmConfig:
        """The configuration; CorruptState names the first value that cannot be what it should be."""
        from snapfs.snapshot.config import VmConfig

        return VmConfig.read(self.config_json, "config")

    @cached_property
    def origin(self) -> Origin:
        """Which release wrote the snapshot, as far as its shape tells."""
        from snapfs.snapshot.releases import infer

        return infer(self)

    @property
    def migration(self) -> Mapping[str, Any]:
        """The offload daemon's own document; empty for every other snapshot."""
        if "migration_config.json" not in self.source:
            return {}
        value = self._document("migration_config.json", "migration").value
        return value if isinstance(value, dict) else {}

    @property
    def state_damage(self) -> str | None:
        """What is wrong with the state file as a whole; None when it is sound."""
        return str(self._state) if isinstance(self._state, SnapfsError) else self._state.damage

    @property
    def config_damage(self) -> str | None:
        """What is wrong with the configuration as a whole; None when it is sound."""
        return str(self._config) if isinstance(self._config, SnapfsError) else self._config.damage

    @property
    def problems(self) -> list[str]:
        """All that is wrong with the snapshot as a whole: the documents, and the memory against its table."""
        found = [damage for damage in (self.state_damage, self.config_damage) if damage]
        try:
            memory = self.memory
            found += [gap.reason for gap in memory.gaps if gap.kind == "truncated"]
            found += memory.problems
        except SnapfsError as error:
            found.append(str(error))
        return list(dict.fromkeys(found))

    # ---- the parts

    @cached_property
    def vcpus(self) -> Mapping[int, Vcpu]:
        """The vCPUs by number."""
        from snapfs.snapshot import vcpu

        manager = self.machine.find("cpu-manager")
        return vcpu.Vcpus(manager.children if manager else {})

    @cached_property
    def gic(self) -> Gic | None:
        """The interrupt controller of an aarch64 machine; None where the snapshot has none."""
        from snapfs.snapshot import gic

        node = gic.component(self.machine)
        return gic.Gic(node, self._affinities) if node else None

    @cached_property
    def ioapic(self) -> Ioapic | None:
        """The I/O APIC of an x86_64 machine; None where the snapshot has none."""
        from snapfs.snapshot import ioapic

        node = ioapic.component(self.machine)
        return ioapic.Ioapic(node) if node else None

    @property
    def has_common_cpuid(self) -> bool:
        """Whether the CPUID template of all vCPUs was saved; decodes nothing, and never fails."""
        return bool(self._common_cpuid)

    @property
    def _common_cpuid(self) -> Any:
        try:
            data = self.machine.data
            saved = data.get("common_cpuid") if isinstance(data, dict) else None
            return saved or self.migration.get("common_cpuid")
        except SnapfsError:
            return None

    @cached_property
    def common_cpuid(self) -> Cpuid | None:
        """The CPUID template that all vCPUs of an x86_64 machine share (v18 and later under KVM); None where it was not saved."""
        from snapfs.snapshot.vcpu.kvm_x86_64 import cpuid_of

        return cpuid_of(self._common_cpuid, f"{self.machine.where}/common_cpuid") if self.has_common_cpuid else None

    def _affinities(self) -> dict[str, int]:
        """The vCPUs by affinity, those of aarch64 that can be read."""
        found = {}
        for number, vcpu in self.vcpus.items():
            try:
                if place := getattr(vcpu, "affinity", None):
                    found[place] = number
            except SnapfsError:
                continue
        return found

    @cached_property
    def clock(self) -> Clock | None:
        """The machine's clock; None where the snapshot has none."""
        from snapfs.snapshot import clock

        return clock.read(self.machine)

    @cached_property
    def devices(self) -> Mapping[str, Device]:
        """The devices by id."""
        from snapfs.snapshot import devices

        return devices.find(self)

    @cached_property
    def memory(self) -> GuestMemory:
        """Guest memory."""
        from snapfs.snapshot import memory

        node = self.machine.find("memory-manager")
        data: Any = self.migration.get("memory_manager_data") or (node.data if node else None)
        try:
            return memory.GuestMemory(self.source, memory.read_state(data, "memory-manager"), self._zones())
        except CorruptState as error:
            assumed = self._assumed_memory()
            if assumed is None:
                raise
            found = memory.GuestMemory(self.source, assumed, {})
            found.problems.append(f"{error}; its ranges are assumed from the configuration and the size of the file")
            return found

    def _assumed_memory(self) -> MemoryManagerState | None:
        """What the memory table must have been, for a machine with one plain zone."""
        from snapfs.snapshot import memory

        try:
            config = self.config.memory
            if config.zones or config.hotplugged_size or config.shared or config.file:
                return None
            arch = next(iter(self.vcpus.values())).arch
            return memory.assumed_state(self.source, config.size, arch)
        except (SnapfsError, StopIteration):
            return None

    def _zones(self) -> dict[str, str]:
        """Host paths of the memory zones that have one. Memory without zones is the zone `mem0`, up to v14 with a path of its own."""
        try:
            memory = self.config_json.get("memory")
        except (SnapfsError, AttributeError):
            return {}
        if not isinstance(memory, dict):
            return {}
        zones = memory.get("zones")
        named = [{"id": "mem0", "file": memory.get("file")}, *(zones if isinstance(zones, list) else ())]
        return {z["id"]: str(z["file"]) for z in named if isinstance(z, dict) and isinstance(z.get("id"), str) and z.get("file")}
