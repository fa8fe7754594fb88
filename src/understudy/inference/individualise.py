"""individualise: from a population and one patient's data to that patient's twin.

The mode of the random effects' posterior (maximum a posteriori; Sheiner and Beal 1982, J Pharm Sci 71:1344-1348,
doi:10.1002/jps.2600711209), the normal distribution around it that has the posterior's curvature there (Laplace's
approximation), or draws from the posterior itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.data.joined import join
from understudy.engine.simulate import in_model_units
from understudy.inference.fit import Fit
from understudy.inference.likelihood import Likelihood
from understudy.inference.modes import find_modes
from understudy.inference.predictor import Predictor
from understudy.inference.twins.drift import Drift, without_steps
from understudy.inference.twins.fitted_model import fitted_model
from understudy.inference.twins.posterior import Posterior, laplace
from understudy.inference.twins.sampled import by_nuts, by_resampling
from understudy.inference.twins.settings import Method, Settings
from understudy.inference.twins.twins import Twins
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    from understudy.data.records import Records

__all__ = ["Twins", "assimilate", "find_modes", "individualise", "prior_twins"]


def individualise(
    model: PopulationModel | Fit,
    records: Records,
    *,
    method: Method = "laplace",
    draws: int = 1000,
    seed: int = 0,
    drift: Drift | None = None,
    engine: str = "auto",
    jobs: int = 1,
) -> Twins:
    """Make a twin of each patient.

    Parameters
    ----------
    model : PopulationModel or Fit
        The population; of a fit the model with its estimates.
    records : Records
        A patient without an observation gets the population's own distribution.
    method : {"laplace", "map", "sir", "nuts"}
        What is known of a twin: the normal distribution around the mode (``laplace``); the mode, taken for the truth in
        forecasts, with the same standard errors in tables (``map``); draws from the posterior itself, by sampling
        importance resampling (``sir``) or the No-U-Turn sampler (``nuts``). Draws that deserve doubt are told of in
        ``doubts``.
    draws : int
        That ``sir`` and ``nuts`` keep of each twin.
    seed : int
        Of ``sir`` and ``nuts``.
    drift : Drift, optional
        Random effects that change over time.
    engine, jobs
        As for `simulate`.

    Returns
    -------
    Twins
        A patient whose predictions are undefined has a status instead of a twin.

    Raises
    ------
    ModelError
        For a fit without a model, or a drift that the model cannot have.

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> individualise(load_model("phenobarbital_neonates"), records)
    Twins: 59 patients, 155 observations; shrinkage eta_CL 47 %, eta_V 13 %
    """
    settings = Settings(fitted_model(model), method, draws, seed, drift, engine, jobs)
    return _made(settings, records, np.arange(len(records.ids)))


def assimilate(twins: Twins, records: Records) -> Twins:
    """The twins after new records have come in; see `Twins.assimilate`."""
    settings = twins.settings
    more = in_model_units(records, settings.model)
    whole = join(without_steps(twins.records), more)
    first = int(twins.places.max(initial=-1)) + 1
    place = dict(zip(twins.patients, twins.places.tolist(), strict=True))
    for name in whole.ids:
        if name not in place:
            place[name], first = first, first + 1
    changed = _made(settings, whole.select(more.ids), _places(place, whole.select(more.ids)))
    wide = len(changed.effects.names) == len(twins.effects.names) and changed.model == twins.model
    if not wide:
        return _made(settings, whole, _places(place, whole))
    records = _ready(settings, whole).records
    return twins.updated(replace(changed, records=records))


def prior_twins(model: PopulationModel | Fit, records: Records, engine: str = "auto", jobs: int = 1) -> Twins:
    """Twins that know only the population: what the model says of each patient before any measurement."""
    settings = Settings(fitted_model(model), engine=engine, jobs=jobs)
    predictor = _ready(settings, records)
    omega, count = predictor.effects.omega, len(predictor.patients)
    nothing = np.full(count, np.nan)
    posterior = Posterior(
        np.zeros((count, len(omega))),
        np.broadcast_to(omega, (count, *omega.shape)).copy(),
        nothing,
        nothing,
        np.zeros(count, bool),
        cautions=("",) * count,
    )
    return _twins(settings, predictor, posterior, np.arange(count), np.zeros(count, int))


def _made(settings: Settings, records: Records, places: np.ndarray) -> Twins:
    predictor = _ready(settings, records)
    likelihood = Likelihood(predictor)
    posterior = laplace(likelihood)
    sampler = {"sir": by_resampling, "nuts": by_nuts}.get(settings.method)
    if sampler and likelihood.active.size:
        posterior = sampler(likelihood, posterior, settings.draws, settings.seed, places)
    seen = np.bincount(predictor.patient, minlength=len(predictor.patients))
    return _twins(settings, predictor, posterior, places, seen)


def _ready(settings: Settings, records: Records) -> Predictor:
    """A predictor of the records, with drift where there is any."""
    model = settings.model
    if settings.drift is not None:
        model, records = settings.drift.apply(model, in_model_units(records, model))
    return Predictor(model, records, settings.engine, settings.jobs)


def _places(place: dict[str, int], records: Records) -> np.ndarray:
    return np.array([place[name] for name in records.ids])


def _twins(
    settings: Settings,
    predictor: Predictor,
    posterior: Posterior,
    places: np.ndarray,
    observations: np.ndarray,
) -> Twins:
    import pandas as pd

    table = posterior.sampling
    return Twins(
        model=predictor.model,
        records=predictor.records,
        settings=settings,
        effects=predictor.effects,
        patients=predictor.patients,
        places=places,
        modes=posterior.modes,
        covariances=posterior.covariances,
        observations=observations,
        objective=posterior.objective,
        marginal=posterior.marginal,
        status=tuple("no maximum of the posterior was found" if bad else "" for bad in posterior.failed),
        cautions=posterior.cautions,
        samples=posterior.samples,
        sampling=None if table is None else table.set_axis(pd.Index(predictor.patients, name="patient")),
    )
