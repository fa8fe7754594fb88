"""The palette under colour vision deficiencies, the contrast of text, and rows that any chart can take."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from understudy.plot import theme

# Machado GM, Oliveira MM, Fernandes LAF. IEEE Trans Vis Comput Graph 2009;15:1291-1298,
# doi:10.1109/TVCG.2009.113: linear RGB as seen with complete loss of one kind of cone.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
# A difference of 20 in CIELAB is plain to see side by side; 2.3 is just noticeable.
PLAIN = 20.0


def linear(colour):
    parts = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(colour, vision):
    xyz = TO_XYZ @ np.clip(VISION[vision] @ linear(colour), 0, 1) / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(
    "together",
    [(theme.BELOW, theme.WITHIN, theme.ABOVE), (theme.INDIVIDUAL, theme.POPULATION, theme.QUIET, theme.INK)],
    ids=["zones", "methods"],
)
def test_colours_that_stand_together_differ_for_every_reader(vision, together):
    for one, other in combinations(together, 2):
        assert np.linalg.norm(lab(one, vision) - lab(other, vision)) > PLAIN, (one, other)


@pytest.mark.parametrize("colour", [theme.INK, theme.QUIET])
def test_text_has_the_contrast_of_wcag_aa_on_white(colour):
    luminance = TO_XYZ[1] @ linear(colour)
    assert 1.05 / (luminance + 0.05) > 4.5


def test_numbers_that_are_not_finite_become_gaps():
    frame = pd.DataFrame({"x": [1.0, np.nan, np.inf], "name": ["a", None, "c"]})
    assert theme.inline(frame).values == [
        {"x": 1.0, "name": "a"},
        {"x": None, "name": None},
        {"x": None, "name": "c"},
    ]


def test_thinning_keeps_the_ends_and_the_number_asked_for():
    frame = pd.DataFrame({"x": range(100_000)})
    thin = theme.thinned(frame, 500)
    assert len(thin) == 500
    assert thin["x"].is_unique
    assert thin["x"].iloc[[0, -1]].tolist() == [0, 99_999]
    assert theme.thinned(frame.head(500), 500) is not None
    assert len(theme.thinned(frame.head(500), 500)) == 500
