"""Pictures of `e3gnn-xanes app` for docs/howto/app.md: screenshots and a short animation.

    python -m research.page_pictures docs/howto/app

Copper and its oxides next to a measured foil, 1440, 1024 and 390 pixels wide, light and dark; and,
as GIF, the spectrum of CuO while the distance of its nearest oxygen atoms changes. Needs
playwright, Chromium and Pillow; without a GPU it takes minutes.
"""

import argparse
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from benchmarks.browser import SOLID, launch, served

FITS = """[...document.querySelectorAll('.js-plotly-plot')].every(
    plot => Math.abs(plot._fullLayout.width - plot.clientWidth) < 2)"""
"""Whether the figures have followed the width of the page."""
WIDEST = "document.documentElement.scrollWidth"
COPPER = [f"docs/examples/copper/{name}.vasp" for name in ("CuO", "Cu2O", "Cu")]
MODEL = "--model", "cu-k-feff"
FOIL = "tests/data/experiment/cu_metal_rt.xdi"
STILL = 1500
"""Time in which a crystal is drawn without a GPU, ms."""
KEYS = [*["ArrowRight"] * 4, *["ArrowLeft"] * 8, *["ArrowRight"] * 4]
"""Keys of the animation, each pressed a few times for a frame."""
SHIFTS = """new PerformanceObserver(list => {
    for (const shift of list.getEntries()) window.moved = (window.moved || 0) + shift.value;
}).observe({type: 'layout-shift', buffered: true})"""
"""Adds up what moves on the page without an input, as the cumulative layout shift."""


def picture(page: Any, colors: int, width: int | None = None, **how: Any) -> Image.Image:
    """What the page shows, with few colors, at a width in pixels."""
    page.wait_for_timeout(STILL)
    image = Image.open(BytesIO(page.screenshot(**how))).convert("RGB")
    if width is not None:
        image = image.resize((width, round(width * image.height / image.width)))
    return image.quantize(colors, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)


def screenshots(browser: Any, address: str, folder: Path) -> None:
    """Write the screenshots, and print what moved while the page loaded and what is too wide."""
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.add_init_script(SHIFTS)
    page.goto(address)
    page.wait_for_selector(".result:has-text('R-factor')", timeout=300_000)
    print(f"layout shift {page.evaluate('window.moved || 0'):.4f}")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (1440, 1024, 390):
            page.set_viewport_size({"width": width, "height": 1000})
            page.wait_for_function(FITS)
            image = picture(page, 128, full_page=True)
            image.save(folder / f"{width}-{scheme}.png", optimize=True)
            print(f"{scheme}, {width} pixels: {page.evaluate(WIDEST)} wide")
    page.close()


def animation(browser: Any, address: str, folder: Path) -> None:
    """Write the animation."""
    page = browser.new_page(viewport={"width": 1100, "height": 980})
    page.set_default_timeout(300_000)
    page.goto(f"{address}?structure={COPPER[0]}&site=4")
    page.wait_for_selector("tr[aria-selected=true]:has-text('Cu 4')")
    page.wait_for_timeout(STILL)
    page.get_by_label("Neighbors", exact=True).click()
    page.get_by_role("option").nth(1).click()
    page.wait_for_selector(".q-slider[aria-label*=Distance]:not(.disabled)")
    page.focus(".q-slider[aria-label*=Distance] [tabindex]")
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")
    frames = [picture(page, 48, 770)]
    for key in KEYS:
        for _ in range(4):
            page.keyboard.press(key)
        frames.append(picture(page, 48, 770))
    frames[0].save(
        folder / "slider.gif", save_all=True, append_images=frames[1:], duration=250, loop=0
    )


def main() -> None:
    """Write the pictures into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright, SOLID)
        with served(*COPPER, "--scan", FOIL, *MODEL) as (_, address, _):
            screenshots(browser, address, folder)
        with served(*MODEL) as (_, address, _):
            animation(browser, address, folder)


if __name__ == "__main__":
    main()
