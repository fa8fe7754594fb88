"""PEtab: parameter estimation problems of systems biology, versions 1 and 2.

Schmiester et al. 2021, PEtab: interoperable specification of parameter estimation problems in systems biology, PLoS
Comput Biol 17:e1008646, doi:10.1371/journal.pcbi.1008646.

A problem says of itself how its likelihood comes about: conditions, noise, placeholders. So reading it and evaluating
it stand together here, in the room of formats, which is above the engine and the inference that both use.
"""
