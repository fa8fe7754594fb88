"""Masking: counts so small that they might point at a person are not shown in any output."""

from __future__ import annotations

SMALLEST = 5  # counts below it are masked


def masked(count: int) -> str:
    """A count as readers may see it: from one to four it is ``"<5"``.

    Examples
    --------
    >>> masked(0), masked(4), masked(5)
    ('0', '<5', '5')
    """
    return f"<{SMALLEST}" if is_small(count) else str(int(count))


def is_small(count: float) -> bool:
    """Whether a count has to be masked.

    Examples
    --------
    >>> is_small(0), is_small(1), is_small(5)
    (False, True, False)
    """
    return 0 < count < SMALLEST
