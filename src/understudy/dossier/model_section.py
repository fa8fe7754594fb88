"""Model section: the diagram, and every parameter with unit, uncertainty and source."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Iterator, Sized

import numpy as np
from markupsafe import Markup

from understudy.core.unit_label import unit_label
from understudy.dossier.citations import Citations
from understudy.dossier.diagram import diagram
from understudy.dossier.mechanism import mechanism
from understudy.dossier.number import MISSING, compact, figures, is_number, listed
from understudy.dossier.outcome_tables import outcome_tables
from understudy.dossier.page import Column, Figure, Section, Table, Text, section
from understudy.dossier.report_content import ReportContent
from understudy.inference.estimate_interval import estimate_interval
from understudy.model.in_words import limits_of, shape_of
from understudy.model.model import Model
from understudy.model.parts import Parameter
from understudy.model.population_model import PopulationModel, RandomEffects, Residual
from understudy.plot.label import sentence_case

NOT_PUBLISHED = "not published"
MOST_BOXES = 40


def model_section(content: ReportContent) -> Section | None:
    """The model as a diagram, tables and references.

    Parameters
    ----------
    content : ReportContent
    """
    model, cited = content.model, Citations.of(content.model)
    alone = content.typical is not None
    return section(
        "model",
        "Model",
        [
            Text(_opening_alone(model.structural) if alone else _opening(model)),
            *_diagram(model),
            _equations(model.structural) if alone else None,
            _events(model),
            _fixed(model, cited),
            _individual(model),
            _random(model, cited),
            _residual(model, content),
            *outcome_tables(model),
            _covariates(content),
            Text("Sources", "heading") if cited.known else None,
            Table(
                (Column("No."), Column("Source")),
                tuple(
                    (Markup('<span id="source-{0}">[{0}]</span>').format(k), reference)
                    for k, reference in enumerate(cited.references(), start=1)
                ),
                manner="plain",
            )
            if cited.known
            else None,
        ],
    )


def _opening(model: PopulationModel) -> str:
    structural = model.structural
    outputs = [
        f"{name} ({structural.output(name).description or 'no description'}"
        + (
            f", in {unit_label(structural.output(name).unit)})"
            if unit_label(structural.output(name).unit)
            else ")"
        )
        for name in model.output_names
    ]
    built = f" It was built on {model.population.rstrip('.')}." if model.population else ""
    what = structural.description or structural.name
    return (
        f"{sentence_case(what)}, with variability between patients (model {model.name}). Observed: {listed(outputs)}. "
        f"Time is in {unit_label(structural.time_unit)}.{built}"
    )


def _opening_alone(model: Model) -> str:
    unit = unit_label(model.time_unit)
    time = f"Time is in {unit}." if unit else "The model gives time no unit."
    return (
        f"{sentence_case(model.description or model.name)}: a mechanism with {_count(model.states, 'state')}, "
        f"{_count(model.parameters, 'parameter')} and {_count(model.outputs, 'output')}, without variability between "
        f"patients and without measurement error. {time}"
    )


def _count(items: Sized, what: str) -> str:
    return f"{len(items)} {what}{'' if len(items) == 1 else 's'}"


def _equations(model: Model) -> Table | None:
    rows = tuple(
        (state.name, unit_label(state.unit) or MISSING, state.initial.text, model.rate(state.name).text)
        for state in model.states
    )
    rows += tuple(
        (item.name, MISSING, MISSING, f"= {item.expression.text}") for item in model.ordered_assignments
    )
    columns = (
        Column("Quantity", manner="code"),
        Column("Unit"),
        Column("Begins at", manner="code"),
        Column("Rate of change, or = value", manner="code"),
    )
    return Table(columns, rows, "The mechanism's equations.") if rows else None


def _diagram(model: PopulationModel) -> Iterator[Figure | Text]:
    if len(model.structural.states) > MOST_BOXES:
        yield Text(
            f"A diagram of {len(model.structural.states)} states would not be readable: none is drawn.",
            "quiet",
        )
        return
    if not model.structural.states:
        return
    flows = mechanism(model.structural)
    acts = (
        " Dashed lines show what acts on what: an arrowhead where it speeds up, a bar where it slows down, a dot "
        "where that depends."
        if flows.influences
        else ""
    )
    yield Figure(
        Markup(diagram(model.structural, name="compartments")),
        f"Compartments and flows. Blue arrows are doses, solid arrows move amount, labels are rate constants.{acts}",
    )


def _events(model: PopulationModel) -> Table | None:
    rows = tuple(
        (event.name, sentence_case(event.description) or MISSING, str(event))
        for event in model.structural.events
    )
    columns = (Column("Event", manner="code"), Column("Meaning"), Column("What happens", manner="code"))
    return Table(columns, rows, "What conditions on the solution set off.") if rows else None


def _fixed(model: PopulationModel, cited: Citations) -> Table | None:
    replaced = {item.name for item in model.individual}
    kept = [p for p in model.structural.parameters if p.name not in replaced]
    rows = [_parameter_row(parameter, cited) for parameter in (*model.fixed, *kept)]
    if not rows:
        return None
    columns = (
        Column("Parameter", manner="code"),
        Column("Meaning"),
        Column("Value", numeric=True),
        Column("95\xa0% interval", numeric=True),
        Column("Unit"),
        Column("Source"),
    )
    note = "The interval is that of the normal distribution, of logarithms where there is a bound."
    what = "Population parameters, the same for all patients." if model.fixed else "Parameters."
    return Table(columns, tuple(rows), f"{what} {note}")


def _parameter_row(parameter: Parameter, cited: Citations) -> tuple:
    low, high = _interval(parameter.value, parameter.standard_error, parameter.lower, parameter.upper)
    return (
        parameter.name,
        sentence_case(parameter.description) or MISSING,
        compact(parameter.value),
        _range(low, high) if is_number(low) else NOT_PUBLISHED,
        unit_label(parameter.unit) or MISSING,
        cited.mark(parameter.source),
    )


def _interval(value: float, error: float | None, *bounds: float) -> tuple[float, float] | tuple[None, None]:
    """From a standard error, on the scale on which it was estimated; (None, None) without one."""
    return estimate_interval(value, error, *bounds) if is_number(error) else (None, None)


def _range(low: float | None, high: float | None, digits: int = 3) -> str:
    if not (is_number(low) and is_number(high)):
        return MISSING
    return f"{figures(low, digits)} to {figures(high, digits)}"


def _individual(model: PopulationModel) -> Table | None:
    known = {parameter.name: parameter for parameter in model.structural.parameters}
    rows = []
    for item in model.individual:
        parameter = known.get(item.name)
        meaning = item.description or (parameter.description if parameter else "")
        unit = item.unit or (parameter.unit if parameter else "")
        rows.append(
            (item.name, sentence_case(meaning) or MISSING, unit_label(unit) or MISSING, item.expression.text)
        )
    columns = (
        Column("Parameter", manner="code"),
        Column("Meaning"),
        Column("Unit"),
        Column("Equation", manner="code"),
    )
    return Table(columns, tuple(rows), "Parameters of the individual patient.") if rows else None


def _random(model: PopulationModel, cited: Citations) -> Table | None:
    rows = [row for block in model.random for row in _block_rows(block, model, cited)]
    if not rows:
        return None
    columns = (
        Column("Random effect", manner="code"),
        Column("Acts on", manner="code"),
        Column("Drawn for each"),
        Column("Distribution"),
        Column("Variance", numeric=True),
        Column("95\xa0% interval", numeric=True),
        Column("CV", "percent", numeric=True),
        Column("Source"),
    )
    note = "CV is √(exp(variance) − 1), given where the effect enters as exp(effect)."
    return Table(columns, tuple(rows), f"Variability between patients. {note}")


def _block_rows(block: RandomEffects, model: PopulationModel, cited: Citations) -> Iterator[tuple]:
    level = {"subject": "patient", "occasion": "occasion"}[block.level]
    for k, name in enumerate(block.names):
        variance = block.covariance[k][k]
        error = block.standard_errors[k] if block.standard_errors else None
        low, high = _interval(variance, error, 0.0)
        coefficient = (
            f"{100 * math.sqrt(math.expm1(variance)):.1f}" if _enters_as_exponent(name, model) else MISSING
        )
        acts = ", ".join(item.name for item in model.individual if name in item.expression.names)
        yield (
            name,
            acts or MISSING,
            level,
            shape_of(name, model),
            compact(variance),
            _range(low, high) if is_number(low) else NOT_PUBLISHED,
            coefficient,
            cited.mark(block.source),
        )
    for j, k in zip(*np.tril_indices(block.size, -1), strict=True):
        spread = math.sqrt(block.covariance[j][j] * block.covariance[k][k])
        if block.covariance[j][k]:
            pair = f"{block.names[k]}, {block.names[j]}"
            correlation = f"correlation {figures(block.covariance[j][k] / spread, 2)}"
            yield (
                pair,
                correlation,
                level,
                MISSING,
                compact(block.covariance[j][k]),
                MISSING,
                MISSING,
                cited.mark(block.source),
            )


def _enters_as_exponent(effect: str, model: PopulationModel) -> bool:
    """Whether a random effect stands as an addend inside exp() and nowhere else."""
    uses = [item.expression.tree for item in model.individual if effect in item.expression.names]
    return bool(uses) and all(
        _count_names(tree, effect) == _count_in_exponents(tree, effect) for tree in uses
    )


def _count_names(tree: ast.AST, name: str) -> int:
    return sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))


def _count_in_exponents(tree: ast.AST, name: str) -> int:
    calls = [
        node.args[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "exp"
    ]
    return sum(isinstance(addend, ast.Name) and addend.id == name for call in calls for addend in _sum(call))


def _sum(tree: ast.expr) -> Iterator[ast.expr]:
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Add):
        yield from _sum(tree.left)
        yield from _sum(tree.right)
    else:
        yield tree


def _residual(model: PopulationModel, content: ReportContent) -> Table | None:
    rows = [
        (
            residual.output,
            residual.variance.text,
            {"identity": "the measured scale", "log": "the logarithm"}[residual.scale],
            _in_short(residual, model, content.unit(residual.output)),
            _limits(residual, content.unit(residual.output)),
        )
        for residual in model.residual
    ]
    columns = (
        Column("Output", manner="code"),
        Column("Variance", manner="code"),
        Column("On"),
        Column("In short"),
        Column("Limits of quantification"),
    )
    return (
        Table(columns, tuple(rows), "Residual error: how measurements scatter about the prediction.")
        if rows
        else None
    )


def _in_short(residual: Residual, model: PopulationModel, unit: str) -> str:
    """A variance that is proportional or constant as a coefficient of variation or standard deviation."""
    known = model.fixed_values
    if residual.variance.names - known.keys() - {residual.output}:
        return "depends on the patient"
    values = [
        float(residual.variance.evaluate(known | {residual.output: level})) for level in (1.0, 10.0, 100.0)
    ]
    if residual.scale == "log" and np.ptp(values) == 0:
        return f"SD {figures(math.sqrt(values[0]))} of the logarithm"
    if np.ptp(values) == 0:
        return f"constant, SD {figures(math.sqrt(values[0]))} {unit_label(unit)}".strip()
    if residual.scale == "identity" and np.allclose(values, np.array([1.0, 100.0, 10000.0]) * values[0]):
        return f"proportional, CV {100 * math.sqrt(values[0]):.1f}\xa0%"
    return "see the variance"


def _limits(residual: Residual, unit: str) -> str:
    return limits_of(residual, lambda limit: f"{compact(limit)} {unit_label(unit)}".strip()) or "not given"


def _covariates(content: ReportContent) -> Table | None:
    seen = {item.name: item for item in content.records.covariates} if content.records else {}
    rows = []
    for item in content.model.covariates:
        here = seen.get(item.name)
        values = (here.values.minimum, here.values.maximum) if here else (None, None)
        rows.append(
            (
                item.name,
                sentence_case(item.description) or MISSING,
                unit_label(item.unit) or MISSING,
                compact(item.reference),
                _plain_range(item.lower, item.upper),
                _plain_range(*values),
                _outside(values, (item.lower, item.upper)),
            )
        )
    columns = (
        Column("Covariate", manner="code"),
        Column("Meaning"),
        Column("Unit"),
        Column("Typical patient", numeric=True),
        Column("Range in the model's patients", numeric=True),
        Column("Range in these records", numeric=True),
        Column("These records lie"),
    )
    return Table(columns, tuple(rows), "Covariates.") if rows else None


def _plain_range(low: float | None, high: float | None) -> str:
    if not (is_number(low) and is_number(high)):
        return MISSING
    return f"{compact(low)} to {compact(high)}"


def _outside(values: Iterable[float | None], limits: Iterable[float | None]) -> str:
    (low, high), (lower, upper) = values, limits
    if not all(map(is_number, (low, high, lower, upper))):
        return "not known"
    return "within" if lower <= low and high <= upper else "partly outside"
