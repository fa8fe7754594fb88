"""Figures: the charts of a report, each with its caption and a description for readers who cannot see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from markupsafe import Markup

from understudy.core.unit_label import unit_label
from understudy.dossier.number import figures, percent
from understudy.dossier.page import Figure
from understudy.dossier.report_content import ReportContent
from understudy.dossier.summary import overall
from understudy.plot.attainment import attainment, attainment_by_stratum
from understudy.plot.forecast import forecast
from understudy.plot.goodness_of_fit import goodness_of_fit
from understudy.plot.individual_fits import individual_fits
from understudy.plot.label import sentence_case
from understudy.plot.profile import profile
from understudy.plot.svg import svg
from understudy.plot.theme import MOST_ROWS
from understudy.plot.vpc import vpc

if TYPE_CHECKING:
    import altair as alt

MOST_PANELS = 24
SOURCES = {
    "twins": "Twins of the patients in the records",
    "virtual": "Virtual patients",
    "typical": "The typical patient",
}


def fit_figures(content: ReportContent) -> Iterator[Figure]:
    """Goodness of fit of each output.

    Parameters
    ----------
    content : ReportContent
    """
    for output in content.observed_outputs:
        frame, words = content.of_output(content.observations, output), content.described(output)
        chart = goodness_of_fit(frame, output=words, unit=content.unit(output), time_unit=content.time_unit)
        large = int((frame["iwres"].abs() > 1.96).sum())
        thin = f" {MOST_ROWS:,} of them are shown, evenly spaced." if len(frame) > MOST_ROWS else ""
        yield figure(
            chart,
            f"fit-{output}",
            f"Observed {words} against predicted, and residuals. {len(frame):,} observations.{thin} The blue line is "
            f"the median in groups of equal size, the thin line where observed and predicted are equal, dashed lines "
            f"bound ± 1.96. {large} of {len(frame):,} residuals ({percent(large / len(frame))}) lie beyond them; about "
            "5\xa0% are expected.",
        )


def check_figures(content: ReportContent) -> Iterator[Figure]:
    """The visual predictive check of each output."""
    outputs = dict.fromkeys(content.vpc["output"]) if "output" in content.vpc else [content.first_output]
    for output in outputs if len(content.vpc) else []:
        frame, words = content.of_output(content.vpc, output), content.described(output)
        seen = content.of_output(content.observations, output)
        chart = vpc(
            frame,
            output=words,
            unit=content.unit(output),
            time_unit=content.time_unit,
            observations=seen if len(seen) else None,
        )
        held = int(frame["observed"].between(frame["low"], frame["high"]).sum())
        yield figure(
            chart,
            f"vpc-{output}",
            f"Visual predictive check of {words}. Solid lines: quantiles of the observations in {_bins(frame)} bins of "
            f"time. Ribbons: where the model expects each of them ({percent(content.interval)} interval over simulated "
            f"studies); dashed: the middle of that. {held} of {len(frame)} observed quantiles lie in their ribbon.",
        )


def _bins(frame) -> int:
    return frame["time"].nunique()


def individual_figure(content: ReportContent) -> Figure | None:
    """Panels of the first patients of `content.curves`."""
    if not len(content.curves):
        return None
    everyone = list(dict.fromkeys(content.curves["id"]))
    shown, output = everyone[:MOST_PANELS], content.first_output
    chart = individual_fits(
        content.curves,
        content.of_output(content.observations, output),
        output=content.described(output),
        unit=content.unit(output),
        time_unit=content.time_unit,
        ids=shown,
    )
    which = (
        f"The first {len(shown)} of {len(everyone)} patients in the records; all are in "
        "tables/individual_curves.csv."
        if len(everyone) > len(shown)
        else f"All {len(everyone)} patients."
    )
    return figure(
        chart,
        "individual-fits",
        f"Individual fits of {content.described(output)}. Blue: the patient's twin, median and "
        f"{percent(content.interval)} interval; brown, dashed: what the population alone foretells for the patient's "
        f"covariates; dots: observations. {which}",
    )


def forecast_figure(content: ReportContent) -> Figure | None:
    """Held-back levels against their forecasts."""
    frame, output = content.forecast, content.first_output
    if not len(frame):
        return None
    chart = forecast(frame, output=content.described(output), unit=content.unit(output))
    return figure(
        chart,
        "forecast",
        f"Forecast against observed for {len(frame)} held-back measurements, each the last of its patient. Bars: "
        f"{percent(content.interval)} prediction intervals. Points on the line were foretold exactly.",
    )


def attainment_figure(content: ReportContent) -> Figure | None:
    """Stacked bars of all patients together."""
    rows = content.attainment
    rows = rows[rows["by"] == "all"] if len(rows) else rows
    if not len(rows):
        return None
    sources = {
        key: f"{label} (n = {int(rows.loc[rows['source'] == key, 'n'].iloc[0]):,})"
        for key, label in SOURCES.items()
        if key in set(rows["source"])
    }
    target = content.target
    chart = attainment(
        rows,
        target=(target.low, target.high),
        unit=target.unit,
        regimens=content.regimen_labels,
        sources=sources,
    )
    best = overall(content).iloc[0]
    return figure(
        chart,
        "attainment",
        f"Target attainment by regimen: below, within and above {content.range_text}. The largest share within is that "
        f"of {best['regimen']}, {percent(best['within'])}.",
    )


def stratum_figure(content: ReportContent) -> Figure | None:
    """Heat tables of the share within by regimen and stratum, over time where measured."""
    ranked, rows = overall(content), content.attainment
    if not len(ranked):
        return None
    best = ranked.iloc[0]
    same = (rows[["source", "measure"]] == best[["source", "measure"]]).all(axis=1)
    strata = rows[same & (rows["by"] != "all")]
    if not len(strata):
        return None
    meanings = {item.name: item.description for item in content.model.covariates if item.description}
    titled = strata.assign(by=strata["by"].map(lambda name: sentence_case(meanings.get(name, name))))
    share = "Share of time" if best["measure"] == "time" else "Share of patients at the last trough"
    worst = strata.loc[strata["within"].idxmin()]
    return figure(
        attainment_by_stratum(titled, regimens=content.regimen_labels),
        "strata",
        f"{share} within {content.range_text} by regimen and stratum, in percent ± Monte Carlo standard error; "
        f"{SOURCES.get(best['source'], best['source']).lower()}. Lowest: {percent(worst['within'])} "
        f"({worst['regimen']}, {worst['stratum']}).",
    )


def profile_figure(content: ReportContent) -> Figure | None:
    """Courses over time of the virtual patients, or of the twins where there are none."""
    frame = content.profile
    if not len(frame):
        return None
    source = "virtual" if (frame["source"] == "virtual").any() else frame["source"].iloc[0]
    output, target = content.target.output, content.target
    chart = profile(
        frame[frame["source"] == source],
        output=content.described(output),
        unit=content.unit(output),
        time_unit=content.time_unit,
        target=(target.low, target.high),
        regimens=[name for name in content.regimen_labels if name in set(frame["regimen"])],
    )
    peak = frame.loc[frame["source"] == source, "high"].max()
    return figure(
        chart,
        "profiles",
        f"{sentence_case(content.described(output))} over time under each regimen: median and "
        f"{percent(content.interval)} interval over {SOURCES.get(source, source).lower()}; blue: "
        f"{content.range_text}. The highest upper limit is "
        f"{figures(peak)} {unit_label(content.unit(output))}.",
    )


def figure(chart: alt.TopLevelMixin, name: str, caption: str) -> Figure:
    """A chart as a figure; the caption's first sentence is its title, all of it the description."""
    title = caption.split(". ")[0].rstrip(".")
    safe = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name)
    return Figure(Markup(svg(chart, name=f"chart-{safe}", title=title, description=caption)), caption, chart)
