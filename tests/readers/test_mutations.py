"""Real files damaged in every way we could think of: refused, the same, or a valid other file.

``-s`` prints the table of outcomes; ``-m slow`` makes it 1,000 mutations a reader.
"""

import json
import re
import shutil
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from ase.io import read, write
from mutations import HARMFUL, MUTATIONS
from paths import CALCULATIONS, EXPERIMENT, FDMNES, FEFF_RUNS, MATERIALS_PROJECT, ZN_K

from benchmarks.readers import npz, table
from src.dataset.record import PassedOver, Rejected
from src.errors import XanesError
from src.readers.formats import find_sources, read_source
from src.readers.options import ReadOptions
from src.structures.files import read_structures
from src.structures.graph import check_atoms, check_distances
from src.xas.measured import read_measured
from src.xas.spectrum import Spectrum


@dataclass
class Case:
    """Files of a reader; ``check`` reads a damaged one by other means, numpy and patterns."""

    source: Path
    files: list[str]
    read: Callable
    check: Callable
    numbers: Callable = lambda r: (r.energy, r.mu, r.atoms.positions, r.atoms.cell.array)
    prepare: Callable = lambda root: None
    """Writes files that are not in the source."""


def reader(format, **options):
    """What reads the calculations of a folder."""
    return lambda root: [
        result
        for source in find_sources(root, format)
        for result in read_source(source, ReadOptions(**options))
    ]


def check_feff(record, root, log):
    (path,) = root.rglob("xmu.dat")
    text = re.sub(r"(\d)-101\b", r"\1e-101", path.read_text())
    table = np.loadtxt(text.splitlines())
    xsedge = float(re.search(r"xsedge.*?(\S+)\s*$", text, re.MULTILINE)[1])
    assert np.array_equal(record.energy, table[:, 0])
    assert np.allclose(record.mu, table[:, 3] * xsedge / 0.529177210903**2 * 1e3, rtol=1e-12)
    assert 0.1 < record.mu[-1] < 8
    assert record.element == "Cu"
    counts = (root / "POSCAR").read_text().splitlines()[6].split()
    assert sum(map(int, counts)) == len(record.atoms)


def check_fdmnes(record, root, log):
    (path,) = root.glob("*_conv.txt")
    table = np.loadtxt(path, skiprows=1)
    raw = next(p for p in sorted(root.glob("run_*.txt")) if p != path)
    edge = float(raw.read_text().split()[0])
    lines = (root / "fdmnes_in.txt").read_text().split("Crystal")[1].splitlines()
    absorbers = [line for line in lines if re.match(r"\s*22\s", line)]
    assert np.allclose(record.energy, table[:, 0] + edge, rtol=0, atol=1e-9)
    assert np.allclose(record.mu, table[:, 1] / len(absorbers) / 28.00285 * 1e3, rtol=1e-9)
    assert 0.2 < record.mu[-1] < 8
    assert (record.element, len(record.mean_over)) == ("Ti", len(absorbers))


def check_extxyz(record, root, log):
    text = (root / "train.extxyz").read_text()
    frames = re.findall(r"(?m)^\s*(\d+)\n(.*Properties.*)\n((?:[A-Z][a-z]? .*\n)+)", text)
    named = [f for f in frames if f"material={record.material} " in f[1]]
    spectra = [re.search(r'mu="([^"]*)"', f[1])[1].split() for f in named]
    assert any(np.array_equal(record.mu, [float(w) for w in words]) for words in spectra)
    assert str(len(record.atoms)) in [f[0] for f in named]
    rows = [[line.split()[1:4] for line in f[2].splitlines()] for f in named]
    assert any(np.array_equal(np.array(r, float), record.atoms.positions) for r in rows)
    assert record.atoms[record.site].symbol == record.element == "Zn"


def check_materials_project(record, root, log):
    values = json.loads((root / f"{record.material}.json").read_text())
    assert np.array_equal(record.energy, values["x"])
    assert np.array_equal(record.mu, values["y"])
    sites = values["structure"]["sites"]
    assert np.array_equal(record.atoms.positions, [site["xyz"] for site in sites])
    assert np.array_equal(record.atoms.cell.array, values["structure"]["lattice"]["matrix"])
    assert record.element == "Co"
    assert record.site == values.get("absorbing_index", record.site)


def check_npz(record, root, log):
    with np.load(root / "many.npz") as arrays:
        names = list(arrays["material"])
        assert np.array_equal(record.mu, arrays["mu"][names.index(record.material)])


def check_table(record, root, log):
    text = (root / "many.csv").read_bytes().decode()
    rows = [line.split(",") for line in text.splitlines()]
    named = [r for r in rows if r[4] == record.material and r[2] == str(record.site)]
    assert any(np.array_equal(record.mu, np.loadtxt(root / r[3])[:, 1]) for r in named)
    assert record.element == "Cu"


def check_averaged(spectrum, energy, mu):
    assert np.array_equal(spectrum.energy, np.unique(energy))
    assert np.allclose(spectrum.mu, [mu[energy == e].mean() for e in np.unique(energy)], rtol=1e-12)


def without_cut_end(path, log):
    """Text of a file, without a last line that was left out with a warning."""
    text = path.read_text("latin-1")
    return text.rpartition("\n")[0] if "no line end" in log.text else text


def check_xdi(spectrum, root, log):
    text = without_cut_end(next(root.glob("*.xdi")), log)
    values = np.loadtxt(text.splitlines(), comments="#")
    column = {m[1]: values[:, int(m[0]) - 1] for m in re.findall(r"Column\.(\d+): (\w+)", text)}
    if spectrum.element != "Cu":
        assert "but it rises most at 89" in log.text
    named = "mutrans" in column
    mu = column["mutrans"] if named else np.log(column["i0"] / column["itrans"])
    check_averaged(spectrum, column["energy"], mu)


def check_text(spectrum, root, log):
    values = np.loadtxt(without_cut_end(root / "foil.dat", log).splitlines())
    check_averaged(spectrum, values[:, 0], values[:, 1])


def write_text(root):
    """The foil as two columns with a line of names."""
    scan = read_measured(EXPERIMENT / "cu_metal_rt.xdi")
    rows = np.column_stack([scan.energy, scan.mu])
    np.savetxt(root / "foil.dat", rows, fmt=["%12.4f", "%14.8f"], header="energy xmu")


def scan(name):
    """What reads a measured file."""
    return lambda root: [read_measured(root / name)]


def write_structures(root):
    """The POSCAR as CIF and extended xyz as ASE writes them."""
    for name in ("a.cif", "a.extxyz"):
        write(root / name, read(root / "POSCAR"))


def structures(root):
    frames = [f for name in ("POSCAR", "a.cif", "a.extxyz") for f in read_structures(root / name)]
    for atoms in frames:
        check_atoms(atoms)
        check_distances(atoms)
    return frames


def check_structures(atoms, root, log):
    claims = [sum(map(int, (root / "POSCAR").read_text().splitlines()[6].split()))]
    claims += [int((root / "a.extxyz").read_text().split()[0])]
    cif = (root / "a.cif").read_text("latin-1")
    formula = re.search(r"formula_sum\s+\"?'?([^\n\"']*)", cif)
    claims += [sum(int(n or 1) for n in re.findall(r"[A-Z][a-z]?(\d*)", formula[1]))]
    assert len(atoms) in claims


def of_spectrum(spectrum):
    return spectrum.energy, spectrum.mu, spectrum.element, spectrum.edge


COPPER = CALCULATIONS / "mp-4886"
ZINC = {"element": "Zn", "edge": "K", "energy": (-25.0, 94.0, 1.0), "axis": "relative"}
COVELLITE, FOIL = "CuS_covellite_13K_01.xdi", "cu_metal_rt.xdi"
TEXT = Case(EXPERIMENT, ["foil.dat"], scan("foil.dat"), check_text, of_spectrum, write_text)
READERS = {
    "FEFF": [
        Case(FEFF_RUNS / "mp-16543", ["xmu.dat", "feff.inp", "POSCAR"], reader("feff"), check_feff),
        Case(COPPER, ["xmu.dat", "POSCAR"], reader("feff"), check_feff),
    ],
    "FDMNES": [
        Case(FDMNES / run, files, reader("fdmnes"), check_fdmnes)
        for run, files in (
            ("run_9", ["run_9_conv.txt", "run_9.txt", "fdmnes_in.txt", "fdmfile.txt"]),
            ("run_1", ["run_1_conv.txt", "run_1_1.txt", "run_1_2.txt", "fdmnes_in.txt"]),
        )
    ],
    "extended xyz": [Case(ZN_K, ["train.extxyz"], reader("extxyz", **ZINC), check_extxyz)],
    "XDI": [
        Case(EXPERIMENT / name, [name], scan(name), check_xdi, of_spectrum)
        for name in (COVELLITE, FOIL)
    ],
    "columns of text": [TEXT],
    "structures": [
        Case(
            COPPER, ["POSCAR", "a.cif", "a.extxyz"], structures, check_structures,
            lambda atoms: (atoms.numbers, atoms.positions, atoms.cell.array), write_structures,
        ),
    ],
    "npz": [Case(COPPER, ["many.npz"], reader("npz"), check_npz, prepare=lambda r: npz(r, 8))],
    "table": [
        Case(
            COPPER, ["many.csv"], reader("table"), check_table,
            lambda r: (r.energy, r.mu, r.atoms.positions, [ord(c) for c in r.id + r.edge]),
            lambda root: table(root, 9),
        ),
    ],
    "Materials Project": [
        Case(
            MATERIALS_PROJECT, ["site1_k_xanes.json", "LiCoO2_k_xanes.json"],
            reader("materials_project"), check_materials_project,
        ),
    ],
}  # fmt: skip


def same(one, other):
    """Whether two records have the same numbers."""
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def judge(case, originals, root, mutation, log):
    """What became of a damaged file, and why it is wrong if it is."""
    try:
        results = case.read(root)
    except XanesError:
        return "refused", ""
    except Exception as error:  # what must never happen, and is counted
        return "uncaught", repr(error)
    records = [r for r in results if not isinstance(r, Rejected | PassedOver)]
    changed = [
        record for record in records if not any(same(case.numbers(record), o) for o in originals)
    ]
    if not changed and len(records) == len(originals):
        return "same record", ""
    if not changed and len(results) > len(records):
        return "refused", ""
    if mutation in HARMFUL:
        return "silently wrong", f"{len(records)} records, {len(changed)} changed"
    try:
        for record in changed:
            case.check(record, root, log)
    except (AssertionError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        return "silently wrong", repr(error)
    return "valid other file", ""


def outcomes(case, tmp_path, count, seed, log):
    """Count what becomes of `count` mutations of a case's files; `log` holds what was said."""
    clean, root = tmp_path / f"clean-{seed}", tmp_path / "damaged" / case.source.name
    if case.source.is_dir():
        shutil.copytree(case.source, clean)
    else:
        clean.mkdir()
        shutil.copy(case.source, clean)
    case.prepare(clean)
    originals = [case.numbers(record) for record in case.read(clean)]
    files = [path for name in case.files for path in sorted(clean.rglob(name))]
    rng, counts, faults = np.random.default_rng(seed), Counter(), []
    for k in range(count):
        path = files[int(rng.integers(len(files)))]
        mutation = list(MUTATIONS)[k % len(MUTATIONS)]
        shutil.rmtree(root.parent, ignore_errors=True)
        shutil.copytree(clean, root)
        (root / path.relative_to(clean)).write_bytes(MUTATIONS[mutation](rng, path.read_bytes()))
        log.clear()
        result, why = judge(case, originals, root, mutation, log)
        counts[result] += 1
        if why:
            faults.append(f"{case.source.name} {k} {mutation} {path.name}: {why}")
    return counts, faults


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", sorted(READERS))
def test_damaged_files_are_refused_or_are_what_they_say(name, count, tmp_path, caplog):
    counts, faults = Counter(), []
    for seed, case in enumerate(READERS[name]):
        one, why = outcomes(case, tmp_path, count // len(READERS[name]), seed, caplog)
        counts += one
        faults += why
    kinds = ("same record", "valid other file", "refused", "uncaught", "silently wrong")
    print(f"\n| {name} | {counts.total()} | " + " | ".join(str(counts[n]) for n in kinds) + " |")
    assert not faults, "\n".join(faults)
    assert min(counts["same record"], counts["refused"]) > 0  # control: both happen


def lenient(root):
    """A reader that is not careful."""
    rows = np.genfromtxt(root / "foil.dat", invalid_raise=False)
    rows = rows[np.isfinite(rows).all(axis=1)]
    return [Spectrum(rows[:, 0], rows[:, 1])]


def test_careless_reader_is_caught(tmp_path, caplog):
    """Control: one that skips what it can't read is silently wrong, and raises."""
    case = replace(TEXT, read=lenient)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        counts, faults = outcomes(case, tmp_path, 4 * len(MUTATIONS), 0, caplog)
    assert counts["silently wrong"] > 10
    assert counts["uncaught"] > 3
    for name in ("stars", "nan", "decimal_comma", "too_large"):
        assert any(f" {name} " in fault for fault in faults)
