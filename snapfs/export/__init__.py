"""Writes a part of the tree to disk or into a tar stream, holes kept.

`selection` says which nodes of a directory are written and which images stay behind, `copying` moves one file's bytes,
`disk` and `archive` are the two destinations. Nothing here reads a snapshot or talks to people: progress and failures go
to callbacks of the caller.
"""

from snapfs.export.archive import write_archive, write_tar
from snapfs.export.disk import write_directory, write_file
from snapfs.export.selection import Selection, select

__all__ = ["Selection", "select", "write_archive", "write_directory", "write_file", "write_tar"]
