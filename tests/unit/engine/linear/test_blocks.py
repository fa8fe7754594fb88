"""Which linear models the closed form knows, and how it takes them apart."""

from itertools import pairwise

import pytest

from understudy.engine.linear.blocks import MOST_STATES, blocks_of
from understudy.engine.linear.linear import linear_system
from understudy.engine.sensitivity.augmented_model import augment
from understudy.engine.sensitivity.directions import Direction
from understudy.engine.sensitivity.twice_augmented_model import augment_twice, pairs_of
from understudy.library.pk import compartments
from understudy.model.model import Model


def model(rates: dict[str, str], **parameters: float) -> Model:
    return Model("m", "h", {"k": 0.5, "q": 0.25, "V": 10.0} | parameters, dict.fromkeys(rates, "mg"), rates)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("absorption", ["iv", "first_order", "mixed", "lagged", "zero_order"])
def test_compartments_of_the_library_are_recognised(count, absorption):
    found = blocks_of(compartments(count, absorption))
    depots = int(absorption in ("first_order", "mixed", "lagged"))
    assert found.size == count + depots
    assert found.exchanges == (() if count == 1 else (tuple(range(depots, depots + count)),))


def test_the_order_of_the_states_does_not_matter():
    found = blocks_of(model({"P": "k * C - q * P", "C": "V * D + q * P - k * C - C", "D": "-V * D"}))
    assert (found.exchanges, found.upstream) == (((0, 1),), (0b111, 0b111, 0b100))


RECOGNISED = {
    "two depots": {"D": "-k * D", "E": "-q * E", "C": "k * D + q * E - C"},
    "a depot that loses on its way": {"D": "-(k + q) * D", "C": "k * D - C"},
    "a state that nothing touches": {"C": "-k * C", "X": "0"},
    "production": {"C": "V - k * C"},
    "a metabolite": {"C": "-k * C + X - C", "X": "C - X", "M": "k * C - q * M"},
    "a collector behind a depot": {"D": "-k * D", "C": "k * D - q * C", "AUC": "C / V"},
    "an effect compartment": {"C": "-k * C", "E": "q * (C / V - E)"},
    "a chain": {"A": "-k * A", "B": "k * A - q * B", "C": "q * B - k * C"},
    "three peripherals": {"C": "-k * C + X + Y + Z", "X": "k * C - X", "Y": "k * C - Y", "Z": "k * C - Z"},
    "a row": {"A": "B - A", "B": "A - B + C - B", "C": "B - C - k * C"},
    "two systems side by side": {"A": "-k * A + q * B", "B": "k * A - B", "C": "-k * C + D", "D": "C - D"},
}
NOT_RECOGNISED = {
    "peripherals that exchange": {"C": "-k * C + X + Y", "X": "k * C - X + Y", "Y": "k * C - Y + X"},
    "enterohepatic recycling": {"C": "-k * C + G - C", "B": "C - B", "G": "B - G"},
    "what swings": {"A": "B", "B": "-k * A"},
    "more states than it takes": {f"A{i}": f"-k * {i + 1} * A{i}" for i in range(MOST_STATES + 1)},
}


@pytest.mark.parametrize("name", RECOGNISED)
def test_shapes_the_closed_form_knows(name):
    assert blocks_of(model(RECOGNISED[name])) is not None


@pytest.mark.parametrize("name", NOT_RECOGNISED)
def test_linear_shapes_the_closed_form_does_not_know(name):
    assert linear_system(model(NOT_RECOGNISED[name])) is not None
    assert blocks_of(model(NOT_RECOGNISED[name])) is None


@pytest.mark.parametrize("wrt", [("CL",), ("CL", "V1", "ka"), ("ka", "Q", "F", "tlag")])
def test_sensitivities_are_copies_of_the_system_that_it_drives(wrt):
    directions = tuple(Direction((name,), ("",)) for name in wrt)
    found = blocks_of(augment(compartments(2, "lagged"), directions).model)
    assert (found.size, found.directions) == (3, len(wrt))
    assert found.exchanges == ((1, 2),)
    assert all(row >= 3 > column for row, column in found.couplings)


def test_second_sensitivities_are_copies_that_copies_drive():
    directions = tuple(Direction((name,), ("",)) for name in ("CL", "ka"))
    found = blocks_of(augment_twice(compartments(2, "lagged"), directions, pairs_of(2)).twice.model)
    assert (found.size, found.levels) == (3, (0, 1, 1, 2, 2, 2))
    # Nothing reaches a place from a later level, and everything reaches the last compartment's second sensitivities.
    assert all(int(found.reach[place]) < 1 << 3 * (place // 3 + 1) for place in range(9))
    assert found.reach[8] == 0b111_111_111


def test_copies_of_copies_of_copies_are_no_copies():
    chain = {"A": "-k * A"} | {now: f"k * {last} - k * {now}" for last, now in pairwise("ABCDE")}
    assert blocks_of(model({name: chain[name] for name in "ABC"})).levels == (0, 1, 2)
    assert blocks_of(model(chain)).size == 5
