"""Write the guest's disk: a log book, one entry in each sector, the rest empty."""

import sys

ENTRIES = """\
LOG BOOK of the light on Skerry Rock      Kept by hand. One entry to a sector.
Entry 1. Took over the light. Brass polished, wick trimmed, two gulls on the rail.
Entry 2. Wind south-west, fresh. Three sail passed before noon.
Entry 3. Wound the clockwork at dusk. It runs a minute slow in four hours.
Entry 4. Calm. Repainted the gallery door, green again.
Entry 5. A seal on the landing all day. It did not answer the horn.
Entry 6. Oil delivered: eleven cans. One leaks; stood it in the basin.
Entry 7. Northern lights, faint, an hour after midnight.
Entry 8. Gale. Spray over the lantern. The lamp burned steady.
Entry 9. Gale. Slept in the watch room.
Entry 10. Wind dropped. Counted the panes: all whole.
Entry 11. Supply boat late. Bread is done, biscuit holds.
Entry 12. Glass falling slowly. Fog bank to the west at sundown.
""".splitlines()

with open(sys.argv[1], "wb") as disk:
    disk.writelines((entry + "\n").encode().ljust(512, b"\0") for entry in ENTRIES)
    disk.write(bytes(64 * 1024 - disk.tell()))
