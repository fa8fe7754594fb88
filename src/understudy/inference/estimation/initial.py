"""Initial estimates: where estimation begins, and what is held there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches

from understudy.core.errors import SimulationError
from understudy.inference.diagnostics.estimates import with_estimates
from understudy.model.population_model import PopulationModel


def beginning(
    model: PopulationModel, initial: Mapping[str, float] | None = None, fixed: Iterable[str] = ()
) -> PopulationModel:
    """The model as estimation shall begin with it.

    Parameters
    ----------
    model : PopulationModel
    initial : mapping of str to float, optional
        Initial estimates: fixed effects by name, elements of omega as ``omega(eta_CL)`` or ``omega(eta_V,eta_CL)``.
    fixed : iterable of str
        What is held: fixed effects; ``omega(eta_CL)`` or ``eta_CL`` holds the whole block of that random effect.

    Raises
    ------
    SimulationError
        For a name that the model does not have.
    ModelError
        For elements that make no covariance matrix.

    Examples
    --------
    >>> from understudy import load_model
    >>> begun = beginning(load_model("phenobarbital_neonates"), {"theta_V": 1.2}, ["theta_APGR", "omega(eta_V)"])
    >>> begun.fixed_values["theta_V"], [p.name for p in begun.fixed if p.fixed], [b.fixed for b in begun.random]
    (1.2, ['theta_APGR'], [False, True])
    """
    changed = with_estimates(model, initial) if initial else model
    names = {_bare(name): name for name in fixed}
    known = [*model.fixed_values, *model.eta_names]
    for bare, name in names.items():
        if bare not in known:
            near = get_close_matches(bare, known, 1, 0.6)
            repair = f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}"
            raise SimulationError(f"{name!r} is no parameter of {model.name}", repair=repair)
    return replace(
        changed,
        fixed=tuple(replace(p, fixed=p.fixed or p.name in names) for p in changed.fixed),
        random=tuple(replace(b, fixed=b.fixed or any(n in names for n in b.names)) for b in changed.random),
    )


def _bare(name: str) -> str:
    """A random effect's name without omega about it; of two the first, which are of one block."""
    text = name.strip()
    inside = text[6:-1] if text.lower().startswith("omega(") and text.endswith(")") else text
    return inside.partition(",")[0].strip()
