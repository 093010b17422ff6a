"""The table of the distinct sites, which does from the keyboard what a click on an atom does."""

from collections.abc import Callable
from functools import partial
from typing import Any

from nicegui import ui

from ..prediction.structure_prediction import SitePrediction
from ..structures.environments import Environment
from .crystal import site_color
from .state import MEAN, State

HEADS = ("Site", "Atoms", "Coordination", "Mean distance", "Novelty")


class SiteTable:
    """Rows of the sites and their mean; arrow keys, Enter and clicks choose."""

    def __init__(
        self, state: State, choose: Callable[[int], Any], step: Callable[[int], Any]
    ) -> None:
        """Build an empty table; ``choose`` gets a site, ``step`` how many rows to go."""
        self.state, self.choose, self.rows = state, choose, dict[int, Any]()
        self.cells: list[tuple[str, ...]] = []
        with ui.element("div").classes("scroll"):
            table = ui.element("table").classes("sites").props('aria-label="Distinct sites"')
        table.on("keydown.down.prevent", lambda: step(1)).on("keydown.up.prevent", lambda: step(-1))
        with table:
            with ui.element("thead"), ui.element("tr"):
                for head in HEADS:
                    with ui.element("th").props("scope=col"):
                        ui.label(head)
            self.body = ui.element("tbody")

    def update(self) -> None:
        """Show the sites of the last prediction, and which is chosen."""
        table = self.state.table
        sites = [] if table is None else list(table.sites)
        around = [] if table is None else table.surroundings
        cells = [site_cells(one, of_it) for one, of_it in zip(sites, around, strict=True)]
        if self.cells != cells:
            self.cells, self.rows = cells, {}
            self.body.clear()
            with self.body:
                count = sum(len(one.equivalent) for one in sites)
                if sites:
                    self._add(MEAN, ("Mean", str(count), "", "", ""), None, "")
                for row, (one, texts) in enumerate(zip(sites, cells, strict=True)):
                    self._add(one.site, texts, site_color(row), "; ".join(one.reasons))
        for site, element in self.rows.items():
            element.props(f"aria-selected={'true' if site == self.state.site else 'false'}")

    def _add(self, site: int, texts: tuple[str, ...], color: str | None, why: str) -> None:
        choose = partial(self.choose, site)
        row = ui.element("tr").props("tabindex=0").on("click", choose, args=[])
        row.on("keydown.enter", choose, args=[]).on("keydown.space.prevent", choose, args=[])
        self.rows[site] = row
        with row:
            for k, text in enumerate(texts):
                with ui.element("td"):
                    if k == 0 and color is not None:
                        ui.element("span").classes("swatch").style(f"background:{color}")
                    cell = ui.label(text).style("display:inline")
                    if why and k == len(texts) - 1:
                        cell.classes("warn").tooltip(why)


def site_cells(site: SitePrediction, around: Environment) -> tuple[str, ...]:
    """Texts of a site's row, see ``HEADS``."""
    return (
        f"{site.element or ''} {site.site}".strip(),
        str(len(site.equivalent)),
        str(around.coordination),
        f"{around.bond_length:.3f} Å",
        ("novel" if site.novel else "known")
        + ("" if site.distance is None else f", d {site.distance:.1f}"),
    )
