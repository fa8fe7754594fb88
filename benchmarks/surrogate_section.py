"""The section of docs/performance.md on surrogates, from a stored result."""

from __future__ import annotations

from typing import Any

from benchmarks.figure import figure, table, times

SURROGATE = """## Surrogates

CPU time per patient of a model and of its [surrogate](surrogates.md), parameters from half to twice their values. *Pays
from* is the number of patients from which making the surrogate, with all of its runs of the model, costs less than it
saves. Errors are parts of an output's scale, of the worst output: within which 95 % are, as the surrogate states it,
and as found in {patients:,} fresh patients; and the share of fresh values within the 90 % interval. Where a model is
solved in closed form there is nothing to gain.

{rows}
"""


def surrogate_section(result: dict[str, Any]) -> str:
    """Models beside their surrogates."""
    heads = (
        "question", "model, µs", "surrogate, µs", "without intervals", "times faster", "runs", "pays from",
        "error, stated", "found", "in 90 % interval",
    )  # fmt: skip
    rows = table(heads, [_row(each) for each in result["questions"]])
    return SURROGATE.format(patients=result["compared_patients"], rows=rows)


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    pays = found["pays_from_patients"]
    stated, seen = (max(e[kind]["typical_largest"] for e in found["errors"]) for kind in ("stated", "found"))
    return (
        found["question"],
        figure(found["model_cpu_us"]),
        figure(found["surrogate_cpu_us"]),
        figure(found["surrogate_without_intervals_cpu_us"]),
        times(found["ratio"]),
        str(found["runs"]),
        "never" if pays is None else f"{pays:,}",
        f"{stated:.2%}",
        f"{seen:.2%}",
        f"{min(e['found']['coverage'] for e in found['errors']):.1%}",
    )
