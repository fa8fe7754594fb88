"""Full random effects: covariates as observations with random effects of their own, in one omega with the others.

FREM: Karlsson MO. A full model approach based on the covariance matrix of parameters and covariates. PAGE 21 (2012)
abstr 2455; Yngman G, Bjugård Nyberg H, Nyberg J, Jonsson EN, Karlsson MO. An introduction to the full random effects
model. CPT Pharmacometrics Syst Pharmacol 2022;11:149-160, doi:10.1002/psp4.12741 (PMID 34984855). Nothing is selected,
correlated covariates stay in together, and a patient whose covariate is missing stays in too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from understudy.core.errors import ModelError, SimulationError
from understudy.core.expression import Expression
from understudy.data.compatibility import output_name
from understudy.data.records import Records
from understudy.engine.simulate import in_model_units
from understudy.inference.estimation.parameter_space import omega_name
from understudy.model.parts import Assignment, Output, Parameter
from understudy.model.population_model import PopulationModel, RandomEffects, Residual

if TYPE_CHECKING:
    import pandas as pd

    from understudy.inference.fit import Fit

# Residual variance of a covariate as a share of its variance: small enough to say that it is known.
_KNOWN = 1e-4
# Correlations to begin with: one that begins at zero would stay there.
_CORRELATED = 0.05


@dataclass(frozen=True, eq=False)
class FullRandomEffects:
    """A population model and records in which covariates are observed.

    Parameters
    ----------
    model : PopulationModel
        To be estimated from `records`.
    records : Records
        With a measurement of each covariate at each patient's first time.
    effects : tuple of str
        Random effects that the covariates may explain.
    covariates : tuple of str
    """

    model: PopulationModel
    records: Records
    effects: tuple[str, ...]
    covariates: tuple[str, ...]

    def coefficients(self, fit: Fit) -> pd.DataFrame:
        """How the random effects change with the covariates, all others held.

        Parameters
        ----------
        fit : Fit
            Of `model` from `records`.

        Returns
        -------
        DataFrame
            A row for each effect and covariate: ``effect``, ``covariate``, ``coefficient`` (of the random effect by the
            covariate: omega between them times the inverse of omega of the covariates), ``standard error`` (by the
            delta method, not-a-number without a covariance), ``explained`` (share of the effect's variance that all
            covariates explain together).
        """
        import pandas as pd

        names = list(fit.estimates)
        values = np.array([fit.estimates[name] for name in names])
        slopes, explained = self._slopes(dict(fit.estimates))
        errors = np.full(slopes.size, np.nan)
        if fit.covariance is not None:
            known = list(fit.covariance.index)
            jacobian = np.empty((slopes.size, len(known)))
            for k, name in enumerate(known):
                step = 1e-5 * max(abs(values[names.index(name)]), 1e-8)
                ends = [
                    self._slopes(dict(fit.estimates) | {name: fit.estimates[name] + s})[0]
                    for s in (step, -step)
                ]
                jacobian[:, k] = (ends[0] - ends[1]).ravel() / (2.0 * step)
            errors = np.sqrt(np.einsum("ik,kl,il->i", jacobian, fit.covariance.to_numpy(), jacobian))
        rows = [(effect, covariate) for effect in self.effects for covariate in self.covariates]
        return pd.DataFrame(rows, columns=["effect", "covariate"]).assign(
            coefficient=slopes.ravel(),
            **{"standard error": errors, "explained": np.repeat(explained, len(self.covariates))},
        )

    def _slopes(self, estimates: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
        names = (*self.effects, *(_eta(covariate) for covariate in self.covariates))
        size, own = len(names), len(self.effects)
        omega = np.zeros((size, size))
        for i, j in zip(*np.tril_indices(size), strict=True):
            omega[i, j] = omega[j, i] = estimates[omega_name(names, i, j)]
        slopes = np.linalg.solve(omega[own:, own:], omega[own:, :own]).T
        return slopes, np.einsum("ij,ij->i", slopes, omega[:own, own:]) / np.diag(omega)[:own]


def full_random_effects(
    model: PopulationModel, records: Records, covariates: Sequence[str]
) -> FullRandomEffects:
    """Make a population model and records in which covariates are observations.

    Parameters
    ----------
    model : PopulationModel
        Without these covariates in its equations. All random effects of subjects that are estimated are joined to one
        block with those of the covariates.
    records : Records
    covariates : sequence of str
        Numbers; of a covariate that changes over time the first value counts.

    Returns
    -------
    FullRandomEffects

    Raises
    ------
    ModelError
        For a model without such random effects, or that has the covariates already.
    SimulationError
        For a covariate that does not occur, or does not vary.

    Examples
    --------
    >>> from understudy import Records, load_model
    >>> records = Records.read_csv(
    ...     "examples/phenobarbital/phenobarbital.csv",
    ...     units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg", "APGR": "1"},
    ... )
    >>> model = load_model("phenobarbital_neonates")
    >>> plain = model.__class__(
    ...     "plain", model.structural, {"CL": "theta_CL * exp(eta_CL)", "V": "theta_V * exp(eta_V)"},
    ...     {"theta_CL": (0.006, "L/h"), "theta_V": (1.4, "L"), "sigma2": 0.013}, {"eta_CL": 0.2, "eta_V": 0.2},
    ...     {"Cp": "sigma2 * Cp ** 2"},
    ... )
    >>> full = full_random_effects(plain, records, ["WT"])
    >>> full.model.eta_names, len(full.records.observations) - len(records.observations)
    (('eta_CL', 'eta_V', 'eta_of_WT'), 59)
    """
    joined = [block for block in model.random if block.level == "subject" and not (block.fixed or block.same)]
    if not joined:
        raise ModelError("there is no random effect to explain", place=model.name, repair="declare one")
    own = in_model_units(records, model)
    observed = own.baseline().reindex(columns=list(covariates))
    _require(model, records, observed)
    units = {name: own.unit(name) or "1" for name in covariates}
    changed = _model(model, joined, observed, units)
    return FullRandomEffects(
        changed, _records(own, model, observed, units), tuple(n for block in joined for n in block.names),
        tuple(covariates),
    )  # fmt: skip


def _require(model: PopulationModel, records: Records, observed: pd.DataFrame) -> None:
    for name in observed:
        if name not in records.covariates:
            known = ", ".join(records.covariates) or "none"
            raise SimulationError(
                f"there is no covariate {name!r}", place=records.source, repair=f"covariates: {known}"
            )
        if not observed[name].var() > 0:
            raise SimulationError(f"{name} does not vary", place=records.source, repair="leave it out")
        if name in model.covariate_names:
            raise ModelError(
                f"{name} is in the model already", place=model.name, repair="begin from a model without it"
            )


def _model(
    model: PopulationModel, joined: list[RandomEffects], observed: pd.DataFrame, units: dict[str, str]
) -> PopulationModel:
    means, spread = observed.mean(), observed.var()
    structural = replace(
        model.structural,
        parameters=(
            *model.structural.parameters,
            *(Parameter(_value(name), means[name], units[name], f"{name} of a patient") for name in observed),
        ),
        outputs=(
            *model.structural.outputs,
            *(Output(_seen(name), Expression(_value(name)), units[name]) for name in observed),
        ),
    )
    thetas = [Parameter(f"theta_of_{n}", means[n], units[n], f"mean of {n}") for n in observed]
    noise = [
        Parameter(f"known_{n}", _KNOWN * spread[n], f"({units[n]})**2", f"scatter of {n}", fixed=True)
        for n in observed
    ]
    equations = [Assignment(_value(n), Expression(_equation(n, units[n]))) for n in observed]
    others = tuple(block for block in model.random if block not in joined)
    return replace(
        model,
        structural=structural,
        individual=(*model.individual, *equations),
        fixed=(*model.fixed, *thetas, *noise),
        random=(_block(joined, observed), *others),
        residual=(*model.residual, *(Residual(_seen(n), Expression(f"known_{n}")) for n in observed)),
    )


def _equation(name: str, unit: str) -> str:
    return f"theta_of_{name} + {_eta(name)}" + ("" if unit == "1" else f" * 1[{unit}]")


def _block(joined: list[RandomEffects], observed: pd.DataFrame) -> RandomEffects:
    """One block of all, its covariates' part as the records have it."""
    from scipy.linalg import block_diag

    omega = block_diag(*[np.array(block.covariance) for block in joined], observed.cov().to_numpy())
    sizes = np.sqrt(np.diag(omega))
    begun = np.where(omega == 0.0, _CORRELATED * np.outer(sizes, sizes), omega)
    names = (*(name for block in joined for name in block.names), *(_eta(name) for name in observed))
    return RandomEffects(names, tuple(map(tuple, begun.tolist())))


def _records(own: Records, model: PopulationModel, observed: pd.DataFrame, units: dict[str, str]) -> Records:
    """The records with the covariates' measurements before each patient's first record."""
    import pandas as pd

    data = own.data.copy()
    labels = {key: output_name(model, str(key)) or key for key in data["dvid"].unique()}
    data["dvid"] = data["dvid"].map(labels).astype(data["dvid"].dtype)
    first = data.groupby("id", sort=False).head(1)
    blank = dict.fromkeys(("amt", "rate", "ii"), 0.0) | dict.fromkeys(("evid", "addl", "ss", "mdv"), 0)
    added = [
        first.assign(dv=first["id"].map(observed[name]).astype(float), dvid=_seen(name), **blank).dropna(
            subset=["dv"]
        )
        for name in observed
    ]
    together = pd.concat([*added, data]).astype(data.dtypes)
    place = {name: k for k, name in enumerate(own.ids)}
    order = np.argsort(together["id"].map(place).to_numpy(), kind="stable")
    measured = {f"dv:{labels[key]}": own.unit("dv", str(key)) for key in labels if own.unit("dv", str(key))}
    kept = {name: unit for name, unit in own.units.items() if name.partition(":")[0] != "dv"}
    known = kept | measured | {f"dv:{_seen(name)}": units[name] for name in observed}
    return Records(together.iloc[order].reset_index(drop=True), known, own.covariates, own.source, own.notes)


def _value(covariate: str) -> str:
    return f"value_of_{covariate}"


def _eta(covariate: str) -> str:
    return f"eta_of_{covariate}"


def _seen(covariate: str) -> str:
    return f"observed_{covariate}"
