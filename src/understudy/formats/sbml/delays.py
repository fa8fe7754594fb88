"""Delays."""
from __future__ import annotations

def write_out_delays(draft):
    for each in draft.delays:
        raise each[3].refuse("delay is not supported yet")
