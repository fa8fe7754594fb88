"""Tumour growth and its inhibition: sums of lesion diameters in patients, weights in mice, and resistant clones."""

from __future__ import annotations

from dataclasses import replace

from understudy.library import pk
from understudy.library.citation import assumed, at
from understudy.library.entry import Entry
from understudy.model.model import Model
from understudy.model.parts import Assignment, Output, Parameter, Source, State

FAMILY = "Tumour growth and inhibition"

CLARET_2009 = Source(
    "Claret L, Girard P, Hoff PM, Van Cutsem E, Zuideveld KP, Jorga K, Fagerberg J, Bruno R. Model-based "
    "prediction of phase III overall survival in colorectal cancer on the basis of phase II tumor dynamics. "
    "J Clin Oncol 2009;27:4103-4108",
    doi="10.1200/JCO.2008.21.0807",
)
STEIN_2008 = Source(
    "Stein WD, Figg WD, Dahut W, Stein AD, Hoshen MB, Price D, Bates SE, Fojo T. Tumor growth rates derived "
    "from data for patients in a clinical trial correlate strongly with patient survival: a novel strategy "
    "for evaluation of clinical trial data. Oncologist 2008;13:1046-1054",
    doi="10.1634/theoncologist.2008-0075",
)
STEIN_2011 = Source(
    "Stein WD, Gulley JL, Schlom J, Madan RA, Dahut W, Figg WD, Ning YM, Arlen PM, Price D, Bates SE, Fojo "
    "T. Tumor regression and growth rates determined in five intramural NCI prostate cancer trials: the "
    "growth rate constant as an indicator of therapeutic efficacy. Clin Cancer Res 2011;17:907-917",
    doi="10.1158/1078-0432.CCR-10-1762",
)
WANG_2009 = Source(
    "Wang Y, Sung C, Dartois C, Ramchandani R, Booth BP, Rock E, Gobburu J. Elucidation of relationship "
    "between tumor size and survival in non-small-cell lung cancer patients can aid early decision making in "
    "clinical drug development. Clin Pharmacol Ther 2009;86:167-174",
    doi="10.1038/clpt.2009.64",
)
SIMEONI_2004 = Source(
    "Simeoni M, Magni P, Cammia C, De Nicolao G, Croci V, Pesenti E, Germani M, Poggesi I, Rocchetti M. "
    "Predictive pharmacokinetic-pharmacodynamic modeling of tumor growth kinetics in xenograft models after "
    "administration of anticancer agents. Cancer Res 2004;64:1094-1101",
    doi="10.1158/0008-5472.CAN-03-2524",
)
_EXAMPLE = assumed("an example within the order of magnitude of sums of diameters; estimate it from your own")
_PACLITAXEL = at(SIMEONI_2004, "paclitaxel, experiment 1; read in a second transcription, nlmixr2lib")
_MOUSE = assumed("an example of a 20 g mouse; replace it by measured kinetics")


def stein() -> Model:
    """Growth and regression at once: ``S = S0 (exp(-d t) + exp(g t) - 1)``.

    Returns
    -------
    Model
        Time in days from the start of treatment; output ``S``, a sum of diameters in mm.

    References
    ----------
    Stein WD et al. Oncologist 2008;13:1046-1054. doi:10.1634/theoncologist.2008-0075;
    Clin Cancer Res 2011;17:907-917. doi:10.1158/1078-0432.CCR-10-1762

    Examples
    --------
    >>> stein().output("S").expression
    Expression('S0 * (shrinking + growing - 1)')
    """
    return Model(
        "tumour_growth_regression",
        "day",
        parameters=(_baseline(), _rate("d", 0.004, "regression"), _rate("g", 0.001, "growth")),
        states=(
            State("shrinking", "1", 1, "share that regresses, of the baseline"),
            State("growing", "1", 1, "share that grows, of the baseline"),
        ),
        rates={"shrinking": "-d * shrinking", "growing": "g * growing"},
        outputs=(_size("S0 * (shrinking + growing - 1)"),),
        description="Stein's growth and regression of a tumour under treatment",
        sources=(STEIN_2008, STEIN_2011),
    )


def bi_exponential() -> Model:
    """A share ``f`` shrinks, the rest grows: ``S = S0 ((1 - f) exp(kg t) + f exp(-kd t))``.

    Returns
    -------
    Model
        Time in days from the start of treatment; output ``S``, a sum of diameters in mm.

    References
    ----------
    Chatterjee M et al. Ann Oncol 2016;27:1291-1298. doi:10.1093/annonc/mdw174

    Examples
    --------
    >>> bi_exponential().parameter("f")
    Parameter(f = 0.574)
    """
    from understudy.library.pembrolizumab_tumour_size import CHATTERJEE_2016, TABLE_S6

    return Model(
        "tumour_bi_exponential",
        "day",
        parameters=(
            replace(_baseline(), value=91.7, source=TABLE_S6),
            replace(_rate("kg", 0.00114, "growth"), source=TABLE_S6),
            replace(_rate("kd", 0.00265, "shrinkage"), source=TABLE_S6),
            Parameter("f", 0.574, "1", "share that shrinks", source=TABLE_S6, lower=0.0, upper=1.0),
        ),
        states=(
            State("growing", "mm", "S0 * (1 - f)", "what grows"),
            State("shrinking", "mm", "S0 * f", "what shrinks"),
        ),
        rates={"growing": "kg * growing", "shrinking": "-kd * shrinking"},
        outputs=(_size("growing + shrinking"),),
        description="Growth of one share of a tumour and shrinkage of the other",
        sources=(CHATTERJEE_2016,),
    )


def claret() -> Model:
    """Exponential growth, killed in proportion to exposure, by an effect that resistance wears off.

    ``dS/dt = kL S - kD exp(-lambda t) E S``, so that at constant exposure
    ``S = S0 exp(kL t - kD E / lambda (1 - exp(-lambda t)))``.

    Returns
    -------
    Model
        Time in weeks from the start of treatment; output ``S``, a sum of diameters in mm. ``exposure`` is the dose
        or area a week, in whatever unit the reciprocal of ``kD`` has: here of one.

    References
    ----------
    Claret L et al. J Clin Oncol 2009;27:4103-4108. doi:10.1200/JCO.2008.21.0807

    Examples
    --------
    >>> claret().rate("log_change")
    Expression('kL - kD * effect * exposure')
    """
    return Model(
        "tumour_growth_inhibition",
        "week",
        parameters=(
            _baseline(),
            replace(_rate("kL", 0.02, "growth"), unit="1/week"),
            replace(_rate("kD", 0.05, "killing, per exposure"), unit="1/week"),
            replace(_rate("resistance", 0.05, "loss of effect (lambda)"), unit="1/week"),
            Parameter("exposure", 1.0, "1", "dose or area a week, in reference doses", source=_EXAMPLE),
        ),
        states=(
            State("log_change", "1", 0, "logarithm of the size over the baseline"),
            State("effect", "1", 1, "share of the effect that is left"),
        ),
        rates={"log_change": "kL - kD * effect * exposure", "effect": "-resistance * effect"},
        outputs=(_size("S0 * exp(log_change)"),),
        description="Claret's tumour growth inhibition with resistance",
        sources=(CLARET_2009,),
    )


def wang() -> Model:
    """Exponential shrinkage with linear growth: ``S = S0 exp(-shrinkage t) + growth t``.

    Returns
    -------
    Model
        Time in weeks from the start of treatment; output ``S``, a sum of diameters in mm.

    References
    ----------
    Wang Y et al. Clin Pharmacol Ther 2009;86:167-174. doi:10.1038/clpt.2009.64

    Examples
    --------
    >>> wang().rate("grown")
    Expression('growth')
    """
    return Model(
        "tumour_linear_growth",
        "week",
        parameters=(
            _baseline(),
            replace(_rate("shrinkage", 0.03, "shrinkage"), unit="1/week"),
            replace(_rate("growth", 0.5, "growth"), unit="mm/week"),
        ),
        states=(
            State("shrinking", "mm", "S0", "what treatment shrinks"),
            State("grown", "mm", 0, "what has grown"),
        ),
        rates={"shrinking": "-shrinkage * shrinking", "grown": "growth"},
        outputs=(_size("shrinking + grown"),),
        description="Wang's exponential shrinkage and linear growth",
        sources=(WANG_2009,),
    )


def simeoni() -> Model:
    """Tumour weight of a mouse: exponential, then linear growth; cells that the drug hit die in three steps.

    Proliferating cells grow at ``lambda0 x1 / (1 + (lambda0 W / lambda1) ** psi) ** (1 / psi)``, are hit at
    ``k2 Cp x1`` and then pass three compartments at ``k1``; ``W`` is the sum of all four.

    Returns
    -------
    Model
        Time in days; outputs ``Cp`` in mg/L and ``W`` in g.

    References
    ----------
    Simeoni M et al. Cancer Res 2004;64:1094-1101. doi:10.1158/0008-5472.CAN-03-2524

    Examples
    --------
    >>> simeoni().parameter("lambda1")
    Parameter(lambda1 = 0.814 g/day)
    """
    base = pk.compartments(1, "iv", time_unit="day")
    kinetics = {"CL": 0.337, "V": 0.0162}
    hit = {"x2": "k2 * Cp * x1 - k1 * x2", "x3": "k1 * x2 - k1 * x3", "x4": "k1 * x3 - k1 * x4"}
    grows = "lambda0 * x1 / (1 + (lambda0 * W / lambda1) ** psi) ** (1 / psi) - k2 * Cp * x1"
    return replace(
        base,
        name="tumour_xenograft",
        parameters=(
            *(replace(each, value=kinetics[each.name], source=_MOUSE) for each in base.parameters),
            *_xenograft_parameters(),
        ),
        states=(
            *base.states,
            State("x1", "g", "W0", "proliferating"),
            *(State(name, "g", 0, "hit by the drug") for name in hit),
        ),
        rates=(*base.rates, grows, *hit.values()),
        assignments=(
            Assignment("Cp", "central / V", "mg/L", "plasma concentration"),
            Assignment("W", "x1 + x2 + x3 + x4", "g", "tumour weight"),
        ),
        outputs=(
            Output("Cp", "Cp", "mg/L", "plasma concentration"),
            Output("W", "W", "g", "tumour weight"),
        ),
        description="Simeoni's tumour growth inhibition in xenografts, paclitaxel",
        sources=(SIMEONI_2004,),
    )


def _baseline() -> Parameter:
    return Parameter("S0", 80.0, "mm", "sum of diameters at the start", source=_EXAMPLE, lower=0.0)


def _rate(name: str, value: float, what: str) -> Parameter:
    return Parameter(name, value, "1/day", f"rate of {what}", source=_EXAMPLE, lower=0.0)


def _size(expression: str) -> Output:
    return Output("S", expression, "mm", "sum of the longest diameters")


def _xenograft_parameters() -> tuple[Parameter, ...]:
    published = {
        "lambda0": (0.273, "1/day", "rate of exponential growth"),
        "lambda1": (0.814, "g/day", "rate of linear growth"),
        "psi": (20.0, "1", "sharpness of the change between them"),
        # 0.000629 mL/ng/day as printed.
        "k2": (0.629, "L/mg/day", "potency of the drug"),
        "k1": (0.968, "1/day", "rate through each stage of dying"),
    }
    start = Parameter(
        "W0", 0.05, "g", "tumour weight at the start", source=assumed("a small graft"), lower=0.0
    )
    return (
        *(Parameter(name, *each, source=_PACLITAXEL, lower=0.0) for name, each in published.items()),
        start,
    )


_DAYS = (1.0, 7.0, 21.0, 42.0, 63.0, 84.0, 126.0, 168.0, 252.0, 365.0)
_WEEKS = (0.5, 1.0, 3.0, 6.0, 9.0, 12.0, 18.0, 26.0, 39.0, 52.0)
_NOT_YET = "a size before treatment, new lesions and death are no part of it; to be told of by a joint model."
_STRUCTURE = "Structure checked against the closed form; the values are examples, not estimates."

ENTRIES = (
    Entry(
        name="tumour_growth_regression",
        title="Stein's growth and regression",
        family=FAMILY,
        purpose="Sum of diameters of one patient under treatment, by two rates.",
        kind="structural",
        build=stein,
        regimen="no dose",
        times=_DAYS,
        tested="Run at the example values over a year, against the closed form.",
        limits=f"The rates stay as they are as long as treatment does: no resistance by degrees; {_NOT_YET}",
        checked=_STRUCTURE,
    ),
    Entry(
        name="tumour_bi_exponential",
        title="Growth of one share, shrinkage of the other",
        family=FAMILY,
        purpose="Sum of diameters where a part of the tumour answers and a part does not.",
        kind="structural",
        build=bi_exponential,
        regimen="no dose",
        times=_DAYS,
        tested="Run at the typical values of pembrolizumab in lung cancer over a year, against the closed form.",
        limits=f"Both shares are there from the start; {_NOT_YET}",
        checked="Values read in a second transcription, nlmixr2lib; structure checked against the closed form.",
    ),
    Entry(
        name="tumour_growth_inhibition",
        title="Claret's growth inhibition with resistance",
        family=FAMILY,
        purpose="Sum of diameters by dose or exposure, with an effect that wears off.",
        kind="structural",
        build=claret,
        regimen="no dose",
        times=_WEEKS,
        tested="Run at the example values over a year, against the closed form.",
        limits=f"Exposure is constant between changes of its parameter; {_NOT_YET}",
        checked=_STRUCTURE,
    ),
    Entry(
        name="tumour_linear_growth",
        title="Wang's exponential shrinkage and linear growth",
        family=FAMILY,
        purpose="Sum of diameters in the first months, and its change at week 8.",
        kind="structural",
        build=wang,
        regimen="no dose",
        times=_WEEKS,
        tested="Run at the example values over a year, against the closed form.",
        limits=f"Growth does not depend on size or exposure; {_NOT_YET}",
        checked=_STRUCTURE,
    ),
    Entry(
        name="tumour_xenograft",
        title="Simeoni's growth inhibition in xenografts",
        family=FAMILY,
        purpose="Tumour weight of mice by schedule of a cytotoxic drug.",
        kind="structural",
        build=simeoni,
        regimen="0.6 mg every 4 days for 3 doses",
        times=(0.1, 1.0, 3.0, 4.1, 6.0, 8.1, 10.0, 13.0, 16.0, 20.0, 25.0),
        tested="Paclitaxel, 30 mg/kg every fourth day, three doses, in a mouse of 20 g, typical values.",
        limits="Volume of distribution and clearance are examples; no immune system; all cells are alike.",
        checked="Tumour parameters read in a second transcription, nlmixr2lib; growth without drug checked "
        "against its exponential and linear limits.",
    ),
)
