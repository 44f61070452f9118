"""The devices: one module per device kind that deserves names beyond its raw state."""
