"""The crystal as a Plotly figure: atoms as lit spheres, bonds, cell, labels of the sites."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from ase.data.colors import jmol_colors
from matplotlib import colormaps
from matplotlib.colors import to_hex
from scipy.spatial import ConvexHull

from ..explanation.attribution import Explanation
from ..structures.bonds import bonds, cell_edges, with_images
from .state import Result

SITE_COLORS = (
    "#2f6fd0", "#c2571a", "#1f8a70", "#9a4fc4", "#b0457b", "#6f7d12", "#4a7f9e", "#8d6b4a",
)  # fmt: skip
"""Colors of distinct sites; at least 3:1 on the light and on the dark page."""
LABELED = 12
"""More distinct sites than this have no labels."""
POINTS = 48
"""Vertices of a sphere."""
SIZE, LARGER = 0.42, 1.3
"""Radius of a drawn atom in covalent radii, and of an atom of the chosen site in that."""
AROUND = 0.8
"""Space around the outermost atoms, Angstrom."""
ZOOM = 2.0
"""Length of the axes in Plotly's unit, with which the drawing fills the height."""
LINES = "#8a9099"


@dataclass(frozen=True)
class Group:
    """Atoms that are drawn alike, a trace of the figure."""

    name: str
    color: str
    members: np.ndarray
    """Rows of the drawing, shape (n_members,)."""
    label: str = ""
    """Text at the first of them."""


@dataclass(frozen=True)
class Drawing:
    """Atoms as they are drawn, images included."""

    index: np.ndarray
    """0-based index of each in the structure as it was read, shape (n_drawn,)."""
    atoms: Atoms
    """All of them, not periodic; its cell, if it has one, is drawn."""
    groups: list[Group]

    def atom(self, point: dict[str, Any]) -> int | None:
        """Index in the structure of a point that was clicked; None: it is no atom."""
        trace, vertex = point.get("curveNumber"), point.get("pointNumber")
        if not isinstance(trace, int) or not isinstance(vertex, int) or trace >= len(self.groups):
            return None
        return int(self.index[self.groups[trace].members[vertex // POINTS]])


def site_color(row: int) -> str:
    """Color of a distinct site."""
    return SITE_COLORS[row % len(SITE_COLORS)]


@lru_cache(maxsize=1)
def unit_sphere() -> tuple[np.ndarray, np.ndarray]:
    """Vertices on a Fibonacci lattice, and triangles, counterclockwise from outside."""
    k = np.arange(POINTS) + 0.5
    polar, turn = np.arccos(1 - 2 * k / POINTS), np.pi * (1 + 5**0.5) * k
    flat = np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)
    points = np.stack(flat, axis=1)
    faces = ConvexHull(points).simplices
    inward = np.linalg.det(points[faces]) < 0
    faces[inward] = faces[inward][:, ::-1]
    return points, faces


def draw_structure(atoms: Atoms, n_atoms: int, table: Result | None) -> Drawing:
    """Draw a structure, one group per distinct site and one per element of the other atoms.

    Args:
        atoms: structure as it is shown, perhaps a cell that was repeated.
        n_atoms: atoms of the structure as it was read.
        table: its distinct sites. None: not known.
    """
    sites = [] if table is None else table.sites
    absorbers = {atom for one in sites for atom in one.equivalent}
    index, drawn = with_images(atoms, {k for k in range(len(atoms)) if k % n_atoms in absorbers})
    original, groups = index % n_atoms, []
    for row, one in enumerate(sites):
        members = np.flatnonzero(np.isin(original, one.equivalent))
        label = str(one.site) if len(sites) <= LABELED else ""
        groups.append(Group(one.label, site_color(row), members, label))
    others = ~np.isin(original, list(absorbers))
    for z in dict.fromkeys(drawn.numbers[others].tolist()):
        members = np.flatnonzero(others & (drawn.numbers == z))
        groups.append(Group(chemical_symbols[z], to_hex(jmol_colors[z]), members))
    return Drawing(original, drawn, groups)


def draw_explanation(explained: Explanation, site: int, color: str) -> Drawing:
    """Draw a site, in its color, and its neighbors, each shell in the color of its contribution."""
    sizes = explained.shell_sizes
    largest, near = float(sizes.max()) or 1.0, [0, *explained.neighbors.tolist()]
    atoms, origin = explained.cluster.atoms[near], explained.cluster.origin[near]
    groups = [Group(f"{chemical_symbols[atoms.numbers[0]]} {site}", color, np.array([0]))]
    for shell, size in zip(explained.shells, sizes, strict=True):
        members = np.array([near.index(k) for k in shell.members])
        shade = to_hex(colormaps["cividis"](0.1 + 0.9 * size / largest))
        groups.append(Group(f"{shell.label} Å: {size:.2g}", shade, members))
    return Drawing(origin, atoms, groups)


def crystal_figure(drawing: Drawing | None, chosen: Collection[int] = ()) -> dict[str, Any]:
    """Plotly figure of a drawing, with the atoms of the chosen site larger; trace k is group k."""
    data: list[dict[str, Any]] = []
    labels, pos = [], np.zeros((1, 3))
    if drawing is not None:
        pos = drawing.atoms.positions
        data += [spheres(drawing, group, chosen) for group in drawing.groups]
        data.append(segments(pos[np.stack(bonds(drawing.atoms)[:2], axis=1)], 5))
        if drawing.atoms.cell.rank:
            data.append(segments(cell_edges(np.asarray(drawing.atoms.cell.array)), 2))
        labels = [(pos[group.members[0]], group.label) for group in drawing.groups if group.label]
    return {"data": data, "layout": layout(labels, pos), "config": {"displayModeBar": False}}


def spheres(drawing: Drawing, group: Group, chosen: Collection[int]) -> dict[str, Any]:
    """Trace with the atoms of a group."""
    (points, faces), index = unit_sphere(), drawing.index[group.members]
    numbers = drawing.atoms.numbers[group.members]
    radii = SIZE * covalent_radii[numbers] * np.where(np.isin(index, list(chosen)), LARGER, 1.0)
    vertices = drawing.atoms.positions[group.members][:, None] + radii[:, None, None] * points
    corners = faces + POINTS * np.arange(len(index))[:, None, None]
    names = [f"{chemical_symbols[z]} {atom}" for z, atom in zip(numbers, index, strict=True)]
    return {
        "type": "mesh3d", **columns("xyz", vertices.round(3)), **columns("ijk", corners),
        "color": group.color, "name": escape(group.name), "showlegend": True,
        "text": np.repeat(names, POINTS).tolist(), "hovertemplate": "%{text}<extra></extra>",
        "lighting": {"ambient": 0.6, "diffuse": 0.6, "specular": 0.15, "roughness": 0.6,
                     "fresnel": 0.05},
        "lightposition": {"x": -1, "y": 2, "z": -1},  # where the camera is
    }  # fmt: skip


def columns(names: str, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Contiguous columns of an array of shape (..., 3), by name."""
    return dict(zip(names, np.ascontiguousarray(rows.reshape(-1, 3).T), strict=True))


def segments(ends: np.ndarray, width: int) -> dict[str, Any]:
    """Trace with straight lines between ends, shape (n, 2, 3)."""
    gaps = np.full((len(ends), 1, 3), np.nan)
    return {
        "type": "scatter3d", "mode": "lines", "hoverinfo": "skip", "showlegend": False,
        "line": {"color": LINES, "width": width},
        **columns("xyz", np.concatenate([ends, gaps], axis=1).round(3)),
    }  # fmt: skip


def layout(labels: list[tuple[np.ndarray, str]], pos: np.ndarray) -> dict[str, Any]:
    """Layout without axes, with texts at positions; the view stays as it was turned.

    Axes have one length, so that a drawing fits however it is turned, and a zoom fits another one.
    """
    center = (pos.min(axis=0) + pos.max(axis=0)) / 2
    reach = np.linalg.norm(pos - center, axis=1).max() + AROUND
    axes = {
        f"{name}axis": {"visible": False, "showspikes": False, "range": [at - reach, at + reach]}
        for name, at in zip("xyz", center.round(3), strict=True)
    }
    return {
        "xaxis": {"visible": False}, "yaxis": {"visible": False},  # of an empty figure
        "uirevision": "crystal", "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "legend": {"x": 0, "y": 1, "bgcolor": "rgba(0,0,0,0)", "itemclick": False,
                   "itemdoubleclick": False, "font": {"size": 11}},
        "scene": {
            **axes, "aspectmode": "manual", "aspectratio": dict.fromkeys("xyz", ZOOM),
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
