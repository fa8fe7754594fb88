"""Figures and tables as text for docs/performance.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def figure(value: float) -> str:
    """Three digits: 0.0204, 13.8, 1,230."""
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:#.3g}"


def times(value: float) -> str:
    """A ratio: 0.61, 4.7, 38, 1,230."""
    digits = 2 if value < 0.995 else 1 if value < 9.95 else 0
    return f"{value:,.{digits}f}"


def power(value: float) -> str:
    """A power of ten without needless zeros: 1e-4."""
    mantissa, exponent = f"{value:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A Markdown table: the first columns to the left, the others, numbers, to the right."""
    rule = ["---"] * left + ["---:"] * (len(heads) - left)
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))
