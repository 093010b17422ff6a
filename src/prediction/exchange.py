"""Predicted spectra in formats of other programs: XDI, pymatgen, chemiscope, Athena."""

import tempfile
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from ..structures.pymatgen import to_dict
from ..xas.features import find_inflection
from ..xas.xdi import xdi_text
from .predicted import Predicted, described, dumps
from .structure_prediction import SitePrediction, StructurePrediction


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
    info, absorbers = predicted.model.info, list_absorbers(predicted.spectra)
    origin = predicted.model.provenance() | described(info)
    about = "; ".join([*(f"{name}: {value}" for name, value in origin.items()), *notes])
    radius = float(predicted.model.network.r_max)
    return dumps({
        "meta": {"name": f"{info.element} {info.edge} edge", "description": about},
        "structures": [_chemiscope_structure(one) for one in predicted.structures],
        "environments": [
            {"structure": number, "center": center, "cutoff": radius}
            for number, center, _ in absorbers
        ],
        "properties": site_properties([site for *_, site in absorbers]),
        "parameters": energy_parameter(predicted.energy),
    })  # fmt: skip


def list_absorbers(
    structures: Sequence[StructurePrediction],
) -> list[tuple[int, int, SitePrediction]]:
    """Number of the structure, index and spectrum of each absorber, equivalent ones too."""
    return [
        (number, center, site)
        for number, sites in enumerate(structures)
        for center, site in sorted(((k, s) for s in sites for k in s.equivalent), key=itemgetter(0))
    ]


def energy_parameter(energy: np.ndarray) -> dict[str, Any]:
    """Energies, eV, shape (n_energies,), as what chemiscope draws spectra over."""
    return {"energy": {"values": energy, "units": "eV", "name": "energy"}}


def site_properties(sites: Sequence[SitePrediction]) -> dict[str, Any]:
    """Spectra of absorbers with the same energies, and numbers of them, as chemiscope has them."""
    unit, energy = sites[0].labels.unit or "", sites[0].energy

    def numbers(values: Any, description: str, units: str = "") -> dict[str, Any]:
        return {"target": "atom", "values": values, "units": units, "description": description}

    mu = numbers(np.stack([s.mu for s in sites]), "predicted spectrum", unit)
    highest = [energy[s.mu.argmax()] for s in sites]
    properties = {
        "mu": mu | {"parameters": ["energy"]},
        "steepest rise": numbers([_rise(s) for s in sites], "energy of the steepest rise", "eV"),
        "maximum": numbers([s.mu.max() for s in sites], "largest mu", unit),
        "energy of the maximum": numbers(highest, "energy of the largest mu", "eV"),
    }
    widths = [np.nanmean(s.half_width) for s in sites if s.half_width is not None]
    if widths:
        properties["half width of the band"] = numbers(widths, "mean over the energies", unit)
        properties["novel"] = numbers([float(s.novel) for s in sites], "1: unlike all trained")
    return properties


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
