"""The catalogue as a page: ``python -m understudy.library > docs/models.md``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

from understudy.library import pk
from understudy.library.catalogue import models
from understudy.library.entry import Entry
from understudy.model.parts import Parameter, Source
from understudy.model.population_model import PopulationModel

_HEAD = """# The models of the library

Ask for a model by its name, `understudy.library.catalogue.model("warfarin_pca")`, or look at one with
`understudy models warfarin_pca`. Which one to take: [choosing a model](choosing-a-model.md).

The values of structural models are examples, unless the model names a source beside them. Those of published
populations are the publication's, or re-estimated on its data where that is said; a standard error that the
publication does not give is left empty. This page is written by `python -m understudy.library`.
"""


def page() -> str:
    """The whole page as Markdown.

    Examples
    --------
    >>> "## Published populations" in page()
    True
    """
    parts = [_HEAD]
    for family, members in groupby(models(), key=lambda card: card.family):
        cards = list(members)
        parts += [f"## {family}\n", _kinetics(cards) if family == pk.FAMILY else _list(cards)]
        parts += [_population(card) for card in cards if card.kind == "population"]
        parts += dict.fromkeys(f"Limits: {card.limits}\n" for card in cards if card.kind == "structural")
    return "\n".join(parts)


def _list(cards: list[Entry]) -> str:
    rows = [(f"`{card.name}`", card.title, card.purpose) for card in cards]
    return _table(("name", "what it is", "for"), rows)


def _kinetics(cards: list[Entry]) -> str:
    """The compartmental models, a row for each shape and absorption, a column for each elimination."""
    rows = [
        (linear.title.rpartition(", ")[0], *(f"`{card.name}`" for card in (linear, *others)))
        for linear, *others in zip(cards[::3], cards[1::3], cards[2::3], strict=True)
    ]
    return _table(("", "linear", "Michaelis-Menten", "parallel"), rows)


def _population(card: Entry) -> str:
    found: PopulationModel = card.build()
    sources = _publications(found)
    lines = [f"{number}. {source}" for source, number in sources.items()]
    return "\n".join(
        [
            f"### {card.title}\n",
            f"`{card.name}`: {card.tested}\n",
            f"Limits: {card.limits}\n",
            f"Numbers: {card.checked}\n",
            _table(("parameter", "value", "standard error", "source"), _numbers(found, sources)),
            *lines,
            "",
        ]
    )


def _publications(found: PopulationModel) -> dict[Source, int]:
    """Publications of a population, numbered in the order in which its numbers name them."""
    cited: Iterable[Source] = (each.source for each in (*found.fixed, *found.random))
    return {source: k for k, source in enumerate(dict.fromkeys(replace(s, place="") for s in cited), start=1)}


def _numbers(found: PopulationModel, sources: dict[Source, int]) -> list[tuple[str, ...]]:
    def cite(source: Source) -> str:
        return f"[{sources[replace(source, place='')]}] {source.place}".strip()

    fixed = [(*_number(each), cite(each.source)) for each in found.fixed]
    return fixed + [
        (f"variance of {name}", f"{block.covariance[k][k]:.4g}", "", cite(block.source))
        for block in found.random
        for k, name in enumerate(block.names)
    ]


def _number(parameter: Parameter) -> tuple[str, str, str]:
    unit = "" if parameter.unit == "1" else f" {parameter.unit}"
    error = "" if parameter.standard_error is None else f"{parameter.standard_error:.3g}"
    return f"`{parameter.name}`, {parameter.description}", f"{parameter.value:.6g}{unit}", error


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
