"""Published errors of learnt methods on the tumour-growth benchmark, typed in.

Melnychuk, Frauen and Feuerriegel, Causal Transformer for Estimating Counterfactual Outcomes, ICML 2022,
arXiv:2204.07258: tables 9 (one day ahead), 10 (random treatments) and 11 (one treatment on one of five days) as the
authors corrected them in github.com/Valentyn1997/CausalTransformer/blob/main/README.md ("Updated results", last active
entry). Root mean squared errors in per cent of 1150 cm³, mean and standard deviation of five runs; columns are gamma 0
to 4.
"""

from __future__ import annotations

SOURCE = "Melnychuk et al. 2022, arXiv:2204.07258, tables 9-11 as corrected in the authors' repository"
METHODS = ("MSM", "RMSN", "CRN", "G-Net", "Causal Transformer")

# By question, then by days ahead.
PUBLISHED: dict[str, dict[int, dict[str, str]]] = {
    "one day": {
        1: {
            "MSM": "1.091±0.115 1.202±0.108 1.383±0.090 1.647±0.121 1.981±0.232",
            "RMSN": "0.834±0.072 0.860±0.025 1.000±0.134 1.131±0.057 1.434±0.148",
            "CRN": "0.755±0.059 0.788±0.057 0.881±0.066 1.062±0.088 1.358±0.167",
            "G-Net": "0.795±0.066 0.841±0.038 0.946±0.083 1.057±0.146 1.319±0.248",
            "Causal Transformer": "0.770±0.049 0.783±0.071 0.864±0.059 1.098±0.097 1.413±0.259",
        }
    },
    "random": {
        2: {
            "MSM": "0.975±0.063 1.183±0.146 1.428±0.274 1.673±0.431 1.884±0.637",
            "RMSN": "0.825±0.057 0.851±0.043 0.861±0.078 0.993±0.126 1.269±0.294",
            "CRN": "0.761±0.058 0.760±0.037 0.805±0.050 2.045±1.491 1.209±0.192",
            "G-Net": "1.006±0.082 0.994±0.086 1.185±0.077 1.083±0.145 1.243±0.202",
            "Causal Transformer": "0.762±0.028 0.781±0.058 0.818±0.091 1.001±0.150 1.163±0.233",
        },
        6: {
            "MSM": "0.647±0.055 0.778±0.123 0.894±0.188 0.952±0.284 1.060±0.432",
            "RMSN": "0.646±0.058 0.702±0.043 0.675±0.121 0.847±0.132 0.947±0.225",
            "CRN": "0.614±0.057 0.631±0.035 0.706±0.104 1.308±0.438 1.132±0.194",
            "G-Net": "0.963±0.083 0.942±0.090 1.321±0.118 1.092±0.183 1.195±0.223",
            "Causal Transformer": "0.605±0.040 0.657±0.047 0.685±0.119 0.979±0.249 1.201±0.419",
        },
    },
    "sliding": {
        2: {
            "MSM": "1.362±0.109 1.612±0.172 1.939±0.365 2.290±0.545 2.468±1.058",
            "RMSN": "0.742±0.043 0.760±0.047 0.827±0.056 0.957±0.106 1.276±0.240",
            "CRN": "0.671±0.066 0.666±0.052 0.741±0.042 1.668±1.184 1.151±0.166",
            "G-Net": "1.021±0.067 1.009±0.092 1.271±0.075 1.113±0.149 1.257±0.227",
            "Causal Transformer": "0.681±0.052 0.677±0.044 0.713±0.042 0.908±0.122 1.274±0.366",
        },
        6: {
            "MSM": "1.970±0.155 2.205±0.228 2.509±0.469 2.732±0.662 2.422±1.084",
            "RMSN": "0.889±0.112 0.936±0.091 1.081±0.211 1.473±0.433 1.436±0.290",
            "CRN": "0.807±0.097 0.790±0.035 1.047±0.092 2.480±1.078 1.827±0.326",
            "G-Net": "1.538±0.091 1.493±0.121 2.062±0.172 1.758±0.286 1.994±0.500",
            "Causal Transformer": "0.789±0.059 0.821±0.034 0.909±0.054 1.205±0.100 2.052±0.608",
        },
    },
}


def published(question: str, ahead: int) -> dict[str, list[tuple[float, float]]]:
    """Mean and standard deviation by method, gamma 0 to 4.

    Examples
    --------
    >>> published("one day", 1)["CRN"][0]
    (0.755, 0.059)
    """
    return {
        method: [tuple(map(float, each.split("±"))) for each in text.split()]
        for method, text in PUBLISHED[question][ahead].items()
    }
