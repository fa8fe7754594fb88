"""Responders: who benefits more than others, and how often chance alone would say so."""
