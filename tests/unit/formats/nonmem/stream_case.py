"""A small control stream with its data, whose records a test can replace."""

from pathlib import Path

from understudy.formats.nonmem.control_stream import ControlStream, read

DATA = """ID,TIME,AMT,DV,WT,SEX
1,0,100,.,70,1
1,1,.,8.1,70,1
1,4,.,5.2,70,1
2,0,80,.,55,2
2,2,.,6.6,55,2
2,6,.,2.9,55,2
"""
PARTS = {
    "PROBLEM": "a case",
    "INPUT": "ID TIME AMT DV WT SEX",
    "DATA": "data.csv IGNORE=@",
    "SUBROUTINES": "ADVAN1 TRANS2",
    "MODEL": None,
    "PK": "\n CL = THETA(1)*EXP(ETA(1))\n V = THETA(2)\n S1 = V",
    "DES": None,
    "ERROR": "\n Y = F*(1 + EPS(1))",
    "THETA": "(0, 2) (0, 10)",
    "OMEGA": "0.1",
    "SIGMA": "0.04",
    "ESTIMATION": "METHOD=1 INTER",
}


def text_of(**changed: str | None) -> str:
    """The control stream with some records replaced, or left out where they are None."""
    parts = {**PARTS, **changed}
    return "".join(f"${name} {body}\n" for name, body in parts.items() if body is not None)


def stream(folder: Path, data: str = DATA, **changed: str | None) -> ControlStream:
    """Read it."""
    (folder / "data.csv").write_text(data)
    path = folder / "run.ctl"
    path.write_text(text_of(**changed))
    return read(path)
