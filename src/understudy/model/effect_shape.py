"""Effect shapes: random effects that are skewed or have heavy tails, as equations of normal ones.

Petersson KJF, Hanze E, Savic RM, Karlsson MO. Semiparametric distributions with estimated shape parameters. Pharm Res
2009;26:2174-2185, doi:10.1007/s11095-009-9931-1.
"""

from __future__ import annotations

from understudy.core.expression import Expression

# Where the power is so small that its quotient has lost half of its digits, two terms of the series are exact.
_SMALL = "1e-6"


def box_cox_effect(effect: str, shape: str | float) -> Expression:
    """A Box-Cox transformed random effect: skewed to the right for a positive shape, to the left for a negative one.

    Parameters
    ----------
    effect : str
        A normal random effect.
    shape : str or float
        A fixed effect, usually; at zero the effect is the normal one.

    Returns
    -------
    Expression
        ``(exp(effect) ** shape - 1) / shape``, with its limit where the shape is zero.

    Examples
    --------
    >>> skewed = box_cox_effect("eta", "shape")
    >>> [round(float(skewed.evaluate({"eta": 0.5, "shape": value})), 4) for value in (-1, 0, 1)]
    [0.3935, 0.5, 0.6487]
    """
    x, power = f"({Expression(effect).text})", f"({Expression(shape).text})"
    near = f"{x} + {power} * {x} ** 2 / 2"
    return Expression(f"where(abs({power}) < {_SMALL}, {near}, expm1({power} * {x}) / {power})")


def t_effect(effect: str, degrees: str | float) -> Expression:
    """A random effect with the tails of Student's t distribution.

    Parameters
    ----------
    effect : str
        A random effect of variance one: let it be fixed, and multiply the result by a scale.
    degrees : str or float
        Degrees of freedom: a fixed effect with a lower bound of about 3, below which the expansion is poor.

    Returns
    -------
    Expression
        The expansion of the t distribution's quantiles by the normal ones in one over the degrees of freedom, to third
        order (Abramowitz and Stegun 1964, Handbook of mathematical functions, 26.7.5).

    Examples
    --------
    >>> heavy = t_effect("eta", "nu")
    >>> [round(float(heavy.evaluate({"eta": 2.0, "nu": value})), 3) for value in (4, 10, 1e6)]
    [2.861, 2.283, 2.0]
    """
    x, nu = f"({Expression(effect).text})", f"({Expression(degrees).text})"
    first = f"({x} ** 2 + 1) / (4 * {nu})"
    second = f"(5 * {x} ** 4 + 16 * {x} ** 2 + 3) / (96 * {nu} ** 2)"
    third = f"(3 * {x} ** 6 + 19 * {x} ** 4 + 17 * {x} ** 2 - 15) / (384 * {nu} ** 3)"
    return Expression(f"{x} * (1 + {first} + {second} + {third})")
