"""The panel of the scan on the page, in NiceGUI's simulation of a person, without a browser."""

import asyncio

import pytest
from paths import EXPERIMENT, ROOT

pytest.importorskip("nicegui", reason="pip install '.[app]'")


async def scenario():
    """What the panel says: fitted, moved, back, with a wrong and with no column of mu."""
    from nicegui import ui
    from nicegui.testing import user_simulation

    from src.app.page import Page
    from src.app.state import Scan, State

    pages = []

    def root():
        pages.append(Page(State(scan=Scan(EXPERIMENT / "cu_metal_rt.xdi"), axis="experiment")))
        pages[-1].state.add(ROOT / "docs" / "examples" / "copper" / "Cu.vasp")
        ui.timer(0, pages[-1].refresh, once=True)

    async with user_simulation() as user:
        ui.page("/")(root)
        await user.open("/")
        panel = pages[-1].scan
        for _ in range(600):
            await asyncio.sleep(0.1)
            if pages[-1].fitted.text and not panel.refresh.lock.locked():
                break
        said = [pages[-1].fitted.text]
        maxima = [pages[-1].summary.text]
        panel.sliders["shift"].value -= 1.0
        maxima.append(pages[-1].summary.text)
        said.append(pages[-1].fitted.text)
        drawn, draw = [], pages[-1].draw_spectrum
        pages[-1].draw_spectrum = lambda: drawn.append(draw())
        await panel.fit()
        assert len(drawn) == 1  # not once per slider
        said.append(pages[-1].fitted.text)
        panel.fields["mu"].value = "nothing"
        await panel.changed()
        said += [panel.error.text, str(panel.results.visible)]
        panel.fields["mu"].value = ""
        await panel.changed()
        return *said, panel.error.text, pages[-1].fitted.text, maxima


def test_sliders_start_at_the_fit_and_errors_leave_the_panel_usable():
    fitted, moved, back, error, shown, none, again, maxima = asyncio.run(scenario())
    before, after = (float(text.split("maximum at ")[1].split()[0]) for text in maxima)
    assert after == pytest.approx(before - 1.0, abs=0.02)  # on the energies of the scan
    assert fitted == back == again
    assert fitted.startswith("R-factor 0.00413 ")  # as `compare` prints it
    assert float(moved.split()[1]) > 0.005
    assert "no column 'nothing'" in error
    assert (shown, none) == ("False", "")
