"""emulate: the verb that makes a surrogate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from understudy.core.content import content_hash
from understudy.core.errors import SimulationError
from understudy.core.record import Record, Stopwatch
from understudy.engine.parameters import individual_values, structural
from understudy.engine.problem import Tolerances
from understudy.model.model import Model
from understudy.model.population_model import PopulationModel
from understudy.model.regimen import Regimen
from understudy.surrogate.addition import least_known
from understudy.surrogate.box import Box
from understudy.surrogate.course import Course, fitted_course, rank
from understudy.surrogate.design import independent, space_filling
from understudy.surrogate.held_out import OutputError, measured
from understudy.surrogate.process import require_scikit_learn
from understudy.surrogate.runs import Runs, Subject
from understudy.surrogate.surrogate import LOWER, UPPER, Account, Surrogate

# Columns by which doses are scaled, for models that have no such parameter of their own.
_SIZES = {"kg": ("WT", "kg"), "m**2": ("BSA", "m**2")}
# Among so many points, at least, further ones are chosen.
_CANDIDATES = 2048
_CITATIONS = (
    "Rasmussen CE, Williams CKI. Gaussian Processes for Machine Learning. MIT Press 2006",
    "MacKay DJC. Neural Comput 1992;4:590-604. doi:10.1162/neco.1992.4.4.590",
    "Higdon D et al. J Am Stat Assoc 2008;103:570-583. doi:10.1198/016214507000000888",
    "Lei J et al. J Am Stat Assoc 2018;113:1094-1111. doi:10.1080/01621459.2017.1307116",
)


def emulate(
    model: Model | PopulationModel,
    box: Mapping[str, Sequence],
    regimen: Regimen | str | None = None,
    times: Sequence[float] | np.ndarray | None = None,
    *,
    outputs: Iterable[str] | None = None,
    fixed: Mapping[str, float] | None = None,
    accuracy: float | None = 0.02,
    size: int = 64,
    most: int = 512,
    held_out: int = 64,
    coverage: float = 0.9,
    variance: float = 0.99999,
    seed: int = 0,
    before_dose: bool = False,
    engine: str = "auto",
    tolerances: Tolerances | None = None,
    jobs: int = 1,
) -> Surrogate:
    """Make a surrogate: a fast stand-in for a slow model, within a box of its parameters.

    The model is run at the points of a space-filling design. Each output's course over time becomes a few principal
    components (of its logarithm, where it is above zero), each component a Gaussian process over the box. Two sets of
    runs at independent points are held out: one says whether more training runs are needed and scales the intervals,
    the other is looked at once, at the end, and its errors are the surrogate's.

    Parameters
    ----------
    model : Model or PopulationModel
    box : mapping of name to (lower, upper) or (lower, upper, "log" or "linear")
        Parameters, random effects or covariates, in the model's units. Runs are spread evenly on the scale; that is
        logarithmic for ranges above zero, where nothing is said.
    regimen, times
        As for `simulate`. The surrogate answers for these alone.
    outputs : iterable of str, optional
        All of the model's where None.
    fixed : mapping of name to float, optional
        Other values than the model's own for parameters that are not varied.
    accuracy : float or None
        Training runs are doubled, by runs where the processes are least certain, until 95 % of every output's errors
        are within this share of the output's scale (its range over box and times), or there are `most`. None: `size`
        runs, whatever the error.
    size, most : int
        Training runs at first, and at most.
    held_out : int
        Runs for calibration, and as many for the test.
    coverage : float
        Of the intervals.
    variance : float
        Share of the variance over time that the principal components keep.
    seed : int
    before_dose, engine, tolerances, jobs
        As for `simulate`.

    Returns
    -------
    Surrogate
        Whether the accuracy was reached say its ``reached``, its ``error`` and what it prints; what runs of the model
        failed, its ``failed``.

    Raises
    ------
    SimulationError
        For a question that cannot be put, or where more than a tenth of the runs fail.
    MissingExtraError
        Without scikit-learn.

    References
    ----------
    Sacks J, Welch WJ, Mitchell TJ, Wynn HP. Stat Sci 1989;4:409-423. doi:10.1214/ss/1177012413;
    Higdon D et al. J Am Stat Assoc 2008;103:570-583. doi:10.1198/016214507000000888;
    Lei J et al. J Am Stat Assoc 2018;113:1094-1111. doi:10.1080/01621459.2017.1307116

    Examples
    --------
    >>> from understudy import emulate, load_model
    >>> model = load_model("one_compartment_iv_michaelis_menten")
    >>> box = {"Vmax": (5, 20), "Km": (1, 10)}
    >>> surrogate = emulate(model, box, "100 mg", [1, 4, 8], size=32, held_out=32)
    >>> surrogate.reached, surrogate.predict([{"Vmax": 10, "Km": 3}]).outputs
    (True, ('Cp', 'Cp_lower', 'Cp_upper'))
    """
    require_scikit_learn()
    _check_numbers(size, most, held_out, coverage, accuracy, variance)
    watch = Stopwatch()
    options = {"before_dose": before_dose, "engine": engine, "tolerances": tolerances, "jobs": jobs}
    subject = _subject(model, box, regimen, times, outputs, dict(fixed or {}), options)
    dimensions = len(subject.box.names)

    def held(purpose: str) -> Runs:
        return subject.runs(independent(held_out, dimensions, seed, purpose), purpose)

    with watch.stage("runs"):
        training = subject.runs(space_filling(0, size, dimensions, seed), "training")
        calibration, test = held("calibration"), held("test")
    _check_rank(calibration, coverage)
    while True:
        with watch.stage("fit"):
            courses = _courses(subject, training, variance, calibration, coverage)
        bad = _inaccurate(courses, calibration, coverage, accuracy)
        asked = len(training.points) + len(training.failed)
        if not bad or asked >= most:
            break
        with watch.stage("runs"):
            added = _added(bad, asked, min(asked, most - asked), seed)
            training = training.and_(subject.runs(added, "training"))
    settings = {"accuracy": accuracy, "size": size, "most": most, "held_out": held_out}
    settings |= {"coverage": coverage, "variance": variance, "engine": engine}
    account = Account(
        model=model.name,
        model_hash=model.hash,
        regimen=str(subject.regimen or ""),
        time_unit=structural(model).time_unit,
        box=subject.box,
        fixed=dict(subject.fixed),
        training_runs=len(training.points),
        calibration_runs=len(calibration.points),
        test_runs=len(test.points),
        failed=training.failed + calibration.failed + test.failed,
        accuracy=accuracy,
        errors=_errors(courses, test, coverage),
        record=_record(subject, watch, seed, settings),
    )
    return Surrogate(account, np.asarray(subject.times, dtype=float), courses)


def _subject(model, box, regimen, times, outputs, fixed: dict, options: dict[str, Any]) -> Subject:
    """The question, understood; where no times are given, those that `simulate` takes."""
    base = structural(model)
    plan = Regimen.parse(regimen) if isinstance(regimen, str) else regimen
    names = tuple(outputs) if outputs is not None else base.output_names
    _check_outputs(names, base)
    known = varied_units(model, plan)
    _check_fixed(fixed, known, box)
    found = Box.of(box, known, _own_values(model, dict.fromkeys(box, 1.0) | fixed))
    subject = Subject(model, found, plan, times, names, fixed, options)
    if times is None:
        subject = replace(subject, times=subject.simulated(np.full((1, len(found.names)), 0.5)).times)
    return subject


def varied_units(model: Model | PopulationModel, regimen: Regimen | None) -> dict[str, str]:
    """Units of all that can be varied or fixed: parameters, effects, covariates, and what doses are scaled by."""
    units = {item.name: item.unit for item in structural(model).parameters}
    units |= dict(_SIZES[dose.per] for dose in (regimen.doses if regimen else ()) if dose.per)
    if isinstance(model, PopulationModel):
        units |= {item.name: item.unit for item in (*model.fixed, *model.covariates)}
        units |= dict.fromkeys(model.eta_names, "1")
    return units


def _own_values(model: Model | PopulationModel, given: Mapping[str, float]) -> dict[str, float]:
    """The model's own values of what can be varied; of a population's computed parameters there are none."""
    if isinstance(model, Model):
        return {item.name: item.value for item in model.parameters}
    columns = {name: np.array([value]) for name, value in given.items()}
    values = {name: float(value[0]) for name, value in individual_values(model, columns, 1).items()}
    covariates = {item.name: item.reference for item in model.covariates if item.reference is not None}
    values = {**values, **model.fixed_values, **dict.fromkeys(model.eta_names, 0.0), **covariates}
    bare = {item.name for item in model.individual} | (set(given) & {c.name for c in model.covariates}) - {
        *covariates
    }
    return {name: value for name, value in values.items() if name not in bare}


def _courses(
    subject: Subject, training: Runs, variance: float, calibration: Runs, coverage: float
) -> tuple[Course, ...]:
    base = structural(subject.model)
    return tuple(
        fitted_course(
            name, base.output(name).unit, training.points, training.values[name], variance
        ).calibrated(calibration.points, calibration.values[name], coverage)
        for name in subject.outputs
    )


def _inaccurate(
    courses: tuple[Course, ...], runs: Runs, coverage: float, accuracy: float | None
) -> list[Course]:
    """Courses that are not as accurate as was asked."""
    errors = _errors(courses, runs, coverage)
    pairs = zip(courses, errors, strict=True)
    return [course for course, e in pairs if accuracy is not None and e.typical_largest > accuracy]


def _added(courses: list[Course], known: int, count: int, seed: int) -> np.ndarray:
    """Points of further training runs: those of the design's next ones at which courses are least certain."""
    candidates = max(_CANDIDATES, 4 * count)
    following = space_filling(known, known + candidates, courses[0].points.shape[1], seed)
    return least_known(courses, following, count)


def _errors(courses: tuple[Course, ...], runs: Runs, coverage: float) -> tuple[OutputError, ...]:
    return tuple(
        measured(each.name, each.unit, runs.values[each.name], each.band(runs.points), coverage)
        for each in courses
    )


def _record(subject: Subject, watch: Stopwatch, seed: int, settings: dict[str, Any]) -> Record:
    inputs = {"box": content_hash(subject.box), "times": content_hash(np.asarray(subject.times).tolist())}
    inputs |= {"regimen": subject.regimen.hash} if subject.regimen else {}
    return Record.make(
        "emulate",
        stopwatch=watch,
        inputs=inputs,
        model=subject.model.hash,
        seed=seed,
        method="principal components and Gaussian processes",
        settings=settings,
        citations=(*map(str, subject.model.sources), *_CITATIONS),
    )


def _check_numbers(size, most, held_out, coverage, accuracy, variance) -> None:
    checks = (
        ("size", size, size >= 8, "give 8 or more training runs"),
        ("most", most, most >= size, f"give {size} or more, the runs at first"),
        ("coverage", coverage, 0 < coverage < 1, "give a number between 0 and 1"),
        ("variance", variance, 0 < variance < 1, "give a number between 0 and 1"),
        ("accuracy", accuracy, accuracy is None or accuracy > 0, "give a number above 0, or None"),
    )
    for name, value, fits, repair in checks:
        if not fits:
            raise SimulationError(f"{name} of {value}", place="emulate", repair=repair)
    if rank(held_out, coverage) > held_out:
        raise SimulationError(
            f"{held_out} calibration runs cannot give a {coverage:.0%} interval",
            place="held_out",
            repair=f"give {_fewest(coverage)} or more",
        )


def _check_rank(calibration: Runs, coverage: float) -> None:
    count = len(calibration.points)
    if rank(count, coverage) > count:
        raise SimulationError(
            f"only {count} calibration runs succeeded, too few for a {coverage:.0%} interval",
            place="held_out",
            repair=f"give more than {_fewest(coverage)}",
        )


def _fewest(coverage: float) -> int:
    return next(count for count in range(1, 10**6) if rank(count, coverage) <= count)


def _check_outputs(names: tuple[str, ...], base: Model) -> None:
    if not names:
        raise SimulationError(f"{base.name} has no outputs", repair="declare what is observed")
    for name in names:
        if name not in base.output_names:
            raise SimulationError(
                f"{base.name} has no output {name!r}",
                place="outputs",
                repair=f"outputs: {', '.join(base.output_names)}",
            )
    ends = {name + end for name in names for end in (LOWER, UPPER)} & set(names)
    if ends:
        raise SimulationError(
            f"{', '.join(sorted(ends))} would be the name of an output and of the end of an interval",
            place="outputs",
            repair="emulate it by itself",
        )


def _check_fixed(fixed: Mapping[str, float], known: Mapping[str, str], box: Mapping) -> None:
    for name in fixed:
        if name in box:
            raise SimulationError(
                f"{name} is both varied and fixed", place="fixed", repair="leave out one of them"
            )
        if name not in known:
            raise SimulationError(
                f"there is no {name!r} to fix", place="fixed", repair=f"known: {', '.join(known)}"
            )
