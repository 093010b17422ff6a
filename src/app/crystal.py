"""The crystal as a Plotly figure: atoms as lit spheres, bonds, cell, labels of the sites."""

from dataclasses import dataclass
from functools import lru_cache
from html import escape
from itertools import product
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.data.colors import jmol_colors
from scipy.spatial import ConvexHull, cKDTree

from ..structures.environments import BOND_FACTOR
from ..structures.graph import pairs_within
from .state import Result

SITE_COLORS = (
    "#2f6fd0", "#c2571a", "#1f8a70", "#9a4fc4", "#b0457b", "#6f7d12", "#4a7f9e", "#8d6b4a",
)  # fmt: skip
"""Colors of distinct sites; at least 3:1 on the light and on the dark page."""
LABELED = 12
"""More distinct sites than this have no labels."""
MANY = 250
"""Structures of more atoms are drawn without images at the faces of the cell."""
POINTS = 48
"""Vertices of a sphere."""
SIZE = 0.42
"""Radius of a drawn atom in covalent radii."""


@dataclass(frozen=True)
class Drawing:
    """Atoms as they are drawn, images included."""

    index: np.ndarray
    """0-based index in the structure, shape (n_drawn,)."""
    pos: np.ndarray
    """Positions, Angstrom, shape (n_drawn, 3)."""
    bonds: np.ndarray
    """Pairs of drawn atoms, shape (n_bonds, 2)."""
    groups: list[np.ndarray]
    """Drawn atoms of each trace with atoms."""

    def atom(self, point: dict[str, Any]) -> int | None:
        """Index in the structure of a point that was clicked; None: it is no atom."""
        trace, vertex = point.get("curveNumber"), point.get("pointNumber")
        if not isinstance(trace, int) or not isinstance(vertex, int) or trace >= len(self.groups):
            return None
        return int(self.index[self.groups[trace][vertex // POINTS]])


def site_color(row: int) -> str:
    """Color of a distinct site."""
    return SITE_COLORS[row % len(SITE_COLORS)]


@lru_cache(maxsize=1)
def unit_sphere() -> tuple[np.ndarray, np.ndarray]:
    """Vertices on a Fibonacci lattice and triangles, seen from outside counterclockwise."""
    k = np.arange(POINTS) + 0.5
    polar, turn = np.arccos(1 - 2 * k / POINTS), np.pi * (1 + 5**0.5) * k
    points = np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)])
    points = points.T
    faces = ConvexHull(points).simplices
    inward = np.linalg.det(points[faces]) < 0
    faces[inward] = faces[inward][:, ::-1]
    return points, faces


def drawn_atoms(atoms: Atoms, absorbers: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Index and position of the cell's atoms, their images at its faces, and what bonds to those.

    Only absorbers get neighbors outside of the cell.
    """
    drawn: list[tuple[int, ...]] = [(atom, 0, 0, 0) for atom in range(len(atoms))]
    if atoms.pbc.any() and len(atoms) <= MANY:
        scaled = atoms.get_scaled_positions(wrap=False)
        for shift in product(*((-1, 0, 1) if periodic else (0,) for periodic in atoms.pbc)):
            moved = (scaled + shift)[:, np.asarray(atoms.pbc)]
            inside = ((moved > -1e-3) & (moved < 1 + 1e-3)).all(axis=1)
            drawn += [(atom, *shift) for atom in np.flatnonzero(inside).tolist()]
        first, second, steps = bonded(atoms)
        for row in drawn.copy():
            near = first == (row[0] if row[0] in absorbers else -1)
            around = np.column_stack([second[near], steps[near] + row[1:]])
            drawn += [tuple(other) for other in around.tolist()]
    rows = np.array(list(dict.fromkeys(drawn)))
    index = rows[:, 0]
    return index, atoms.positions[index] + rows[:, 1:] @ np.asarray(atoms.cell.array)


def bonded(atoms: Atoms) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of bonded atoms: both indices and the lattice vector of the second."""
    radii = covalent_radii[atoms.numbers]
    first, second, shift, distance = pairs_within(atoms, 2 * BOND_FACTOR * radii.max())
    near = distance < BOND_FACTOR * (radii[first] + radii[second])
    return first[near].astype(int), second[near].astype(int), shift[near].astype(int)


def draw(atoms: Atoms, result: Result | None) -> Drawing:
    """What is drawn, and in which traces: one per distinct site, then one per element."""
    groups_of_sites = [] if result is None else [one.equivalent for one in result.spectra[0]]
    absorbers = [atom for group in groups_of_sites for atom in group]
    index, pos = drawn_atoms(atoms, absorbers)
    radii = covalent_radii[atoms.numbers[index]]
    pairs = cKDTree(pos).query_pairs(2 * BOND_FACTOR * radii.max(), output_type="ndarray")
    length = np.linalg.norm(pos[pairs[:, 0]] - pos[pairs[:, 1]], axis=1)
    bonds = pairs[length < BOND_FACTOR * radii[pairs].sum(axis=1)]
    metals = np.isin(index, absorbers)
    bonds = bonds[~metals[bonds].all(axis=1)] if (~metals).any() else bonds
    groups = [np.flatnonzero(np.isin(index, group)) for group in groups_of_sites]
    others = ~metals
    groups += [
        np.flatnonzero(others & (atoms.numbers[index] == z))
        for z in dict.fromkeys(atoms.numbers[index[others]].tolist())
    ]
    return Drawing(index, pos, bonds, groups)


def element_color(symbol: str) -> str:
    """Jmol's color of an element."""
    red, green, blue = (255 * jmol_colors[atomic_numbers[symbol]]).round().astype(int)
    return f"rgb({red},{green},{blue})"


def crystal_figure(
    atoms: Atoms, result: Result | None, site: int, drawing: Drawing
) -> dict[str, Any]:
    """Plotly figure of a structure.

    Args:
        atoms: structure.
        result: its prediction. None: no sites yet.
        site: chosen site, drawn larger.
        drawing: see ``draw``; trace k of the figure has the atoms of its group k.
    """
    sites = [] if result is None else result.spectra[0]
    chosen = [] if result is None or (row := result.row(site)) is None else sites[row].equivalent
    data, labels = [], []
    for k, members in enumerate(drawing.groups):
        symbol = atoms.symbols[drawing.index[members[0]]]
        own = k < len(sites)
        name = sites[k].label if own else symbol
        color = site_color(k) if own else element_color(symbol)
        data.append(spheres(atoms, drawing, members, chosen, name, color))
        if own and len(sites) <= LABELED:
            labels.append((drawing.pos[members[0]], str(sites[k].site)))
    ends = drawing.pos[drawing.bonds]
    data.append(segments(ends, "#8a9099", 5))
    if atoms.pbc.any():
        data.append(segments(cell_edges(np.asarray(atoms.cell.array)), "#8a9099", 2))
    return {"data": data, "layout": layout(labels), "config": {"displayModeBar": False}}


def spheres(
    atoms: Atoms,
    drawing: Drawing,
    members: np.ndarray,
    chosen: list[int],
    name: str,
    color: str,
) -> dict[str, Any]:
    """Trace with the atoms of a group."""
    points, faces = unit_sphere()
    index = drawing.index[members]
    radii = SIZE * covalent_radii[atoms.numbers[index]] * np.where(np.isin(index, chosen), 1.35, 1)
    vertices = drawing.pos[members][:, None] + radii[:, None, None] * points
    x, y, z = np.ascontiguousarray(vertices.reshape(-1, 3).round(3).T)
    corners = faces + POINTS * np.arange(len(members))[:, None, None]
    i, j, k = np.ascontiguousarray(corners.reshape(-1, 3).T)
    hover = np.repeat([f"{atoms.symbols[a]} {a}" for a in index], POINTS)
    return {
        "type": "mesh3d", "x": x, "y": y, "z": z, "i": i, "j": j, "k": k, "color": color,
        "name": escape(name), "showlegend": True, "text": hover.tolist(),
        "hovertemplate": "%{text}<extra></extra>", "flatshading": False,
        "lighting": {"ambient": 0.6, "diffuse": 0.7, "specular": 0.2, "roughness": 0.6,
                     "fresnel": 0.1, "facenormalsepsilon": 0, "vertexnormalsepsilon": 0},
        "lightposition": {"x": 1e4, "y": 1e4, "z": 2e4},
    }  # fmt: skip


def segments(ends: np.ndarray, color: str, width: int) -> dict[str, Any]:
    """Trace with straight lines, shape (n, 2, 3)."""
    gaps = np.full((len(ends), 1, 3), np.nan)
    lines = np.concatenate([ends, gaps], axis=1).reshape(-1, 3).round(3)
    x, y, z = np.ascontiguousarray(lines.T)
    return {
        "type": "scatter3d", "mode": "lines", "x": x, "y": y, "z": z, "hoverinfo": "skip",
        "line": {"color": color, "width": width}, "showlegend": False,
    }  # fmt: skip


def cell_edges(cell: np.ndarray) -> np.ndarray:
    """The twelve edges of a cell, shape (12, 2, 3)."""
    corners = np.array(list(product((0, 1), repeat=3)))
    pairs = [(a, b) for a in corners for b in corners if (b - a).sum() == 1 and (b >= a).all()]
    return np.array(pairs) @ cell


def layout(labels: list[tuple[np.ndarray, str]]) -> dict[str, Any]:
    """Layout without axes, with labels at positions."""
    hidden = {"visible": False, "showspikes": False}
    return {
        "uirevision": "crystal", "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "legend": {"x": 0, "y": 1, "bgcolor": "rgba(0,0,0,0)", "itemclick": False,
                   "itemdoubleclick": False},
        "scene": {
            "xaxis": hidden, "yaxis": hidden, "zaxis": hidden, "aspectmode": "data",
            "bgcolor": "rgba(0,0,0,0)", "dragmode": "orbit",
            "camera": {"projection": {"type": "orthographic"},
                       "eye": {"x": 1.5, "y": 0.9, "z": 0.6}},
            "annotations": [
                {"x": p[0], "y": p[1], "z": p[2], "text": text, "showarrow": False,
                 "xanchor": "left", "xshift": 12, "yshift": 12}
                for p, text in labels
            ],
        },
    }  # fmt: skip


def empty_crystal() -> dict[str, Any]:
    """Figure of no structure."""
    return {"data": [], "layout": layout([]), "config": {"displayModeBar": False}}
