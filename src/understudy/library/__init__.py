"""Published models, one family per file, every parameter with its citation.

Ask by name (`catalogue.model`), look through the cards (`catalogue.models`), or compose your own
(`pk.compartments`, and the responses of `pd` on it).
"""
