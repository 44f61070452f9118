"""Writes a part of the tree to disk or into a tar stream, holes kept."""
