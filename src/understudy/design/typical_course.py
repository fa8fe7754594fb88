"""Typical course: what a patient without random effects would show under each group's doses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from understudy.design.information import group_protocols
from understudy.design.population_design import Design
from understudy.engine.simulate import simulate
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    import pandas as pd

_POINTS = 200


def typical_course(
    model: PopulationModel, design: Design, until: float | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Curves of every output that is sampled, and their values at the samples.

    Parameters
    ----------
    model : PopulationModel
    design : Design
    until : float, optional
        End of the curves; the last sample of each group where None.

    Returns
    -------
    curves, samples : DataFrame
        Columns ``group``, ``kind`` (number of the kind of patient), ``output``, ``unit``, ``time``, ``value``.
    """
    import pandas as pd

    curves, samples = [], []
    for k in range(len(design.groups)):
        for kind, protocol in enumerate(group_protocols(model, design, k)):
            times = np.unique(
                np.concatenate([np.linspace(0.0, until or protocol.times.max(), _POINTS), protocol.times])
            )
            patient = pd.DataFrame([dict(protocol.covariates)], index=["typical"])
            found = simulate(
                model,
                patient,
                protocol.regimen,
                times,
                outputs=dict.fromkeys(protocol.outputs),
                before_dose=True,
            )
            for output in dict.fromkeys(protocol.outputs):
                own = {
                    "group": design.label(k), "kind": kind, "output": output,
                    "unit": model.structural.output(output).unit,
                }  # fmt: skip
                values = np.asarray(found[output].values)[0]
                at = np.sort(protocol.times[[name == output for name in protocol.outputs]])
                curves.append(pd.DataFrame({"time": times, "value": values}).assign(**own))
                places = np.searchsorted(times, at)
                samples.append(pd.DataFrame({"time": at, "value": values[places]}).assign(**own))
    return pd.concat(curves, ignore_index=True), pd.concat(samples, ignore_index=True)
