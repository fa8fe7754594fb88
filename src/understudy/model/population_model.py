"""PopulationModel: how individuals differ around a mechanism, and how far measurements scatter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from understudy.core.content import Content, later_field
from understudy.core.errors import ModelError
from understudy.core.expression import Expression, check_name
from understudy.model.model import Model, _named, _records, ordered, require_known
from understudy.model.parts import Assignment, Parameter, Source


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
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "covariance", tuple(tuple(float(v) for v in row) for row in matrix))
        object.__setattr__(self, "standard_errors", tuple(self.standard_errors))

    @property
    def size(self) -> int:
        """Number of effects in the block."""
        return len(self.names)


@dataclass(frozen=True)
class Residual:
    """How measurements of one output scatter around the prediction.

    Parameters
    ----------
    output : str
    variance : Expression
        Variance of a measurement, in terms of the output's name (the prediction), fixed and random effects and
        covariates: ``"sigma2 * C ** 2"`` is proportional, ``"add ** 2 + (prop * C) ** 2"`` combined.
    scale : {"identity", "log"}
        Whether the scatter is normal on the measurement's own scale or on its logarithm.
    lower_limit, upper_limit : float or None
        Limits of quantification, in the output's unit. A measurement beyond one only says that the level is there.
    """

    output: str
    variance: Expression
    scale: Literal["identity", "log"] = "identity"
    lower_limit: float | None = None
    upper_limit: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "variance", Expression(self.variance))
        if self.scale not in ("identity", "log"):
            raise ModelError(f"unknown residual scale {self.scale!r}", repair="use identity or log")


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

    def __post_init__(self) -> None:
        put = lambda field, value: object.__setattr__(self, field, value)  # noqa: E731
        put("individual", _records(Assignment, self.individual))
        put("fixed", _records(Parameter, self.fixed))
        put("random", _blocks(self.random))
        put("residual", _records(Residual, self.residual))
        put("covariates", _records(Covariate, self.covariates))
        put("sources", tuple(self.sources))
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
        """Outputs that have a residual error, the observed ones."""
        return tuple(residual.output for residual in self.residual)

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
        return "\n".join(lines + [f"  var({r.output}) = {r.variance}" for r in self.residual])


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
    _ = model.ordered_individual
    for item in model.individual:
        require_known(item.expression, names, f"{model.name}, individual {item.name}")
    for residual in model.residual:
        model.structural.output(residual.output)
        require_known(
            residual.variance, {*names, residual.output}, f"{model.name}, residual of {residual.output}"
        )


def _check_same(blocks: tuple[RandomEffects, ...], place: str) -> None:
    for before, block in zip((None, *blocks), blocks, strict=False):
        if block.same and (before is None or before.covariance != block.covariance):
            raise ModelError(
                f"the covariance of {', '.join(block.names)} is not that of the block before",
                place=place,
                repair="give both the same covariance, or leave out same=True",
            )
