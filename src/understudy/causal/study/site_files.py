"""Site files: what a study's site sends for a synthesis over sites, likelihood profiles and masked counts alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from understudy.causal.likelihood_profile import LikelihoodProfile
from understudy.causal.study.answer import Answer
from understudy.causal.study.result import StudyResult
from understudy.causal.synthesis import SiteProfile

_OTHER = re.compile(r"[^A-Za-z0-9 ._\-]+")
_LONGEST = 64


def site_files(found: StudyResult) -> dict[str, SiteProfile]:
    """Profiles by the names of their files; none where the study does not name its site.

    Of outcomes in question those whose estimates pass all diagnostics but power, which sites have together; of negative
    controls all, in a folder an analysis.
    """
    site = found.study.file.cdm.site
    return dict((*_answers(found, site), *_controls(found, site))) if site else {}


def file_name(found: StudyResult, answer: Answer) -> str:
    """Of an answer's site file."""
    return f"{_plain(found.name_of(answer))}.json"


def _answers(found: StudyResult, site: str) -> Iterator[tuple[str, SiteProfile]]:
    for answer in found.answers:
        if answer.diagnostics.may_leave_site and answer.profile is not None:
            counts = (
                ("target", answer.persons[0]),
                ("comparator", answer.persons[1]),
                ("events", answer.events),
            )
            name = _plain(found.name_of(answer))
            yield file_name(found, answer), SiteProfile(site, name, answer.measure, answer.profile, counts)


def _controls(found: StudyResult, site: str) -> Iterator[tuple[str, SiteProfile]]:
    for analysis, controls in found.controls.items():
        for control, estimate in (controls.estimates if controls else {}).items():
            if isinstance(estimate.profile, LikelihoodProfile):
                sent = SiteProfile(site, _plain(control), estimate.measure, estimate.profile)
                yield f"controls {_plain(analysis)}/{_plain(control)}.json", sent


def _plain(name: str) -> str:
    """A name that may stand in a site file and be one of a file."""
    return _OTHER.sub("", name).strip(" .-_")[:_LONGEST].replace("..", ".") or "unnamed"
