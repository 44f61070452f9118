"""The tree: a snapshot as directories and files, independent of any door.

`nodes` are what doors see, `reflect` derives them from values, `names` escapes keys, `root` is the one table of what stands
where.
"""

from snapfs.tree.nodes import Dir, File, Link, Node
from snapfs.tree.root import root

__all__ = ["Dir", "File", "Link", "Node", "root"]
