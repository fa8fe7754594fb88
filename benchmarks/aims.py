"""The aims for speed, each beside what was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.figure import figure, power, table, times
from benchmarks.peers_section import OURS, ratio

Results = Mapping[str, dict[str, Any] | None]
Figures = dict[str, float | None]


@dataclass(frozen=True)
class Aim:
    """A limit and the figures it holds for; a figure that was not measured is None.

    Parameters
    ----------
    text : str
    limit : float
    figures : mapping of label to float or None
    at_least : bool
        Whether the limit is a lower one.
    show : function
        From a figure to text.
    """

    text: str
    limit: float
    figures: Figures
    at_least: bool = False
    show: Callable[[float], str] = figure

    @property
    def measured(self) -> Figures:
        """Figures that are there, the worst first."""
        there = [(label, value) for label, value in self.figures.items() if value is not None]
        return dict(sorted(there, key=lambda item: item[1], reverse=not self.at_least))

    @property
    def met(self) -> bool:
        """Whether all that was measured keeps the limit."""
        return all(v >= self.limit if self.at_least else v <= self.limit for v in self.measured.values())

    @property
    def verdict(self) -> str:
        """Met, missed, or not measured."""
        if not self.measured:
            return "not measured"
        absent = [label for label, value in self.figures.items() if value is None]
        return ("met" if self.met else "**missed**") + (
            f"; not measured: {'; '.join(absent)}" if absent else ""
        )

    @property
    def range(self) -> str:
        """The worst figure, and the best."""
        said = [self.show(value) + (f" ({label})" if label else "") for label, value in self.measured.items()]
        return " to ".join(dict.fromkeys((said[0], said[-1]))) if said else "–"


def aims(results: Results) -> list[Aim]:
    """All aims, with figures from the stored results."""
    return [*_peers(results.get("peers")), *_own(results), *_engine(results.get("engine"))]


def aims_table(found: list[Aim]) -> str:
    """A table of aims, what was measured, and whether each is met."""
    return table(
        ("aim", "measured, worst to best", ""), [(aim.text, aim.range, aim.verdict) for aim in found], left=3
    )


def _peers(found: dict[str, Any] | None) -> list[Aim]:
    def ratios(name: str, letters: str) -> Figures:
        cases = (found or {"cases": {}})["cases"]
        return {
            f"{letter}, {power(float(each))}": ratio(cases[letter], name, each) if letter in cases else None
            for letter in letters
            for each in ("1e-04", "1e-06")
        }

    def ceiling(name: str) -> Figures:
        return {label: 1 / value if value else None for label, value in ratios(name, "a").items()}

    asked = (("diffrax", "abc", 5), ("libRoadRunner", "abc", 40), ("SciPy LSODA", "abc", 300))
    return [
        *(
            Aim(
                f"(a)-(c): at least {least} times as fast as {name}",
                least,
                ratios(name, letters),
                True,
                times,
            )
            for name, letters, least in asked
        ),
        Aim(
            "(d), (g): at least 5 times as fast as libRoadRunner",
            5,
            ratios("libRoadRunner", "dg"),
            True,
            times,
        ),
        Aim(f"(a): {OURS} within 2 times of the C lanes", 2, ceiling("C lanes"), show=times),
    ]


def _own(results: Results) -> list[Aim]:
    million, along = results.get("million"), results.get("sensitivities")
    last = million["runs"][-1] if million else None
    shares = {
        f"{row['case']}, k = {row['sensitivities']}": row["share_of_limit"]
        for row in (along["rows"] if along else ())
        if row["sensitivities"]
    }
    return [
        Aim(
            "a patient among a million costs at most 1.2 times one among ten thousand",
            1.2,
            {"": million["ratio_of_cpu_per_patient"] if million else None},
            show=times,
        ),
        Aim(
            "a million patients on two cores in less than 4 GB",
            4.0,
            {"": last["peak_memory_MB"] / 1e3 if last else None},
            show=lambda value: f"{value:.2f} GB",
        ),
        Aim(
            "k sensitivities cost at most (1 + k) solutions",
            1.0,
            shares or {"": None},
            show=lambda value: f"{100 * value:.0f} % of that",
        ),
    ]


def _engine(found: dict[str, Any] | None) -> list[Aim]:
    found = found or {}
    own = found.get("own_schedules")
    compiled = [row["explicit_s"] for row in found.get("compile", ())] or [found.get("compile_s"), None]
    closed = found.get("closed_form")
    seconds = lambda value: f"{figure(value)} s"  # noqa: E731
    return [
        Aim(
            "all schedules different: at most 2 times the cost of a shared one",
            2.0,
            {"": own[-1]["times_shared"] if own else None},
            show=times,
        ),
        Aim(
            "(e), a closed form: at least 10 million observation values a CPU second",
            10.0,
            {"": closed["values_per_cpu_s"] / 1e6 if closed else None},
            True,
            lambda value: f"{value:.1f} million",
        ),
        Aim("a new model of 4 states is compiled in 0.05 s", 0.05, {"": compiled[0]}, show=seconds),
        Aim("a new model of 2,000 operations is compiled in 1 s", 1.0, {"": compiled[1]}, show=seconds),
        Aim(
            "a first simulation in a fresh process in 1.5 s, import included",
            1.5,
            {"": found.get("first_simulation_s")},
            show=seconds,
        ),
    ]
