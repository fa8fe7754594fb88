"""What the surrogates of these tests are asked: saturable elimination after one dose."""

from understudy import load_model

MODEL = load_model("one_compartment_iv_michaelis_menten")
# Vmax and Km of the library model, 40 mg/h and 4 mg/L, are inside.
BOX = {"Vmax": (20, 80), "Km": (1, 10)}
REGIMEN, TIMES = "100 mg", [0.0, 0.5, 1.0, 2.0, 3.0]
