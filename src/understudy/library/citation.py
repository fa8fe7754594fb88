"""Citations: where the library's numbers come from, and how a number without a publication is marked."""

from __future__ import annotations

from dataclasses import replace

from understudy.model.parts import Source

_ASSUMED = "Assumed, not published: "
_RE_ESTIMATED = "Re-estimated by FOCEI on the data of "


def at(source: Source, place: str) -> Source:
    """The same publication, at one table, figure or page.

    Examples
    --------
    >>> str(at(Source("Doe J. A model. 2020", doi="10.1/x"), "Table 2"))
    'Doe J. A model. 2020. Table 2, doi:10.1/x'
    """
    return replace(source, place=place)


def assumed(reason: str) -> Source:
    """Mark of a value that no publication gives, with the reason for it.

    Examples
    --------
    >>> str(assumed("apparent volume, so bioavailability is one"))
    'Assumed, not published: apparent volume, so bioavailability is one.'
    """
    return Source(_ASSUMED + reason)


def re_estimated(data: str, place: str, doi: str = "") -> Source:
    """Mark of an estimate that was obtained on published measurements, not in the publication itself.

    Examples
    --------
    >>> re_estimated("Doe 1990", "OFV 12.3", doi="10.1/y").citation
    'Re-estimated by FOCEI on the data of Doe 1990'
    """
    return Source(_RE_ESTIMATED + data, doi=doi, place=place)


def is_accounted(source: Source | None) -> bool:
    """Whether a number says where it comes from: an identifier, or the mark of an assumption or re-estimate.

    Examples
    --------
    >>> is_accounted(None), is_accounted(Source("a colleague")), is_accounted(assumed("no data"))
    (False, False, True)
    """
    if source is None:
        return False
    return bool(source.doi or source.pmid) or source.citation.startswith((_ASSUMED, _RE_ESTIMATED))
