"""Diagnosis report: charts and tables of a diagnosis as one HTML page, or as a folder of files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.core.text_files import write_texts
from understudy.dossier.diagnosis import Diagnosis
from understudy.dossier.figures import figure
from understudy.dossier.html_page import html
from understudy.dossier.number import figures, percent
from understudy.dossier.page import Column, Figure, Section, Table, section
from understudy.inference.diagnostics.visual_check import VisualCheck
from understudy.plot import predictive_check as predictive_plots
from understudy.plot.goodness_of_fit import residual_panels, residuals
from understudy.plot.individual_fits import individual_pages
from understudy.plot.label import sentence_case
from understudy.plot.normal_quantiles import normal_quantiles
from understudy.plot.random_effects import effect_histograms, effects_against_covariates
from understudy.plot.vpc import vpc

if TYPE_CHECKING:
    import pandas as pd

REPORT, LISTING = "report.html", "files.txt"
# Where a diagnosis puts its files: a listing that was tampered with removes nothing else.
_OWN = re.compile(r"charts/[^/\\]+\.svg|tables/[^/\\]+\.csv")
_MOST_PAGES = 5


def render(found: Diagnosis) -> str:
    """The diagnosis as one HTML page that needs nothing else."""
    return _page(found, _charts(found))


def _page(found: Diagnosis, charts: dict[str, Figure]) -> str:
    table = found.fit.table
    byline = (
        f"Understudy diagnosis · model {found.model.name} · {len(table):,} measurements of "
        f"{table['ID'].nunique():,} patients in {found.records.source} · {found.fit.replicates:,} simulated studies, "
        f"seed {found.seed}"
    )
    return html(f"Does {found.model.name} fit?", byline, _sections(found, charts), _summary(found))


def write(found: Diagnosis, path: Path) -> tuple[Path, ...]:
    """Write a page, where the path ends in ``.html``, or else a folder of a page, charts and tables.

    Files of an earlier diagnosis in that folder that this one does not have are removed: those that its ``files.txt``
    names, and no other.

    Returns
    -------
    tuple of Path
        The files: ``report.html``, ``charts/*.svg``, ``tables/*.csv``, ``files.txt``, which lists them; or the page.
    """
    if path.suffix == ".html":
        return write_texts(path.parent, {path.name: render(found)})
    charts = _charts(found)
    texts = {REPORT: _page(found, charts)}
    texts |= {f"charts/{name}.svg": str(drawn.drawing) for name, drawn in charts.items()}
    texts |= {
        f"tables/{name}.csv": frame.to_csv(index=False, lineterminator="\n", float_format="%.10g")
        for name, frame in _tables(found).items()
    }
    earlier = _listed(path)
    texts[LISTING] = "".join(f"{name}\n" for name in texts)
    written = write_texts(path, texts)
    for stale in earlier - texts.keys():
        (path / stale).unlink(missing_ok=True)
    return written


def _listed(folder: Path) -> set[str]:
    """Charts and tables that an earlier diagnosis wrote into a folder, by its own list; nothing outside of it."""
    listing = folder / LISTING
    names = listing.read_text(encoding="utf-8").splitlines() if listing.is_file() else []
    return {name for name in names if _OWN.fullmatch(name)}


def _tables(found: Diagnosis) -> dict[str, pd.DataFrame]:
    fit = found.fit
    return {
        "goodness_of_fit": fit.table,
        "random_effects": fit.effects,
        "shrinkage": fit.shrinkage,
        "residual_tests": fit.tests,
        "numerical_check": fit.numerical,
        "visual_check": found.visual.quantiles,
        "visual_check_corrected": found.corrected.quantiles,
        "beyond_limits": found.visual.censored,
        "predictive_check": found.predictive.table,
        **{f"individual_curves_{name}": own.curves for name, own in found.individual.items()},
    }


def _sections(found: Diagnosis, charts: dict[str, Figure]) -> Iterator[Section | None]:
    def of(prefix: str) -> list[Figure]:
        return [drawn for name, drawn in charts.items() if name.startswith(prefix)]

    yield section("fit", "Goodness of fit", [*of("fit"), *of("npde"), *of("normal"), _test_table(found)])
    yield section("checks", "Visual predictive checks", of("vpc"))
    yield section("numbers", "Numerical and predictive checks", [*of("npc"), *of("statistics")])
    yield section("effects", "Random effects", [_shrinkage_table(found), *of("effects")])
    yield section("patients", "Individual fits", of("individual"))


def _charts(found: Diagnosis) -> dict[str, Figure]:
    """All charts by the name of their file."""
    charts: dict[str, Figure] = {}
    for output in found.outputs:
        for name, drawn in (*_fit_charts(found, output), *_check_charts(found, output)):
            charts[f"{name}-{output}"] = drawn
    charts |= dict(_effect_charts(found))
    for output in found.outputs:
        charts |= dict(_individual_charts(found, output))
    return charts


def _words(found: Diagnosis, output: str) -> dict[str, str]:
    item = found.model.structural.output(output)
    return {
        "output": item.description or output,
        "unit": item.unit,
        "time_unit": found.model.structural.time_unit,
    }


def _fit_charts(found: Diagnosis, output: str) -> Iterator[tuple[str, Figure]]:
    table = found.fit.table
    own, words = table[table["DVID"] == output], _words(found, output)
    large = float((own["CWRESI"].abs() > 1.96).sum() / max(own["CWRESI"].notna().sum(), 1))
    yield (
        "fit",
        figure(
            residual_panels(own, **words),
            f"fit-{output}",
            f"Observed {words['output']} against predictions, and conditional weighted residuals (CWRESI). The blue "
            "line is a robust local regression; it should lie on the thin line. Dashed lines hold 95\xa0% of the "
            f"residuals of a true model; {percent(large)} lie beyond them.",
        ),
    )
    yield (
        "npde",
        figure(
            residuals(own, **words),
            f"npde-{output}",
            f"Normalised prediction distribution errors (NPDE) of {words['output']}. Of a true model they scatter "
            "evenly around zero, everywhere as wide; a slope or a funnel says where it fails.",
        ),
    )
    yield (
        "normal",
        figure(
            normal_quantiles(own),
            f"normal-{output}",
            f"Residuals of {words['output']} in order against standard normal quantiles, and their histograms. The "
            "shade holds each point with a probability of 95\xa0% if the model is true and the residuals are "
            "independent.",
        ),
    )


def _check_charts(found: Diagnosis, output: str) -> Iterator[tuple[str, Figure]]:
    words = _words(found, output)
    for name, check in (("vpc", found.visual), ("vpc-corrected", found.corrected)):
        if (check.quantiles["output"] == output).any():
            yield name, visual_figure(check, output, words, name)
    numerical = found.fit.numerical
    yield (
        "npc",
        figure(
            predictive_plots.numerical_check(numerical[numerical["output"] == output]),
            f"npc-{output}",
            f"Numerical predictive check of {words['output']}. Measurements outside of their prediction intervals, "
            "over how many should be; the shade is where a true model's ratio lies in 95 of 100 studies.",
        ),
    )
    table, copies = (
        frame[frame["output"] == output] for frame in (found.predictive.table, found.predictive.simulated)
    )
    if table["observed"].notna().any():
        yield (
            "statistics",
            figure(
                predictive_plots.statistics(table, copies, **words),
                f"statistics-{output}",
                f"Predictive check of {words['output']}. Each patient's statistic, its median over the patients: "
                "observed (red) and in simulated studies. The p-value is two-sided.",
            ),
        )


def visual_figure(check: VisualCheck, output: str, words: dict[str, str], name: str) -> Figure:
    """A visual predictive check of one output as a figure with its caption."""
    chart = visual_chart(check, output, words)
    quantiles = check.quantiles[check.quantiles["output"] == output]
    held = quantiles.dropna(subset=["observed", "low", "high"])
    inside = int(held["observed"].between(held["low"], held["high"]).sum())
    kind = {
        "none": "",
        "prediction": " with prediction correction",
        "variability": " with variability correction",
    }
    left = f" {check.left_out:,} measurements have no place in it." if check.left_out else ""
    return figure(
        chart,
        f"{name}-{output}",
        f"Visual predictive check of {words['output']}{kind[check.correction]}. Solid lines: quantiles of the "
        f"observations. Ribbons: where the model expects each of them ({percent(check.interval)} interval over "
        f"simulated studies); dashed: the middle of that. {inside} of {len(held)} observed quantiles lie in "
        f"their ribbon.{left}",
    )


def visual_chart(
    check: VisualCheck,
    output: str,
    words: dict[str, str],
    *,
    logarithmic: bool = False,
    title: str = "",
    subtitle: str = "",
):
    """The chart of a visual predictive check of one output."""
    quantiles, censored, seen = (
        frame[frame["output"] == output] for frame in (check.quantiles, check.censored, check.observations)
    )
    corrected = "" if check.correction == "none" else f"{check.correction}-corrected "
    return vpc(
        quantiles,
        output=corrected + words["output"],
        unit=words["unit"],
        time_unit=words["unit"] if check.axis == "prediction" else check.axis_unit,
        observations=seen,
        censored=censored if len(censored) else None,
        axis=f"Population {check.axis}" if check.axis == "prediction" else sentence_case(check.axis),
        logarithmic=logarithmic,
        title=title,
        subtitle=subtitle,
    )


def _effect_charts(found: Diagnosis) -> Iterator[tuple[str, Figure]]:
    effects, covariates = found.fit.effects, list(found.records.covariates)
    if not len(effects):
        return
    yield (
        "effects-distribution",
        figure(
            effect_histograms(effects, found.fit.shrinkage),
            "effects-distribution",
            "Individual random effects at their modes, and the density that the model gives them. The narrower they "
            "are (shrinkage), the less can be read from the charts of individual estimates.",
        ),
    )
    varied = [name for name in covariates if name in effects and effects[name].nunique() > 1]
    if varied:
        units = {name: found.fit.twins.records.unit(name) for name in varied}
        yield (
            "effects-covariates",
            figure(
                effects_against_covariates(effects, varied, units),
                "effects-covariates",
                "Individual random effects against covariates. A slope is an influence that the model does not have.",
            ),
        )


def _individual_charts(found: Diagnosis, output: str) -> Iterator[tuple[str, Figure]]:
    words, own = _words(found, output), found.individual[output]
    seen = own.observations[own.observations["output"] == output]
    curves = own.curves[own.curves["id"].isin(seen["id"])]
    pages = individual_pages(curves, seen, **words)
    for number, chart in enumerate(pages[:_MOST_PAGES], 1):
        of = f", page {number} of {len(pages)}" if len(pages) > 1 else ""
        rest = (
            f" Others are in tables/individual_curves_{output}.csv."
            if number == _MOST_PAGES < len(pages)
            else ""
        )
        yield (
            f"individual-{output}-{number}",
            figure(
                chart,
                f"individual-{output}-{number}",
                f"Individual fits of {words['output']}{of}. Blue: median and 90\xa0% interval of the patient's own "
                f"course; brown, dashed: what the population foretells; dots: observations.{rest}",
            ),
        )


def _shrinkage_table(found: Diagnosis) -> Table:
    columns = (
        "Effect",
        "Patients or measurements",
        "Mean",
        "p (mean is zero)",
        "Shrinkage (SD)",
        "Shrinkage (variance)",
    )
    rows = tuple(
        (
            str(row["name"]),
            f"{row['n']:,}",
            figures(row["mean"]),
            figures(row["p"], 2),
            percent(row["shrinkage_sd"]),
            percent(row["shrinkage_var"]),
        )
        for row in found.fit.shrinkage.to_dict("records")
    )
    heads = tuple(Column(text, numeric=k > 0) for k, text in enumerate(columns))
    return Table(heads, rows, "Shrinkage of random effects (modes) and of residuals (IWRES).")


def _test_table(found: Diagnosis) -> Table:
    columns = (
        "Output",
        "Residual",
        "n",
        "Mean",
        "Variance",
        "p (mean)",
        "p (variance)",
        "p (normal)",
        "p (together)",
    )
    numbers = ("mean", "variance", "p_mean", "p_variance", "p_normal", "p")
    rows = tuple(
        (str(row["output"]), row["residual"], f"{row['n']:,}", *(figures(row[name], 2) for name in numbers))
        for row in found.fit.tests.to_dict("records")
    )
    heads = tuple(Column(text, numeric=k > 1) for k, text in enumerate(columns))
    return Table(
        heads, rows, "Tests that residuals are standard normal: mean zero, variance one, normal shape."
    )


def _summary(found: Diagnosis) -> Iterator[str]:
    fit = found.fit
    for output in found.outputs:
        words = _words(found, output)["output"]
        row = fit.tests[(fit.tests["output"] == output) & (fit.tests["residual"] == "NPDE")].iloc[0]
        verdict = "are as the model says" if row["p"] >= 0.05 else "are not as the model says"
        outside = fit.numerical[fit.numerical["output"] == output]["outside"].mean()
        held = found.visual.quantiles[found.visual.quantiles["output"] == output]
        held = held.dropna(subset=["observed", "low", "high"])
        inside = held["observed"].between(held["low"], held["high"]).mean()
        yield (
            f"{sentence_case(words)}: {percent(inside)} of the observed quantiles lie where "
            f"{percent(found.visual.interval)} are expected; {percent(outside)} of the numerical checks are outside of "
            f"their 95\xa0% intervals. Prediction distribution errors {verdict} (mean {figures(row['mean'], 2)}, "
            f"variance {figures(row['variance'], 2)}, p = {figures(row['p'], 2)})."
        )
    if fit.twins.failures:
        names = ", ".join(list(fit.twins.failures)[:10])
        yield f"No individual estimates were found for {len(fit.twins.failures)} patients: {names}."
