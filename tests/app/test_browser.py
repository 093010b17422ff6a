"""The page in headless Chromium, from a dropped file to an export, by mouse and by keyboard."""

import re
import shutil
import signal
import socket
import subprocess
from contextlib import contextmanager

import numpy as np
import pytest
from command import start
from paths import ROOT

from src.predictor import predict

pytest.importorskip("nicegui", reason="pip install '.[app]'")
sync_api = pytest.importorskip("playwright.sync_api", reason="requirements-test.txt")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
COPPER = ROOT / "docs" / "examples" / "copper"
GRAPHICS = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@pytest.fixture(scope="module")
def outside_of_pytest():
    """NiceGUI must not find out that a test started it: it would serve on a port of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTEST_CURRENT_TEST")
        yield


@pytest.fixture(scope="module")
def address(outside_of_pytest):
    """Address of a page that is served for the tests; Ctrl-C ends it with exit code 0."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    server = start("app", "--port", port, "--no_browser", **how)
    try:
        assert server.stdout.readline().startswith(f"http://127.0.0.1:{port} ")
        yield f"http://127.0.0.1:{port}/"
        server.send_signal(signal.SIGINT)
        assert server.wait(10) == 0
    finally:
        server.kill()
        server.communicate()


@pytest.fixture(scope="module")
def chromium():
    """Launches headless Chromium with arguments."""
    with sync_api.sync_playwright() as playwright:
        launch = playwright.chromium.launch
        yield lambda *words: launch(executable_path=CHROMIUM, args=["--no-sandbox", *words])


@pytest.fixture(scope="module")
def browser(chromium):
    """Chromium without the crystal, which takes seconds to draw without a GPU."""
    return chromium("--disable-gpu", "--disable-3d-apis")


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
    page.goto(address)
    yield page
    context.close()
    assert outside == []


@pytest.fixture
def tab(browser, address):
    """A tab of the page without the crystal."""
    with open_tab(browser, address) as page:
        yield page


@pytest.fixture
def whole_tab(chromium, address):
    """A tab of the page with the crystal, drawn without a GPU."""
    with open_tab(chromium(*GRAPHICS), address) as page:
        yield page


def drop(tab, path):
    """Drop a file onto the page's field for files."""
    data = tab.evaluate_handle(
        """([name, text]) => {
            const data = new DataTransfer();
            data.items.add(new File([text], name));
            return data;
        }""",
        [path.name, path.read_text()],
    )
    tab.dispatch_event(".q-uploader", "dragover", {"dataTransfer": data})
    tab.dispatch_event(".q-uploader__dnd", "drop", {"dataTransfer": data})


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


def wait_for_curve(tab, name):
    """Wait until a curve is drawn; return its energies and values."""
    for _ in range(600):
        if (found := curve(tab, name)) is not None:
            return found
        tab.wait_for_timeout(100)
    raise AssertionError(f"no curve {name}: {tab.inner_text('[role=alert]')}")


def test_dropped_structure_click_slider_and_export(tab):
    expected = predict(COPPER / "CuS.vasp", "cu-k-feff")
    drop(tab, COPPER / "CuS.vasp")
    assert wait_for_curve(tab, "mean of 6 sites")[1] == pytest.approx(expected.mean, abs=1e-5)
    tab.click("tr:has-text('Cu 8')")
    energy, mu = wait_for_curve(tab, "Cu site 8 (x 4), novel")
    assert mu == pytest.approx(expected[1].mu, abs=1e-5)
    assert tab.inner_text("[role=status]").startswith("Novel: Cu sites 8, 9, 10, 11: ")
    tab.focus(".q-slider[aria-label*=Isotropic] [tabindex]")
    tab.keyboard.press("ArrowRight")
    strained = wait_for_curve(tab, "undistorted")[1]
    assert strained == pytest.approx(mu, abs=1e-5)
    assert abs(curve(tab, "Cu site 8 (x 4), novel")[1] - mu).max() > 1e-4
    for name, begin in (("SVG", b"<?xml"), ("CSV", b"energy_eV,"), ("structure", b"12\n")):
        with tab.expect_download() as download:
            tab.click(f"[aria-label='Export {name}']")
        assert download.value.path().read_bytes().startswith(begin)


def test_keyboard_alone_chooses_a_site(tab):
    tab.get_by_label("Path").focus()
    tab.keyboard.type(str(COPPER / "CuS.vasp"))
    tab.keyboard.press("Enter")
    wait_for_curve(tab, "mean of 6 sites")
    for _ in range(40):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.tagName") == "TR":
            break
    tab.keyboard.press("ArrowDown")
    wait_for_curve(tab, "Cu site 6 (x 2), novel")
    tab.keyboard.press("ArrowDown")
    wait_for_curve(tab, "Cu site 8 (x 4), novel")


def test_click_on_an_atom_chooses_its_site(whole_tab):
    tab = whole_tab
    tab.goto(f"{tab.url}?structure={COPPER / 'CuS.vasp'}")
    wait_for_curve(tab, "mean of 6 sites")
    plot = tab.locator(".crystal .js-plotly-plot, .js-plotly-plot.crystal").first
    names = plot.evaluate("plot => plot.data.map(trace => trace.name)")
    copper = next(number for number, name in enumerate(names) if "Cu" in str(name))
    assert tab.locator("tr[aria-selected=true]:has-text('Cu')").count() == 0
    plot.evaluate(
        "(plot, n) => plot.emit('plotly_click', {points: [{curveNumber: n, pointNumber: 0}]})",
        copper,
    )
    tab.wait_for_selector("tr[aria-selected=true]:has-text('Cu')")


def test_errors_are_one_line_names_are_text_and_tabs_are_apart(tab, browser, address, tmp_path):
    name = tmp_path / "<img src=x onerror=alert(1)>.vasp"
    name.write_text((COPPER / "CuO.vasp").read_text())
    drop(tab, name)
    wait_for_curve(tab, "Cu site 4 (x 4)")
    assert tab.locator("img[src=x]").count() == 0
    bad = tmp_path / "bad.cif"
    bad.write_text("data_x\n_cell_length_a 1\n")
    drop(tab, bad)
    tab.wait_for_selector("[role=alert]:has-text('bad.cif')")
    assert re.fullmatch(r"bad\.cif: .+", tab.inner_text("[role=alert]"))
    assert curve(tab, "Cu site 4 (x 4)") is not None
    other = browser.new_page()
    other.goto(address)
    other.wait_for_selector(".spectrum .main-svg")
    assert other.locator(".sites tbody tr").count() == 0
    other.close()
