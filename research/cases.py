"""Small inputs with a known right answer: `python -m research.cases FOLDER`.

Each case is a folder of FOLDER with `case.md`, which says what is right and how that is known.
Prints one row per case: what the library did, and whether it is right.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
COPPER = REPOSITORY / "docs/examples/copper"
Outcome = tuple[bool, str]


def run(*words: object) -> tuple[int, str]:
    """Exit code and all output of one command of ours, in the case's folder."""
    done = subprocess.run(
        [sys.executable, "-m", "src", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    return done.returncode, done.stdout + done.stderr


def last_line(text: str) -> str:
    """The last line that is not empty, for the table."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:110] if lines else ""


def refused(code: int, text: str, *words: str) -> bool:
    """Whether a command ended with an ordinary error that names all ``words``."""
    ordinary = code in (1, 2, 3) and "internal error" not in text and "Warning" not in text
    return ordinary and all(word.lower() in text.lower() for word in words)


def composition(file: str, right: str | None, *, or_refused: bool = False) -> Outcome:
    """Structure that is read from a CIF; None: it must be refused as disordered."""
    from src.errors import StructureError
    from src.structures.files import read_structures

    code, text = run("predict", "cu-k-feff", file, "-o", "out.dat")
    if code:
        good = refused(code, text, file) and (right is None or or_refused)
        return good, f"refused: {last_line(text)}"
    try:
        formula = read_structures(file)[0].get_chemical_formula()
    except StructureError as error:
        return right is None, str(error)
    return formula == right, formula


def records(folder: str) -> tuple[list, int, str]:
    """Records of `dataset FOLDER`, exit code and output."""
    from src.dataset.database import Database

    code, text = run("dataset", folder, "-o", "out.db")
    if not Path("out.db").is_file():
        return [], code, text
    database = Database("out.db")
    return [database.record(record_id) for record_id in database.entries], code, text


def one_record(
    folder: str,
    check: Callable[..., bool] = lambda record: True,
    show: Callable[..., object] = lambda record: record.id,
    card: str | None = None,
) -> Outcome:
    """One record that passes ``check``; or none, and a message that names a card."""
    found, code, text = records(folder)
    if card is not None and not found:
        return refused(code, text, card), left_out(text)
    if len(found) != 1 or "Warning" in text:
        return False, f"{len(found)} records, exit {code}: {left_out(text)}"
    return bool(check(found[0])), str(show(found[0]))


def mu_of(value: float, pick: Callable[..., float], card: str | None = None) -> Outcome:
    """One record of ``run`` with a value of mu within 1e-3; or none, and a card is named."""
    return one_record(
        "run", lambda r: abs(pick(r.mu) - value) < 1e-3, lambda r: f"mu {pick(r.mu):.4f}", card
    )


def left_out(text: str) -> str:
    """The line that says why something was not read."""
    lines = [line for line in text.splitlines() if "left out" in line or "error" in line]
    return lines[0][:110] if lines else last_line(text)


def not_read(folder: str, *words: str) -> Outcome:
    """No record, and a message that names the card."""
    found, code, text = records(folder)
    return not found and refused(code, text, *words), left_out(text)


def measured(file: str, points: int | None, e0: float | None, column: str | None = None) -> Outcome:
    """A scan with its number of points, first energy and e0."""
    from src.errors import XanesError
    from src.xas.measured import read_measured
    from src.xas.normalization import find_e0

    try:
        spectrum = read_measured(file, column)
    except XanesError as error:
        return False, str(error)[:110]
    except Exception as error:  # noqa: BLE001 (what a case shows)
        return False, f"{type(error).__name__}: {error}"[:110]
    edge = find_e0(spectrum)
    good = (points is None or len(spectrum.energy) == points) and (
        e0 is None or abs(edge - e0) < 0.3
    )
    return good, f"{len(spectrum.energy)} points from {spectrum.energy[0]:g} eV, e0 {edge:g}"


def compared(file: str, refusal: tuple[str, ...], said: str = "") -> Outcome:
    """A comparison is refused with the words of ``refusal``, or says what it took."""
    code, text = run(
        "compare", file, COPPER / "Cu.vasp", COPPER / "CuO.vasp", "--model", "cu-k-feff"
    )
    if code:
        return refused(code, text, *refusal), last_line(text)
    return "8979" in text and said in text, next(iter(text.splitlines()), "")


def warned(file: str) -> Outcome:
    """A prediction for what the model was never trained on: refused, or said."""
    code, text = run("predict", "cu-k-feff", file, "-o", "out.dat")
    said = "unlike" in text.lower() or "neighbor" in text.lower()
    return said, last_line(text) if said else f"exit {code}, nothing said"


def edges(name: str, expected: list[str], refusal: str | None = None) -> Outcome:
    """Records of several edges; or an option is named."""
    found, code, text = records(name)
    edges = sorted(record.edge for record in found)
    good = edges == expected or (refusal is not None and refused(code, text, refusal))
    return good, f"{edges} {left_out(text)}"


def nearest_neighbor(record: Any) -> float:
    """Distance from the absorber, Angstrom."""
    return sorted(record.atoms.get_all_distances(mic=True)[record.site])[1]


CASES: dict[str, Callable[[], Outcome]] = {
    "athena_eshift": lambda: measured("shifted.prj", None, 8979.0),
    "athena_one_group": lambda: measured("foil.prj", None, 8979.0),
    "cif_c-1": lambda: composition("c1.cif", "Cu4O4"),
    "cif_hall_only": lambda: composition("hall.cif", "Cu4O4", or_refused=True),
    "cif_mixed_symbol_joined": lambda: composition("alloy.cif", None),
    "cif_mixed_type_symbol": lambda: composition("alloy.cif", None),
    "cif_occupancy_dot": lambda: composition("dot.cif", "Cu4"),
    "cif_one_line_operator": lambda: composition("p1.cif", "CuO"),
    "cif_pbnm": lambda: composition("pbnm.cif", "Cu4La4O12", or_refused=True),
    "cif_spinel_origin_2": lambda: composition("spinel.cif", "Cu8Fe16O32", or_refused=True),
    "columns_bom": lambda: measured("bom.dat", 250, None),
    "columns_bracket_unit": lambda: measured("scan.dat", None, 8979.0, column="norm"),
    "columns_digit_header": lambda: measured("scan.dat", None, 8979.0),
    "columns_latin1": lambda: measured("latin1.dat", None, 8979.0),
    "columns_unit_in_name": lambda: measured("scan.dat", None, 8979.0, column="mu"),
    "dimer": lambda: warned("cuh.xyz"),
    "fdmnes_distribution_layout": lambda: one_record("runs"),
    "fdmnes_dpos": lambda: one_record(
        "run", lambda r: abs(nearest_neighbor(r) - 2.349) < 0.01, nearest_neighbor, "Dpos"
    ),
    "fdmnes_header": lambda: mu_of(0.781, lambda mu: mu[-1]),
    "fdmnes_l23": lambda: one_record("run", lambda r: r.edge == "L23", lambda r: r.edge),
    "fdmnes_no_absorber": lambda: one_record("run"),
    "fdmnes_per_atom": lambda: mu_of(0.7806, lambda mu: mu[-1]),
    "fdmnes_per_atom_two": lambda: mu_of(0.7806, lambda mu: mu[-1]),
    "feff_absolute": lambda: mu_of(0.4744, max, "ABSOLUTE"),
    "feff_cfaverage": lambda: not_read("run", "CFAVERAGE"),
    "feff_cif_target": lambda: one_record("run", lambda r: r.site == 2, lambda r: f"site {r.site}"),
    "feff_duplicate_atom": lambda: not_read("run", "55"),
    "feff_elnes": lambda: not_read("run", "ELNES"),
    "feff_exafs_small_chi": lambda: one_record("run", card="EXAFS"),
    "feff_spin": lambda: not_read("run", "SPIN"),
    "feff_title_abs": lambda: one_record("run", lambda r: r.element == "Cu", lambda r: r.element),
    "feff_title_version": lambda: one_record(
        "run", lambda r: r.version == "9.9.1", lambda r: r.version
    ),
    "feff_two_edges": lambda: edges("mat", ["K", "L3"], "--edge"),
    "feff_xanes_20": lambda: one_record(
        "run", lambda r: len(r.energy) == 100, lambda r: f"{len(r.energy)} energies"
    ),
    "feff_xanes_8_007": lambda: one_record(
        "run", lambda r: len(r.energy) == 100, lambda r: f"{len(r.energy)} energies"
    ),
    "isolated_atom": lambda: warned("iso.xyz"),
    "mp_l23": lambda: edges("xas.json", ["K", "L23"]),
    "text_i0_i1_fluorescence": lambda: compared("scan.dat", ("i1", "cu_ka"), "cu_ka"),
    "xdi_kev_without_unit": lambda: compared("kev.xdi", ("eV", "8.78")),
    "xdi_two_mu": lambda: compared("two_mu.xdi", ("mutrans", "mufluor"), "mufluor"),
}


def main() -> int:
    """Try every case in a copy of its folder; exit code 1 if one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of cases")
    parser.add_argument("only", nargs="*", help="names of cases; default: all")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    wrong = 0
    for name in arguments.only or sorted(CASES):
        with tempfile.TemporaryDirectory() as scratch:
            place = shutil.copytree(folder / name, Path(scratch) / name)
            os.chdir(place)
            good, what = CASES[name]()
            os.chdir(REPOSITORY)
        wrong += not good
        print(f"| {name} | {'right' if good else 'WRONG'} | {what} |", flush=True)
    print(f"{wrong} of {len(arguments.only or CASES)} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
