"""The model: opens a snapshot directory, unwraps its state and gives every part a type.

`source` is the directory, `document` its JSON, `component` the tree of saved states with its `dialects` and binary `leaves`,
`memory` the RAM ranges, `vcpu` and `devices` the families of things that have names of their own.
"""

from snapfs.snapshot.snapshot import Snapshot

__all__ = ["Snapshot"]
