"""Fast."""
from __future__ import annotations

def settle_fast_reactions(content):
    for r in content.reactions:
        if r.fast:
            raise r.place.refuse("fast reactions are not supported yet")
