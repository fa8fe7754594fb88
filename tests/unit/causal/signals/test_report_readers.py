"""Readers of reports: FAERS in both layouts, openFDA, tables of pairs; what is wrong is told with file and line."""

import gzip
import json
import zipfile

import pytest
from faers_quarter import NEW, OLD, write

from understudy.causal.signals import ReadingWarning, read_reports
from understudy.core.errors import DataError, FormatError

OPENFDA = {
    "meta": {"results": {"total": 2}},
    "results": [
        {
            "safetyreportid": "90001", "safetyreportversion": "3", "receiptdate": "20240212", "receivedate": "20240110",
            "occurcountry": "FR", "seriousnessdeath": "1", "seriousnesshospitalization": "1",
            "primarysource": {"qualification": "5"},
            "patient": {
                "patientsex": "2", "patientonsetage": "6", "patientonsetageunit": "800", "patientweight": "61.5",
                "reaction": [{"reactionmeddrapt": "Nausea"}, {"reactionmeddrapt": "Rash"}],
                "drug": [
                    {"medicinalproduct": "BIGPILL", "drugcharacterization": "1", "drugstartdate": "20240101",
                     "drugindication": "PAIN", "drugadditional": "1", "drugrecurreadministration": "3",
                     "openfda": {"generic_name": ["IBUPROFEN AND FAMOTIDINE"], "substance_name": ["IBUPROFEN"]}},
                    {"medicinalproduct": "Aspirin", "drugcharacterization": "2",
                     "activesubstance": {"activesubstancename": "ASPIRIN\\CAFFEINE"}},
                ],
            },
        },
        {"safetyreportid": "90002", "patient": {"reaction": [], "drug": [{"medicinalproduct": "X"}]}},
    ],
}  # fmt: skip


def silent(path, **more):
    """What is read when nothing is found wrong: a warning would be an error."""
    return read_reports(path, **more)


def told(path, **more):
    with pytest.warns(ReadingWarning):
        return read_reports(path, **more)


def test_a_quarter_in_the_new_layout(tmp_path):
    found = silent(write(tmp_path / "q"))
    cases = found.cases
    assert cases["key"].tolist() == ["10011", "10022", "10031"]
    assert cases["version"].tolist() == [1.0, 2.0, 1.0]
    assert cases["event_date"].tolist() == ["2024-01-05", "2024-01", ""]
    assert cases["age"].tolist()[:2] == [54.0, 50.0]
    assert cases["weight"].tolist()[1] == pytest.approx(150 * 0.45359237)
    assert cases["country"].tolist() == ["US", "US", "JP"]
    assert cases["quarter"].unique().tolist() == ["2024Q1"]
    drugs = found.drugs
    assert drugs["substance"].tolist() == ["IBUPROFEN", "FAMOTIDINE", "ASPIRIN", "IBUPROFEN", ""]
    assert found.labels().tolist()[-1] == "UNHEARD-OF"
    assert drugs["role"].tolist() == ["PS", "PS", "C", "PS", "SS"]
    assert drugs["dechallenge"].tolist()[0] == "Y"
    assert found.reactions["event"].tolist() == ["NAUSEA", "HEADACHE", "NAUSEA", "RASH"]
    assert found.outcomes["outcome"].tolist() == ["HO", "OT"]
    assert found.therapies["start"].tolist() == ["2024-01-01", "2023"]
    assert found.therapies["days"].tolist() == pytest.approx([4.0, 2 * 365.25 / 12])
    assert found.indications["indication"].tolist() == ["PAIN"]
    assert set(found.sources) == {f"{name}24Q1.txt" for name in NEW}


def test_a_quarter_in_the_old_layout_whose_lines_end_with_a_delimiter(tmp_path):
    found = silent(write(tmp_path / "q", OLD, "10Q1"))
    assert found.cases["key"].tolist() == ["5001001", "5001002"]
    assert found.cases["case"].tolist() == ["4001", "4001"]
    assert found.cases["country"].unique().tolist() == ["UNITED STATES"]
    assert found.cases["version"].isna().all()
    assert found.drugs["name"].tolist() == ["WONDERDRUG", "WONDERDRUG"]


def test_both_layouts_together_and_a_list_of_deleted_cases(tmp_path):
    write(tmp_path / "q" / "new" / "ascii")
    write(tmp_path / "q" / "old", OLD, "10Q1")
    (tmp_path / "q" / "ADR24Q1DeletedCases.txt").write_text("4001\n77\n")
    (tmp_path / "q" / "readme.pdf").write_bytes(b"%PDF")
    found = silent(tmp_path / "q")
    assert found.count == 5
    assert found.deleted == ("4001", "77")


def test_the_zip_file_of_a_quarter_is_read_as_it_is(tmp_path):
    folder = write(tmp_path / "q")
    with zipfile.ZipFile(tmp_path / "faers_ascii_2024q1.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"ascii/{path.name}")
    assert silent(tmp_path / "faers_ascii_2024q1.zip").count == 3


def test_latin_1_is_read_and_told(tmp_path):
    lines = [*NEW["REAC"], "10031$1003$Ménière's disease$"]
    found = told(write(tmp_path / "q", REAC="\n".join(lines).encode("latin-1")))
    assert "MÉNIÈRE'S DISEASE" in set(found.reactions["event"])
    assert str(found.findings[0]) == "REAC24Q1.txt: is not UTF-8, read as Latin-1"


def test_drugs_without_a_report_are_counted_with_their_lines(tmp_path):
    lines = [*NEW["DRUG"], "99991$9999$1$PS$LOST$$1$$$$$$$$$$$$$"]
    found = told(write(tmp_path / "q", DRUG=lines))
    assert "LOST" not in set(found.drugs["name"])
    assert str(found.findings[0]) == "DRUG24Q1.txt, line 6: no report in DEMO has its number, left out"
    assert found.findings[0].lost


@pytest.mark.parametrize("missing", ["DEMO", "DRUG", "REAC"])
def test_a_missing_file_is_an_error_that_names_it(tmp_path, missing):
    with pytest.raises(DataError, match=f"2024Q1 has no file {missing}"):
        read_reports(write(tmp_path / "q", **{missing: None}))


def test_files_that_may_be_missing(tmp_path):
    found = silent(write(tmp_path / "q", OUTC=None, RPSR=None, THER=None, INDI=None))
    assert not len(found.outcomes)
    assert not len(found.therapies)


def test_a_missing_column_is_an_error_that_names_file_and_column(tmp_path):
    lines = ["primaryid$caseid$term", "10011$1001$Nausea"]
    with pytest.raises(DataError, match=r"REAC24Q1.txt[\s\S]*there is no column pt"):
        read_reports(write(tmp_path / "q", REAC=lines))


def test_an_empty_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"DRUG24Q1.txt[\s\S]*empty"):
        read_reports(write(tmp_path / "q", DRUG=b""))


def test_mixed_forms_of_dates_are_read_and_ambiguous_ones_told_without_their_text(tmp_path):
    head, first, *others = NEW["DEMO"]
    changed = [
        head,
        first.replace("$20240105$", "$03/04/2024$"),
        *(each.replace("202401$", "2024-01-09$", 1) for each in others),
    ]
    found = told(write(tmp_path / "q", DEMO=changed))
    assert found.cases["event_date"].tolist() == ["", "2024-01-09", ""]
    message = str(found.findings[0])
    assert message == "DEMO24Q1.txt, line 2: event_dt is no date, taken as missing"


def test_a_copy_of_a_line_counts_once(tmp_path):
    found = told(write(tmp_path / "q", DEMO=[*NEW["DEMO"], NEW["DEMO"][1]]))
    assert found.count == 3
    assert "copy of an earlier line" in str(found.findings[0])


def test_two_reports_with_one_number_are_an_error_with_their_lines(tmp_path):
    other = NEW["DEMO"][1].replace("$54$YR", "$45$YR")
    with pytest.raises(DataError, match=r"row 2, column primaryid[\s\S]*row 5, column primaryid"):
        read_reports(write(tmp_path / "q", DEMO=[*NEW["DEMO"], other]))


def test_a_report_in_two_quarters_is_taken_from_the_later_one(tmp_path):
    write(tmp_path / "q")
    later = [NEW["DEMO"][0], NEW["DEMO"][1].replace("$54$YR", "$55$YR")]
    drugs, reactions = NEW["DRUG"][:2], [NEW["REAC"][0], "10011$1001$Vomiting$"]
    others = {"OUTC": None, "RPSR": None, "THER": None, "INDI": None}
    write(tmp_path / "q", quarter="24Q2", DEMO=later, DRUG=drugs, REAC=reactions, **others)
    found = told(tmp_path / "q")
    assert found.count == 3
    row = found.cases.index[found.cases["key"] == "10011"][0]
    assert found.cases["age"][row] == 55.0
    assert found.reactions["event"][found.reactions["report"] == row].tolist() == ["VOMITING"]
    assert "1 reports stand in a later quarter" in str(found.findings[-1])


def test_an_age_beyond_all_lives_and_one_without_unit_are_told(tmp_path):
    lines = [each.replace("$54$YR$", "$540$YR$").replace("$600$MON$", "$60$$") for each in NEW["DEMO"]]
    found = told(write(tmp_path / "q", DEMO=lines))
    assert found.cases["age"].isna().tolist() == [True, False, True]
    assert [each.lines for each in found.findings] == [(3,), (2,)]


def test_openfda(tmp_path):
    path = tmp_path / "drug-event-0001.json"
    path.write_text(json.dumps(OPENFDA))
    found = silent(path)
    assert found.cases["case"].tolist() == ["90001", "90002"]
    assert found.cases["version"].tolist()[0] == 3.0
    assert found.cases["received"].tolist()[0] == "2024-02-12"
    assert found.cases["quarter"].tolist()[0] == "2024Q1"
    assert found.cases["age"].tolist()[0] == 60.0
    assert found.cases["sex"].tolist() == ["F", ""]
    assert found.drugs["substance"].tolist() == ["IBUPROFEN AND FAMOTIDINE", "ASPIRIN", "CAFFEINE", ""]
    assert found.drugs["role"].tolist() == ["S", "C", "C", ""]
    assert (found.drugs["dechallenge"][0], found.drugs["rechallenge"][0]) == ("Y", "U")
    assert found.outcomes["outcome"].tolist() == ["DE", "HO"]
    assert found.therapies["start"].tolist() == ["2024-01-01"]
    assert found.indications["indication"].tolist() == ["PAIN"]


def test_openfda_packed_and_as_a_list(tmp_path):
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(json.dumps(OPENFDA["results"]).encode()))
    assert silent(tmp_path / "a.json.gz").count == 2
    with zipfile.ZipFile(tmp_path / "a.json.zip", "w") as archive:
        archive.writestr("drug-event-0001-of-0002.json", json.dumps(OPENFDA))
    assert silent(tmp_path / "a.json.zip").count == 2


def test_openfda_reports_without_number_or_patient_are_told(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([*OPENFDA["results"], {"patient": {}}, "x"]))
    found = told(tmp_path / "a.json")
    assert found.count == 2
    assert str(found.findings[0]).startswith(
        "a.json, reports 3, 4: no safetyreportid or no patient, left out"
    )


def test_openfda_reports_that_stand_twice_count_once(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(OPENFDA))
    (tmp_path / "b.json").write_text(json.dumps(OPENFDA))
    found = told(tmp_path)
    assert found.count == 2
    assert "stand twice" in str(found.findings[-1])


def test_half_a_json_file_is_an_error_that_names_the_line(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(OPENFDA, indent=1)[:400])
    with pytest.raises(FormatError, match=r"a.json, line \d+"):
        read_reports(tmp_path / "a.json")


def test_a_json_file_of_something_else_is_an_error(tmp_path):
    (tmp_path / "a.json").write_text('{"results": [{"product_ndc": "1"}]}')
    with pytest.raises(DataError, match="no report has safetyreportid"):
        read_reports(tmp_path / "a.json")


def test_a_table_of_pairs(tmp_path):
    (tmp_path / "p.csv").write_text(
        "report,product,reaction,sex,region\n1,A,X,Female,N\n1,B,X,Female,N\n2,A,Y,M,S\n"
    )
    found = silent(tmp_path / "p.csv")
    assert (found.count, len(found.drugs), len(found.reactions)) == (2, 3, 2)
    assert found.cases["sex"].tolist() == ["F", "M"]
    assert found.cases["region"].tolist() == ["N", "S"]


def test_columns_of_a_table_of_pairs_can_be_named(tmp_path):
    (tmp_path / "p.csv").write_text("nr;what;then\n1;A;X\n2;A;Y\n")
    with pytest.raises(DataError, match="no column is known as the id"):
        read_reports(tmp_path / "p.csv")
    found = silent(tmp_path / "p.csv", columns={"id": "nr", "drug": "what", "event": "then"})
    assert found.count == 2
    with pytest.raises(DataError, match="there is no column 'number'"):
        read_reports(tmp_path / "p.csv", columns={"id": "number"})


def test_rows_of_a_table_of_pairs_that_do_not_fit_are_told(tmp_path):
    (tmp_path / "p.csv").write_text("id,drug,event\n1,A,X\n2,A\n3,,Y\n4,B,Y\n5,B,Z\n")
    found = told(tmp_path / "p.csv")
    assert found.count == 3
    assert [(each.lines, each.lost) for each in found.findings] == [((3,), True), ((4,), True)]


def test_pairs_that_have_no_row_are_told(tmp_path):
    (tmp_path / "p.csv").write_text("id,drug,event\n1,A,X\n1,B,Y\n2,B,Y\n")
    assert "2 pairs have no row" in str(told(tmp_path / "p.csv").findings[0])


def test_two_values_of_a_stratum_in_one_report_are_told(tmp_path):
    (tmp_path / "p.csv").write_text("id,drug,event,sex\n1,A,X,F\n1,A,Y,M\n2,B,Y,M\n")
    found = told(tmp_path / "p.csv")
    assert str(found.findings[0]) == "p.csv, line 3: sex differs from the report's first row, which is taken"


def test_sources_are_not_mixed(tmp_path):
    write(tmp_path / "q")
    (tmp_path / "q" / "a.json").write_text(json.dumps(OPENFDA))
    with pytest.raises(DataError, match=r"different sources: FAERS .* and openFDA"):
        read_reports(tmp_path / "q")


def test_a_path_that_leads_nowhere_has_the_nearest_name(tmp_path):
    (tmp_path / "pairs.csv").write_text("id,drug,event\n1,A,X\n")
    with pytest.raises(DataError, match=r"did you mean pairs\.csv"):
        read_reports(tmp_path / "pars.csv")


def test_a_damaged_archive_is_an_error(tmp_path):
    (tmp_path / "q.zip").write_bytes(b"PK\x03\x04 no more")
    with pytest.raises(FormatError, match="zip file is damaged"):
        read_reports(tmp_path / "q.zip")
    (tmp_path / "p.csv.gz").write_bytes(gzip.compress(b"id,drug,event\n1,A,X\n")[:-9])
    with pytest.raises(FormatError, match="compressed file is damaged"):
        read_reports(tmp_path / "p.csv.gz")


def test_a_folder_without_reports_is_an_error(tmp_path):
    with pytest.raises(DataError, match="there is no file of reports"):
        read_reports(tmp_path)
