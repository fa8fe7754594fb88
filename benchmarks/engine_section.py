"""Sections of docs/performance.md on the engine itself, each from a stored result."""

from __future__ import annotations

from typing import Any

from benchmarks.figure import figure, power, table, times

KERNEL = """## The kernel over its tolerances

Case (a) again, {patients:,} patients, from the schedule to the outputs; errors are the largest over {sample} patients,
measured as above. SciPy and the reference engine were timed on {sample} patients and scaled; their right-hand sides are
plain Python. The last column compares with the kernel's cheapest run that is at least as exact, or with its most exact
one where none is.

{rows}
"""

SCHEDULES = """## Schedules

The same model and as many doses and observations, but for a fraction of the patients at random times of their own.
Doses at other times ask for other steps; what is left of the difference is that patients side by side meet their doses
apart.

{rows}
"""

MANY = """## Many patients

The same model observed at {observations} times, on {threads} threads, streamed to disk in chunks; each row in a process
of its own. `summaries` reads quantiles, moments and shares above thresholds back from disk.

{rows}

A patient among the most costs {ratio:.2f} times the CPU time of one among the fewest.
"""

ALONG = """## Sensitivities

Cases (a) to (d) with the derivatives of all outputs by k parameters, at the same tolerance ({tolerance}); their errors
are controlled too. For k = 1 it is the parameter whose derivative takes longest.

{rows}
"""

SECOND = """### Second sensitivities

Two compartments, oral, {doses} doses, {times} times: all second derivatives of the level by k parameters, exact and as
differences of exact first ones. The error is that of the differences, as a part of the largest derivative by parts of
the parameters; what the exact ones are tested against, in 40 digits, they meet to 1e-13.

{rows}
"""

CLOSED = """## Closed form

Case (e): two compartments with absorption, 20 doses, 241 observation times, {patients:,} patients:
{million:.1f} million observation values per CPU second.
"""

COMPILE = """## Compiling, and the first simulation

Median of fresh processes, wall-clock time, nothing of the model cached; the solvers themselves were compiled before.
Implicit steps are compiled when the first patient is stiff; the last column is the time for all code then.

{rows}

The first simulation of a new model in a fresh process takes {first:.2f} s, import included.
"""

START = """## Start

Median of {runs} fresh processes.

{rows}
"""

LANES = """## Patients side by side

Case (a) with other numbers of lanes; {same}

{rows}
"""

GPU = """## GPU

{device}. Case (a), and case (d), which is stiff; patients a second on the device, and with all transfers. The peak is
that of 64-bit operations.

{rows}

Largest difference from the kernel on the processor: {difference}.
"""

NO_GPU = """## GPU

Not measured: no device was at hand. `python -m benchmarks.gpu` measures it where one is.
"""


def kernel_section(found: dict[str, Any]) -> str:
    """The kernel alone, SciPy and the reference engine, by tolerance."""
    others = [("SciPy LSODA", row) for row in found["scipy_lsoda"]] + [
        ("reference engine", found["reference"])
    ]
    rows = [
        ("kernel", power(row["tolerance"]), f"{row['error']:.1e}", figure(row["cpu_s_per_1000"]), "")
        for row in found["kernel"]
    ]
    rows += [
        (
            name,
            power(row.get("tolerance", 1e-11)),
            f"{row['error']:.1e}",
            figure(row["cpu_s_per_1000"]),
            f"{row['kernel_times_faster']:.0f} times",
        )
        for name, row in others
    ]
    heads = ("solver", "tolerance", "error", "CPU s per 1,000 patients", "kernel faster by")
    return KERNEL.format(patients=found["patients"], sample=found["sample"], rows=table(heads, rows))


def schedules_section(found: dict[str, Any]) -> str:
    """Shared, partly distinct and all-distinct schedules; nothing where they were not measured."""
    if "own_schedules" not in found:
        return ""
    names = {0.0: "shared by all", 1.0: "all different"}
    rows = [
        (
            names.get(row["fraction"], f"{100 * row['fraction']:.0f} % different"),
            figure(row["cpu_s_per_1000"]),
            times(row["times_shared"]),
            f"{row['steps_per_patient']:.0f}",
        )
        for row in found["own_schedules"]
    ]
    heads = ("schedules", "CPU s per 1,000 patients", "times shared", "steps per patient")
    return SCHEDULES.format(rows=table(heads, rows))


def many_section(found: dict[str, Any]) -> str:
    """Ten thousand to a million patients."""
    rows = [
        (
            f"{run['patients']:,}",
            figure(run["cpu_us_per_patient"]),
            figure(run["simulate_wall_s"]),
            figure(run["summaries_wall_s"]),
            f"{run['peak_memory_MB']:,}",
            f"{run['disk_MB']:,}",
            f"{run['failed']:,}",
        )
        for run in found["runs"]
    ]
    heads = ("patients", "CPU µs each", "wall s", "summaries, s", "peak memory, MB", "disk, MB", "failed")
    ratio = found["ratio_of_cpu_per_patient"]
    return MANY.format(**{**found, "ratio": ratio, "rows": table(heads, rows, left=0)})


def sensitivities_section(found: dict[str, Any]) -> str:
    """What k sensitivities cost."""
    rows = [
        (
            f"({row['case']})",
            str(row["sensitivities"]),
            figure(row["cpu_s_per_1000"]),
            times(row["times_plain"]),
            f"{row['share_of_limit']:.2f}",
        )
        for row in found["rows"]
    ]
    heads = ("case", "k", "CPU s per 1,000 patients", "times the plain solution", "divided by 1 + k")
    first = ALONG.format(tolerance=power(found["tolerance"]), rows=table(heads, rows))
    return "\n".join([first, *_second(found)])


def _second(found: dict[str, Any]) -> list[str]:
    rows = [
        (
            row["engine"].replace("_", " "),
            str(row["sensitivities"]),
            figure(row["cpu_s_per_1000"]),
            figure(row["differences_cpu_s_per_1000"]),
            f"{row['share_of_differences']:.2f}",
            f"{row['error_of_differences']:.1e}",
        )
        for row in found.get("second", [])
    ]
    heads = ("by", "k", "CPU s per 1,000 patients", "differences, CPU s", "share", "error of differences")
    told = {"doses": found.get("second_doses"), "times": found.get("second_times")}
    return [SECOND.format(**told, rows=table(heads, rows))] if rows else []


def closed_section(found: dict[str, Any]) -> str:
    """Observation values of a closed form."""
    closed = found["closed_form"]
    return CLOSED.format(patients=closed["patients"], million=closed["values_per_cpu_s"] / 1e6)


def compile_section(found: dict[str, Any]) -> str:
    """Compile times and the first simulation."""
    made = found.get("compile") or [{"states": 4, "explicit_s": found["compile_s"]}]
    rows = [
        (
            f"{row['states']}",
            f"{row['operations']:,}" if "operations" in row else "",
            f"{row['explicit_s']:.3f}",
            f"{row['implicit_s']:.3f}" if "implicit_s" in row else "",
        )
        for row in made
    ]
    heads = ("states", "operations", "s to machine code", "s with implicit steps")
    return COMPILE.format(rows=table(heads, rows, left=0), first=found["first_simulation_s"])


def startup_section(found: dict[str, Any]) -> str:
    """How long a user waits before anything happens."""
    rows = [
        (f"`{name}`", f"{row['median_s']:.2f}", f"{row['limit_s'] or ''}")
        for name, row in found["cases"].items()
    ]
    return START.format(runs=found["runs"], rows=table(("what", "seconds", "limit"), rows))


def lanes_section(found: dict[str, Any]) -> str:
    """Numbers of lanes."""
    rows = [(str(row["width"]), figure(row["cpu_seconds_per_1000"])) for row in found["rows"]]
    same = "all give the same bits." if found["same_bits"] else "**their bits differ.**"
    return LANES.format(same=same, rows=table(("lanes", "CPU s per 1,000 patients"), rows, left=0))


def gpu_section(found: dict[str, Any] | None) -> str:
    """The CUDA engine, or that it was not measured."""
    if found is None:
        return NO_GPU
    rows = [
        (
            row["model"],
            f"{row['patients']:,}",
            str(row["bits"]),
            figure(row["patients_per_second"]),
            figure(row["patients_per_second_with_transfers"]),
            f"{row['fraction_of_peak']:.1%}" if "fraction_of_peak" in row else "",
            f"{row['failed']:,}",
        )
        for row in found["rows"]
    ]
    heads = ("model", "patients", "bits", "patients/s", "with transfers", "of the peak", "failed")
    differences = [f"{value:.0e} ({name})" for name, value in found["difference_from_processor"].items()]
    return GPU.format(device=found["device"], rows=table(heads, rows), difference=", ".join(differences))
