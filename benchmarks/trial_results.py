"""Results of published trials found again from their records: ``python -m benchmarks.trial_results``.

Needs the records beside the checkout; prints, stores benchmarks/results/trial_results.json and writes the table of
docs/trials-reference.md. The exit code is 1 where a number departs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from benchmarks.result import store

from understudy.biostatistics import concordance, cox, design_matrix, linear_model
from understudy.biostatistics.diagnostic_accuracy import area_under_curve
from understudy.trials.forecasting import compare, courses_of
from understudy.trials.questionnaire import read_questionnaire, shorten
from understudy.trials.tumour import dosing_by_marker, read_lesions

FOLDER = Path(__file__).parents[2] / "shared" / "reference" / "trials"
XANOMELINE = ("Xanomeline Low Dose", "Xanomeline High Dose")
HIV_COVARIATES = (
    *("cd40", "age", "wtkg", "karnof", "symptom", "z30", "preanti"),
    *("hemo", "homo", "drugs", "race", "gender", "str2"),
)


@dataclass(frozen=True)
class Found:
    """A published number, as it is printed, and ours."""

    trial: str
    what: str
    theirs: str
    ours: float

    @property
    def agrees(self) -> bool:
        """Whether ours rounds to theirs; half a unit of the last digit, and rounding itself."""
        digits = len(self.theirs.partition(".")[2])
        return abs(self.ours - float(self.theirs)) <= 0.5 * 10.0**-digits * (1 + 1e-6)


def rows(trial: str, what: str, theirs: str, ours: Iterable[float]) -> Iterator[Found]:
    """One row for each number of `theirs`, which blanks divide."""
    for text, value in zip(theirs.split(), np.atleast_1d(np.asarray(ours, float)), strict=True):
        yield Found(trial, what, text, float(value))


@cache
def records(name: str) -> pd.DataFrame:
    """A table of the reference folder."""
    return pd.read_csv(FOLDER / name, low_memory=False)


def _ratio(fit, k: int = 0) -> list[float]:
    row = fit.table().iloc[k]
    return [row.hazard_ratio, row.low, row.high]


def _levels(column: pd.Series, levels) -> dict:
    return {str(level): (column == level).astype(int) for level in levels}


def xanomeline() -> Iterator[Found]:
    """The CDISC pilot: Alzheimer's disease."""
    name, subjects = "CDISC pilot", records("cdisc_adsl.csv")
    by_arm = subjects["TRT01P"].value_counts()[["Placebo", *XANOMELINE]]
    yield from rows(name, "randomised to placebo, low, high dose", "86 84 84", by_arm)
    done = subjects[subjects["COMP24FL"] == "Y"]["TRT01P"].value_counts()[["Placebo", *XANOMELINE]]
    yield from rows(name, "completed 24 weeks", "60 28 30", done)
    scores = records("cdisc_adqsadas.csv.gz").query(
        "PARAMCD == 'ACTOT' and AVISIT == 'Week 24' and EFFFL == 'Y' and ANL01FL == 'Y'"
    )
    columns = {"dose": scores.TRTPN, "site": scores.SITEGR1.astype(str), "base": scores.BASE}
    yield from rows(name, "analysed", "79 81 74", scores.TRTPN.value_counts()[[0, 54, 81]])
    slope = linear_model(scores.CHG, design_matrix(columns)).coefficients["dose"]
    yield from rows(name, "slope of ADAS-Cog on dose, p", "-0.011792 0.245", [slope.value, slope.p_value])
    fit = linear_model(scores.CHG, design_matrix(columns, categories=["dose"]))
    found = fit.differences("dose")
    for pair, theirs in (("54 - 0", "-0.466782 0.818042 0.569"), ("81 - 0", "-1.006014 0.840529 0.233")):
        each = found[pair]
        ours = [each.value, each.standard_error, each.p_value]
        yield from rows(name, f"ADAS-Cog, {pair} mg: difference, standard error, p", theirs, ours)
    each = fit.differences("dose", 54)["81 - 54"]
    ours = [each.value, each.standard_error, each.p_value]
    yield from rows(name, "ADAS-Cog, 81 - 54 mg: difference, standard error, p", "-0.5392 0.836 0.520", ours)
    skin = records("cdisc_adtte.csv")
    event = 1 - skin.CNSR
    fit = cox(skin.AVAL, event, _levels(skin.TRTP, XANOMELINE))
    yield from rows(name, "first skin event, low dose: hazard ratio", "4.148 2.645 6.504", _ratio(fit))
    yield from rows(name, "first skin event, high dose: hazard ratio", "5.026 3.182 7.939", _ratio(fit, 1))
    events = event.groupby(skin.TRTP).sum()[["Placebo", *XANOMELINE]]
    yield from rows(name, "skin events", "29 62 61", events)


def zidovudine() -> Iterator[Found]:
    """ACTG 175: HIV."""
    name, data = "ACTG 175", records("actg175.csv")
    fit = cox(data.days, data.cens, _levels(data.arms, [1, 2, 3]))
    told = ("0.492 0.386 0.627", "0.525 0.414 0.666", "0.586 0.467 0.735")
    for k, (arm, theirs) in enumerate(zip(("+ ddI", "+ ddC", "ddI alone"), told, strict=True)):
        yield from rows(name, f"hazard ratio against zidovudine, {arm}", theirs, _ratio(fit, k))
    yield from rows(name, "events by arm", "181 103 109 128", data.cens.groupby(data.arms).sum())
    for words, theirs, covariates in (
        ("", "46.810 7.165", ()),
        (", adjusted for 13 covariates", "49.671 5.666", HIV_COVARIATES),
        (", adjusted for CD4 at baseline", "49.381 5.780", ("cd40",)),
    ):
        columns = {"treat": data.treat, **{each: data[each] for each in covariates}}
        each = linear_model(data.cd420, design_matrix(columns)).coefficients["treat"]
        yield from rows(name, f"CD4 at 20 weeks{words}", theirs, [each.value, each.standard_error])


def colon() -> Iterator[Found]:
    """Adjuvant levamisole and fluorouracil."""
    for etype, word, events, theirs, alone in (
        (2, "death", "452", "0.690 0.546 0.870", "0.974"),
        (1, "recurrence", "468", "0.599 0.475 0.756", "0.985"),
    ):
        data = records("colon.csv").query(f"etype == {etype}")
        fit = cox(data.time, data.status, _levels(data.rx, ["Lev+5FU", "Lev"]))
        yield from rows(
            "colon cancer", f"{word}: patients, events", f"929 {events}", [fit.patients, fit.events]
        )
        yield from rows("colon cancer", f"{word}, levamisole + 5-FU: hazard ratio", theirs, _ratio(fit))
        yield from rows("colon cancer", f"{word}, levamisole: hazard ratio", alone, _ratio(fit, 1)[:1])


def cholangitis() -> Iterator[Found]:
    """D-penicillamine in primary biliary cholangitis, by both tables."""
    data = records("pbc.csv").dropna(subset="trt")
    fit = cox(data.time, data.status == 2, {"drug": (data.trt == 1).astype(int)})
    yield from rows("PBC", "patients, deaths", "312 125", [fit.patients, fit.events])
    ours = [*_ratio(fit), fit.table().p.iloc[0]]
    yield from rows("PBC", "D-penicillamine: hazard ratio, p", "1.059 0.745 1.504 0.75", ours)
    visits = records("pbc2.csv").groupby("id").head(1)
    counts = visits.status.value_counts()[["dead", "transplanted", "alive"]]
    yield from rows("PBC, visits", "dead, transplanted, alive", "140 29 143", counts)
    dead = visits.status == "dead"
    fit = cox(visits.years, dead, {"drug": (visits.drug == "D-penicil").astype(int)})
    yield from rows("PBC, visits", "D-penicillamine: hazard ratio", "0.998 0.717 1.391", _ratio(fit))
    marker = np.log(visits.serBilir.to_numpy())
    ours = [*_ratio(cox(visits.years, dead, {"x": marker})), concordance(visits.years, dead, marker).estimate]
    yield from rows(
        "PBC, visits", "log bilirubin: hazard ratio, concordance", "2.895 2.419 3.464 0.779", ours
    )


def others() -> Iterator[Found]:
    """Veterans' lung cancer, FFCD 2000, ddI against ddC."""
    data = records("veteran.csv")
    test = {"test": (data.trt == 2).astype(int)}
    fit = cox(data.time, data.status, test)
    yield from rows("veterans", "test chemotherapy: hazard ratio", "1.018 0.714 1.450", _ratio(fit))
    fit = cox(data.time, data.status, {**test, **data[["karno", "age", "diagtime"]]})
    yield from rows(
        "veterans", "adjusted: hazard ratio, deaths", "1.208 0.839 1.739 128", [*_ratio(fit), fit.events]
    )
    yield from rows("veterans", "a point of Karnofsky's scale", "0.9662", _ratio(fit, 1)[:1])
    data = records("ffcd2000_events.csv")
    last = data.groupby("id").tail(1)
    fit = cox(last.time1, last.state, {"C": (last.treatment == "C").astype(int)})
    yield from rows(
        "FFCD 2000", "combined against sequential: hazard ratio", "0.879 0.613 1.259", _ratio(fit)
    )
    ours = [fit.events, fit.patients, data["new.lesions"].sum()]
    yield from rows("FFCD 2000", "deaths, patients, rows of new lesions", "121 150 139", ours)
    data = records("aids.csv").groupby("patient").head(1)
    ours = [data.death.sum(), len(data), *data.death.groupby(data.drug).sum()[["ddC", "ddI"]]]
    yield from rows("ddI against ddC", "deaths, patients, deaths by arm", "188 467 88 100", ours)
    fit = cox(data.Time, data.death, {"ddI": (data.drug == "ddI").astype(int)})
    yield from rows("ddI against ddC", "hazard ratio", "1.234 0.926 1.643", _ratio(fit))
    fit = cox(data.Time, data.death, {"CD4": data.CD4})
    yield from rows("ddI against ddC", "root of CD4: hazard ratio", "0.834 0.798 0.871", _ratio(fit))


def stroke() -> Iterator[Found]:
    """International Stroke Trial."""
    data = records("ist.csv.gz")
    known = data[data.OCCODE.between(1, 4)]
    bad = known.OCCODE <= 2
    arms = {"aspirin": known.RXASP == "Y", "heparin": known.RXHEP != "N"}
    for (drug, own), theirs in zip(arms.items(), ("6000 9639 6125 9646", "6063 9641 6062 9644"), strict=True):
        ours = [bad[own].sum(), own.sum(), bad[~own].sum(), (~own).sum()]
        yield from rows("stroke", f"dead or dependent at 6 months, {drug}: of, without: of", theirs, ours)
    dead = 100.0 * (data.ID14 == 1)
    arms = {"aspirin": data.RXASP == "Y", "heparin": data.RXHEP != "N"}
    for (drug, own), theirs in zip(arms.items(), ("8.97 9.36", "9.02 9.31"), strict=True):
        ours = [dead[own].mean(), dead[~own].mean()]
        yield from rows("stroke", f"dead by day 14, {drug}, without, %", theirs, ours)


def depression() -> Iterator[Found]:
    """Antidepressant trial: HAMD-17."""
    frame = records("antidepressant_hamd.csv")
    patients = frame.groupby("PATIENT").first()["THERAPY"].value_counts()[["DRUG", "PLACEBO"]]
    last = frame[frame.VISIT == 7].dropna(subset="CHANGE")
    counts = last["THERAPY"].value_counts()[["DRUG", "PLACEBO"]]
    yield from rows("HAMD-17", "completers by arm, patients by arm", "64 65 84 88", [*counts, *patients])
    columns = {"therapy": last.THERAPY, "baseline": last.BASVAL}
    fit = linear_model(last.CHANGE, design_matrix(columns, reference={"therapy": "PLACEBO"}))
    each = fit.coefficients["therapy[DRUG]"]
    ours = [each.value, each.standard_error, each.p_value]
    yield from rows(
        "HAMD-17", "completers, drug - placebo: difference, standard error, p", "-2.657 1.174 0.025", ours
    )


def lesions() -> Iterator[Found]:
    """Lesions under atezolizumab, and adaptive abiraterone."""
    found = read_lesions(
        FOLDER / "lesion_sizes.csv", patient=("study", "patient"), size="longest_diameter_mm"
    )
    studies = pd.Series([each.split()[0] for each in found.patients]).value_counts().sort_index()
    yield from rows(
        "lesions",
        "patients of five studies, patient-days",
        "24 55 132 221 58 2783",
        [*studies, len(found.table)],
    )
    names, counts = zip(*found.resistance_counts().items(), strict=True)
    yield from rows("lesions", ", ".join(names), "274 102 87 27", counts)
    options = {"scale": "log", "limits": (0, 300)}
    courses = courses_of(found.table, id="patient", time="day", value="size", **options)
    table = compare(courses, first=3, fewest=2, methods=["own line"], seed=1).table()
    for method, word, theirs in (
        ("carry forward", "last value carried forward", "5.399 3.533"),
        ("own line", "log-linear through three visits", "10.276 5.811"),
    ):
        ours = table.loc[method, ["error", "median_error"]]
        yield from rows("lesions", f"{word}: mean, median absolute error, mm", theirs, ours)
    dosing = dosing_by_marker(
        records("adaptive_abiraterone_psa.csv"), on="abiraterone_on", marker="psa_relative"
    ).loc[["adaptive", "standard"]]
    for column, theirs in (
        ("patients", "17 15"),
        ("visits", "504 174"),
        ("restarts", "66 12"),
        ("share_on", "0.481 0.738"),
    ):
        yield from rows(
            "abiraterone", f"{column.replace('_', ' ')}: adaptive, standard", theirs, dosing[column]
        )


def phq9() -> Iterator[Found]:
    """The PHQ-9 of NHANES 2005-2014."""
    name = "PHQ-9"
    asked = read_questionnaire(
        FOLDER / "nhanes_phq9.csv.gz", ["dpq0*"], 10, valid=(0, 3), missing=[7, 9], by=["cycle"]
    )
    by_cycle = [int((asked.groups["cycle"] == each).sum()) for each in "DEFGH"]
    ours = [len(asked.positive), *by_cycle, asked.positive.sum()]
    yield from rows(name, "complete, by cycle, of 10 or more", "26057 4799 5415 5546 4925 5372 2294", ours)
    yield from rows(name, "mean, Cronbach's alpha", "3.1837 0.8403", [asked.total.mean(), asked.alpha])
    pair = asked.answers[:, :2].sum(axis=1)
    ours = [area_under_curve(pair, asked.positive).estimate, np.corrcoef(pair, asked.total)[0, 1]]
    yield from rows(name, "items 1+2: area under the curve, correlation", "0.9489 0.832", ours)
    found = shorten(asked, sizes=(2, 4))
    for size, words, theirs in (
        (2, "best pair, 2+4", "0.9630 0.871"),
        (3, "best triple, 2+4+7", "0.9785 0.916"),
        (4, "best four, 2+3+5+7", "0.9871 0.944"),
    ):
        best = found.of_size(size)
        ours = [best.area.estimate, best.correlation]
        yield from rows(name, f"{words}: area under the curve, correlation", theirs, ours)
    cuts = found.cuts(3)
    for cut, theirs in ((4, "0.874 0.960"), (3, "0.968 0.881")):
        ours = cuts.loc[cut, ["sensitivity", "specificity"]]
        yield from rows(name, f"2+4+7 from {cut}: sensitivity, specificity", theirs, ours)


PARTS = (xanomeline, zidovudine, colon, cholangitis, others, stroke, depression, lesions, phq9)


def main() -> int:
    """Compute all, print what departs, store and write the page."""
    from benchmarks.trial_results_page import write_page

    found = [each for part in PARTS for each in part()]
    for each in found:
        print(
            "  " if each.agrees else "! ", each.trial, "|", each.what, "|", each.theirs, f"| {each.ours:.8g}"
        )
    agreed = sum(each.agrees for each in found)
    print(f"{agreed} of {len(found)} numbers are found again")
    store("trial_results", {"agreed": agreed, "numbers": [asdict(each) for each in found]})
    write_page()
    return int(agreed < len(found))


if __name__ == "__main__":
    sys.exit(main())
