"""What only the guest knows: page tables, and what can be recovered from its memory."""
