"""Analyses: a file for each kind of endpoint, from a trial to effects."""
