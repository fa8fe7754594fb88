"""Redesign: eligibility criteria as data, and what each of them does to a trial."""
