"""Distribution: how outcomes that are no levels scatter: yes or no, grades, counts, events in time.

Binary and graded outcomes by the logistic model with cumulative logits (McCullagh 1980, J R Stat Soc B 42:109-142,
doi:10.1111/j.2517-6161.1980.tb01109.x), counts by Poisson's law, the negative binomial and the zero-inflated one (Plan
2014, Modeling and simulation of count data, CPT Pharmacometrics Syst Pharmacol 3:e129, doi:10.1038/psp.2014.27), events
by their hazard (Holford 2013, A time to event tutorial for pharmacometricians, ibid. 2:e43, doi:10.1038/psp.2013.18).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from understudy.core.errors import ModelError
from understudy.core.expression import Expression
from understudy.model.model import _records
from understudy.model.parts import Assignment

Kind = Literal[
    "bernoulli", "ordinal", "poisson", "negative_binomial", "zero_inflated_poisson", "time_to_event", "log_likelihood"
]  # fmt: skip
MEASURED = "DV"
"""What the outcome is called in a log-likelihood of one's own."""
# The parameter that is the output itself where nothing else is said, and those that must be given.
_OUTPUT_IS = {
    "bernoulli": "probability", "ordinal": "location", "poisson": "mean", "negative_binomial": "mean",
    "zero_inflated_poisson": "mean", "time_to_event": "cumulative",
}  # fmt: skip
_GIVEN = {
    "negative_binomial": ("overdispersion",), "zero_inflated_poisson": ("zero",), "time_to_event": ("hazard",),
    "log_likelihood": ("log_density",),
}  # fmt: skip
_THRESHOLD = re.compile(r"threshold_([1-9][0-9]*)")


@dataclass(frozen=True)
class Distribution:
    """How the outcomes that one output predicts are distributed.

    Parameters
    ----------
    output : str
        Output of the mechanism, and the name by which records call the outcome (DVID).
    kind : str
        ``"bernoulli"``: DV is 0 or 1; `probability` of 1.
        ``"ordinal"``: DV is a grade 0, 1, …; the logit of P(DV >= k) is `location` minus ``threshold_k``, and
        thresholds ascend.
        ``"poisson"``: DV is a count; `mean`.
        ``"negative_binomial"``: `mean` and `overdispersion`; the variance is mean + overdispersion * mean ** 2.
        ``"zero_inflated_poisson"``: `mean` of those that are not always zero, whose share is one minus `zero`.
        ``"time_to_event"``: `cumulative` hazard and `hazard`. DV is 1 for an event at this time, 0 for none since the
        record before (or the start), 2 for one or more at an unknown time since then. Events may repeat.
        ``"log_likelihood"``: any; its logarithm is `log_density`, an equation in DV.
    parameters : tuple of Assignment, or mapping of name to equation
        The parameters named above, in terms of outputs, fixed and random effects, individual parameters and
        covariates. The first one of each kind is the output itself where it is not given.

    Examples
    --------
    >>> Distribution("pain", "ordinal", {"threshold_1": "a", "threshold_2": "a + b"}).parameter_names
    ('location', 'threshold_1', 'threshold_2')
    """

    output: str
    kind: Kind
    parameters: tuple[Assignment, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in Kind.__args__:
            raise ModelError(
                f"unknown distribution {self.kind!r}",
                place=self.output,
                repair=f"use one of {', '.join(Kind.__args__)}",
            )
        given = _records(Assignment, self.parameters)
        own = _OUTPUT_IS.get(self.kind)
        if own and own not in {item.name for item in given}:
            given = (Assignment(own, Expression(self.output)), *given)
        object.__setattr__(self, "parameters", given)
        self._require_parameters()

    def _require_parameters(self) -> None:
        have = sorted(set(self.parameter_names) - {_OUTPUT_IS.get(self.kind)})
        if self.kind == "ordinal":
            numbers = sorted(int(found[1]) for name in have if (found := _THRESHOLD.fullmatch(name)))
            wanted = [f"threshold_{k}" for k in range(1, max(len(numbers), 1) + 1)]
        else:
            wanted = list(_GIVEN.get(self.kind, ()))
        doubled = len(self.parameters) != len(set(self.parameter_names))
        if sorted(wanted) != have or doubled:
            raise ModelError(
                f"the parameters of {self.output} ({self.kind}) are {', '.join(self.parameter_names) or 'none'}",
                place=self.output,
                repair=f"give {', '.join(wanted) or 'none but ' + str(_OUTPUT_IS.get(self.kind))}, each once",
            )

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the parameters; of an ordinal outcome thresholds are in order."""
        names = tuple(item.name for item in self.parameters)
        if self.kind != "ordinal":
            return names
        return tuple(sorted(names, key=lambda name: (name != "location", len(name), name)))

    def equation(self, parameter: str) -> Expression:
        """The equation of a parameter."""
        return next(item.expression for item in self.parameters if item.name == parameter)

    @property
    def names(self) -> frozenset[str]:
        """Names that the equations use, the outcome itself apart."""
        used = frozenset().union(*(item.expression.names for item in self.parameters))
        return used - {MEASURED} if self.kind == "log_likelihood" else used
