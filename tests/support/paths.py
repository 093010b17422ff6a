"""Where the tests' files are."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
CU_K = DATA / "cu_k"
CALCULATIONS = CU_K / "calculations"
FEFF_RUNS = DATA / "feff_runs"
ZN_K = DATA / "zn_k"
EXPERIMENT = DATA / "experiment"
FDMNES = DATA / "fdmnes_tio2"
MATERIALS_PROJECT = DATA / "materials_project"
