"""Models: mechanisms, dosing, populations."""

from understudy.model import outcomes

__all__ = ["outcomes"]
