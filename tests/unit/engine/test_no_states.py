"""A model without states: its outputs are functions of time and parameters."""

import numpy as np
import pandas as pd
import pytest

from understudy.core.errors import SimulationError
from understudy.engine.simulate import simulate
from understudy.model.model import Model

LINE = Model("line", "h", {"slope": 2.0}, {}, {}, outputs={"y": ("slope * t",)})


@pytest.mark.parametrize("engine", ["auto", "kernel", "reference"])
def test_outputs_are_functions_of_time(engine):
    outcome = simulate(LINE, pd.DataFrame({"slope": [1.0, 3.0]}), times=[0, 1, 4], engine=engine)
    np.testing.assert_array_equal(outcome["y"].values, [[0, 1, 4], [0, 3, 12]])


def test_sensitivities_need_states():
    with pytest.raises(SimulationError, match="has no states"):
        simulate(LINE, times=[1], sensitivities=["slope"])
