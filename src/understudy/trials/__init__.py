"""Trials: clinical trials read from their tables, replayed, understood, redesigned and simulated."""
