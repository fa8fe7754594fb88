"""The dental growth data of Potthoff & Roy 1964 (doi:10.1093/biomet/51.3-4.313), table 1.

Distance (mm) from the pituitary to the pterygomaxillary fissure at ages 8, 10, 12 and 14 of 11 girls and 16 boys.
"""

from __future__ import annotations

import numpy as np

from understudy.biostatistics.design_matrix import Design, design_matrix

GIRLS = """
21 20 21.5 23; 21 21.5 24 25.5; 20.5 24 24.5 26; 23.5 24.5 25 26.5; 21.5 23 22.5 23.5; 20 21 21 22.5;
21.5 22.5 23 25; 23 23 23.5 24; 20 21 22 21.5; 16.5 19 19 19.5; 24.5 25 28 28
"""
BOYS = """
26 25 29 31; 21.5 22.5 23 26.5; 23 22.5 24 27.5; 25.5 27.5 26.5 27; 20 23.5 22.5 26; 24.5 25.5 27 28.5;
22 22 24.5 26.5; 24 21.5 24.5 25.5; 23 20.5 31 26; 27.5 28 31 31.5; 23 23 23.5 25; 21.5 23.5 24 28;
17 24.5 26 29.5; 22.5 25.5 25.5 26; 23 24.5 26 30; 22 21.5 23.5 25
"""
AGES = [8, 10, 12, 14]


def _rows(text: str) -> list[list[float]]:
    return [[float(value) for value in row.split()] for row in text.replace("\n", " ").split(";")]


DISTANCES = np.array(_rows(GIRLS) + _rows(BOYS))
DISTANCE = DISTANCES.ravel()
CHILD = np.repeat(np.arange(27), 4)
AGE = np.tile(AGES, 27)
SEX = np.repeat(["girl"] * 11 + ["boy"] * 16, 4)


def by_age() -> Design:
    """A mean for each sex and age."""
    return design_matrix({"sex": SEX, "age": AGE}, categories=["age"], interactions=[("sex", "age")])


def by_lines() -> Design:
    """A straight line for each sex; boys are the reference."""
    return design_matrix({"sex": SEX, "age": AGE}, interactions=[("sex", "age")])
