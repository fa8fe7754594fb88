"""Quantities: the parameters of a non-compartmental analysis, with their labels, codes and units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from understudy.core import units as core_units

if TYPE_CHECKING:
    import pint

GEOMETRIC, MEDIAN = "geometric", "median"


@dataclass(frozen=True)
class Quantity:
    """One parameter.

    Parameters
    ----------
    label : str
        As in a report.
    kind : str
        What its unit is made of, see `kind_units`.
    code : str
        PPTESTCD of CDISC's controlled terminology, empty where there is none; ``EV`` and ``IV`` for a ``*``.
    centre : {"geometric", "median"}
        What summarises it.
    """

    label: str
    kind: str
    code: str = ""
    centre: str = GEOMETRIC


QUANTITIES: Mapping[str, Quantity] = {
    "cmax": Quantity("Cmax", "concentration", "CMAX"),
    "tmax": Quantity("Tmax", "time", "TMAX", MEDIAN),
    "cmin": Quantity("Cmin", "concentration", "CMIN"),
    "tmin": Quantity("Tmin", "time", "TMIN", MEDIAN),
    "ctrough": Quantity("Ctrough", "concentration", "CTROUGH"),
    "cavg": Quantity("Cavg", "concentration", "CAVG"),
    "c0": Quantity("C0", "concentration", "C0"),
    "clast": Quantity("Clast", "concentration", "CLST"),
    "clast_pred": Quantity("Clast,pred", "concentration", "CLSTP"),
    "tlast": Quantity("Tlast", "time", "TLST", MEDIAN),
    "tlag": Quantity("Tlag", "time", "TLAG", MEDIAN),
    "half_life": Quantity("t½", "time", "LAMZHL"),
    "lambda_z": Quantity("λz", "rate", "LAMZ"),
    "lambda_z_points": Quantity("λz points", "number", "LAMZNPT", MEDIAN),
    "lambda_z_first": Quantity("λz from", "time", "LAMZLL", MEDIAN),
    "lambda_z_last": Quantity("λz to", "time", "LAMZUL", MEDIAN),
    "span_ratio": Quantity("λz span", "number", "LAMZSPN", MEDIAN),
    "r2": Quantity("r²", "number", "R2", MEDIAN),
    "adj_r2": Quantity("adj. r²", "number", "R2ADJ", MEDIAN),
    "auclast": Quantity("AUClast", "auc", "AUCLST"),
    "aucall": Quantity("AUCall", "auc", "AUCALL"),
    "aucinf_obs": Quantity("AUCinf,obs", "auc", "AUCIFO"),
    "aucinf_pred": Quantity("AUCinf,pred", "auc", "AUCIFP"),
    "auc_extrapolated_obs": Quantity("AUC extrap., obs", "percent", "AUCPEO", MEDIAN),
    "auc_extrapolated_pred": Quantity("AUC extrap., pred", "percent", "AUCPEP", MEDIAN),
    "auc_back_extrapolated": Quantity("AUC back extrap.", "percent", "AUCPBEO", MEDIAN),
    "auc_interval": Quantity("AUC, interval", "auc", "AUCINT"),
    "auctau": Quantity("AUCτ", "auc", "AUCTAU"),
    "auctau_extrapolated": Quantity("AUCτ extrap.", "percent", "", MEDIAN),
    "aumclast": Quantity("AUMClast", "aumc", "AUMCLST"),
    "aumcall": Quantity("AUMCall", "aumc", "AUMCALL"),
    "aumcinf_obs": Quantity("AUMCinf,obs", "aumc", "AUMCIFO"),
    "aumcinf_pred": Quantity("AUMCinf,pred", "aumc", "AUMCIFP"),
    "aumctau": Quantity("AUMCτ", "aumc", "AUMCTAU"),
    "mrt_last": Quantity("MRTlast", "time", "MRT*LST"),
    "mrt_obs": Quantity("MRT,obs", "time", "MRT*IFO"),
    "mrt_pred": Quantity("MRT,pred", "time", "MRT*IFP"),
    "mrt_ss": Quantity("MRTss", "time"),
    "cl_obs": Quantity("CL,obs", "clearance", "CLO"),
    "cl_pred": Quantity("CL,pred", "clearance", "CLP"),
    "cl_ss": Quantity("CLss", "clearance"),
    "vz_obs": Quantity("Vz,obs", "volume", "VZO"),
    "vz_pred": Quantity("Vz,pred", "volume", "VZP"),
    "vz_ss": Quantity("Vz,ss", "volume"),
    "vss_obs": Quantity("Vss,obs", "volume", "VSSO"),
    "vss_pred": Quantity("Vss,pred", "volume", "VSSP"),
    "vss_ss": Quantity("Vss,ss", "volume"),
    "cl_f_obs": Quantity("CL/F,obs", "clearance", "CLFO"),
    "cl_f_pred": Quantity("CL/F,pred", "clearance", "CLFP"),
    "cl_f_ss": Quantity("CLss/F", "clearance"),
    "vz_f_obs": Quantity("Vz/F,obs", "volume", "VZFO"),
    "vz_f_pred": Quantity("Vz/F,pred", "volume", "VZFP"),
    "vz_f_ss": Quantity("Vz/F,ss", "volume"),
    "fluctuation": Quantity("Fluctuation", "percent", "FLUCP"),
    "swing": Quantity("Swing", "number", "SWING"),
    "peak_trough_ratio": Quantity("Peak/trough", "number"),
    "accumulation_index": Quantity("Accumulation", "number", "AILAMZ"),
    "cmax_dose": Quantity("Cmax/dose", "concentration per dose", "CMAXD"),
    "auclast_dose": Quantity("AUClast/dose", "auc per dose", "AUCLSTD"),
    "aucinf_obs_dose": Quantity("AUCinf,obs/dose", "auc per dose", "AUCIFOD"),
    "auctau_dose": Quantity("AUCτ/dose", "auc per dose", "AUCTAUD"),
}
_VOLUMES = ("L", "L/kg", "L/m**2")


def quantity(name: str) -> Quantity:
    """The parameter of a name; of partial areas too.

    Examples
    --------
    >>> quantity("auc_0_4").label, quantity("cl_f_obs").code
    ('AUC 0–4', 'CLFO')
    """
    if name in QUANTITIES:
        return QUANTITIES[name]
    start, end = name.removeprefix("auc_").split("_")
    return Quantity(f"AUC {start}–{end}", "auc", "AUCINT")


def kind_units(time: str, concentration: str, amount: str) -> dict[str, tuple[str, float]]:
    """Unit of each kind of quantity, and what a number in the data's own units is multiplied by.

    Parameters
    ----------
    time, concentration, amount : str
        Units of the records.

    Examples
    --------
    >>> units = kind_units("h", "ng/mL", "mg")
    >>> units["auc"], units["clearance"]
    (('h*ng/mL', 1.0), ('L/h', 1000.0))
    """
    t, c = core_units.unit(time), core_units.unit(concentration)
    kinds = {
        "time": t,
        "rate": t**-1,
        "concentration": c,
        "auc": t * c,
        "aumc": t**2 * c,
    }
    found = {kind: (core_units.unit_text(unit), 1.0) for kind, unit in kinds.items()}
    # The data's own spelling, where it is the same unit.
    found |= {"time": (time, 1.0), "concentration": (concentration, 1.0)}
    found |= {"percent": ("percent", 1.0), "number": ("1", 1.0)}
    per_dose = f"/{amount}" if amount.isidentifier() else f"/({amount})"
    found |= {f"{kind} per dose": (found[kind][0] + per_dose, 1.0) for kind in ("concentration", "auc")}
    return found | _volume_units(t, core_units.unit(amount) / c)


def _volume_units(t: pint.Unit, volume: pint.Unit) -> dict[str, tuple[str, float]]:
    """Litres, also per kilogram or square metre, where amounts and concentrations cancel to a volume."""
    unit, factor = core_units.unit_text(volume), 1.0
    for wanted in map(core_units.unit, _VOLUMES):
        if wanted.dimensionality == volume.dimensionality:
            unit, factor = core_units.unit_text(wanted), core_units.unit_factor(volume, wanted)
    clearance = core_units.unit_text(core_units.unit(unit) / t)
    return {"volume": (unit, factor), "clearance": (clearance, factor)}
