"""Published models, one family per file, every parameter with its citation.

Ask by name (`model`), look through them (`models`), or compose your own (`pk.compartments`, `pd`).
"""
