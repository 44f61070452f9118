"""The devices of the embedded sample against what its guest knows of itself."""

from corpus import demo, truth

import snapfs
from snapfs import tree


def test_the_disk_queue_is_where_the_guest_put_it() -> None:
    with snapfs.open(demo()) as snap:
        for name, id_ in (("disk", "_disk0"), ("rng", "__rng")):
            expected = truth("demo")["queues"][name]
            device = snap.devices[id_]
            queue = device.queues[0]  # type: ignore[attr-defined]
            assert device.virtio.accepted == int(expected["features"], 16)  # type: ignore[attr-defined]
            assert queue.size == expected["size"]
            assert queue.desc_table == int(expected["desc"], 16)
            assert queue.avail_ring == int(expected["avail"], 16)
            assert queue.used_ring == int(expected["used"], 16)
            assert queue.avail_idx == expected["avail_idx"]
            assert queue.used_idx == expected["used_idx"]
            assert queue.in_flight == expected["avail_idx"] - expected["used_idx"]


def test_the_doorbell_is_where_the_guest_would_ring_it() -> None:
    # lighthouse maps the notification area of the disk: BAR 0 and the offset of its capability, 4 bytes per queue
    with snapfs.open(demo()) as snap:
        area = (tree.root(snap) / "devices/_disk0/pci/capabilities/0x70-VirtIO-Notify/mapped_at").read_text()
        assert area == (tree.root(snap) / "devices/_disk0/queues/0/doorbell").read_text() == "0x00000000e7f86000\n"
        second = (tree.root(snap) / "devices/_net1/queues/1/doorbell").read_text()
        assert int(second, 16) - int((tree.root(snap) / "devices/_net1/queues/0/doorbell").read_text(), 16) == 4


def test_the_request_in_flight_is_the_one_that_hangs() -> None:
    request = next(r for r in truth("demo")["disk"]["requests"] if not r["done"])
    with snapfs.open(demo()) as snap:
        ((chain, words),) = snap.devices["_disk0"].queues[0].requests()  # type: ignore[attr-defined]
        header, data, status = chain.descriptors
        assert chain.head == request["head"]
        assert (header.address, header.length, header.writable) == (int(request["header"], 16), 16, False)
        assert (data.address, data.length, data.writable) == (int(request["data"], 16), request["len"], False)
        assert (status.address, status.length, status.writable) == (int(request["status_byte"], 16), 1, True)
        assert not chain.problem
        assert words.startswith(f"{request['type']} sector {request['sector']}, {request['len']} bytes")
        assert f"status {request['status']}" in words
        assert request["text"].strip() in words


def test_the_table_of_devices_says_what_hangs() -> None:
    with snapfs.open(demo()) as snap:
        text = (tree.root(snap) / "devices/devices.txt").read_text()
        assert "# _disk0 queue 0: entry 3: write sector 13, 512 bytes" in text
        assert "the doorbell (at 0x00000000e7f86000) was never rung" in text
        assert text.count("doorbell") == 1


def test_the_uart_is_as_the_guest_programmed_it() -> None:
    uart = truth("demo")["uart"]
    with snapfs.open(demo()) as snap:
        state = tree.root(snap) / "devices/__serial/state"
        assert int((state / "interrupt_enable").read_text(), 16) == int(uart["ier"], 16)
        assert int((state / "line_control").read_text(), 16) == int(uart["lcr"], 16)
        assert int((state / "modem_control").read_text(), 16) == int(uart["mcr"], 16)
        assert (state / "baud_divisor").read_text().strip() == uart["divisor"]
        assert (tree.root(snap) / "devices/__serial/line").read_text() == "115200 8N1\n"


def test_pci_ids_are_those_that_the_guest_found() -> None:
    with snapfs.open(demo()) as snap:
        found = {d.pci.address[5:]: f"{d.pci.vendor:04x}:{d.pci.device:04x}" for d in snap.devices.values() if d.is_pci}
        assert found == truth("demo")["pci"]


def test_the_interrupt_of_the_disk_is_as_the_guest_set_it() -> None:
    expected = truth("demo")["disk"]["msix"]
    with snapfs.open(demo()) as snap:
        row = snap.devices["_disk0"].pci.msix.splitlines()[2 + expected["vector"]].split()
        assert int(row[1], 16) == int(expected["address"], 16)
        assert int(row[2], 16) == int(expected["data"], 16)
        assert row[3] == ("yes" if expected["masked"] else "no")


def test_the_configuration_is_one_link_away() -> None:
    with snapfs.open(demo()) as snap:
        root = tree.root(snap)
        assert (root / "devices/_disk0/config/path").read_text() == "/var/lib/lighthouse/logbook.raw\n"
        assert (root / "devices/_disk0/host/path").read_text() == "/var/lib/lighthouse/logbook.raw\n"
        assert (root / "devices/__watchdog/config").read_text() == "true\n"


def test_the_table_of_devices_has_a_row_for_each_with_words_that_awk_can_take() -> None:
    with snapfs.open(demo()) as snap:
        lines = (tree.root(snap) / "devices/devices.txt").read_text().splitlines()
        rows = {line.split()[0]: line.split()[1:] for line in lines if not line.startswith("#")}
        assert {len(row) for row in rows.values()} == {6}
        status = "ACKNOWLEDGE,DRIVER,DRIVER_OK,FEATURES_OK"
        assert rows["_disk0"] == ["block", "0000:00:01.0", status, "1", "requestq0=1", "config/disks/0"]
        assert rows["_net1"] == ["net", "0000:00:02.0", "none", "3", "-", "config/net/0"]
        assert rows["__serial"] == ["serial", "-", "-", "-", "-", "config/serial"]


def test_the_summary_of_the_machine_names_the_request_that_it_waits_for() -> None:
    with snapfs.open(demo()) as snap:
        text = (tree.root(snap) / "summary.txt").read_text()
        assert "\nwaiting:\n  _disk0 queue 0: entry 3: write sector 13, 512 bytes" in text


def test_reading_all_devices_takes_no_more_of_memory_than_the_rings() -> None:
    with snapfs.open(demo()) as snap:
        taken: list[int] = []
        read = snap.memory.read
        snap.memory.read = lambda address, length: taken.append(length) or read(address, length)  # type: ignore[method-assign,func-returns-value]
        pending: list[tree.nodes.Node] = [tree.root(snap) / "devices"]
        while pending:
            node = pending.pop()
            if isinstance(node, tree.nodes.Dir):
                pending += node.children.values()
            elif isinstance(node, tree.nodes.File):
                node.read_bytes()
        assert 0 < sum(taken) < 64 << 10
