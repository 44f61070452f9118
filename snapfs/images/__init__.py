"""Whole-memory files as blobs: each a function from a snapshot to a Blob."""
