"""Outcome tables: distributions of outcomes, errors that go together, subpopulations and priors of a model."""

from __future__ import annotations

from collections.abc import Iterator

from understudy.dossier.number import percent
from understudy.dossier.page import Column, Table
from understudy.model.in_words import correlation_phrases, kind_of_outcome, mixture_phrases, prior_phrases
from understudy.model.population_model import PopulationModel
from understudy.plot.label import sentence_case


def outcome_tables(model: PopulationModel) -> Iterator[Table]:
    """A table of each that the model has.

    Parameters
    ----------
    model : PopulationModel
    """
    kinds = (
        (
            (Column("Output", manner="code"), Column("Outcome"), Column("Equations", manner="code")),
            [
                (item.output, sentence_case(kind_of_outcome(item)), _equations(item))
                for item in model.distributions
            ],
            "Outcomes that are no levels: how they are distributed.",
        ),
        (
            (Column("Errors of", manner="code"), Column("How they go together", manner="code")),
            list(correlation_phrases(model)),
            "Residual errors that are not independent.",
        ),
        (
            (
                Column("Subpopulation", manner="code"),
                Column("Probability", manner="code"),
                Column("Share", numeric=True),
            ),
            [(which, equation, percent(share, 1)) for which, equation, share in mixture_phrases(model)],
            "Subpopulations, to which patients belong without our knowing it.",
        ),
        (
            (Column("Parameter", manner="code"), Column("Before the data")),
            [(name, sentence_case(told)) for name, told in prior_phrases(model)],
            "Priors: what was known of parameters before the data.",
        ),
    )  # fmt: skip
    yield from (Table(columns, tuple(rows), caption) for columns, rows, caption in kinds if rows)


def _equations(item) -> str:
    return "; ".join(f"{name} = {item.equation(name)}" for name in item.parameter_names)
