"""Myelosuppression after chemotherapy: Friberg's chain of maturing cells with feedback."""

from __future__ import annotations

from dataclasses import replace

from understudy.library import pk
from understudy.library.citation import at
from understudy.library.entry import Entry
from understudy.model.model import Model
from understudy.model.parts import Assignment, Output, Parameter, Source, State

FRIBERG_2002 = Source(
    "Friberg LE, Henningsson A, Maas H, Nguyen L, Karlsson MO. Model of chemotherapy-induced "
    "myelosuppression with parameter consistency across drugs. J Clin Oncol 2002;20:4713-4721",
    doi="10.1200/JCO.2002.02.140",
    pmid="12488418",
)
BRUNO_1996 = Source(
    "Bruno R, Vivier N, Vergniol JC, De Phillips SL, Montay G, Sheiner LB. A population pharmacokinetic "
    "model for docetaxel (Taxotere): model building and validation. J Pharmacokinet Biopharm 1996;24:153-172",
    doi="10.1007/BF02353487",
)
CHAIN = ("Prol", "Transit1", "Transit2", "Transit3", "Circ")
CELLS = "10^9/L"


def chain_rates(drug: str) -> dict[str, str]:
    """Rates of the five cell compartments; they use ``ktr`` and ``feedback``, and `drug` as the effect.

    Examples
    --------
    >>> chain_rates("slope * C")["Prol"]
    'ktr * Prol * (1 - slope * C) * feedback - ktr * Prol'
    """
    steps = zip(CHAIN[1:], CHAIN[:-1], strict=True)
    return {"Prol": f"ktr * Prol * (1 - {drug}) * feedback - ktr * Prol"} | {
        cell: f"ktr * {before} - ktr * {cell}" for cell, before in steps
    }


def myelosuppression() -> Model:
    """Neutrophils after docetaxel: three-compartment kinetics and Friberg's model with a linear drug effect.

    Proliferating cells renew themselves at ``ktr = 4 / MTT``, pass three transit compartments and circulate;
    low counts raise proliferation by ``(Circ0 / Circ) ** gamma``; the drug lowers it in proportion to its
    molar concentration.

    Returns
    -------
    Model
        Outputs ``Cp`` in mg/L and ``ANC`` in 10⁹ cells per litre.

    References
    ----------
    Friberg LE et al. J Clin Oncol 2002;20:4713-4721. doi:10.1200/JCO.2002.02.140 (docetaxel, neutrophils);
    Bruno R et al. J Pharmacokinet Biopharm 1996;24:153-172. doi:10.1007/BF02353487 (typical docetaxel
    kinetics; Q and V from their rate constants 1.06, 1.51, 1.26, 0.084 per h with V1 = 7.4 L).

    Examples
    --------
    >>> myelosuppression().output_names
    ('Cp', 'ANC')
    """
    base = pk.compartments(3, "iv")
    cells = Parameter("Circ0", 5.05, CELLS, "neutrophils without drug", source=_DOCETAXEL, lower=0.0)
    pd_values = (
        cells,
        Parameter("MTT", 88.7, "h", "mean maturation time", source=_DOCETAXEL, lower=0.0),
        Parameter("gamma", 0.161, "1", "feedback exponent", source=_DOCETAXEL, lower=0.0),
        Parameter("slope", 8.58, "L/umol", "drug effect per concentration", source=_DOCETAXEL),
        Parameter("molar_mass", 0.808, "mg/umol", "molar mass of docetaxel", source=_MOLAR_MASS, lower=0.0),
    )
    rates = dict(zip(base.state_names, base.rates, strict=True)) | chain_rates("slope * Cp / molar_mass")
    return replace(
        base,
        name="myelosuppression",
        parameters=(*_docetaxel_kinetics(base), *pd_values),
        states=(*base.states, *(State(cell, CELLS, "Circ0") for cell in CHAIN)),
        rates=tuple(rates.values()),
        assignments=(
            Assignment("Cp", "central / V1", "mg/L", "plasma concentration"),
            Assignment("ktr", "4 / MTT", "1/h", "transit rate constant"),
            Assignment("feedback", "(Circ0 / Circ) ** gamma", "1"),
        ),
        outputs=(
            Output("Cp", "Cp", "mg/L", "plasma concentration"),
            Output("ANC", "Circ", CELLS, "circulating neutrophils, 10⁹ per litre"),
        ),
        description="Friberg's myelosuppression model, docetaxel and neutrophils",
        sources=(FRIBERG_2002, BRUNO_1996),
    )


_DOCETAXEL = at(FRIBERG_2002, "docetaxel, neutrophils, linear drug effect")
_MOLAR_MASS = Source("Molar mass of docetaxel, C43H53NO14, by the standard atomic weights")


def _docetaxel_kinetics(base: Model) -> tuple[Parameter, ...]:
    v1 = 7.4
    values = {
        "CL": 38.5,
        "V1": v1,
        "Q2": 1.06 * v1,
        "V2": 1.06 * v1 / 1.51,
        "Q3": 1.26 * v1,
        "V3": 1.26 * v1 / 0.084,
    }
    source = at(BRUNO_1996, "typical values; Q and V from rate constants")
    return tuple(replace(each, value=values[each.name], source=source) for each in base.parameters)


ENTRIES = (
    Entry(
        name="myelosuppression",
        title="Friberg myelosuppression, docetaxel and neutrophils",
        family="Myelosuppression",
        purpose="Time course of blood cells after chemotherapy: nadir, its day and the recovery.",
        kind="structural",
        build=myelosuppression,
        regimen="180 mg over 1 h every 504 h for 2 doses",
        times=(
            0.5,
            1.0,
            2.0,
            8.0,
            24.0,
            72.0,
            120.0,
            168.0,
            216.0,
            288.0,
            360.0,
            480.0,
            505.0,
            600.0,
            720.0,
            1000.0,
        ),
        tested="Docetaxel 180 mg (100 mg/m2) over one hour every three weeks, two cycles, typical values.",
        limits="No growth factor support, no damage that adds up over cycles, no lineage but the one it was "
        "fitted to; at high concentrations the linear effect exceeds one and the proliferating cells shrink.",
        checked="Values agree with two public transcriptions of the publications (packages myelo and DTAT "
        "for R).",
    ),
)
