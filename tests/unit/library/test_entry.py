"""The dosing sentence and times of every card can be simulated, and say something of the model."""

import numpy as np
import pandas as pd
import pytest

from understudy.engine.simulate import simulate
from understudy.library.catalogue import model, models
from understudy.model.regimen import Regimen

every = pytest.mark.parametrize("card", models(), ids=lambda card: card.name)


def structural(card):
    found = model(card.name)
    return found.structural if card.kind == "population" else found


@every
def test_no_observation_falls_on_a_dose_and_some_follow_the_last(card):
    given = Regimen.parse(card.regimen, structural(card).time_unit).dose_times()
    # Where nothing is given the start stands for the dose.
    doses = given if len(given) else np.zeros(1)
    apart = np.abs(np.array(card.times)[:, None] - doses[None, :]).min()
    assert apart > 1e-6
    assert sum(time > doses[-1] for time in card.times) >= 2


@every
def test_conformance_case_is_finite_not_negative_and_moves(card):
    base = structural(card)
    patients = pd.DataFrame([card.covariates]) if card.covariates else None
    found = simulate(model(card.name), patients, card.regimen, card.times, engine="reference")
    for name in base.output_names:
        values = np.ravel(found[name].values)
        assert np.isfinite(values).all()
        # the reference engine is right to about 1e-12 of the largest value
        assert values.min() > -1e-9 * values.max()
        assert np.ptp(values) > 0.05 * values.max()
