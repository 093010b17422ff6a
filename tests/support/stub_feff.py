"""A command that stands in for FEFF: gives recorded spectra, slowly or with faults where asked.

    python stub_feff.py LOG [SECONDS] [FAULT]

Appends `start ID` and `end ID` to LOG, ID being material and site of the input's first comment.
"""

import lzma
import re
import sys
import time
from pathlib import Path

RECORDED = Path(__file__).parents[1] / "data" / "feff10"
NORMAN = """\
Calculating SCF potentials ...
SCF ITERATION NUMBER  1
FMS for a cluster of   18 atoms around atom type   0
 FRNRM Could not integrate enough charge to reach required z.
Cannot determine Norman radius -- quitting.
FRNRM-1
1
"""
RUNAWAY = "Calculating SCF potentials ...\n     point # 520  energy = 471.840\n"


def note(log, word, name):
    """Append a line."""
    with log.open("a") as file:
        file.write(f"{word} {name}\n")


def main():
    """Run the stub."""
    log = Path(sys.argv[1])
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    fault = sys.argv[3] if len(sys.argv) > 3 else ""
    text = Path("feff.inp").read_text()
    element, material, site = re.search(r"\* (\w+) \w+ edge of (\S+), site (\d+)", text).groups()
    name = f"{material}_{int(site):03d}"
    note(log, "start", name)
    time.sleep(seconds)
    mixing = re.search(r"^SCF \S+ 0 100 (\S+) 3", text, flags=re.MULTILINE)[1]
    if fault == "norman" or (fault == "norman once" and float(mixing) > 0.1):
        print(NORMAN)
        sys.exit(1)
    if fault == "endless":
        print(NORMAN.splitlines()[0], flush=True)
        time.sleep(600)
    if fault == "runaway":
        print(RUNAWAY, flush=True)
        time.sleep(600)
    path = RECORDED / f"{name}_{element}.dat.xz"
    path = path if path.is_file() else RECORDED / f"{element}.dat.xz"
    spectrum = lzma.decompress(path.read_bytes()).decode()
    if fault == "cut":
        spectrum = spectrum[:6000]
    Path("xmu.dat").write_text(spectrum)
    note(log, "end", name)


if __name__ == "__main__":
    main()
