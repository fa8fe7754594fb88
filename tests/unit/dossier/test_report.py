"""The report as a page: complete, safe, offline, accessible, the same each time; and its files."""

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from sample_content import LABELS, PATIENTS, sample_content

from understudy.core.errors import UnderstudyError
from understudy.dossier.report import ReportContent, render, write
from understudy.library import pd as responses
from understudy.library import pk
from understudy.model.parts import Parameter
from understudy.model.population_model import PopulationModel, RandomEffects, Residual

HOSTILE = '<script>alert("x")</script>{{ 7 * 7 }}&"\''
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Elements with their attributes, the text that a reader sees, and whether the tags are balanced."""

    def __init__(self, source):
        super().__init__()
        self.elements, self.open, self.words, self.anchors = [], [], [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).replace("\xa0", " ").split())

    @property
    def ids(self):
        return [attrs["id"] for _, attrs in self.elements if "id" in attrs]

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture(scope="module")
def source():
    return render(sample_content())


@pytest.fixture(scope="module")
def page(source):
    return Page(source)


def two_outputs(content):
    """A study of a drug and its response: two outputs, correlated effects, no covariates."""
    structural = responses.indirect_response(pk.compartments(2, "first_order"), "inhibit_production")
    model = PopulationModel(
        "drug and response",
        structural,
        individual={"CL": "theta_CL * exp(eta_CL)", "V1": "theta_V + eta_V"},
        fixed=(
            Parameter("theta_CL", 1.0, "L/h"),
            Parameter("theta_V", 10.0, "L"),
            Parameter("sd", 0.3, "mg/L"),
        ),
        random=(
            RandomEffects(("eta_CL", "eta_V"), ((0.09, 0.03), (0.03, 0.04)), standard_errors=(0.02, 0.01)),
        ),
        residual=(Residual("Cp", "sd ** 2", lower_limit=0.5), Residual("R", "(0.1 * R) ** 2")),
    )
    both = [content.observations, content.observations.assign(output="R")]
    checks = [content.vpc, content.vpc.assign(output="R")]
    return {
        "model": model,
        "observations": pd.concat(both, ignore_index=True),
        "vpc": pd.concat(checks, ignore_index=True),
        "doses": content.doses.drop(columns=["WT", "APGR", "V"]),
    }


def nothing_done(content):
    """A study of which only the question is there."""
    done = ("observations", "curves", "vpc", "forecast", "forecast_scores", "attainment", "profile", "doses")
    frames = ("exclusions", *done)
    return {name: getattr(content, name).iloc[:0] for name in frames} | {"forecast_sentence": ""}


def test_tags_are_balanced_and_ids_unique(page):
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert len(page.ids) > 20


def test_nothing_is_loaded_from_anywhere(source, page):
    for tag in ("script", "link", "img", "iframe", "object", "embed", "use", "image"):
        assert page.all(tag) == []
    assert not [attrs for _, attrs in page.elements if {"src", "srcset", "xlink:href"} & attrs.keys()]
    assert not re.search(r"@import|@font-face|url\((?!#)", source)
    links = [attrs["href"] for attrs in page.all("a")]
    assert {link[0] == "#" or link.startswith("https://doi.org/") for link in links} == {True}
    policy = next(attrs["content"] for attrs in page.all("meta") if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'")


def test_every_link_within_the_page_has_its_target(page):
    inner = {attrs["href"][1:] for attrs in page.all("a") if attrs["href"].startswith("#")}
    assert inner
    assert inner <= set(page.ids)


def test_every_drawing_is_well_formed_and_described(source):
    drawings = re.findall(r'<svg class="chart".*?</svg>', source, re.DOTALL)
    assert len(drawings) == 8  # compartments, fit, check, individuals, forecast, attainment, strata, profiles
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        title, description = (
            root.find("{http://www.w3.org/2000/svg}" + tag).text for tag in ("title", "desc")
        )
        assert root.get("role") == "img"
        assert len(title) > 10
        assert len(description) > len(title)


@pytest.mark.parametrize("change", [None, two_outputs, nothing_done])
def test_missing_numbers_never_show_as_code(change):
    content = sample_content()
    text = Page(render(sample_content(**(change(content) if change else {})))).text
    assert len(text) > 1000
    assert not re.search(r"\b(nan|NaN|None|NaT|inf|undefined|null|True|False)\b", text)


def test_numbers_that_cannot_be_had_show_as_dashes():
    content = sample_content()
    attainment = content.attainment.assign(se=np.nan)
    doses = content.doses.assign(se=np.nan, runner_up="", runner_up_within=np.nan)
    text = Page(render(sample_content(attainment=attainment, doses=doses))).text
    assert "nan" not in text.lower().split()
    assert text.count("–") > PATIENTS


def test_the_summary_stands_first_and_the_contents_name_every_section(page, source):
    assert source.index('class="summary"') < source.index("<nav") < source.index('id="question"')
    sections = [attrs["id"] for attrs in page.all("section") if "id" in attrs]
    assert sections == [
        "question", "records", "model", "fit", "forecast", "attainment", "doses", "domain", "provenance",
    ]  # fmt: skip
    assert [attrs["href"] for attrs in page.all("a")][: len(sections)] == [f"#{name}" for name in sections]


def test_what_was_not_done_has_no_section():
    text = render(sample_content(**nothing_done(sample_content())))
    assert re.findall(r'<section id="(\w+)"', text) == [
        "question",
        "records",
        "model",
        "domain",
        "provenance",
    ]


def test_everything_that_was_asked_and_assumed_is_there(page):
    content = sample_content()
    for words in (
        content.title,
        content.question,
        *content.assumptions,
        *(doses for _, doses in content.regimens),
    ):
        assert words in page.text
    assert "Target: plasma concentration (Cp) within 15 to 40 mg/L, both ends included." in page.text


def test_every_parameter_has_value_unit_interval_and_source(page):
    # 0.00469555 ± 1.96 * 2.09967e-4, 0.984258 ± 1.96 * 0.0268946
    assert "theta_CL Clearance per weight 0.00469555 0.00428 to 0.00511 L/h/kg [1]" in page.text
    assert "theta_V Volume per weight 0.984258 0.932 to 1.04 L/kg [1]" in page.text
    assert "0.013241 not published – [1]" in page.text
    # sqrt(exp(0.0293508) - 1) = 17.3 %
    assert "eta_CL CL patient normal 0.0293508 not published 17.3 [1]" in page.text
    assert "proportional, CV 11.5 %" in page.text


def test_a_number_without_source_is_marked_as_one():
    text = Page(render(sample_content(**two_outputs(sample_content())))).text
    assert "theta_CL – 1 not published L/h no source given" in text
    assert "correlation 0.50" in text
    # Of logarithms: 0.09 times and over exp(1.96 * 0.02 / 0.09), 0.04 times and over exp(1.96 * 0.01 / 0.04).
    assert "0.09 0.0582 to 0.139 30.7" in text  # enters as exp(effect)
    assert "0.04 0.0245 to 0.0653 –" in text  # is added: no coefficient of variation
    assert "constant, SD 0.300 mg/L" in text
    assert "from 0.5 mg/L" in text


def test_records_beyond_the_models_range_are_pointed_out(page):
    from dataclasses import replace

    assert "0.7 to 3.6 within" in page.text
    content = sample_content()
    heavy = replace(
        content.records.covariates[0], values=type(content.records.covariates[0].values)(0.5, 2, 9)
    )
    records = replace(content.records, covariates=(heavy, content.records.covariates[1]))
    assert "0.5 to 9 partly outside" in Page(render(sample_content(records=records))).text


def test_every_patient_has_a_row_in_the_dose_table(page):
    row = sample_content().doses.iloc[41]
    bar = f"{row['best']} {100 * row['within']:.0f} %"
    assert f"42 {row['WT']:g} {row['APGR']:g}" in page.text
    assert bar in page.text
    assert page.text.count("every 12 h") > 2 * PATIENTS


def test_notes_are_lettered_and_explained_once():
    content = sample_content()
    doses = content.doses.assign(
        note=[
            f"as good as {name}" + ("; one level" if k % 2 else "")
            for k, name in enumerate(content.doses["runner_up"])
        ]
    )
    text = Page(render(sample_content(doses=doses))).text
    assert text.count("Notes: a: as good as the runner-up; b: one level.") == 1
    assert "a, b" in text


def test_more_patients_than_panels_are_said_to_be_elsewhere(page):
    assert "The first 24 of 59 patients in the records; all are in tables/individual_curves.csv." in page.text


def test_two_outputs_have_two_checks_each():
    text = render(sample_content(**two_outputs(sample_content())))
    for name in ("chart-fit-Cp", "chart-fit-R", "chart-vpc-Cp", "chart-vpc-R"):
        assert f'id="{name}"' in text


def test_nothing_of_a_user_is_run_or_read_as_markup():
    content = sample_content()
    regimens = tuple((f"{label}{HOSTILE}", f"{doses}{HOSTILE}") for label, doses in content.regimens)
    spoiled = {name: getattr(content, name).copy() for name in ("attainment", "profile")}
    for frame in spoiled.values():
        frame["regimen"] += HOSTILE
    spoiled["doses"] = content.doses.assign(id=HOSTILE, best=LABELS[0] + HOSTILE, note=HOSTILE)
    texts = dict.fromkeys(("title", "question", "created", "tested", "limits", "forecast_sentence"), HOSTILE)
    page = Page(
        render(
            sample_content(
                **spoiled, **texts, regimens=regimens, assumptions=(HOSTILE,), failures={HOSTILE: HOSTILE},
                exclusions=pd.DataFrame({"id": [HOSTILE], "row": [3], "reason": [HOSTILE]}),
            )
        )
    )  # fmt: skip
    assert page.all("script") == []
    assert page.open == []
    assert page.text.count("alert(") > 10
    assert "{{ 7 * 7 }}" in page.text


def test_the_same_content_gives_the_same_bytes(source):
    assert render(sample_content()) == source


def test_a_frame_without_a_column_is_an_error_that_names_both():
    content = sample_content()
    with pytest.raises(UnderstudyError, match="the frame vpc has no column high"):
        sample_content(vpc=content.vpc.drop(columns="high"))


def test_files_are_written_whole_and_nothing_else_is_touched(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "failures.csv").write_text("of an earlier run")
    (tmp_path / "tables" / "mine.csv").write_text("kept")
    files = write(sample_content(), tmp_path)
    assert {file.relative_to(tmp_path).as_posix() for file in files} == {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*") if path.name != "mine.csv"
    }
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == render(sample_content())
    assert not (tmp_path / "tables" / "failures.csv").exists()
    assert (tmp_path / "tables" / "mine.csv").read_text() == "kept"


def test_a_report_that_cannot_be_made_leaves_the_old_one(tmp_path):
    write(sample_content(), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    spoiled = sample_content(observations=sample_content().observations.assign(time="noon"))
    with pytest.raises(ValueError, match="noon"):
        write(spoiled, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_a_disk_that_fills_leaves_the_old_report(tmp_path, monkeypatch):
    write(sample_content(), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    whole = Path.write_text

    def fills(path, text, **options):
        if path.name == "doses.csv":
            raise OSError("no space left")
        return whole(path, text, **options)

    monkeypatch.setattr(Path, "write_text", fills)
    with pytest.raises(OSError, match="no space left"):
        write(sample_content(title="other"), tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_the_content_is_what_the_report_exports():
    assert isinstance(sample_content(), ReportContent)
