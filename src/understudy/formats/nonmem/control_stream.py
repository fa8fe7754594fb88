"""Control stream: a NONMEM problem as population model, records, initial estimates and estimation steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.core.errors import FormatError
from understudy.formats.nonmem.effect_blocks import Block, read_blocks
from understudy.formats.nonmem.estimation import EstimationStep, read_steps
from understudy.formats.nonmem.priors import with_priors
from understudy.formats.nonmem.stream_record import StreamRecord, read_text, split
from understudy.formats.nonmem.thetas import Theta, read_thetas
from understudy.model.population_model import PopulationModel

if TYPE_CHECKING:
    from understudy.data.records import Records

# What would change the model or its objective function, were it passed over.
_REFUSED = {
    "AES": "algebraic equations", "AESINITIAL": "algebraic equations", "BIND": "how records are bound to calls of PK",
    "CONTR": "a likelihood of the user's own", "INCLUDE": "another file", "INFN": "code that changes the data",
    "LEVEL": "random effects above the subject", "MIX": "a mixture of populations",
    "SIGMAP": "priors of SIGMA", "SIGMAPD": "priors of SIGMA",
    "TTDF": "priors", "OLKJDF": "priors", "SLKJDF": "priors", "OVARF": "priors",
    "SVARF": "priors", "MSFI": "estimates from another run", "SUPER": "problems repeated", "FORMAT": "a format of data",
    "THETAR": "transformed parameters", "DESIGN": "a design to be optimised",
}  # fmt: skip
_ONCE = ("PROBLEM", "DATA", "PK", "PRED", "DES", "ERROR")


@dataclass(frozen=True, eq=False, repr=False)
class ControlStream:
    """What a control stream says, made by `read`.

    Parameters
    ----------
    title : str
        Of $PROBLEM.
    model : PopulationModel
        Its values are the initial estimates.
    records : Records
        The rows of the data that the control stream takes.
    thetas : tuple of Theta
        With bounds, labels and comments.
    omega, sigma : tuple of Block
        With what is fixed and what is the same as the block before.
    steps : tuple of EstimationStep
    file : str

    Examples
    --------
    >>> from pathlib import Path
    >>> stream = read(Path("examples/phenobarbital/phenobarbital.ctl"))
    >>> stream
    ControlStream('Phenobarbital in newborns': 3 THETA, 2 ETA, 1 EPS, FOCE; 59 patients, 155 observations)
    >>> stream.model.eta_names
    ('ETA1', 'ETA2')
    """

    title: str
    model: PopulationModel
    records: Records
    thetas: tuple[Theta, ...]
    omega: tuple[Block, ...]
    sigma: tuple[Block, ...]
    steps: tuple[EstimationStep, ...]
    file: str

    @property
    def not_estimated(self) -> tuple[str, ...]:
        """Names of parameters that are not estimated, as NONMEM writes them."""
        found = [f"THETA{theta.number}" for theta in self.thetas if theta.fixed]
        for kind, blocks in (("OMEGA", self.omega), ("SIGMA", self.sigma)):
            found += [
                f"{kind}({block.first + i},{block.first + j})"
                for block in blocks
                for i in range(block.size)
                for j in range(i + 1)
                if block.fixed
            ]
        return tuple(found)

    @property
    def initial(self) -> Mapping[str, float]:
        """Initial estimates by the names that NONMEM gives them: ``THETA1``, ``OMEGA(1,1)``, ``SIGMA(1,1)``."""
        found = {f"THETA{theta.number}": theta.value for theta in self.thetas}
        for kind, blocks in (("OMEGA", self.omega), ("SIGMA", self.sigma)):
            found |= {
                f"{kind}({block.first + i},{block.first + j})": block.matrix[i][j]
                for block in blocks
                for i in range(block.size)
                for j in range(i + 1)
            }
        return found

    def with_estimates(self, estimates: Mapping[str, float]) -> ControlStream:
        """The same with other values, such as a finished run's.

        Parameters
        ----------
        estimates : mapping of str to float
            By NONMEM's names, as in `initial`; those left out stay.

        Raises
        ------
        FormatError
            For a name that is no parameter.
        """
        from understudy.formats.nonmem.stream_estimates import with_estimates

        return with_estimates(self, estimates)

    @property
    def facts(self) -> dict[str, list[str]]:
        """What it says beside the model, for a reader."""
        records = self.records
        counts = f"{len(records.ids)} patients, {len(records.doses)} doses, {len(records.observations)} observations"
        fixed = self.not_estimated
        return {
            "Data": [f"{records.source}: {counts}", *records.notes],
            "Estimation": [*map(str, self.steps), f"not estimated: {', '.join(fixed)}" if fixed else ""],
        }

    def with_units(self, units: Mapping[str, str]) -> ControlStream:
        """The same with units, which a control stream does not say.

        Parameters
        ----------
        units : mapping of str to str
            Of TIME, AMT and DV (or of each output by its name), and of data items. Doses and times can then be given
            in other units. The units of parameters stay unknown, so nothing is proved of the equations.

        Raises
        ------
        UnitError
            For a unit that is not known.
        FormatError
            For a name that stands for nothing in the control stream.
        """
        from understudy.formats.nonmem.stream_units import with_units

        return with_units(self, units)

    def __repr__(self) -> str:
        effects = [sum(block.size for block in blocks) for blocks in (self.omega, self.sigma)]
        methods = ", ".join(step.method for step in self.steps) or "no estimation"
        return (
            f"ControlStream({self.title!r}: {len(self.thetas)} THETA, {effects[0]} ETA, {effects[1]} EPS, {methods}; "
            f"{len(self.records.ids)} patients, {len(self.records.observations)} observations)"
        )


def read(path: Path) -> ControlStream:
    """A control stream with its data.

    Parameters
    ----------
    path : path
        The data file is looked for relative to its folder.

    Raises
    ------
    FormatError
        For what cannot be read, or cannot be translated faithfully, with file, line and record.
    DataError
        For rows of the data that cannot be used.
    """
    from understudy.formats.nonmem.translation import translate

    path = Path(path)
    records = split(read_text(path), path.name)
    groups = grouped(records)
    thetas = read_thetas(groups.get("THETA", ()))
    omega, sigma = read_blocks(groups.get("OMEGA", ())), read_blocks(groups.get("SIGMA", ()))
    title = groups["PROBLEM"][0].text.strip() if "PROBLEM" in groups else path.stem
    steps = read_steps(groups.get("ESTIMATION", ()))
    model, data = translate(title or path.stem, groups, thetas, omega, sigma, path.parent)
    model = with_priors(model, groups, thetas, omega)
    return ControlStream(title, model, data, thetas, omega, sigma, steps, path.name)


def grouped(records: Sequence[StreamRecord]) -> dict[str, list[StreamRecord]]:
    """Records by name, those refused that would be passed over to the model's harm."""
    groups: dict[str, list[StreamRecord]] = {}
    for record in records:
        if record.name in _REFUSED:
            record.fail(f"${record.name} ({_REFUSED[record.name]}) cannot be translated", "take it out")
        if record.name in groups and record.name in _ONCE:
            again = "several problems" if record.name == "PROBLEM" else f"a second ${record.name}"
            record.fail(f"{again} in one file", "write one problem a file, each record once")
        groups.setdefault(record.name, []).append(record)
    for name in ("INPUT", "DATA"):
        if name not in groups:
            raise FormatError(f"there is no ${name}", place=records[0].file, repair=f"write ${name}")
    return groups
