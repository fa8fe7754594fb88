"""Joint models of repeated measurements and an event that depends on them."""
