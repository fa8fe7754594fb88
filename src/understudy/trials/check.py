"""check: who was in a trial, how alike its arms were, and what is missing or doubtful in its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from understudy.core.record import Record, Stopwatch
from understudy.trials.balance import covariate_numbers, standardised_differences

if TYPE_CHECKING:
    import pandas as pd

    from understudy.trials.trial import Trial


@dataclass(frozen=True, eq=False, repr=False)
class Check:
    """What a trial's tables hold, before any arms are compared by their outcomes.

    Parameters
    ----------
    trial : Trial
    flow : DataFrame
        A row an arm: ``arm``, ``randomised``, ``with_outcome``, ``without_outcome``.
    covariates : DataFrame
        See `understudy.trials.balance.covariate_numbers`.
    balance : DataFrame
        See `understudy.trials.balance.standardised_differences`.
    missing : DataFrame
        ``what``, ``arm``, ``missing``, ``of``, ``share``: endpoints, visits, then covariates.
    record : Record
    """

    trial: Trial
    flow: pd.DataFrame
    covariates: pd.DataFrame
    balance: pd.DataFrame
    missing: pd.DataFrame
    record: Record

    @property
    def notes(self) -> tuple[str, ...]:
        """What is doubtful in the tables."""
        return self.trial.warnings

    def table(self) -> pd.DataFrame:
        """Subjects of each arm."""
        return self.flow

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        names = ("flow", "covariates", "balance", "missing")
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        arms = ", ".join(
            f"{arm} {randomised} ({known} with an outcome)"
            for arm, randomised, known in self.flow[["arm", "randomised", "with_outcome"]].itertuples(
                index=False
            )
        )
        return "\n".join([self.trial.protocol.title, arms, *self.notes])


def check(trial: Trial) -> Check:
    """Who was in a trial, how alike its arms were, and what is missing or doubtful.

    What cannot be (a subject twice, an event before randomisation) has stopped `load_trial` with an error already.

    Parameters
    ----------
    trial : Trial

    Returns
    -------
    Check

    Examples
    --------
    >>> from understudy.trials import load_trial
    >>> check(load_trial("examples/leukaemia/trial.toml"))
    6-mercaptopurine keeps children with acute leukaemia in remission
    placebo 21 (21 with an outcome), 6-MP 21 (21 with an outcome)
    few events: 6-MP 9; large-sample tests and intervals may be wrong
    """
    watch = Stopwatch()
    made = _flow(trial), covariate_numbers(trial), standardised_differences(trial), _missing(trial)
    record = Record.make(
        "trial check", stopwatch=watch, inputs=trial.inputs or {}, method="description",
        settings={"protocol": trial.settings},
    )  # fmt: skip
    return Check(trial, *made, record)


def _flow(trial: Trial) -> pd.DataFrame:
    import pandas as pd

    known = trial.subjects.index.isin(trial.outcome.index)
    counts = pd.DataFrame({"arm": trial.subjects["arm"], "known": known}).groupby("arm", observed=False)[
        "known"
    ]
    table = counts.agg(randomised="size", with_outcome="sum").reset_index()
    table["arm"] = table["arm"].astype(str)
    return table.assign(without_outcome=table["randomised"] - table["with_outcome"])


def _missing(trial: Trial) -> pd.DataFrame:
    """Of each arm: subjects without an outcome, at each visit, and without each covariate."""
    import pandas as pd

    everyone = trial.subjects.index
    lacks = {}
    for each in (trial, *trial.secondary):
        lacks[each.protocol.endpoint.name] = ~everyone.isin(each.outcome.index)
        lacks |= _at_visits(each)
    lacks |= {name: trial.subjects[name].isna().to_numpy() for name in trial.covariates}
    rows = []
    for what, lost in lacks.items():
        for arm in trial.arms:
            own = (trial.subjects["arm"] == arm).to_numpy()
            rows.append({"what": what, "arm": arm, "missing": int(lost[own].sum()), "of": int(own.sum())})
    table = pd.DataFrame(rows, columns=["what", "arm", "missing", "of"])
    return table.assign(share=table["missing"] / table["of"])


def _at_visits(trial: Trial) -> dict[str, object]:
    """Who has no value at each visit, of repeated measurements."""
    if trial.protocol.endpoint.kind != "longitudinal":
        return {}
    name, rows = trial.protocol.endpoint.name, trial.outcome
    return {
        f"{name}, visit {visit:g}"
        if isinstance(visit, float)
        else f"{name}, visit {visit}": ~trial.subjects.index.isin(own.index)
        for visit, own in rows.groupby("visit", sort=True, observed=True)
    }
