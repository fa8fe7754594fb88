"""SBML: models of systems biology, Levels 1 to 3, by libSBML."""
