"""The table of the distinct sites, which does from the keyboard what a click on an atom does."""

from collections.abc import Callable
from typing import Any

from nicegui import ui

from ..prediction.structure_prediction import SitePrediction
from ..structures.environments import Environment
from .crystal import site_color
from .state import MEAN, State

HEADS = ("Site", "Atoms", "Coordination", "Mean distance", "Novelty")


class SiteTable:
    """Rows of the sites and their mean; arrow keys, Enter and clicks choose."""

    def __init__(self, state: State, choose: Callable[[int], Any], step: Callable[[int], Any]):
        """Build an empty table; ``choose`` gets a site, ``step`` how many rows to go."""
        self.state, self.choose = state, choose
        self.shown: tuple[Any, ...] | None = None
        self.rows: dict[int, Any] = {}
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
        result = self.state.result
        sites = [] if result is None else result.spectra[0]
        around = [] if result is None else result.surroundings
        cells = [site_cells(one, of_it) for one, of_it in zip(sites, around, strict=True)]
        if self.shown != (shown := tuple(cells)):
            self.shown, self.rows = shown, {}
            self.body.clear()
            with self.body:
                if sites:
                    count = sum(len(one.equivalent) for one in sites)
                    self._add(MEAN, ("Mean", str(count), "", "", ""), None, "")
                for row, (one, texts) in enumerate(zip(sites, cells, strict=True)):
                    self._add(one.site, texts, site_color(row), "; ".join(one.reasons))
        for site, element in self.rows.items():
            chosen = site == self.state.site
            element.props(f"aria-selected={'true' if chosen else 'false'}")

    def _add(self, site: int, texts: tuple[str, ...], color: str | None, why: str) -> None:
        row = ui.element("tr").props("tabindex=0").on("click", lambda: self.choose(site))
        row.on("keydown.enter", lambda: self.choose(site))
        row.on("keydown.space.prevent", lambda: self.choose(site))
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
        "novel" if site.novel else "known",
    )
