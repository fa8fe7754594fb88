"""The non-stiff problems of DETEST, from t = 0 to 20: equations, courses and published ends.

Hull TE, Enright WH, Fellen BM, Sedgwick AE 1972, Comparing numerical methods for ordinary differential equations,
SIAM J Numer Anal 9:603-637, doi:10.1137/0709052 (the problems); Enright WH, Pryce JD 1987, Two FORTRAN packages for
assessing initial value methods, ACM Trans Math Softw 13:1-27, doi:10.1145/23002.27645 (NSDTST: the solutions at 20).

Twenty-one problems have solutions in closed form, known throughout. The other four (B1, C5, E2, E3) are integrated by
SciPy's DOP853 at 1e-13, of equations written down apart from the models. Against Taylor series of 24 to 40 terms in 34
digits these four end within 4e-13 of the largest value (published: within 3e-14), the closed forms of A1, C1 to C4
within 7e-15. Values that are themselves small were published to fewer digits: exp(-20) of A1 to seven, the last of C4,
1.9e-14, to nine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from understudy.model.model import Model

TIMES = np.linspace(0, 20, 41)


@dataclass(frozen=True)
class Case:
    """A problem, its solution by time (shape: states, times) and the published solution at 20."""

    model: Model
    solution: Callable[[np.ndarray], np.ndarray]
    end: tuple[float, ...]

    @cached_property
    def course(self) -> np.ndarray:
        return np.atleast_2d(self.solution(TIMES))


def case(
    name: str,
    start: list[float],
    rates: list[str],
    solution: Callable,
    end: tuple[float, ...],
    values: dict | None = None,
    assignments: dict | None = None,
) -> Case:
    states = {f"y{k + 1}": ("1", value) for k, value in enumerate(start)}
    model = Model(
        name,
        "s",
        values or {},
        states,
        dict(zip(states, rates, strict=True)),
        assignments=assignments or {},
        outputs={state: state for state in states},
    )
    return Case(model, solution, end)


def integrated(rates: Callable, start: list[float]) -> Callable[[np.ndarray], np.ndarray]:
    """The solution by an explicit method of order 8, as exactly as its numbers allow."""

    def solution(t: np.ndarray) -> np.ndarray:
        from scipy.integrate import solve_ivp

        found = solve_ivp(rates, (0, t[-1]), start, "DOP853", t, rtol=1e-13, atol=1e-14, max_step=0.1)
        assert found.success, found.message
        return found.y

    return solution


def spiral(t: np.ndarray) -> np.ndarray:
    """A5: on r = 4 exp(pi / 2 - angle), t and y are the coordinates."""
    from scipy.optimize import brentq

    radius = lambda angle: 4 * np.exp(np.pi / 2 - angle)  # noqa: E731
    angles = [
        brentq(lambda a, t=t: radius(a) * np.cos(a) - t, -np.pi / 4, np.pi / 2, xtol=1e-15, rtol=1e-15)
        for t in t[1:]
    ]
    return np.array([4.0, *(radius(a) * np.sin(a) for a in angles)])


def linear_reaction(t: np.ndarray) -> np.ndarray:
    """B2: eigenvalues 0, -1 and -3."""
    slow, fast = np.exp(-t) / 2, np.exp(-3 * t) / 2
    return np.array([1 + slow + fast, 1 - 2 * fast, 1 - slow + fast])


def reaction(t: np.ndarray) -> np.ndarray:
    """B3: with y2 = u' / u its Riccati equation is u'' = exp(-t) u, solved by Bessel functions of 2 exp(-t / 2)."""
    from scipy.special import i0, i1, k0, k1

    z, first = 2 * np.exp(-t / 2), np.exp(-t)
    second = z / 2 * (i1(2) * k1(z) - k1(2) * i1(z)) / (k1(2) * i0(z) + i1(2) * k0(z))
    return np.array([first, second, 1 - first - second])


def torus(t: np.ndarray) -> np.ndarray:
    """B4."""
    return np.array([(2 + np.cos(t)) * np.cos(t), (2 + np.cos(t)) * np.sin(t), np.sin(t)])


def rigid_body(t: np.ndarray) -> np.ndarray:
    """B5: Jacobi's elliptic functions of parameter 0.51."""
    from scipy.special import ellipj

    return np.array(ellipj(t, 0.51)[:3])


def decay_of_equal_rates(t: np.ndarray) -> np.ndarray:
    """C1: Poisson's probabilities, and the rest."""
    from scipy.special import factorial, gammainc

    return np.array([*(np.exp(-t) * t**k / factorial(k) for k in range(9)), gammainc(9, t)])


def decay_of_rising_rates(t: np.ndarray) -> np.ndarray:
    """C2."""
    gone = -np.expm1(-t)
    return np.array([*(np.exp(-t) * gone**k for k in range(9)), gone**9])


def diffusion(states: int) -> Callable[[np.ndarray], np.ndarray]:
    """C3 and C4: modified Bessel functions of an endless chain, mirrored at both ends until nothing is left."""

    def solution(t: np.ndarray) -> np.ndarray:
        from scipy.special import ive

        place, images = np.arange(1, states + 1)[:, None, None], 2 * (states + 1) * np.arange(-9, 10)
        there, back = (
            ive(abs(place - 1 + images), 2 * t[:, None]),
            ive(abs(place + 1 + images), 2 * t[:, None]),
        )
        return (there - back).sum(axis=2)

    return solution


def orbit(eccentricity: float) -> Callable[[np.ndarray], np.ndarray]:
    """D1 to D5: Kepler's equation, by Newton's method from where it converges for every orbit."""

    def solution(t: np.ndarray) -> np.ndarray:
        angle = np.full_like(t, np.pi)
        for _ in range(100):
            wrong = angle - eccentricity * np.sin(angle) - t % (2 * np.pi)
            angle -= wrong / (1 - eccentricity * np.cos(angle))
        wide, speed = np.sqrt(1 - eccentricity**2), 1 / (1 - eccentricity * np.cos(angle))
        sine, cosine = np.sin(angle), np.cos(angle)
        return np.array([cosine - eccentricity, wide * sine, -sine * speed, wide * cosine * speed])

    return solution


def bessel(t: np.ndarray) -> np.ndarray:
    """E1: Bessel's function of order 1 / 2, and its slope."""
    x = t + 1
    wave = np.sqrt(2 / np.pi / x)
    return np.array([wave * np.sin(x), wave * (np.cos(x) - np.sin(x) / 2 / x)])


def falling_body(t: np.ndarray) -> np.ndarray:
    """E4."""
    rate = np.sqrt(0.0128)
    return np.array([30 + np.log(np.cosh(rate * t)) / 0.4, np.sqrt(0.08) * np.tanh(rate * t)])


def pursuit(t: np.ndarray) -> np.ndarray:
    """E5."""
    left = 1 - t / 25
    return np.array([25 / 4 * (left**2 - 1) - 25 / 2 * np.log(left), (1 / left - left) / 2])


MASSES = np.array(
    [
        1.00000597682,
        0.954786104043e-3,
        0.285583733151e-3,
        0.437273164546e-4,
        0.517759138449e-4,
        0.277777777778e-5,
    ]
)
GRAVITY = 2.95912208286
PLANETS = [
    3.42947415189, 3.35386959711, 1.35494901715, 6.64145542550, 5.97156957878, 2.18231499728, 11.2630437207,
    14.6952576794, 6.27960525067, -30.1552268759, 1.65699966404, 1.43785752721, -21.1238353380, 28.4465098142,
    15.3882659679, -0.557160570446, 0.505696783289, 0.230578543901, -0.415570776342, 0.365682722812,
    0.169143213293, -0.325325669158, 0.189706021964, 0.0877265322780, -0.0240476254170, -0.287659532608,
    -0.117219543175, -0.176860753121, -0.216393453025, -0.0148647893090,
]  # fmt: skip


def pull(t: float, y: np.ndarray) -> np.ndarray:
    """C5: five planets around the Sun, seen from the Sun."""
    places, masses = y[:15].reshape(5, 3), MASSES[1:]
    apart = places - places[:, None]
    cubes = np.sum(apart**2, axis=2) ** 1.5 + np.eye(5)
    to_sun = places / (np.sum(places**2, axis=1) ** 1.5)[:, None]
    between = np.einsum("j,ijk->ik", masses, apart / cubes[:, :, None])
    drawn = masses @ to_sun - masses[:, None] * to_sun
    return np.concatenate(
        [y[15:], GRAVITY * (between - drawn - (MASSES[0] + masses)[:, None] * to_sun).ravel()]
    )


def planets() -> tuple[list[str], dict[str, str]]:
    """C5 as equations: of places, then of speeds; ri and qij are inverse cubes of distances."""
    axes = {i: [f"y{3 * i - 2}", f"y{3 * i - 1}", f"y{3 * i}"] for i in range(1, 6)}
    cubes = {f"r{i}": " + ".join(f"{y} ** 2" for y in axes[i]) for i in axes}
    for i in axes:
        for j in range(i + 1, 6):
            cubes[f"q{i}{j}"] = " + ".join(f"({a} - {b}) ** 2" for a, b in zip(axes[i], axes[j], strict=True))
    pulls = []
    for i in axes:
        for k in range(3):
            terms = [f"-(m0 + m{i}) * {axes[i][k]} * r{i}"]
            for j in (j for j in axes if j != i):
                other, q = axes[j][k], f"q{min(i, j)}{max(i, j)}"
                terms.append(f"m{j} * (({other} - {axes[i][k]}) * {q} - {other} * r{j})")
            pulls.append(f"G * ({' + '.join(terms)})")
    return [f"y{k}" for k in range(16, 31)] + pulls, {n: f"({c}) ** -1.5" for n, c in cubes.items()}


def chain(states: int) -> list[str]:
    """Diffusion along a chain."""
    terms = [f"-2 * y{k}" + (f" + y{k - 1}" if k > 1 else "") for k in range(1, states + 1)]
    return [term + (f" + y{k}" if k <= states else "") for k, term in enumerate(terms, start=2)]


def predators(t: float, y: np.ndarray) -> np.ndarray:
    """B1."""
    return np.array([2 * y[0] * (1 - y[1]), y[1] * (y[0] - 1)])


def van_der_pol(t: float, y: np.ndarray) -> np.ndarray:
    """E2."""
    return np.array([y[1], (1 - y[0] ** 2) * y[1] - y[0]])


def duffing(t: float, y: np.ndarray) -> np.ndarray:
    """E3."""
    return np.array([y[1], y[0] ** 3 / 6 - y[0] + 2 * np.sin(2.78535 * t)])


ONE, MANY = [1.0] + [0.0] * 9, [1.0] + [0.0] * 50
BESSEL = [np.sqrt(2 / np.pi) * np.sin(1), np.sqrt(2 / np.pi) * (np.cos(1) - np.sin(1) / 2)]
C1_END = (
    2.061153622240064e-9, 4.122307244619555e-8, 4.122307244716968e-7, 2.748204829855288e-6, 1.374102414941961e-5,
    5.496409659803266e-5, 1.832136553274552e-4, 5.234675866508716e-4, 1.308668966628220e-3, 9.979127409508656e-1,
)  # fmt: skip
C2_END = (
    2.061153577984930e-9, 2.061153573736588e-9, 2.061153569488245e-9, 2.061153565239902e-9, 2.061153560991560e-9,
    2.061153556743217e-9, 2.061153552494874e-9, 2.061153548246532e-9, 2.061153543998189e-9, 9.999999814496180e-1,
)  # fmt: skip
C3_END = (
    2.948119211022058e-3, 5.635380154844266e-3, 7.829072515926013e-3, 9.348257908594937e-3, 1.007943610301970e-2,
    9.982674171429909e-3, 9.088693332766085e-3, 7.489115195185912e-3, 5.322964130953349e-3, 2.762434379029886e-3,
)  # fmt: skip
C4_END = (
    3.124111453721466e-3, 6.015416842150318e-3, 8.470021834842650e-3, 1.033682931733337e-2, 1.153249572873923e-2,
    1.204549525737964e-2, 1.192957068015293e-2, 1.128883207111195e-2, 1.025804501391024e-2, 8.982017581934167e-3,
    7.597500902492453e-3, 6.219920556824985e-3, 4.935916341009131e-3, 3.801432544256119e-3, 2.844213677587894e-3,
    2.069123394222672e-3, 1.464687282843915e-3, 1.009545263941126e-3, 6.779354330227017e-4, 4.437815269118510e-4,
    2.833264542938954e-4, 1.765005798796805e-4, 1.073342592697238e-4, 6.374497601777217e-5, 3.698645309704183e-5,
    2.097466832643746e-5, 1.162956710412555e-5, 6.306710405783322e-6, 3.346286430868515e-6, 1.737760074184334e-6,
    8.835366904275847e-7, 4.399520411127637e-7, 2.146181897152360e-7, 1.025981211654928e-7, 4.807864068784215e-8,
    2.209175152474847e-8, 9.956251263138180e-9, 4.402193653748924e-9, 1.910149382204028e-9, 8.135892921473050e-10,
    3.402477118549235e-10, 1.397485617545782e-10, 5.638575303049199e-11, 2.235459707956947e-11,
    8.710498036398032e-12, 3.336554275346643e-12, 1.256679567784939e-12, 4.654359053128788e-13,
    1.693559145599857e-13, 5.996593816663054e-14, 1.891330702629865e-14,
)  # fmt: skip
C5_END = (
    -4.792730224323733, -2.420550725448973, -9.212509306014886e-1, -4.217310404035213, 7.356202947498970,
    3.223785985421212, 4.035559443262270, 1.719865528670555e1, 7.478910794233703, -2.998759326324844e1,
    -4.107310937550929, -9.277008321754407e-1, -2.442125302518482e1, 2.381459045746554e1, 1.492096306951359e1,
    3.499208963063806e-1, -5.748487687912825e-1, -2.551694020879149e-1, -5.237040978903326e-1,
    -2.493000463579661e-1, -8.045341642044464e-2, -3.875289237334110e-1, 5.648603288767891e-2,
    3.023606472143342e-2, 4.133856546712445e-2, -2.862393029841379e-1, -1.183032405136207e-1,
    -1.511986457359206e-1, -2.460068894318766e-1, -3.189687411323877e-2,
)  # fmt: skip
D_ENDS = {
    0.1: (2.198835352008397e-1, 9.427076846341813e-1, -9.787659841058176e-1, 3.287977990962036e-1),
    0.3: (-1.777027357140412e-1, 9.467784719905892e-1, -1.030294163192969, 1.211074890053952e-1),
    0.5: (-5.780432953035361e-1, 8.633840009194193e-1, -9.595083730380727e-1, -6.504915126712089e-2),
    0.7: (-9.538990293416394e-1, 6.907409024219432e-1, -8.212674270877433e-1, -1.539574259125825e-1),
    0.9: (-1.295266250987574, 4.003938963792321e-1, -6.775390924707566e-1, -1.270838154278686e-1),
}


def orbits() -> list[Case]:
    fall = ["y3", "y4", "-y1 / r", "-y2 / r"]
    distance = {"r": "(y1 ** 2 + y2 ** 2) ** 1.5"}
    return [
        case(
            f"D{k + 1}", [1 - e, 0, 0, np.sqrt((1 + e) / (1 - e))], fall, orbit(e), end, assignments=distance
        )
        for k, (e, end) in enumerate(D_ENDS.items())
    ]


PULLS, CUBES = planets()
CASES = {
    item.model.name: item
    for item in [
        case("A1", [1], ["-y1"], lambda t: np.exp(-t), (2.061153353012535e-9,)),
        case("A2", [1], ["-y1 ** 3 / 2"], lambda t: (1 + t) ** -0.5, (2.182178902359887e-1,)),
        case("A3", [1], ["y1 * cos(t)"], lambda t: np.exp(np.sin(t)), (2.491650271850414,)),
        case(
            "A4",
            [1],
            ["y1 / 4 * (1 - y1 / 20)"],
            lambda t: 20 / (1 + 19 * np.exp(-t / 4)),
            (1.773016648131483e1,),
        ),
        case("A5", [4], ["(y1 - t) / (y1 + t)"], spiral, (-7.887826688964196e-1,)),
        case(
            "B1",
            [1, 3],
            ["2 * (y1 - y1 * y2)", "-(y2 - y1 * y2)"],
            integrated(predators, [1, 3]),
            (6.761876008576667e-1, 1.860816099640036e-1),
        ),
        case(
            "B2",
            [2, 0, 1],
            ["-y1 + y2", "y1 - 2 * y2 + y3", "y2 - y3"],
            linear_reaction,
            (1.000000001030576, 1.0, 9.999999989694235e-1),
        ),
        case(
            "B3",
            [1, 0, 0],
            ["-y1", "y1 - y2 ** 2", "y2 ** 2"],
            reaction,
            (2.061153488557776e-9, 5.257228022048349e-2, 9.474277177183630e-1),
        ),
        case(
            "B4",
            [3, 0, 0],
            ["-y2 - y1 * y3 / d", "y1 - y2 * y3 / d", "y1 / d"],
            torus,
            (9.826950928005993e-1, 2.198447081694832, 9.129452507276399e-1),
            assignments={"d": "sqrt(y1 ** 2 + y2 ** 2)"},
        ),
        case(
            "B5",
            [0, 1, 1],
            ["y2 * y3", "-y1 * y3", "-0.51 * y1 * y2"],
            rigid_body,
            (-9.396570798729192e-1, -3.421177754000779e-1, 7.414126596199957e-1),
        ),
        case(
            "C1",
            ONE,
            ["-y1", *(f"y{k - 1} - y{k}" for k in range(2, 10)), "y9"],
            decay_of_equal_rates,
            C1_END,
        ),
        case(
            "C2",
            ONE,
            ["-y1", *(f"{k - 1} * y{k - 1} - {k} * y{k}" for k in range(2, 10)), "9 * y9"],
            decay_of_rising_rates,
            C2_END,
        ),
        case("C3", ONE, chain(10), diffusion(10), C3_END),
        case("C4", MANY, chain(51), diffusion(51), C4_END),
        case(
            "C5",
            PLANETS,
            PULLS,
            integrated(pull, PLANETS),
            C5_END,
            {"G": GRAVITY} | {f"m{k}": float(mass) for k, mass in enumerate(MASSES)},
            CUBES,
        ),
        *orbits(),
        case(
            "E1",
            BESSEL,
            ["y2", "-(y2 / (t + 1) + (1 - 0.25 / (t + 1) ** 2) * y1)"],
            bessel,
            (1.456723600728308e-1, -9.883500195574063e-2),
        ),
        case(
            "E2",
            [2, 0],
            ["y2", "(1 - y1 ** 2) * y2 - y1"],
            integrated(van_der_pol, [2, 0]),
            (2.008149762174948, -4.250887527320057e-2),
        ),
        case(
            "E3",
            [0, 0],
            ["y2", "y1 ** 3 / 6 - y1 + 2 * sin(w * t)"],
            integrated(duffing, [0, 0]),
            (-1.004178858647128e-1, 2.411400132095954e-1),
            {"w": 2.78535},
        ),
        case(
            "E4",
            [30, 0],
            ["y2", "0.032 - 0.4 * y2 ** 2"],
            falling_body,
            (3.395091444646555e1, 2.767822659672869e-1),
        ),
        case(
            "E5",
            [0, 0],
            ["y2", "sqrt(1 + y2 ** 2) / (25 - t)"],
            pursuit,
            (1.411797390542629e1, 2.400000000000002),
        ),
    ]
}
