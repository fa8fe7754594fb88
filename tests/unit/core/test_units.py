"""Units as pharmacometricians write them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.errors import UnitError
from understudy.core.units import convert, factor, unit, unit_text

WRITTEN = """
mg/L ug/mL mcg h d wk 1 mL/min/kg mg/m**2 m^2 U/L 1/h IU percent % month mo y yr mmol nM cells/uL 10^9/L
10**9/L degC °C kDa μg/mL µg bpm mEq mg.h/L mg·h/L m**-1 m**(-1) m**0.5 mg/(L*h) kg⁻¹ m² mIU/mL 1/(mg/L)
"""
REFUSED = """
L/h/70kg a.u. m**9**9**9**9 m**999999999 m**(1/2) 2*mg 11 1.1 10^5/L mg/ /h mg//L mg/*L ( () (mg mg) m[0] 'a'
__import__('os').system('ls') mg+mg m**h m.1 kg**2**2
"""


@pytest.mark.parametrize("text", [*WRITTEN.split(), "", "mg h/L", " mg / L ", "10^6 cells/kg"])
def test_what_is_written_is_read_and_read_back(text):
    assert unit(unit_text(unit(text))) == unit(text)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("mg/L", "ug/mL", 1.0),
        ("mg/L", "ng/mL", 1000.0),
        ("1/d", "1/h", 1 / 24),
        ("mL/min/kg", "L/h/kg", 0.06),
        ("wk", "d", 7.0),
        ("mo", "d", 30.4375),
        ("IU/mL", "U/L", 1000.0),
        ("mcg", "mg", 0.001),
        ("cells/uL", "10^9/L", 0.001),
        ("percent", "1", 0.01),
        ("nM", "nmol/L", 1.0),
        ("m²", "cm**2", 10_000.0),
        ("mg h/L", "mg*min/L", 60.0),
        ("1/(mg/L)", "L/mg", 1.0),
        ("mg/L h", "mg*h/L", 1.0),
    ],
)
def test_factors_are_exact(source, target, expected):
    assert factor(source, target) == expected


@given(st.sampled_from(["mg", "mcg", "kg"]), st.sampled_from(["L", "mL", "dL"]), st.sampled_from(["h", "wk"]))
def test_factors_there_and_back_cancel(mass, volume, time):
    there, back = f"{mass}/{volume}/{time}", "ng/L/d"
    assert factor(there, back) * factor(back, there) == pytest.approx(1, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "repair"),
    [
        ("mgg/L", "did you mean mg"),
        ("lt/h", "did you mean"),
        ("hourz", "mg/L"),
        ("L/H", "did you mean h?"),
        ("MG/L", "did you mean mg?"),
        ("ML", "did you mean mL?"),
    ],
)
def test_unknown_units_get_a_suggestion(text, repair):
    with pytest.raises(UnitError, match="unknown unit") as caught:
        unit(text)
    assert repair in caught.value.repair
    assert repr(text) == caught.value.place


@pytest.mark.parametrize(
    "text",
    [*REFUSED.split(), "mg L-1", "(" * 190, "m*" * 90 + "(" * 10, "mg*" * 100 + "mg"],
)
def test_what_is_no_unit_is_refused(text):
    with pytest.raises(UnitError):
        unit(text)


def test_no_unit_but_a_number():
    with pytest.raises(UnitError, match="is no unit"):
        unit(1)


@pytest.mark.parametrize(("source", "target"), [("mg", "L"), ("IU", "mol"), ("mEq", "mmol"), ("degC", "K")])
def test_units_that_no_factor_joins(source, target):
    with pytest.raises(UnitError, match=f"in {source}, should be in {target}"):
        factor(source, target)


def test_values_are_converted():
    np.testing.assert_array_equal(convert([1, 2], "h", "min"), [60.0, 120.0])
    np.testing.assert_allclose(convert([20.0, 37.0], "degC", "K"), [293.15, 310.15], rtol=1e-15)
    assert convert(1.5, "mg", "ug") == 1500.0
    with pytest.raises(UnitError, match="multiply by a quantity in L/mg"):
        convert(1.0, "mg", "L")
