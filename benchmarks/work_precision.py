"""The chart of achieved error against CPU time, a panel for each case, from what benchmarks/peers.py stored."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair as alt

WIDTH, HEIGHT, COLUMNS = 330, 230, 2
# Okabe and Ito's colours or darker shades of them, as in understudy.plot.theme.
COLOURS = {
    "Understudy": "#0072b2",
    "C lanes": "#5a6169",
    "diffrax": "#c04a00",
    "numbalsoda": "#007a5a",
    "libRoadRunner": "#99447a",
    "SciPy LSODA": "#8a5a00",
}
CHARACTER, LINE, MARGIN = 6.1, 15, 10
# Errors that are shown; what is more exact stands on the lower edge.
LARGEST, LEAST = 1.0, 1e-9


@dataclass(frozen=True)
class Label:
    """A solver's name: where its line begins (CPU time, error), and on which row over the lines it is written."""

    solver: str
    time: float
    error: float
    row: int


@dataclass(frozen=True)
class Room:
    """What a panel shows, as logarithms to the base of ten."""

    left: float
    right: float
    bottom: float
    top: float


def shown(solver: dict[str, Any]) -> list[dict[str, float]]:
    """The runs of a solver that the chart shows: those whose error is no larger than what is measured."""
    return [run for run in solver["runs"] if run["error"] <= LARGEST]


def width_of(name: str) -> float:
    """Pixels that a name takes, the gap after it included."""
    return CHARACTER * len(name) + MARGIN


def across(solvers: dict[str, Any]) -> tuple[float, float]:
    """From the least CPU time to where the last name ends, as logarithms."""
    begins = {name: math.log10(shown(s)[0]["cpu_s_per_1000"]) for name, s in solvers.items()}
    times = [math.log10(run["cpu_s_per_1000"]) for s in solvers.values() for run in shown(s)]
    left = min(times) - 0.12
    # A name begins where its line does and must end within the panel.
    spans = [(x - left) * WIDTH / (WIDTH - width_of(name)) for name, x in begins.items()]
    return left, left + max(*spans, max(times) + 0.08 - left, 1.0)


def labels(solvers: dict[str, Any]) -> list[Label]:
    """Names over the beginnings of their lines, each above all to its right that it would run into."""
    left, right = across(solvers)
    firsts = {name: shown(s)[0] for name, s in solvers.items()}
    placed: list[Label] = []
    for name, run in sorted(firsts.items(), key=lambda item: -item[1]["cpu_s_per_1000"]):
        at = math.log10(run["cpu_s_per_1000"])
        end = at + width_of(name) * (right - left) / WIDTH
        below = [label.row for label in placed if math.log10(label.time) < end]
        placed.append(Label(name, run["cpu_s_per_1000"], run["error"], max(below, default=-1) + 1))
    return placed


def chart(found: dict[str, Any]) -> alt.ConcatChart:
    """All panels; `found` is the stored result."""
    import altair as alt

    from understudy.plot.theme import themed

    cases = {letter: drawn(case) for letter, case in found["cases"].items()}
    rows = max(label.row for case in cases.values() for label in labels(case["solvers"])) + 1
    panels = [
        panel(letter, case, rows, first=k % COLUMNS == 0) for k, (letter, case) in enumerate(cases.items())
    ]
    return themed(alt.concat(*panels, columns=COLUMNS, spacing=26))


def drawn(case: dict[str, Any]) -> dict[str, Any]:
    """The case with those solvers that have something to show."""
    return {**case, "solvers": {name: s for name, s in case["solvers"].items() if shown(s)}}


def panel(letter: str, case: dict[str, Any], rows: int, first: bool) -> alt.LayerChart:
    """Lines with a dot for each tolerance, and over them their names in so many rows."""
    import altair as alt

    top, bottom = math.log10(LARGEST), math.log10(LEAST)
    # Rows of names take pixels away from the top of the panel.
    room = Room(
        *across(case["solvers"]),
        bottom,
        top + (top - bottom) * (rows * LINE + 8) / (HEIGHT - rows * LINE - 8),
    )
    x, y = axes(room, first)
    data = points(case["solvers"])
    # Not all colours are in every panel: the scale is the same for all.
    scale = alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    colour = alt.Color("solver:N", scale=scale, legend=None)
    thick = alt.condition("datum.solver == 'Understudy'", alt.value(2.6), alt.value(1.5))
    base = alt.Chart(data).encode(x=x, y=y, color=colour)
    lines = base.mark_line().encode(
        order="tolerance:Q", detail="solver:N", strokeWidth=thick, strokeDash=dashes()
    )
    shape = alt.condition("datum.below", alt.value("triangle-down"), alt.value("circle"))
    size = alt.condition("datum.below", alt.value(70), alt.value(26))
    dots = base.mark_point(filled=True, opacity=1).encode(shape=shape, size=size)
    title = f"({letter}) {case['title']}"
    return alt.layer(*flags(labels(case["solvers"]), room, x, y, colour), lines, dots).properties(
        width=WIDTH, height=HEIGHT, title=title
    )


def dashes() -> Any:
    """The ceiling is no solver to be had: its line is broken."""
    import altair as alt

    return alt.condition("datum.solver == 'C lanes'", alt.value([4, 3]), alt.value([1, 0]))


def axes(room: Room, first: bool) -> tuple[alt.X, alt.Y]:
    """Both axes are logarithmic, with marks at powers of ten."""
    import altair as alt

    decades = [10.0**k for k in range(math.ceil(room.left), math.floor(room.right) + 1)]
    errors = [10.0**k for k in range(0, int(room.bottom) - 1, -2)]
    x = alt.X(
        "time:Q",
        title="CPU seconds for 1,000 patients",
        scale=alt.Scale(type="log", domain=[10**room.left, 10**room.right], nice=False),
        axis=alt.Axis(values=decades, format="~r", grid=True),
    )
    y = alt.Y(
        "error:Q",
        title="achieved error" if first else None,
        scale=alt.Scale(type="log", domain=[10**room.bottom, 10**room.top], nice=False),
        axis=alt.Axis(values=errors, format=".0e"),
    )
    return x, y


def points(solvers: dict[str, Any]) -> alt.InlineData:
    """A row for each run that is shown."""
    import altair as alt

    rows = [
        {
            "solver": name,
            "tolerance": -math.log10(run["tolerance"]),
            "time": run["cpu_s_per_1000"],
            "error": max(run["error"], LEAST),
            "below": run["error"] < LEAST,
        }
        for name, solver in solvers.items()
        for run in shown(solver)
    ]
    return alt.InlineData(values=rows)


def flags(
    names: list[Label], room: Room, x: alt.X, y: alt.Y, colour: alt.Color
) -> tuple[alt.Chart, alt.Chart]:
    """Thin lines up from where the lines begin, and the names at their upper ends."""
    import altair as alt

    per_pixel = (room.top - room.bottom) / HEIGHT
    ends = [10 ** (math.log10(LARGEST) + per_pixel * (label.row * LINE + 14)) for label in names]
    begin = [{"solver": each.solver, "time": each.time, "error": max(each.error, LEAST)} for each in names]
    stems = [{**row, "end": end} for row, end in zip(begin, ends, strict=True)]
    text = [{**row, "error": end} for row, end in zip(begin, ends, strict=True)]
    drawn_as = lambda rows: alt.Chart(alt.InlineData(values=rows)).encode(x=x, y=y, color=colour)  # noqa: E731
    rule = drawn_as(stems).mark_rule(strokeWidth=0.8, opacity=0.7).encode(y2="end:Q")
    name = drawn_as(text).mark_text(align="left", baseline="middle", dx=3, dy=4, fontSize=11, fontWeight=600)
    return rule, name.encode(text="solver:N")


def drawing(found: dict[str, Any]) -> str:
    """The chart as SVG; its description names the commit that was measured."""
    from understudy.plot.svg import svg

    return svg(
        chart(found),
        name="work-precision",
        title="Achieved error against CPU time",
        description="A panel for each model: the error that each solver achieves, and the CPU seconds it takes for "
        f"1,000 patients, both on logarithmic scales. Measured at commit {found['commit'][:10]}.",
    )
