"""Algebraic rules."""
from __future__ import annotations

def solve_algebraic(content):
    for _, place in content.algebraic:
        raise place.refuse("algebraic rules are not supported yet")
