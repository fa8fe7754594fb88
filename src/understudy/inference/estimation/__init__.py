"""Estimation of populations: a task, methods, and what they find."""

from understudy.inference.estimation import methods

__all__ = ["methods"]
