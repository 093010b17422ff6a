"""The page in headless Chromium, from a dropped file to an export, by mouse and by keyboard."""

import json
import re
import signal
from contextlib import contextmanager

import numpy as np
import pytest
from ase.io import read, write
from command import run
from paths import EXPERIMENT, ROOT

from benchmarks.browser import CHROMIUM, FLAT, SOLID, launch, served
from src.predictor import predict

pytest.importorskip("nicegui", reason="pip install '.[app]'")
sync_api = pytest.importorskip("playwright.sync_api", reason="requirements-test.txt")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
COPPER = ROOT / "docs" / "examples" / "copper"
FOIL = EXPERIMENT / "cu_metal_rt.xdi"
SITE = "Cu site 8 (x 4)"


@pytest.fixture(scope="module")
def outside_of_pytest():
    """NiceGUI must not find out that a test started it: it would serve on a port of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTEST_CURRENT_TEST")
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def address(outside_of_pytest):
    """Address of a page that is served for the tests; Ctrl-C ends it with exit code 0."""
    with served() as (server, where, _):
        yield where
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0


@pytest.fixture(scope="module")
def playwright():
    """Playwright, which launches Chromium."""
    with sync_api.sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright):
    """Chromium without the crystal, which takes seconds to draw without a GPU."""
    return launch(playwright, FLAT)


@pytest.fixture(scope="module")
def cif(tmp_path_factory):
    """CuS as a CIF."""
    path = tmp_path_factory.mktemp("cif") / "CuS.cif"
    write(path, read(COPPER / "CuS.vasp"))
    return path


@pytest.fixture(scope="module")
def compared(cif):
    """R-factor of the CIF next to the foil, as `compare` prints it."""
    out = cif.with_suffix(".json")
    assert run("compare", FOIL, cif, "--model", "cu-k-feff", "-o", out) == 0
    (one,) = json.loads(out.read_text())["candidates"]
    return f"R-factor {one['measures']['r_factor']:.5f}"


@contextmanager
def open_tab(browser, address):
    """A tab of the page; a request to any other host fails the test."""
    outside = []

    def only_here(route):
        if route.request.url.startswith(address):
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    context.route("**/*", only_here)
    page = context.new_page()
    page.set_default_timeout(60_000)
    try:
        page.goto(address)
        yield page
        assert outside == []
    finally:
        context.close()


@pytest.fixture
def tab(browser, address):
    """A tab of the page without the crystal."""
    with open_tab(browser, address) as page:
        yield page


@pytest.fixture
def whole_tab(playwright, address):
    """A tab of the page with the crystal, drawn without a GPU."""
    with open_tab(launch(playwright, SOLID), address) as page:
        yield page


def drop(tab, path, number=0):
    """Drop a file onto the page's first field for files, that of structures, or the second."""
    data = tab.evaluate_handle(
        """([name, text]) => {
            const data = new DataTransfer();
            data.items.add(new File([text], name));
            return data;
        }""",
        [path.name, path.read_text()],
    )
    field = tab.locator(".q-uploader").nth(number)
    field.dispatch_event("dragover", {"dataTransfer": data})
    field.locator(".q-uploader__dnd").dispatch_event("drop", {"dataTransfer": data})


def curve(tab, name):
    """Energies and values of a curve of the spectrum, as they are drawn; None: there is none."""
    found = tab.evaluate(
        """name => {
            const one = (document.querySelector('.spectrum').data || []).find(x => x.name == name);
            return one && [Array.from(one.x), Array.from(one.y)];
        }""",
        name,
    )
    return found and np.array(found)


def new_curve(tab, name, old=None):
    """Wait until a curve is drawn that is not the old one; return its energies and values."""
    for _ in range(600):
        found = curve(tab, name)
        if found is not None and (old is None or found.shape != old.shape or (found != old).any()):
            return found
        tab.wait_for_timeout(100)
    raise AssertionError(f"no curve {name}: {tab.locator('[role=alert]').all_inner_texts()}")


def new_result(tab, old=""):
    """Wait until an R-factor is shown that is not the old one; return it."""
    shown = """old => {
        const text = document.querySelector('.result').innerText;
        return text.startsWith('R-') && text != old && text;
    }"""
    return tab.wait_for_function(shown, arg=old).json_value()


def exported(tab, name, press):
    """Text of a file that the page exports when its button is pressed."""
    button = f"[aria-label='Export {name}']"
    with tab.expect_download() as download:
        press(tab, button)
    return download.value.path().read_text()


def tab_to(tab, selector):
    """Go with the tabulator to an element."""
    for _ in range(90):
        tab.keyboard.press("Tab")
        if tab.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"the tabulator does not lead to {selector}")


def enter(tab, selector, text=""):
    """Go to an element, type a text, press Enter."""
    tab_to(tab, selector)
    tab.keyboard.type(text)
    tab.keyboard.press("Enter")


def move(tab, label, times=1):
    """Go to a slider and move it."""
    tab_to(tab, f".q-slider[aria-label*='{label}'] *, .q-slider[aria-label*='{label}']")
    for _ in range(times):
        tab.keyboard.press("PageUp")


def test_mouse_from_a_dropped_file_to_an_export(whole_tab, cif, compared):
    tab, expected = whole_tab, predict(cif, "cu-k-feff")
    drop(tab, cif)
    mean = new_curve(tab, "mean of 6 sites")
    assert mean[1] == pytest.approx(expected.mean, abs=1e-5)
    drop(tab, FOIL, 1)
    assert new_result(tab).startswith(f"{compared} ")
    tab.wait_for_selector(".crystal canvas")
    tab.evaluate(
        """() => {
            const plot = document.querySelector('.crystal');
            const number = plot.data.findIndex(trace => trace.name.startsWith('Cu site 8'));
            plot.emit('plotly_click', {points: [{curveNumber: number, pointNumber: 0}]});
        }"""
    )
    site = new_curve(tab, SITE)
    assert site[1] == pytest.approx(expected[1].mu, abs=1e-5)
    tab.wait_for_selector("tr[aria-selected=true]:has-text('Cu 8')")
    fitted = curve(tab, "prediction, broadened")
    old = tab.inner_text(".result")
    tab.locator(".q-slider[aria-label*=Shift]").click(position={"x": 9, "y": 9})
    assert float(new_result(tab, old).split()[1]) > float(compared.split()[1])
    new_curve(tab, "prediction, broadened", fitted)
    tab.locator(".q-slider[aria-label*=Isotropic]").click(position={"x": 9, "y": 9})
    strained = new_curve(tab, SITE, site)
    assert curve(tab, "undistorted")[1] == pytest.approx(site[1], abs=1e-5)
    assert abs(strained[1] - site[1]).max() > 1e-2
    lines = exported(tab, "CSV", sync_api.Page.click).splitlines()
    values = np.array([line.split(",")[:2] for line in lines if line[:1].isdigit()], float)
    assert strained == pytest.approx(values.T, abs=1e-3)
    svg = exported(tab, "SVG", sync_api.Page.click)
    assert float(re.search(r'width="([\d.]+)pt"', svg)[1]) == pytest.approx(3.3 * 72, abs=1)
    assert FOIL.name in svg  # a comment next to its glyphs


def test_keyboard_alone_does_the_same(tab, compared):
    enter(tab, "[aria-label^='Path, then']", str(COPPER / "CuS.vasp"))
    new_curve(tab, "mean of 6 sites")
    tab_to(tab, "tr")
    tab.keyboard.press("ArrowDown")
    new_curve(tab, "Cu site 6 (x 2)")
    tab.keyboard.press("ArrowDown")
    site = new_curve(tab, SITE)
    enter(tab, "[aria-label^='Path: XDI']", str(FOIL))
    assert new_result(tab).startswith(f"{compared} ")
    old = tab.inner_text(".result")
    move(tab, "Shift", 10)
    new_result(tab, old)
    move(tab, "Isotropic")
    strained = new_curve(tab, SITE, site)
    assert abs(strained[1] - site[1]).max() > 1e-4
    text = exported(tab, "JSON", enter)
    (one,) = json.loads(text)["structures"][0]["sites"]
    assert one["mu"] == pytest.approx(strained[1], abs=1e-4)


def test_errors_are_one_line_names_are_text_and_tabs_are_apart(tab, browser, address, tmp_path):
    name = tmp_path / "<img src=x onerror=alert(1)>.vasp"
    name.write_text((COPPER / "CuO.vasp").read_text())
    drop(tab, COPPER / "CuCl.vasp")
    new_curve(tab, "Cu site 4 (x 4), novel")
    assert tab.inner_text(".doubt").startswith("Less reliable, novel: Cu sites 4, 5, 6, 7: Cl is")
    drop(tab, name)
    tab.wait_for_function("() => document.querySelector('.doubt').innerText == ''")
    new_curve(tab, "Cu site 4 (x 4)")
    assert tab.locator("img[src=x]").count() == 0
    bad = tmp_path / "bad.cif"
    bad.write_text("data_x\n_cell_length_a 1\n")
    drop(tab, bad)
    tab.wait_for_selector("[role=alert]:has-text('bad.cif')")
    assert re.fullmatch(r"bad\.cif: .+", tab.inner_text("[role=alert]"))
    assert curve(tab, "Cu site 4 (x 4)") is not None
    other = browser.new_page()
    other.goto(address)
    other.wait_for_selector(".spectrum .main-svg", timeout=60_000)
    assert other.locator(".sites tbody tr").count() == 0
    other.close()
