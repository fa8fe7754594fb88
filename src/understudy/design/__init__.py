"""Design: what a population study will tell before it is made, and when and whom to sample so that it tells most."""

from understudy.design.information import Information, expected_information
from understudy.design.optimise import optimise_design
from understudy.design.optimum import Optimum
from understudy.design.population_design import Design, Group

__all__ = ["Design", "Group", "Information", "Optimum", "expected_information", "optimise_design"]
