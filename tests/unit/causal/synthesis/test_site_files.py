"""Files of sites: what goes out, and what is not let in."""

from __future__ import annotations

import json

import numpy as np
import pytest

from understudy.causal.likelihood_profile import LikelihoodProfile
from understudy.causal.synthesis import SiteProfile
from understudy.causal.synthesis.site_profile import inside
from understudy.core.content import content_hash
from understudy.core.errors import DataError

X = np.linspace(-2, 2, 21)
PROFILE = LikelihoodProfile(X, -3.0 - (X - 0.2) ** 2)
SITE = SiteProfile(
    "north", "main", "hazard ratio", PROFILE, (("persons", 5120), ("outcomes", 3), ("deaths", 0))
)


def _changed(tmp_path, rehash=True, **change):
    data = SITE.to_json() | change
    if rehash:
        data["hash"] = content_hash({key: value for key, value in data.items() if key != "hash"})
    path = tmp_path / "site.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def test_what_was_written_is_read(tmp_path):
    found = SiteProfile.read(SITE.write(tmp_path / "north.json"))
    assert (found.site, found.analysis, found.measure) == ("north", "main", "hazard ratio")
    assert found.profile.points == pytest.approx(X)
    # The highest value is zero: absolute log-likelihoods would tell more than is needed.
    assert found.profile.values == pytest.approx(PROFILE.values - PROFILE.values.max())
    assert SiteProfile.read(found.write(tmp_path / "again.json")).to_json() == SITE.to_json()


def test_small_counts_leave_no_trace(tmp_path):
    text = SITE.write(tmp_path / "north.json").read_text(encoding="utf-8")
    counts = json.loads(text)["counts"]
    assert counts == {"persons": 5120, "outcomes": "<5", "deaths": 0}
    assert dict(SiteProfile.read(tmp_path / "north.json").counts)["outcomes"] == -1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"version": 2}, "unknown version"),
        ({"format": "other"}, "no site profile"),
        ({"persons": [1, 2, 3]}, "unknown key 'persons'"),
        ({"points": X[::-1].tolist()}, "is not above the one before"),
        ({"points": X[:5].tolist(), "values": X[:5].tolist()}, "5 points"),
        ({"values": X[:5].tolist()}, "21 points have 5 values"),
        ({"values": ["a"] * 21}, "no number"),
        ({"values": None}, "no"),
        ({"values": [True] * 21}, "no number"),
        ({"gradients": [1.0]}, "not as many as points"),
        ({"counts": {"outcomes": 3}}, "small count that is not masked"),
        ({"counts": {"outcomes": 4.5}}, "no count"),
        ({"counts": [1]}, "counts are no table"),
        ({"site": "../../etc/passwd"}, "no name"),
        ({"site": "north; drop table person"}, "no name"),
        ({"measure": "risk"}, "no measure"),
    ],
)
def test_a_file_that_is_wrong_is_refused(change, told, tmp_path):
    with pytest.raises(DataError, match=told):
        SiteProfile.read(_changed(tmp_path, **change))


def test_a_changed_file_does_not_fit_its_hash(tmp_path):
    with pytest.raises(DataError, match="hash does not fit"):
        SiteProfile.read(_changed(tmp_path, rehash=False, site="south"))


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_not_finite_are_refused(word, tmp_path):
    path = tmp_path / "site.json"
    path.write_text(SITE.write(path).read_text(encoding="utf-8").replace("-4.84", word, 1), encoding="utf-8")
    assert word in path.read_text(encoding="utf-8")
    with pytest.raises(DataError, match="not finite"):
        SiteProfile.read(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"x"', "\udcff"])
def test_what_is_no_site_file_is_refused(text, tmp_path):
    path = tmp_path / "site.json"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(DataError):
        SiteProfile.read(path)


def test_a_file_that_is_missing_or_too_large_is_refused(tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        SiteProfile.read(tmp_path / "none.json")
    (tmp_path / "large.json").write_text(" " * (2**20 + 1), encoding="utf-8")
    with pytest.raises(DataError, match="larger than a megabyte"):
        SiteProfile.read(tmp_path / "large.json")


@pytest.mark.parametrize(
    "name", ["../site.json", "/etc/passwd", "a/../../site.json", "C:\\site.json", "\\\\host\\share"]
)
def test_a_path_that_leaves_the_folder_is_refused(name, tmp_path):
    with pytest.raises(DataError, match="leaves the folder"):
        inside(tmp_path, name)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    SITE.write(tmp_path / "site.json")
    (folder / "link.json").symlink_to(tmp_path / "site.json")
    with pytest.raises(DataError, match="leaves the folder"):
        SiteProfile.read("link.json", folder)
    SITE.write(folder / "own.json")
    assert SiteProfile.read("own.json", folder).site == "north"


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        ((X[:5], X[:5]), "only 5 points"),
        ((X, np.where(X > 1, np.inf, 0.0)), "finite"),
    ],
)
def test_nothing_is_written_of_what_may_not_leave(profile, told, tmp_path):
    with pytest.raises(DataError, match=told):
        SiteProfile("north", "main", "hazard ratio", LikelihoodProfile(*profile)).write(
            tmp_path / "north.json"
        )
    assert not list(tmp_path.iterdir())
