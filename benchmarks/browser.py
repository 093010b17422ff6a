"""The page of `e3gnn-xanes app` and headless Chromium, for benchmarks, pictures and tests."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
"""The browser. None: not installed."""
FLAT = ["--disable-gpu", "--disable-3d-apis"]
"""Options with which crystals are not drawn: without a GPU that takes seconds."""
SOLID = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
"""Options with which they are drawn without a GPU."""


def launch(playwright: Any, options: list[str]) -> Any:
    """Headless Chromium, by playwright."""
    chromium = playwright.chromium
    return chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *options])


@contextmanager
def served(*words: Any) -> Iterator[tuple[subprocess.Popen[str], str, float]]:
    """Process and address of a page that is served, and the seconds until it was.

    ``words`` are arguments of the command.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    begin = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-m", "src", "app", *map(str, words), "--no_browser", f"--port={port}"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        assert server.stdout.readline().startswith(f"http://127.0.0.1:{port} ")
        wait_for(port)  # the address is printed before it is listened to
        yield server, f"http://127.0.0.1:{port}/", time.perf_counter() - begin
    finally:
        server.kill()
        server.communicate()


def wait_for(port: int, seconds: float = 30.0) -> None:
    """Wait until a port of this machine is listened to."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens to port {port}")
