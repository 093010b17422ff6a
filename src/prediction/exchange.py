"""Predicted spectra in formats of other programs: XDI, pymatgen, chemiscope, Athena."""

import tempfile
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from ..structures.pymatgen import to_dict
from ..xas.features import find_inflection
from ..xas.xdi import xdi_text
from .predicted import Predicted, described, dumps
from .structure_prediction import SitePrediction


def xdi(predicted: Predicted, notes: list[str]) -> str:
    """XDI 1.0 of one structure: energy, the mean over its sites as mu, then each site."""
    (sites,), info = predicted.spectra, predicted.model.info
    name = "norm" if info.unit == "dimensionless" else "mu"
    columns = {"energy eV": predicted.energy, name: sites.mean}
    if len(sites) > 1:
        columns |= {f"{name}_site_{site.site}": site.mu for site in sites}
    origin = predicted.model.provenance() | described(info) | {"structure": sites.name}
    fields = {"Element.symbol": info.element, "Element.edge": info.edge}
    comments = [f"calculated: {name} of {len(sites)} sites, predicted by a network", *notes]
    return xdi_text(columns, fields, [*comments, *(f"{k}: {v}" for k, v in origin.items())])


def pymatgen_objects(predicted: Predicted, _notes: list[str]) -> str:
    """A list of pymatgen's ``XAS`` objects, one per distinct site, that ``monty`` loads.

    Provenance and unit are under ``@provenance``, which pymatgen ignores.
    """
    info = predicted.model.info
    origin = predicted.model.provenance() | described(info)
    return dumps([
        {
            "@module": "pymatgen.analysis.xas.spectrum", "@class": "XAS", "@provenance": origin,
            "x": site.energy, "y": site.mu, "structure": to_dict(atoms),
            "absorbing_element": site.element or info.element, "edge": info.edge,
            "spectrum_type": "XANES", "absorbing_index": site.site,
        }
        for sites, atoms in zip(predicted.spectra, predicted.structures, strict=True)
        for site in sites
    ])  # fmt: skip


def chemiscope(predicted: Predicted, notes: list[str]) -> str:
    """Dataset for chemiscope (Fraux, Cersonsky, Ceriotti, JOSS 5, 2117 (2020)), one atom a point.

    Every absorber is an environment, symmetry-equivalent ones too. Its spectrum is a property with
    the energies as parameter; single numbers of it are properties for the axes of the map.
    """
    info, energy = predicted.model.info, predicted.energy
    atoms = [
        (number, center, site)
        for number, sites in enumerate(predicted.spectra)
        for center, site in sorted(((k, s) for s in sites for k in s.equivalent), key=itemgetter(0))
    ]
    unit, absorbers = info.unit or "", [site for _, _, site in atoms]

    def numbers(values: list[Any], description: str, units: str = "") -> dict[str, Any]:
        return {"target": "atom", "values": values, "units": units, "description": description}

    mu = numbers([s.mu for s in absorbers], "predicted spectrum", unit)
    highest = [energy[s.mu.argmax()] for s in absorbers]
    properties = {
        "mu": mu | {"parameters": ["energy"]},
        "steepest rise": numbers(
            [_rise(s) for s in absorbers], "energy of the steepest rise", "eV"
        ),
        "maximum": numbers([s.mu.max() for s in absorbers], "largest mu", unit),
        "energy of the maximum": numbers(highest, "energy of the largest mu", "eV"),
    }
    if predicted.model.calibration is not None:
        widths = [np.nanmean(s.half_width) for s in absorbers if s.half_width is not None]
        properties["half width of the band"] = numbers(widths, "mean over the energies", unit)
        properties["novel"] = numbers([float(s.novel) for s in absorbers], "1: unlike all trained")
    origin = predicted.model.provenance() | described(info)
    about = "; ".join([*(f"{name}: {value}" for name, value in origin.items()), *notes])
    radius = float(predicted.model.network.r_max)
    return dumps({
        "meta": {"name": f"{info.element} {info.edge} edge", "description": about},
        "structures": [_chemiscope_structure(one) for one in predicted.structures],
        "environments": [
            {"structure": number, "center": center, "cutoff": radius}
            for number, center, _ in atoms
        ],
        "properties": properties,
        "parameters": {"energy": {"values": energy, "units": "eV", "name": "energy"}},
    })  # fmt: skip


def _rise(site: SitePrediction) -> float:
    """Energy of the steepest rise, eV, at an end of the energies where it is there."""
    rise = find_inflection(site.energy, site.mu)
    return rise if np.isfinite(rise) else float(site.energy[np.gradient(site.mu).argmax()])


def _chemiscope_structure(atoms: Atoms) -> dict[str, Any]:
    """A structure as chemiscope reads it, Angstrom."""
    x, y, z = atoms.positions.T.tolist()
    values = {"size": len(atoms), "names": atoms.get_chemical_symbols(), "x": x, "y": y, "z": z}
    return values | ({"cell": atoms.cell.array.ravel()} if atoms.cell.rank == 3 else {})


def athena(predicted: Predicted, _notes: list[str]) -> bytes:
    """Athena project, written by larch: a group per site."""
    from larch import Group
    from larch.io import create_athena

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spectra.prj"
        project = create_athena(str(path))
        for site in predicted.sites:
            name = f"{site.structure}_{site.site}"
            # with e0 and edge_step larch does not normalize, for which the energies are too few
            project.add_group(Group(
                energy=site.energy, mu=site.mu, e0=_rise(site),
                edge_step=float(np.ptp(site.mu)), filename=name, label=name,
            ))  # fmt: skip
        project.save()
        return path.read_bytes()
