"""Priors: what $PRIOR NWPRI says, by the records $THETAP, $THETAPV, $OMEGAP and $OMEGAPD.

The prior of THETA is normal, that of each block of OMEGA an inverse Wishart distribution of which $OMEGAP is taken as
the mode (Gisleskog, Karlsson and Beal 2002, doi:10.1023/A:1022972420004). No NONMEM run was at hand to compare with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from understudy.formats.nonmem.effect_blocks import Block, read_blocks
from understudy.formats.nonmem.stream_record import StreamRecord
from understudy.formats.nonmem.thetas import Theta, read_thetas
from understudy.model.population_model import PopulationModel
from understudy.model.prior import InverseWishart, NormalPrior

_INFORMATIVE = ("THETAP", "THETAPV", "OMEGAP", "OMEGAPD")
# Options of NWPRI that say how many priors there are, and which change nothing in estimation.
_COUNTS = {"NTHP": "THETA", "NETP": "ETA"}
_HARMLESS = ("PLEV", "DISPLAY", "ICMAX", "NTHETA", "NETA", "NEPS", "ITYP", "ISS", "NSAM")


def with_priors(
    model: PopulationModel,
    groups: Mapping[str, Sequence[StreamRecord]],
    thetas: Sequence[Theta],
    omega: Sequence[Block],
) -> PopulationModel:
    """The model with the priors of a control stream.

    Raises
    ------
    FormatError
        For a $PRIOR that cannot be translated, or priors that do not fit the parameters.
    """
    given = [name for name in _INFORMATIVE if name in groups]
    if "PRIOR" not in groups:
        if given:
            groups[given[0]][0].fail(f"${given[0]} without $PRIOR", "write $PRIOR NWPRI")
        return model
    record = groups["PRIOR"][0]
    normal = _of_thetas(record, groups, thetas)
    wishart = _of_omega(record, groups, omega)
    sizes = {
        "THETA": len(normal[0].names) if normal else 0,
        "ETA": sum(len(each.mode) for each in wishart.values()),
    }
    _require_plain(record, sizes)
    random = tuple(
        replace(block, prior=wishart.get(block.names[0])) if block.names[0] in wishart else block
        for block in model.random
    )
    return replace(model, priors=normal, random=random)


def _require_plain(record: StreamRecord, sizes: Mapping[str, int]) -> None:
    words = re.split(r"[\s,]+", re.sub(r"\s*=\s*", "=", record.text.strip()))
    if words[0].upper() != "NWPRI":
        record.fail(f"$PRIOR {words[0][:20]} cannot be translated", "NWPRI is understood")
    for word in words[1:]:
        name, _, value = word.upper().partition("=")
        if name in _COUNTS and value != str(sizes[_COUNTS[name]]):
            record.fail(
                f"{word} does not go with {sizes[_COUNTS[name]]} in $THETAP or $OMEGAP",
                "write the priors as $THETAP, $THETAPV, $OMEGAP and $OMEGAPD",
            )
        if name not in (*_COUNTS, *_HARMLESS) and not (name in ("NPEXP", "NEPP") and value in ("0", "1")):
            record.fail(f"{word[:30]} of $PRIOR cannot be translated", "leave it out")
    if not sum(sizes.values()):
        record.fail("there is no prior", "write the priors as $THETAP, $THETAPV, $OMEGAP and $OMEGAPD")


def _of_thetas(record: StreamRecord, groups, thetas: Sequence[Theta]) -> tuple[NormalPrior, ...]:
    if "THETAP" not in groups and "THETAPV" not in groups:
        return ()
    means = read_thetas(groups.get("THETAP", ()))
    blocks = read_blocks(groups.get("THETAPV", ()))
    size = sum(block.size for block in blocks)
    if len(means) != size or size > len(thetas):
        record.fail(
            f"{len(means)} values in $THETAP, {size} variances in $THETAPV, {len(thetas)} THETA",
            "give a value and a variance for each THETA that has a prior, the first ones",
        )
    covariance = np.zeros((size, size))
    for block in blocks:
        here = slice(block.first - 1, block.first - 1 + block.size)
        covariance[here, here] = block.matrix
    if np.linalg.eigvalsh(covariance).min() <= 0:
        record.fail("$THETAPV is singular", "give each THETA with a prior a variance above zero")
    names = tuple(f"THETA{k + 1}" for k in range(size))
    return (NormalPrior(names, tuple(each.value for each in means), tuple(map(tuple, covariance.tolist()))),)


def _of_omega(record: StreamRecord, groups, omega: Sequence[Block]) -> dict[str, InverseWishart]:
    """By the name of each block's first effect."""
    if "OMEGAP" not in groups and "OMEGAPD" not in groups:
        return {}
    modes = [block for block in read_blocks(groups.get("OMEGAP", ())) if not block.same]
    degrees = read_thetas(groups.get("OMEGAPD", ()))
    own = [block for block in omega if not block.same]
    if len(modes) != len(degrees) or [m.size for m in modes] != [b.size for b in own[: len(modes)]]:
        record.fail(
            "the blocks of $OMEGAP are not those of $OMEGA with one value in $OMEGAPD each",
            "write the same blocks in the same order",
        )
    for mode in modes:
        if np.linalg.eigvalsh(np.array(mode.matrix)).min() <= 0:
            record.fail("a block of $OMEGAP is singular", "give each random effect a variance above zero")
    return {
        f"ETA{block.first}": InverseWishart(mode.matrix, each.value)
        for block, mode, each in zip(own, modes, degrees, strict=False)
    }
