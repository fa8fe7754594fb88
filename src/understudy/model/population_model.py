"""PopulationModel: how individuals differ around a mechanism, and how far measurements scatter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from understudy.core.content import Content, later_field
from understudy.core.errors import ModelError
from understudy.core.expression import check_name
from understudy.model.distribution import MEASURED, Distribution
from understudy.model.mixture import Mixture
from understudy.model.model import Model, _named, _records, ordered, require_known
from understudy.model.parts import Assignment, Parameter, Source
from understudy.model.prior import InverseWishart, NormalPrior
from understudy.model.residual import Residual, ResidualCorrelation


@dataclass(frozen=True)
class Covariate:
    """A patient's property that enters the individual parameters.

    Parameters
    ----------
    name, unit, description : str
    reference : float or None
        Value of the typical patient, used where a simulation names none.
    interpolation : {"locf", "nocb", "linear"}
        How a value that changes over time is carried between records.
    lower, upper : float or None
        Range in the patients the model was built on.
    """

    name: str
    unit: str = "1"
    description: str = ""
    reference: float | None = None
    lower: float | None = None
    upper: float | None = None
    interpolation: Literal["locf", "nocb", "linear"] = "locf"

    def __post_init__(self) -> None:
        check_name(self.name, "covariate name")


@dataclass(frozen=True)
class RandomEffects:
    """A block of normally distributed random effects with mean zero.

    Parameters
    ----------
    names : tuple of str
    covariance : tuple of tuples of float, shape (n, n)
        Omega of the block: symmetric, positive semi-definite. A covariance of zero stays zero in a fit.
    level : {"subject", "occasion"}
        Drawn once a subject, or anew for each occasion.
    standard_errors : tuple of float
        Of the diagonal, empty where unknown.
    source : Source or None
    interpolation : {"locf", "nocb"}
        Which occasion's draw holds between records: that of the record before, or, as in NONMEM, of the record after.
    fixed : bool
        Whether the covariance is held where a population is fitted.
    same : bool
        Whether the covariance is that of the block before, whatever that becomes in a fit.
    prior : InverseWishart or None
        What is known of the covariance before the data.

    Examples
    --------
    >>> RandomEffects(("eta_CL", "eta_V"), ((0.09, 0.03), (0.03, 0.04))).size
    2
    """

    names: tuple[str, ...]
    covariance: tuple[tuple[float, ...], ...]
    level: Literal["subject", "occasion"] = "subject"
    standard_errors: tuple[float, ...] = ()
    source: Source | None = None
    interpolation: Literal["locf", "nocb"] = later_field("locf")
    fixed: bool = later_field(False)
    same: bool = later_field(False)
    prior: InverseWishart | None = later_field(None)  # noqa: RUF009

    def __post_init__(self) -> None:
        for name in self.names:
            check_name(name, "random effect")
        matrix = np.array(self.covariance, dtype=float)
        shape = (len(self.names), len(self.names))
        if matrix.shape != shape or not np.allclose(matrix, matrix.T) or np.linalg.eigvalsh(matrix).min() < 0:
            raise ModelError(
                f"the covariance of {', '.join(self.names)} is no covariance matrix",
                place=str(self.covariance),
                repair=f"give a symmetric positive semi-definite {shape[0]} x {shape[1]} matrix",
            )
        if self.prior is not None and len(self.prior.mode) != len(self.names):
            raise ModelError(
                f"the prior of {', '.join(self.names)} has {len(self.prior.mode)} random effects",
                repair=f"give a {shape[0]} x {shape[1]} matrix",
            )
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "covariance", tuple(tuple(float(v) for v in row) for row in matrix))
        object.__setattr__(self, "standard_errors", tuple(self.standard_errors))

    @property
    def size(self) -> int:
        """Number of effects in the block."""
        return len(self.names)


@dataclass(frozen=True, repr=False)
class PopulationModel(Content):
    """A structural model with its population: fixed effects, random effects, covariates and residual error.

    Parameters
    ----------
    name : str
    structural : Model
    individual : tuple of Assignment, or mapping of name to equation
        Individual parameters in terms of fixed effects, random effects and covariates. Names of structural
        parameters replace their values; other names are intermediate.
    fixed : tuple of Parameter, or mapping of name to (value, unit, description)
        Fixed effects, parameters of the residual error among them.
    random : tuple of RandomEffects, or mapping of name to variance
    residual : tuple of Residual, or mapping of output to variance equation
    covariates : tuple of Covariate, or mapping of name to unit
    population : str
        Who the model was built on: number, age, disease, dose range.
    limits : str
        Where it should not be used, and how well it did where it was tested.
    sources : tuple of Source
    distributions : tuple of Distribution, or mapping of output to (kind, parameters)
        Of outcomes that are no levels: yes or no, grades, counts, events in time.
    priors : tuple of NormalPrior
        What is known of fixed effects before the data; of covariances it is in `random`.
    correlations : tuple of ResidualCorrelation
        Between residual errors of different outputs.
    mixture : Mixture or None
        Subpopulations to which individuals belong without our knowing it.

    Raises
    ------
    ModelError
        For undefined, doubled or circular names.

    Examples
    --------
    >>> iv = Model(
    ...     "iv", "h", {"CL": (2, "L/h"), "V": (20, "L")}, {"A": "mg"}, {"A": "-CL / V * A"},
    ...     outputs={"C": ("A / V", "mg/L")},
    ... )
    >>> population = PopulationModel(
    ...     "iv, adults", iv,
    ...     individual={"CL": "theta_CL * (WT / 70[kg]) ** 0.75 * exp(eta_CL)"},
    ...     fixed={"theta_CL": (2.0, "L/h"), "sigma": (0.1, "1")},
    ...     random={"eta_CL": 0.09},
    ...     residual={"C": "(sigma * C) ** 2"},
    ...     covariates={"WT": "kg"},
    ... )
    >>> population.omega
    array([[0.09]])
    """

    name: str
    structural: Model
    individual: tuple[Assignment, ...] = ()
    fixed: tuple[Parameter, ...] = ()
    random: tuple[RandomEffects, ...] = ()
    residual: tuple[Residual, ...] = ()
    covariates: tuple[Covariate, ...] = ()
    population: str = ""
    limits: str = ""
    sources: tuple[Source, ...] = ()
    distributions: tuple[Distribution, ...] = later_field(())
    priors: tuple[NormalPrior, ...] = later_field(())
    correlations: tuple[ResidualCorrelation, ...] = later_field(())
    mixture: Mixture | None = later_field(None)  # noqa: RUF009

    def __post_init__(self) -> None:
        put = lambda field, value: object.__setattr__(self, field, value)  # noqa: E731
        put("individual", _records(Assignment, self.individual))
        put("fixed", _records(Parameter, self.fixed))
        put("random", _blocks(self.random))
        put("residual", _records(Residual, self.residual))
        put("covariates", _records(Covariate, self.covariates))
        put("sources", tuple(self.sources))
        put("distributions", _records(Distribution, self.distributions))
        put("priors", tuple(self.priors))
        put("correlations", tuple(self.correlations))
        _check(self)

    @property
    def eta_names(self) -> tuple[str, ...]:
        """Names of all random effects, block by block."""
        return tuple(name for block in self.random for name in block.names)

    @property
    def covariate_names(self) -> tuple[str, ...]:
        """Names of the covariates."""
        return tuple(covariate.name for covariate in self.covariates)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Outputs that have a residual error or a distribution, the observed ones."""
        return tuple(item.output for item in (*self.residual, *self.distributions))

    @cached_property
    def omega(self) -> np.ndarray:
        """Covariance of all random effects, shape (n, n), blocks along the diagonal."""
        from scipy.linalg import block_diag

        return (
            block_diag(*[np.array(block.covariance) for block in self.random])
            if self.random
            else np.zeros((0, 0))
        )

    @property
    def fixed_values(self) -> dict[str, float]:
        """Values of the fixed effects by name."""
        return {parameter.name: parameter.value for parameter in self.fixed}

    @property
    def penalty(self) -> float:
        """What priors add to minus two log-likelihoods at the model's values; zero where there are none."""
        own = sum(prior.penalty(self.fixed_values) for prior in self.priors)
        blocks = (block for block in self.random if block.prior is not None and not block.same)
        return float(own + sum(block.prior.penalty(np.array(block.covariance)) for block in blocks))

    @cached_property
    def ordered_individual(self) -> tuple[Assignment, ...]:
        """The individual equations, each after those it needs."""
        return ordered(self.individual, self.name)

    def residual_of(self, output: str) -> Residual:
        """Residual error of one output."""
        found = {residual.output: residual for residual in self.residual}
        if output not in found:
            raise ModelError(f"{output!r} has no residual error", place=self.name, repair="declare one")
        return found[output]

    def with_values(self, **values: float) -> PopulationModel:
        """The same population with other fixed effects."""
        for name in values:
            _named(self.fixed, name, "fixed effect", self.name)
        changed = tuple(
            replace(p, value=values[p.name], source=None, standard_error=None) if p.name in values else p
            for p in self.fixed
        )
        return replace(self, fixed=changed)

    def of_class(self, number: int) -> PopulationModel:
        """The model of one subpopulation of a mixture, by its number from 1.

        Raises
        ------
        ModelError
            For a number that no subpopulation has.
        """
        if self.mixture is None or not 1 <= number <= self.mixture.size:
            raise ModelError(
                f"{self.name} has no subpopulation {number}",
                place=self.name,
                repair=f"numbers: 1 to {self.mixture.size}"
                if self.mixture
                else "declare mixture=Mixture(...)",
            )
        from understudy.model.subpopulation import subpopulation

        return subpopulation(self, number)

    def check_units(self) -> None:
        """Prove that every equation's units fit together; see `Model.check_units`."""
        from understudy.model.unit_check import check_population

        check_population(self)

    def __repr__(self) -> str:
        lines = [f"PopulationModel {self.name!r} on {self.structural.name!r}"]
        lines += [f"  {item.name} = {item.expression}" for item in self.individual]
        lines += [f"  {p.name} = {p.value:g} {p.unit}" for p in self.fixed]
        lines += [
            f"  {name} ~ N(0, {block.covariance[k][k]:g})"
            for block in self.random
            for k, name in enumerate(block.names)
        ]
        lines += [f"  var({r.output}) = {r.variance}" for r in self.residual]
        told = [
            (d, ", ".join(f"{p.name} = {p.expression}" for p in d.parameters)) for d in self.distributions
        ]
        return "\n".join(lines + [f"  {d.output} ~ {d.kind}({text})" for d, text in told])


def _blocks(given: Any) -> tuple[RandomEffects, ...]:
    if isinstance(given, Mapping):
        return tuple(RandomEffects((name,), ((float(variance),),)) for name, variance in given.items())
    return tuple(given)


def _check(model: PopulationModel) -> None:
    groups = (model.fixed, model.covariates, model.individual)
    names = [item.name for group in groups for item in group] + list(model.eta_names)
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ModelError(
            f"defined twice: {', '.join(doubled)}", place=model.name, repair="rename one of them"
        )
    _check_same(model.random, model.name)
    for name in (name for prior in model.priors for name in prior.names):
        _named(model.fixed, name, "fixed effect", model.name)
    if model.mixture is not None:
        _named(model.covariates, model.mixture.covariate, "covariate", model.name)
        for each in model.mixture.probabilities:
            require_known(
                each, model.fixed_values, f"{model.name}, probabilities of {model.mixture.covariate}"
            )
    _ = model.ordered_individual
    for item in model.individual:
        require_known(item.expression, names, f"{model.name}, individual {item.name}")
    _check_outcomes(model, names)


def _check_outcomes(model: PopulationModel, names: list[str]) -> None:
    observed = model.output_names
    doubled = sorted({name for name in observed if observed.count(name) > 1})
    if doubled:
        raise ModelError(
            f"{', '.join(doubled)} scatters in two ways",
            place=model.name,
            repair="declare one for each output",
        )
    for item in model.distributions:
        model.structural.output(item.output)
        taken = sorted(item.names & {*names} & {*model.structural.output_names})
        if taken:
            raise ModelError(
                f"{taken[0]} is an output and a name of the population: {item.output} could mean either",
                place=model.name,
                repair="rename the output",
            )
        for parameter in item.parameters:
            known = {*names, *model.structural.output_names}
            known |= {MEASURED} if item.kind == "log_likelihood" else set()
            require_known(parameter.expression, known, f"{model.name}, {parameter.name} of {item.output}")
    _check_correlations(model)
    for residual in model.residual:
        model.structural.output(residual.output)
        require_known(
            residual.variance, {*names, residual.output}, f"{model.name}, residual of {residual.output}"
        )


def _check_correlations(model: PopulationModel) -> None:
    fixed, once = model.fixed_values, []
    for item in model.correlations:
        for output in item.outputs:
            model.residual_of(output)
        require_known(item.correlation, fixed, f"{model.name}, correlation of {' and '.join(item.outputs)}")
        once += item.outputs
    for residual in model.residual:
        if residual.autocorrelation is not None:
            require_known(
                residual.autocorrelation, fixed, f"{model.name}, autocorrelation of {residual.output}"
            )
            once.append(residual.output)
    doubled = sorted({name for name in once if once.count(name) > 1})
    if doubled or any(len(set(item.outputs)) != 2 for item in model.correlations):
        raise ModelError(
            f"the residual error of {', '.join(doubled) or 'one output'} is correlated in more than one way",
            place=model.name,
            repair="let each output be correlated with one other, or with itself over time",
        )


def _check_same(blocks: tuple[RandomEffects, ...], place: str) -> None:
    for before, block in zip((None, *blocks), blocks, strict=False):
        if block.same and (before is None or before.covariance != block.covariance):
            raise ModelError(
                f"the covariance of {', '.join(block.names)} is not that of the block before",
                place=place,
                repair="give both the same covariance, or leave out same=True",
            )
