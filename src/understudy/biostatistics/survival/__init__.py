"""Survival analysis: curves, tests, hazards, competing risks, repeated events and hierarchical comparisons."""
