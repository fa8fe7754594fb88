"""Citations: the sources of a model, numbered in the order in which its tables name them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote

from markupsafe import Markup, escape

from understudy.model.parts import Source
from understudy.model.population_model import PopulationModel

NO_SOURCE = "no source given"


@dataclass
class Citations:
    """Numbers for sources; the same publication keeps its number whatever the page cited.

    Examples
    --------
    >>> cited = Citations()
    >>> str(cited.mark(Source("Doe J. A model. 2020", doi="10.1/x", place="Table 2")))
    '<a href="#source-1">[1]</a> Table 2'
    >>> cited.references()
    (Markup('Doe J. A model. 2020. <a href="https://doi.org/10.1/x">doi:10.1/x</a>'),)
    """

    known: list[tuple[str, str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, model: PopulationModel) -> Citations:
        """The sources of a population model, those of its fixed effects first."""
        found = cls()
        for source in _sources(model):
            found.number(source)
        return found

    def number(self, source: Source) -> int:
        """The number of a source, a new one where it is not known yet."""
        key = (source.citation, source.doi, source.pmid)
        if key not in self.known:
            self.known.append(key)
        return self.known.index(key) + 1

    def mark(self, source: Source | None) -> str | Markup:
        """A link to the list of references, with the page or table cited."""
        if source is None:
            return NO_SOURCE
        number = self.number(source)
        return Markup('<a href="#source-{0}">[{0}]</a> {1}').format(number, source.place).strip()

    def references(self) -> tuple[Markup, ...]:
        """The publications in order, with links."""
        return tuple(_reference(*key) for key in self.known)


def _sources(model: PopulationModel) -> Iterable[Source]:
    owners = (*model.fixed, *model.random, *model.structural.parameters)
    yield from (owner.source for owner in owners if owner.source is not None)
    yield from (*model.sources, *model.structural.sources)


def _reference(citation: str, doi: str, pmid: str) -> Markup:
    parts = [escape(citation.rstrip(".") + ".")]
    if doi:
        parts.append(Markup('<a href="https://doi.org/{}">doi:{}</a>').format(quote(doi, safe="/"), doi))
    if pmid:
        link = Markup('<a href="https://pubmed.ncbi.nlm.nih.gov/{}/">PMID {}</a>')
        parts.append(link.format(quote(pmid, safe=""), pmid))
    return Markup(" ").join(parts)
