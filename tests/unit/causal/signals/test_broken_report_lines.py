"""Broken lines of FAERS files: mended where one reading is possible, else left out; always told by file and line."""

import pytest
from faers_quarter import NEW, OLD, write

from understudy.causal.signals import ReadingWarning, read_reports
from understudy.core.errors import DataError


def told(path):
    with pytest.warns(ReadingWarning):
        return read_reports(path)


def test_a_delimiter_inside_a_field_that_is_not_read(tmp_path):
    # As in the FDA's 2012Q1: a manufacturer's number with a dollar sign.
    line = OLD["DEMO"][1].replace("$US-1$", "$JP-$E2B01$")
    found = told(write(tmp_path / "q", OLD, "10Q1", DEMO=[OLD["DEMO"][0], line, OLD["DEMO"][2]]))
    assert found.cases["age"].tolist() == [54.0, 54.0]
    assert found.cases["country"].tolist() == ["UNITED STATES", "UNITED STATES"]
    assert str(found.findings[0]).startswith("DEMO10Q1.txt, line 2: fields did not fit the header; mended")


def test_a_delimiter_inside_the_only_text_of_a_line(tmp_path):
    lines = [*NEW["REAC"][:2], "10011$1001$Cost in $ too high$", *NEW["REAC"][3:]]
    found = told(write(tmp_path / "q", REAC=lines))
    # The term and what recurred are both free text, so that the delimiter may belong to either, or end the line.
    assert found.reactions["event"].tolist() == ["NAUSEA", "NAUSEA", "RASH"]
    assert found.findings[0].lost
    assert found.findings[0].lines == (3,)


def test_a_delimiter_in_a_name_that_may_belong_to_its_neighbour_is_left_out(tmp_path):
    line = NEW["DRUG"][3].replace("$IBUPROFEN$IBUPROFEN$", "$IBU$PROFEN$IBUPROFEN$")
    found = told(write(tmp_path / "q", DRUG=[*NEW["DRUG"][:3], line, NEW["DRUG"][4]]))
    assert found.findings[0].lost
    assert str(found.findings[0]).startswith("DRUG24Q1.txt, line 4: ")


def test_a_line_break_inside_a_field(tmp_path):
    lines = [*NEW["DRUG"][:2], "10011$1001$2$C$Aspi", "rin forte$ASPIRIN$1$$$$$$$$$$$$$", *NEW["DRUG"][3:]]
    found = told(write(tmp_path / "q", DRUG=lines))
    assert found.drugs["name"].tolist()[2] == "ASPI RIN FORTE"
    assert found.findings[0].lines == (3, 4)
    assert not found.findings[0].lost


def test_two_records_in_one_line(tmp_path):
    # As in the FDA's 2011Q2 to 2011Q4: the line break between two records is missing.
    lines = [OLD["DRUG"][0], OLD["DRUG"][1] + OLD["DRUG"][2]]
    demo = [OLD["DEMO"][0], *OLD["DEMO"][1:]]
    reactions = OLD["REAC"]
    more = ["5001001$1000003$C$OTHER$1$ORAL$$$$$$$"] * 2
    found = told(write(tmp_path / "q", OLD, "10Q1", DEMO=demo, REAC=reactions, DRUG=[*lines, *more]))
    assert found.drugs["name"].tolist() == ["WONDERDRUG", "WONDERDRUG", "OTHER", "OTHER"]
    assert found.drugs["report"].tolist() == [0, 1, 0, 0]
    assert found.findings[0].lines == (2,)


def test_a_line_cut_short_is_left_out_and_the_rest_stays(tmp_path):
    found = told(write(tmp_path / "q", DRUG=[*NEW["DRUG"][:2], "10011$1001$2$C$Aspirin", *NEW["DRUG"][3:]]))
    assert "ASPIRIN" not in set(found.drugs["name"])
    assert len(found.drugs) == 4
    assert found.findings[0].lost
    assert "(value" not in str(found.findings[0])


def test_two_lines_cut_short_are_not_joined(tmp_path):
    cut = ["10011$1001$2$C$Aspirin$$1$$$$", "10022$1002$1$PS$IBUPROFEN$$1$$$$$"]
    found = told(write(tmp_path / "q", DRUG=[*NEW["DRUG"], *cut]))
    assert found.findings[0].lines == (6, 7)
    assert len(found.drugs) == 5


def test_a_file_with_another_divider_is_an_error(tmp_path):
    lines = [NEW["REAC"][0], *(each.replace("$", ",") for each in NEW["REAC"][1:])]
    with pytest.raises(DataError, match=r"REAC24Q1.txt[\s\S]*check that \$ divides the fields"):
        read_reports(write(tmp_path / "q", REAC=lines))


def test_zero_bytes_and_a_mark_of_the_encoding(tmp_path):
    text = "\ufeff" + "\n".join(NEW["REAC"]).replace("Rash", "Ra\x00sh")
    found = told(write(tmp_path / "q", REAC=text.encode()))
    assert found.reactions["event"].tolist()[-1] == "RASH"


def test_blank_lines_and_lines_with_and_without_a_last_delimiter(tmp_path):
    lines = [NEW["OUTC"][0], "", *NEW["OUTC"][1:], "10031$1003$DE$", ""]
    found = told(write(tmp_path / "q", OUTC=lines))
    assert found.outcomes["outcome"].tolist() == ["HO", "OT", "DE"]
    assert not found.findings[0].lost
