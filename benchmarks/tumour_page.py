"""Tumours' section of docs/rwe-twins.md and its chart, from what is stored: ``python -m benchmarks.tumour_page``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.result import FOLDER
from benchmarks.tumour_counterfactuals import (
    CORRECTED,
    PERSISTENCE,
    POPULATION,
    RIGHT,
    TYPICAL,
    WRONG,
)

if TYPE_CHECKING:
    import altair as alt

PAGE = Path(__file__).parents[1] / "docs" / "rwe-twins.md"
CHART = PAGE.parent / "images" / "tumour-counterfactuals.svg"
BEGIN = "<!-- tumours: written by python -m benchmarks.tumour_page -->\n"
END = "<!-- end of tumours -->\n"
OURS = (RIGHT, WRONG, CORRECTED, TYPICAL, PERSISTENCE, POPULATION)
QUESTIONS = (
    ("one day", 1, "One day ahead, under all four choices of treatment"),
    ("sliding", 6, "Six days ahead, one treatment on one of the last five days"),
    ("random", 6, "Six days ahead, five days of treatments at random"),
)
GAMMAS = (0, 1, 2, 3, 4)
_CAPTION = """![Errors by gamma](images/tumour-counterfactuals.svg)

Crossed test patients; bars are one standard deviation of runs either way, black lines are published."""


def load() -> dict[str, Any]:
    """The stored result."""
    return json.loads((FOLDER / "tumour_counterfactuals.json").read_text(encoding="utf-8"))


def section(stored: dict[str, Any]) -> str:
    """The result as Markdown."""
    parts = [_sizes(stored)]
    for question, ahead, title in QUESTIONS:
        parts += [f"**{title}**", _errors(stored, question, ahead, "crossed", published=True)]
    parts += [_CAPTION, _own(stored)]
    parts += [
        "### Do the intervals hold?",
        _coverage(stored),
        "### Calibrated by null contrasts",
        _calibration(stored),
    ]
    return "\n\n".join(parts) + "\n"


def _sizes(stored: dict[str, Any]) -> str:
    asked = stored["settings"]
    return (
        f"{asked['train']:,} training patients for each gamma (the corrections learn from {asked['correction']:,} "
        f"of them), {asked['validation']:,} for validation; {asked['runs']} runs with {asked['test']:,} test "
        f"patients each, {asked['test_later']:,} where several days are foretold, watched for up to "
        f"{asked['days']} days. Root mean squared errors in per cent of 1,150 cm³: mean and standard deviation of "
        "the runs, here as published. The publications have 1,000 patients in every run, and learn anew in each, "
        "which ours do not."
    )


def _head(first: str) -> list[str]:
    return [
        f"| {first} | {' | '.join(f'γ = {gamma}' for gamma in GAMMAS)} |",
        f"| --- |{' ---: |' * len(GAMMAS)}",
    ]


def _errors(stored: dict[str, Any], question: str, ahead: int, patients: str, published: bool) -> str:
    lines = _head("method")
    for method in OURS:
        cells = [_cell(stored, question, ahead, patients, method, gamma) for gamma in GAMMAS]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    if published:
        for method, values in stored["published"]["rows"][question][str(ahead)].items():
            lines.append(f"| *{method}, published* | {' | '.join(f'{m:.2f} ± {s:.2f}' for m, s in values)} |")
    return "\n".join(lines)


def find(stored: dict[str, Any], kind: str, **asked: Any) -> dict[str, Any]:
    """The one row that has these values."""
    (row,) = [each for each in stored[kind] if all(each[name] == value for name, value in asked.items())]
    return row


def _cell(stored: dict[str, Any], question: str, ahead: int, patients: str, method: str, gamma: int) -> str:
    row = find(
        stored, "errors", question=question, ahead=ahead, patients=patients, method=method, gamma=gamma
    )
    return f"{row['rmse']:.2f} ± {row['standard_deviation']:.2f}"


def _own(stored: dict[str, Any]) -> str:
    text = "**One day ahead, test patients treated by their own size**"
    return f"{text}\n\n{_errors(stored, 'one day', 1, 'own size', published=False)}"


def _coverage(stored: dict[str, Any]) -> str:
    lines = _head("95 % intervals hold the real volume")
    for method in (RIGHT, WRONG):
        for question, ahead, patients in (
            ("one day", 1, "own size"),
            ("sliding", 6, "own size"),
            ("one day", 1, "crossed"),
            ("sliding", 6, "crossed"),
            ("random", 6, "crossed"),
        ):
            asked = {"method": method, "question": question, "ahead": ahead, "patients": patients}
            shares = [find(stored, "coverage", gamma=gamma, **asked)["coverage"] for gamma in GAMMAS]
            what = "one day" if question == "one day" else f"{ahead} days, {question}"
            cells = " | ".join(f"{100 * each:.1f} %" for each in shares)
            lines.append(f"| {method}: {what}, {patients} | {cells} |")
    return "\n".join(lines)


def _calibration(stored: dict[str, Any]) -> str:
    window = stored["settings"]["window"]
    told = (
        f"The effect of {window} days of treatment in one patient: his volume after them against what his twin says "
        f"without treatment, on the scale of logarithms. Null contrasts are validation patients who went {window} days "
        "without treatment; what is true in test patients is known, since the same patient can be simulated untreated."
    )
    lines = [
        "| twin | γ | null contrasts | systematic error | EASE | 95 % intervals hold it | calibrated | wider by |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for method in (RIGHT, WRONG):
        for gamma in GAMMAS:
            row = find(stored, "calibration", method=method, gamma=gamma)
            wider = row["calibrated width"] / row["width"] - 1
            cells = (
                method,
                gamma,
                row["null contrasts"],
                f"{round(row['bias'], 3) + 0.0:.3f} ± {row['spread']:.3f}".replace("-", "−"),
                f"{row['EASE']:.3f}",
                f"{100 * row['coverage']:.1f} %",
                f"{100 * row['calibrated coverage']:.1f} %",
                f"{100 * wider:.0f} %",
            )
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join([told, "", *lines])


def page(text: str, stored: dict[str, Any]) -> str:
    """The page with the stored result in it."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + "\n" + section(stored) + "\n" + END + rest.partition(END)[2]


_COLOURS = {
    "twin, right mechanism": "#0072b2",
    "twin, wrong mechanism": "#b2331f",
    "wrong twin, corrected": "#8a5a00",
    "volume stays": "#8c939b",
    "Causal Transformer": "#1f2328",
    "CRN": "#1f2328",
}
_SHOWN = (RIGHT, WRONG, CORRECTED, PERSISTENCE)
_LEARNT = ("CRN", "Causal Transformer")
_WIDTH, _HEIGHT = 250, 250


def chart(stored: dict[str, Any]) -> alt.TopLevelMixin:
    """Errors by gamma: ours in colour, the published ones black and dashed."""
    import altair as alt
    import pandas as pd

    from understudy.plot.theme import inline, themed

    frame = pd.DataFrame(_points(stored))
    titles = [title for _, _, title in QUESTIONS[:2]]
    order = [*_SHOWN, *_LEARNT]
    dashes = [[1, 0]] * len(_SHOWN) + [[2, 2], [6, 3]]
    base = alt.Chart(inline(frame))
    colour = alt.Color(
        "method:N",
        sort=order,
        scale=alt.Scale(domain=order, range=[_COLOURS[each] for each in order]),
        legend=alt.Legend(
            title=None, orient="bottom", columns=3, symbolType="stroke", symbolSize=400, labelLimit=300
        ),
    )
    dash = alt.StrokeDash("method:N", sort=order, scale=alt.Scale(domain=order, range=dashes), legend=None)
    x = alt.X(
        "gamma:Q",
        title="γ, how strongly size decides on treatment",
        axis=alt.Axis(values=list(GAMMAS), grid=False),
    )
    y = alt.Y("rmse:Q", title="error, % of 1,150 cm³", scale=alt.Scale(domainMin=0))
    lines = base.mark_line(strokeWidth=1.8).encode(x=x, y=y, color=colour, strokeDash=dash)
    dots = base.mark_point(filled=True, size=28, opacity=1).encode(x=x, y=y, color=colour)
    rules = base.mark_rule(strokeWidth=1).encode(x=x, y="low:Q", y2="high:Q", color=colour)
    both = [
        alt.layer(
            *(each.transform_filter(alt.datum.title == title) for each in (rules, lines, dots))
        ).properties(width=_WIDTH, height=_HEIGHT, title=_folded(title))
        for title in titles
    ]
    return themed(alt.hconcat(*both))


def _folded(title: str) -> list[str]:
    head, _, tail = title.partition(", ")
    return [head, tail]


def _points(stored: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for question, ahead, title in QUESTIONS[:2]:
        asked = {"question": question, "ahead": ahead, "patients": "crossed"}
        for gamma in GAMMAS:
            for method in _SHOWN:
                row = find(stored, "errors", method=method, gamma=gamma, **asked)
                yield _point(title, gamma, method, row["rmse"], row["standard_deviation"])
            for method in _LEARNT:
                yield _point(
                    title, gamma, method, *stored["published"]["rows"][question][str(ahead)][method][gamma]
                )


def _point(title: str, gamma: int, method: str, value: float, error: float) -> dict[str, Any]:
    ends = {"low": max(value - error, 0.0), "high": value + error}
    return {"title": title, "gamma": gamma, "method": method, "rmse": value, **ends}


def main() -> None:
    """Write page and chart."""
    from understudy.plot.svg import svg

    stored = load()
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), stored), encoding="utf-8")
    told = "Errors of twins, persistence and published methods, by how strongly tumour size decides on treatment."
    drawn = svg(chart(stored), name="tumours", title="Counterfactual tumour volumes", description=told)
    CHART.write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
