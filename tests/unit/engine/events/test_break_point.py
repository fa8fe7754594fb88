"""Times at which equations change their form are found, for each patient, and integrations start anew there."""

import numpy as np
import pandas as pd
import pytest

from understudy.engine.events.break_point import switch_times
from understudy.engine.problem import Tolerances
from understudy.engine.simulate import simulate
from understudy.model.model import Model


def forced(rate: str, **events) -> Model:
    return Model(
        "forced", "h", {"begin": (1.0, "h"), "span": (2.0, "h"), "k": (0.5, "1/h")}, {"A": "mg"}, {"A": rate},
        assignments={"end": "begin + span", "since": "t - begin"}, outputs={"A": ("A", "mg")}, events=events,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rate", "times"),
    [
        ("where(t < 5, 1, 0)", [5]),
        ("where(t - begin >= 5, 1, 0)", [6]),
        ("where(3 * t > span, 1, 0)", [2 / 3]),
        ("where(-t / 4 <= -span, 1, 0)", [8]),
        ("where(begin < t < end, 1, 0)", [1, 3]),
        ("where(since > span ** 2, 1, 0)", [5]),
        ("piecewise(1, t < 3, 2, not t >= 7, 3)", [3, 7]),
        ("where(A < 5, 1, 0)", []),
        ("where(begin < span, 1, 0)", []),
        ("where(t * t < 2, 1, 0)", []),
        ("where(t < A, 1, 0)", []),
        ("where(t < t + 1, 1, 0)", []),
    ],
)
def test_times_are_read_from_comparisons(rate, times):
    model = forced(rate)
    values = {"begin": 1.0, "span": 2.0, "end": 3.0}
    assert sorted(float(time.evaluate(values)) for time in switch_times(model)) == pytest.approx(times)


def test_what_an_event_changes_gives_no_time():
    assert switch_times(forced("where(t < begin, 1, 0)", e=("A > 1", {"begin": 3}))) == ()


def test_equations_that_only_outputs_need_do_not_count():
    model = Model("m", "h", {}, {"A": "1"}, {"A": "-A"}, assignments={"late": "t > 3"}, outputs={"o": "late"})
    assert switch_times(model) == ()


def pumped(t, begin, span, k):
    """An infusion at rate 1 from `begin` for `span`, leaving at rate constant k."""
    during = np.clip(t - begin, 0, span)
    return (1 - np.exp(-k * during)) / k * np.exp(-k * np.maximum(t - begin - span, 0))


@pytest.mark.parametrize("engine", ["kernel", "reference"])
@pytest.mark.parametrize("condition", ["begin <= t and t < end", "begin < t and t <= end"])
def test_a_forcing_function_is_followed_exactly_in_every_patient(engine, condition):
    model = forced(f"where({condition}, 1[mg/h], 0) - k * A")
    patients = pd.DataFrame({"begin": [1.0, 3.7, 50.0], "span": [2.0, 4.4, 0.01]})
    times = np.array([0.5, 1.0, 2.9, 3.0, 8.1, 20.0, 50.0, 50.01, 60.0])
    found = simulate(model, patients, times=times, engine=engine).raise_failures()["A"].values
    wanted = [pumped(times, p.begin, p.span, 0.5) for p in patients.itertuples()]
    # Ten times the kernel's tolerance.
    np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-10)


def test_a_pulse_shorter_than_a_step_is_not_stepped_over():
    model = forced("where(begin <= t and t < end, 1[mg/h], 0)")
    patients = pd.DataFrame({"begin": [5000.0], "span": [1e-3]})
    loose = Tolerances(relative=1e-3, absolute=1e-5)
    found = simulate(model, patients, times=[1e4], engine="kernel", tolerances=loose)["A"].values
    assert found == pytest.approx(1e-3)


def test_parameters_that_change_move_the_times_with_them():
    from understudy.data.records import Records

    model = forced("where(t < begin, 1[mg/h], 0)")
    table = pd.DataFrame({"ID": "a", "TIME": [0.0, 4.0, 8.0], "DV": 0.0, "begin": [2.0, 6.0, 6.0]})
    records = Records.from_frame(table)
    for engine in ("kernel", "reference"):
        found = simulate(model, records, engine=engine)["A"].values
        assert found[0] == pytest.approx([0.0, 2.0, 4.0])
