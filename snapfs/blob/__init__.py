"""Engine: byte sequences of any size as values. A blob knows its size, reads exactly, and tells its holes.

`Data` is bytes in memory, `FileSlice` a window of an opened file, `Zeros` a hole, `Gap` bytes that are not there (reading
them is an error), `Concat` several in a row. Nothing is copied or read before it is asked for.
"""

from snapfs.blob.algebra import Blob, Concat, Data, Deferred, Extent, Gap, Place, Window, Zeros, concat, locate, seek, settle
from snapfs.blob.cursor import Cursor
from snapfs.blob.file import File, FileSlice

__all__ = [
    "Blob",
    "Concat",
    "Cursor",
    "Data",
    "Deferred",
    "Extent",
    "File",
    "FileSlice",
    "Gap",
    "Place",
    "Window",
    "Zeros",
    "concat",
    "locate",
    "seek",
    "settle",
]
