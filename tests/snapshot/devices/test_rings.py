"""Rings in the memory of real guests."""

import pytest
from corpus import REAL, full, truth

import snapfs
from snapfs.formats.virtio import is_input


@pytest.mark.parametrize("name", REAL)
def test_only_queues_for_input_have_entries_in_flight_in_a_guest_that_is_well(name: str) -> None:
    with snapfs.open(full(name)) as snap:
        looked_at = 0
        for device in snap.devices.values():
            for queue in getattr(device, "queues", {}).values() if hasattr(device, "queues") else ():
                if not queue.set_up:
                    continue
                looked_at += 1
                chains = [chain for chain, _ in queue.requests()]
                assert len(chains) == queue.in_flight
                assert not [c.problem for c in chains if c.problem]
                assert not chains or is_input(device.device_type, queue.role), (device.id, queue.role)  # type: ignore[attr-defined]
                for chain in chains:
                    for d in chain.descriptors:
                        # every buffer is in RAM, and the device is to write it
                        assert snap.memory.read(d.address, 1) is not None
                        assert d.writable
            assert not list(device.stuck())
        assert looked_at >= 5


@pytest.mark.parametrize("name", REAL)
def test_queues_belong_to_the_devices_that_a_driver_has_started(name: str) -> None:
    statuses = [int(line.split()[3], 16) for line in truth(name)["virtio"].splitlines()]
    with snapfs.open(full(name)) as snap:
        virtio = [d for _, d in sorted((d.bdf, d) for d in snap.devices.values() if hasattr(d, "virtio"))]
        ready = [any(q.set_up for q in d.queues.values()) for d in virtio]
        assert ready == [bool(status & 4) for status in statuses]
