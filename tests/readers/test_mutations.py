"""Real files damaged in every way we could think of: refused, the same, or a valid other file.

``-s`` prints the table of outcomes; ``-m slow`` makes it 1,000 mutations a reader.
"""

import json
import re
import shutil
import warnings
from collections import Counter

import numpy as np
import pytest
from ase.io import read, write
from mutations import HARMFUL, MUTATIONS
from paths import CALCULATIONS, EXPERIMENT, FDMNES, FEFF_RUNS, MATERIALS_PROJECT, ZN_K

from benchmarks.readers import npz, table
from src.dataset.record import PassedOver, Rejected
from src.errors import XanesError
from src.readers.extxyz import read_extxyz
from src.readers.fdmnes import read_fdmnes
from src.readers.feff import read_feff
from src.readers.materials_project import read_materials_project
from src.readers.npz import read_npz
from src.readers.options import ReadOptions
from src.readers.table import read_table
from src.structures.files import read_structures
from src.structures.graph import check_atoms, check_distances
from src.xas.measured import read_measured
from src.xas.spectrum import Spectrum


class Case:
    """Files of a reader; ``check`` reads a damaged one by other means, numpy and patterns."""

    def prepare(self, root):
        """Write files that are not in the source."""

    def numbers(self, record):
        return record.energy, record.mu, record.atoms.positions, record.atoms.cell.array


class Feff(Case):
    """A run with its input and its crystal."""

    source, files = FEFF_RUNS / "mp-16543", ["xmu.dat", "feff.inp", "POSCAR"]

    def read(self, root):
        return list(read_feff(root))

    def check(self, record, root):
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


class FeffAlone(Feff):
    """A run with its crystal and without its input."""

    source, files = CALCULATIONS / "mp-4886", ["xmu.dat", "POSCAR"]


class Fdmnes(Case):
    """A run of one distinct site."""

    source = FDMNES / "run_9"
    files = ["run_9_conv.txt", "run_9.txt", "fdmnes_in.txt", "fdmfile.txt"]

    def read(self, root):
        return list(read_fdmnes(root))

    def check(self, record, root):
        table = np.loadtxt(root / "run_9_conv.txt", skiprows=1)
        edge = float((root / "run_9.txt").read_text().split()[0])
        lines = (root / "fdmnes_in.txt").read_text().split("Crystal")[1].splitlines()
        absorbers = [line for line in lines if re.match(r"\s*22\s", line)]
        assert np.allclose(record.energy, table[:, 0] + edge, rtol=0, atol=1e-9)
        wanted = table[:, 1] / len(absorbers) / 28.00285 * 1e3
        assert np.allclose(record.mu, wanted, rtol=1e-9)
        assert 0.2 < record.mu[-1] < 8
        assert (record.element, len(record.mean_over)) == ("Ti", len(absorbers))


class FdmnesSites(Fdmnes):
    """A run of two distinct sites."""

    source = FDMNES / "run_1"
    files = ["run_1_conv.txt", "run_1_1.txt", "run_1_2.txt", "fdmnes_in.txt"]

    def check(self, record, root):
        for name in ("conv", "1", "2"):
            shutil.copy(root / f"run_1_{name}.txt", root / f"run_9_{name}.txt")
        shutil.copy(root / "run_1_1.txt", root / "run_9.txt")
        super().check(record, root)


class ExtendedXYZ(Case):
    """Four frames."""

    source, files = ZN_K, ["train.extxyz"]

    def read(self, root):
        given = ReadOptions("Zn", "K", (-25.0, 94.0, 1.0), "relative")
        return list(read_extxyz(root / "train.extxyz", given))

    def check(self, record, root):
        text = (root / "train.extxyz").read_text()
        frames = re.findall(r"(?m)^\s*(\d+)\n(.*Properties.*)\n((?:[A-Z][a-z]? .*\n)+)", text)
        found = [f for f in frames if f"material={record.material} " in f[1]]
        texts = [re.search(r'mu="([^"]*)"', f[1])[1].split() for f in found]
        assert any(np.array_equal(record.mu, [float(w) for w in words]) for words in texts)
        assert str(len(record.atoms)) in [f[0] for f in found]
        rows = [[line.split()[1:4] for line in f[2].splitlines()] for f in found]
        assert any(np.array_equal(np.array(r, float), record.atoms.positions) for r in rows)
        assert record.atoms[record.site].symbol == record.element == "Zn"


class Xdi(Case):
    """A measured scan, of intensities."""

    source, files = EXPERIMENT, ["CuS_covellite_13K_01.xdi"]

    def read(self, root):
        return [read_measured(root / self.files[0])]

    def numbers(self, spectrum):
        return spectrum.energy, spectrum.mu, spectrum.element, spectrum.edge

    def check(self, spectrum, root):
        text = (root / self.files[0]).read_text()
        table = np.loadtxt(text.splitlines(), comments="#")
        names = {m[1]: int(m[0]) - 1 for m in re.findall(r"Column\.(\d+): (\w+)", text)}
        if spectrum.element != "Cu":
            assert "but it rises most at 89" in self.log.text
        mu = (
            table[:, names["mutrans"]]
            if "mutrans" in names
            else np.log(table[:, names["i0"]] / table[:, names["itrans"]])
        )
        self.compare(spectrum, table[:, names["energy"]], mu)

    def compare(self, spectrum, energy, mu):
        means = [mu[energy == e].mean() for e in np.unique(energy)]
        assert np.array_equal(spectrum.energy, np.unique(energy))
        assert np.allclose(spectrum.mu, means, rtol=1e-12)


class XdiFoil(Xdi):
    """A measured scan that gives mu."""

    files = ["cu_metal_rt.xdi"]


class Text(Xdi):
    """The foil as two columns with a line of names."""

    files = ["foil.dat"]

    def prepare(self, root):
        scan = read_measured(EXPERIMENT / "cu_metal_rt.xdi")
        rows = np.column_stack([scan.energy, scan.mu])
        np.savetxt(root / "foil.dat", rows, fmt=["%12.4f", "%14.8f"], header="energy xmu")

    def check(self, spectrum, root):
        table = np.loadtxt(root / "foil.dat")
        self.compare(spectrum, table[:, 0], table[:, 1])


class MaterialsProject(Case):
    """A site, and a mean, as JSON."""

    source = MATERIALS_PROJECT
    files = ["site1_k_xanes.json", "LiCoO2_k_xanes.json"]

    def read(self, root):
        return [found for name in self.files for found in read_materials_project(root / name)]

    def check(self, record, root):
        where = root / f"{record.material}.json"
        values = json.loads(where.read_text())
        sites = values["structure"]["sites"]
        assert np.array_equal(record.energy, values["x"])
        assert np.array_equal(record.mu, values["y"])
        assert np.array_equal(record.atoms.positions, [site["xyz"] for site in sites])
        assert np.array_equal(record.atoms.cell.array, values["structure"]["lattice"]["matrix"])
        assert record.element == "Co"
        assert record.site == values.get("absorbing_index", record.site)


class Npz(Case):
    """Eight copper sites in an archive, each array with its checksum by zip."""

    source, files = CALCULATIONS / "mp-4886", ["cu.npz"]

    def prepare(self, root):
        npz(root, 8)
        (root / "many.npz").rename(root / "cu.npz")

    def read(self, root):
        return list(read_npz(root / "cu.npz"))

    def check(self, record, root):
        with np.load(root / "cu.npz") as arrays:
            names = list(arrays["material"])
            assert np.array_equal(record.mu, arrays["mu"][names.index(record.material)])


class Table(Case):
    """Nine copper structures and their spectra, and a table of them."""

    source, files = CALCULATIONS / "mp-4886", ["many.csv"]

    def prepare(self, root):
        table(root, 9)

    def read(self, root):
        return list(read_table(root / "many.csv"))

    def numbers(self, record):
        return super().numbers(record) + ([ord(c) for c in record.id + record.edge],)

    def check(self, record, root):
        text = (root / "many.csv").read_bytes().decode()
        rows = [line.split(",") for line in text.splitlines()]
        found = [r for r in rows if r[4] == record.material and r[2] == str(record.site)]
        columns = [np.loadtxt(root / r[3]) for r in found]
        assert any(np.array_equal(record.mu, c[:, 1]) for c in columns)
        assert record.element == "Cu"


class Structures(Case):
    """A POSCAR, and the same as CIF and extended xyz as ASE writes them, by our loader."""

    source, files = CALCULATIONS / "mp-4886", ["POSCAR", "a.cif", "a.extxyz"]

    def prepare(self, root):
        for name in self.files[1:]:
            write(root / name, read(root / "POSCAR"))

    def read(self, root):
        found = [atoms for name in self.files for atoms in read_structures(root / name)]
        for atoms in found:
            check_atoms(atoms)
            check_distances(atoms)
        return found

    def numbers(self, atoms):
        return atoms.numbers, atoms.positions, atoms.cell.array

    def check(self, atoms, root):
        count = sum(map(int, (root / "POSCAR").read_text().splitlines()[6].split()))
        claims = [count, int((root / "a.extxyz").read_text().split()[0])]
        formula = re.search(
            r"formula_sum\s+\"?'?([^\n\"']*)", (root / "a.cif").read_text("latin-1")
        )
        claims += [sum(int(n or 1) for n in re.findall(r"[A-Z][a-z]?(\d*)", formula[1]))]
        assert len(atoms) in claims


READERS = {
    "FEFF": (Feff, FeffAlone), "FDMNES": (Fdmnes, FdmnesSites), "extended xyz": (ExtendedXYZ,),
    "XDI": (Xdi, XdiFoil), "columns of text": (Text,), "structures": (Structures,),
    "npz": (Npz,), "table": (Table,), "Materials Project": (MaterialsProject,),
}  # fmt: skip


def same(one, other):
    """Whether two records have the same numbers."""
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def judge(case, originals, root, mutation):
    """What became of a damaged file, and why it is wrong if it is."""
    try:
        found = case.read(root)
    except XanesError:
        return "refused", ""
    except Exception as error:  # what must never happen, and is counted
        return "uncaught", repr(error)
    refused = [f for f in found if isinstance(f, Rejected | PassedOver)]
    records = [f for f in found if not isinstance(f, Rejected | PassedOver)]
    numbers = [case.numbers(record) for record in records]
    changed = [
        record
        for record, mine in zip(records, numbers, strict=True)
        if not any(same(mine, original) for original in originals)
    ]
    if not changed and len(records) == len(originals):
        return "same record", ""
    if not changed and refused:
        return "refused", ""
    if mutation in HARMFUL:
        return "silently wrong", f"{len(records)} records, {len(changed)} changed"
    try:
        for record in changed:
            case.check(record, root)
    except (AssertionError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        return "silently wrong", repr(error)
    return "valid other file", ""


def outcomes(case, tmp_path, count, seed, log):
    """Count what becomes of `count` mutations of a case's files; `log` holds what was said."""
    case.log = log
    clean = tmp_path / f"clean-{type(case).__name__}"
    shutil.copytree(case.source, clean)
    case.prepare(clean)
    originals = [case.numbers(found) for found in case.read(clean)]
    files = [path for name in case.files for path in sorted(clean.rglob(name))]
    rng, table, faults = np.random.default_rng(seed), Counter(), []
    for k in range(count):
        path = files[int(rng.integers(len(files)))]
        mutation = list(MUTATIONS)[k % len(MUTATIONS)]
        root = tmp_path / "damaged" / clean.name.removeprefix("clean-") / case.source.name
        shutil.rmtree(root.parent, ignore_errors=True)
        shutil.copytree(clean, root)
        (root / path.relative_to(clean)).write_bytes(MUTATIONS[mutation](rng, path.read_bytes()))
        log.clear()
        result, why = judge(case, originals, root, mutation)
        table[result] += 1
        if why:
            faults.append(f"{type(case).__name__} {k} {mutation} {path.name}: {why}")
    return table, faults


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("reader", sorted(READERS))
def test_damaged_files_are_refused_or_are_what_they_say(reader, count, tmp_path, caplog):
    cases = READERS[reader]
    table, faults = Counter(), []
    for number, case in enumerate(cases):
        share = count // len(cases)
        counts, why = outcomes(case(), tmp_path, share, number, caplog)
        table += counts
        faults += why
    names = ("same record", "valid other file", "refused", "uncaught", "silently wrong")
    print(f"\n| {reader} | {table.total()} | " + " | ".join(str(table[n]) for n in names) + " |")
    assert not faults, "\n".join(faults)
    assert min(table["same record"], table["refused"]) > 0  # control: both happen


class Lenient(Text):
    """A reader that is not careful."""

    def read(self, root):
        rows = np.genfromtxt(root / "foil.dat", invalid_raise=False)
        rows = rows[np.isfinite(rows).all(axis=1)]
        return [Spectrum(rows[:, 0], rows[:, 1])]


def test_careless_reader_is_caught(tmp_path, caplog):
    """Control: one that passes over what it can't read is silently wrong, and raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table, faults = outcomes(Lenient(), tmp_path, 4 * len(MUTATIONS), 0, caplog)
    assert table["silently wrong"] > 10
    assert table["uncaught"] > 3
    for name in ("stars", "nan", "decimal_comma", "too_large"):
        assert any(f" {name} " in fault for fault in faults)
