"""Model card: one model on the terminal, with its equations, numbers and where they come from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from understudy.app.terminal_number import single, with_unit
from understudy.library.entry import Entry
from understudy.model.in_words import (
    correlation_phrases,
    kind_of_outcome,
    limits_of,
    mixture_phrases,
    prior_phrases,
    shape_of,
)
from understudy.model.model import Model
from understudy.model.parts import Parameter, Source
from understudy.model.population_model import Covariate, PopulationModel

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_SHOWN_COVARIATES = 2
_KINDS = {"structural": "mechanism", "population": "population model"}


class References:
    """Publications, numbered in the order in which they are first cited; letters tell places in one.

    Parameters
    ----------
    sources : iterable of Source or None

    Examples
    --------
    >>> doe = Source("Doe J. A model. 2020")
    >>> cited = References([Source(doe.citation, place="Table 2"), Source(doe.citation, place="Table 3")])
    >>> cited.mark(Source(doe.citation, place="Table 3")), cited.mark(None)
    ('[1b]', 'none')
    >>> list(cited.lines())
    ['[1] Doe J. A model. 2020.', '    [1a] Table 2', '    [1b] Table 3']
    """

    def __init__(self, sources: Iterable[Source | None]) -> None:
        self._places: dict[str, list[str]] = {}
        for source in filter(None, sources):
            places = self._places.setdefault(_publication(source), [])
            if source.place and source.place not in places:
                places.append(source.place)

    def mark(self, source: Source | None) -> str:
        """Number of a publication, and letter of the place in it."""
        if source is None:
            return "none"
        text = _publication(source)
        number, places = list(self._places).index(text) + 1, self._places[text]
        several = len(places) > 1 and source.place
        return f"[{number}{chr(ord('a') + places.index(source.place)) if several else ''}]"

    def lines(self) -> Iterator[str]:
        """The list of references."""
        for number, (text, places) in enumerate(self._places.items(), 1):
            yield f"[{number}] {text}{f' {places[0]}' if len(places) == 1 else ''}"
            if len(places) > 1:
                yield from (f"    [{number}{chr(ord('a') + k)}] {place}" for k, place in enumerate(places))


def _publication(source: Source) -> str:
    return str(Source(source.citation, source.doi, source.pmid))


def show_card(
    card: Entry | None,
    model: Model | PopulationModel,
    to: Console,
    beside: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Print a model: what it is for, equations, parameters, doses, outputs, where it holds, references.

    What its file says beside the model follows, each under its heading.
    """
    cited = References(_sources(model))
    base = model.structural if isinstance(model, PopulationModel) else model
    _say(to, card.title if card else model.name, "bold")
    if not card and model is not base:
        _say(to, base.name, "dim")
    if card:
        _say(to, f"{card.name} · {_KINDS[card.kind]} · {card.family}", "dim")
        _say(to, card.purpose)
    _block(to, "Equations", list(_equations(base)))
    _block(to, "Events", [_described(f"{e.name}: {e}", "", e.description) for e in base.events])
    if isinstance(model, PopulationModel):
        _block(to, "Individuals", [f"{item.name} = {item.expression}" for item in model.individual])
        _block(to, "Measurement error", list(_errors(model)))
        _block(to, "Outcomes that are no levels", list(_outcomes(model)))
    _heading(to, "Parameters")
    to.print(_parameters(_numbers(model), cited))
    if isinstance(model, PopulationModel) and model.random:
        _heading(to, "Differences between patients")
        to.print(_random(model, cited))
    if isinstance(model, PopulationModel) and model.covariates:
        _heading(to, "Covariates")
        to.print(_covariates(model.covariates))
    if isinstance(model, PopulationModel):
        _block(to, "Subpopulations", list(_subpopulations(model)))
        _block(to, "Priors", [f"{name}: {told}" for name, told in prior_phrases(model)])
    _block(to, "Doses", list(_doses(base)))
    _block(
        to, "Outputs", [_described(f"{o.name} = {o.expression}", o.unit, o.description) for o in base.outputs]
    )
    for title, lines in (beside or {}).items():
        _block(to, title, list(lines))
    _ending(card, model, cited, to)


def _ending(card: Entry | None, model: Model | PopulationModel, cited: References, to: Console) -> None:
    if card:
        _block(to, "Tested", [card.tested, card.checked])
        _block(to, "Limits", [card.limits])
    _block(to, "References", list(cited.lines()))
    if card:
        typical = list(card.covariates.items())[:_SHOWN_COVARIATES]
        given = "".join(f" --covariate {name}={value:g}" for name, value in typical)
        _heading(to, "Try it")
        to.print(f'  understudy simulate {card.name} "{card.regimen}"{given}', markup=False, soft_wrap=True)


def card_json(card: Entry | None, model: Model | PopulationModel) -> dict[str, Any]:
    """The card and the whole model as JSON data."""
    fields = ("name", "title", "family", "kind", "purpose", "tested", "limits", "checked", "regimen")
    told = {field: getattr(card, field) for field in fields} if card else {"name": model.name}
    return {**told, "hash": model.hash, "model": model.to_json()}


def _say(to: Console, text: str, style: str = "") -> None:
    from rich.text import Text

    to.print(Text(text, style=style))


def _heading(to: Console, title: str) -> None:
    to.print()
    _say(to, title, "bold cyan")


def _block(to: Console, title: str, lines: list[str]) -> None:
    """A heading and its lines, each folded under its own beginning."""
    from rich.padding import Padding
    from rich.text import Text

    if not any(lines):
        return
    _heading(to, title)
    for line in filter(None, lines):
        indent = len(line) - len(line.lstrip())
        to.print(Padding(Text(line.strip()), (0, 0, 0, 2 + indent)))


def _equations(model: Model) -> Iterator[str]:
    for item in model.assignments:
        yield _described(f"{item.name} = {item.expression}", item.unit, item.description)
    for state, rate in zip(model.states, model.rates, strict=True):
        start = "" if state.initial.text == "0" else f", starts at {state.initial}"
        unit = state.unit if model.time_unit == "1" else f"{state.unit}/{model.time_unit}"
        yield _described(f"d{state.name}/dt = {rate}", unit, f"{state.description}{start}".removeprefix(", "))


def _errors(model: PopulationModel) -> Iterator[str]:
    for item in model.residual:
        limits = limits_of(item)
        scale = " on the logarithm" if item.scale == "log" else ""
        yield f"variance of {item.output}{scale} = {item.variance}{f'; quantified {limits}' if limits else ''}"
    yield from (f"{which}: {told}" for which, told in correlation_phrases(model))


def _outcomes(model: PopulationModel) -> Iterator[str]:
    for item in model.distributions:
        equations = ", ".join(f"{name} = {item.equation(name)}" for name in item.parameter_names)
        yield f"{item.output}: {kind_of_outcome(item)}; {equations}"


def _subpopulations(model: PopulationModel) -> Iterator[str]:
    for which, equation, share in mixture_phrases(model):
        yield f"probability of {which}: {equation} = {share:.3g}"


def _described(equation: str, unit: str, description: str) -> str:
    """An equation with its unit, and what it is."""
    shown = with_unit("", unit).strip()
    return f"{equation}{f'  [{shown}]' if shown else ''}{f'  {description}' if description else ''}"


def _numbers(model: Model | PopulationModel) -> tuple[Parameter, ...]:
    """Fixed effects, and parameters of the mechanism that no individual equation replaces."""
    if isinstance(model, Model):
        return model.parameters
    replaced = {item.name for item in model.individual}
    return (*model.fixed, *(item for item in model.structural.parameters if item.name not in replaced))


def _sources(model: Model | PopulationModel) -> Iterator[Source | None]:
    """Every source, in the order of the card."""
    yield from (item.source for item in _numbers(model))
    if isinstance(model, PopulationModel):
        yield from (block.source for block in model.random)
    yield from model.sources


def _grid(headings: Sequence[str], rows: Sequence[Sequence[str]], right: tuple[str, ...] = ()) -> Table:
    """A table without the columns that are empty throughout."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    used = [k for k in range(len(headings)) if any(row[k] for row in rows)]
    for k in used:
        prose = headings[k] == "meaning"
        justify = "right" if headings[k] in right else "left"
        table.add_column(headings[k], justify=justify, overflow="fold", min_width=20 if prose else None)
    for row in rows:
        table.add_row(*(Text(row[k]) for k in used))
    return table


def _parameters(parameters: tuple[Parameter, ...], cited: References) -> Table:
    rows = [
        (
            item.name,
            f"{item.value:.6g}",
            with_unit("", item.unit).strip(),
            _relative(item.standard_error, item.value),
            item.description,
            cited.mark(item.source),
        )
        for item in parameters
    ]
    return _grid(("name", "value", "unit", "RSE", "meaning", "source"), rows, right=("value", "RSE"))


def _random(model: PopulationModel, cited: References) -> Table:
    rows = []
    shapes = {name: shape_of(name, model) for name in model.eta_names}
    told = any(shape != "normal" for shape in shapes.values())
    for block in model.random:
        for k, name in enumerate(block.names):
            variance = block.covariance[k][k]
            error = _relative(block.standard_errors[k] if block.standard_errors else None, variance)
            spread = (f"{variance:.6g}", f"{math.sqrt(variance):.3f}", error)
            rows.append((name, *spread, block.level, shapes[name] if told else "", cited.mark(block.source)))
    headings = ("name", "variance", "SD", "RSE", "level", "distribution", "source")
    return _grid(headings, rows, right=("variance", "SD", "RSE"))


def _covariates(covariates: tuple[Covariate, ...]) -> Table:
    rows = [
        (item.name, with_unit("", item.unit).strip(), _or_dash(item.reference), _span(item), item.description)
        for item in covariates
    ]
    return _grid(("name", "unit", "typical", "range", "meaning"), rows, right=("typical",))


def _span(item: Covariate) -> str:
    known = item.lower is not None or item.upper is not None
    return f"{_or_dash(item.lower)} to {_or_dash(item.upper)}" if known else ""


def _doses(model: Model) -> Iterator[str]:
    for k, entry in enumerate(model.doses):
        plain = {"lag": "0", "bioavailability": "1"}
        told = [
            f"{field} {equation}"
            for field, equation in entry.expressions.items()
            if plain.get(field) != equation.text
        ]
        default = " (default)" if k == 0 and len(model.routes) > 1 else ""
        yield f"{entry.name} → {entry.state}{default}{': ' if told else ''}{', '.join(told)}"


def _relative(error: float | None, value: float) -> str:
    """Relative standard error."""
    return f"{abs(error / value):.0%}".replace("%", " %") if error and value else ""


def _or_dash(value: float | None) -> str:
    return "–" if value is None else single(value)
