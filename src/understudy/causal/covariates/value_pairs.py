"""Value pairs: numbers for a concept together with the unit, or the concept, of its value.

Such a covariate's identifier cannot hold both concepts whole. OHDSI takes the last three digits of a unit, and of a
concept and its value 20 and 22 bits of a multiplicative hash; where two pairs come to the same number, the one of the
smaller concepts keeps it and the other makes no covariate.
"""

from __future__ import annotations

from typing import Any

_UNIT = "CAST({concept} AS BIGINT) * 1000 + {second} % 1000"
# Knuth's multiplier, 2^32 divided by the golden ratio.
_HASH = "CAST(({} * 2654435769::HUGEINT // {}) & {}::HUGEINT AS BIGINT)"
_VALUE = f"{_HASH.format('{concept}', 4096, 1048575)} * 4194304 + {_HASH.format('{second}', 1024, 4194303)}"


def pairs_table(connection: Any, name: str, table: str, second: str) -> None:
    """Make the temporary table of pairs that occur: base (identifier without the analysis), concept, second.

    Parameters
    ----------
    table : str
        ``measurement`` or ``observation``.
    second : str
        ``unit_concept_id`` or ``value_as_concept_id``.
    """
    units = second == "unit_concept_id"
    base = (_UNIT if units else _VALUE).format(concept="concept", second="second")
    valued = "value_as_number IS NOT NULL" if units else "second != 0"
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {name} AS
        SELECT {base} AS base, concept, second FROM (
            SELECT DISTINCT CAST({table}_concept_id AS BIGINT) AS concept, CAST({second} AS BIGINT) AS second
            FROM {table} WHERE concept != 0 AND second IS NOT NULL AND {valued}
        ) QUALIFY row_number() OVER (PARTITION BY base ORDER BY concept, second) = 1
        """
    )
