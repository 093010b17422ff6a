"""Run FEFF here: FEFF 10 of the package feff10-rs, or the command in the arguments.

A separate program, because FEFF writes to standard output and each site needs its own. It ends,
with everything it has started, when the process that started it is gone.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

STAGES = "RDINP ATOMIC POT SCREEN XSPH FMS MKGTR PATH GENFMT FF2X"
"""Programs of FEFF 10 that a spectrum needs, in their order."""


def end_with_parent(parent: int) -> None:
    """End this process group when the parent is gone."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os.killpg(0, signal.SIGKILL)


def run_feff10() -> None:
    """Run FEFF 10 on the `feff.inp` in this folder."""
    import feff10

    text = Path("feff.inp").read_text()
    stages = [getattr(feff10.Stage, name) for name in STAGES.split()]
    config = feff10.FeffConfig(".", feff10.FeffInput.parse_strict(text), stages=stages)
    try:
        feff10.FeffPipeline(config).run()
    except feff10.FeffError as error:
        sys.exit(f"FEFF 10: {error}")
    finally:
        Path("feff.inp").write_text(text)  # feff10-rs removes the comments


if __name__ == "__main__":
    if os.name == "posix":
        threading.Thread(target=end_with_parent, args=(os.getppid(),), daemon=True).start()
    if sys.argv[1:]:
        sys.exit(subprocess.run(sys.argv[1:], check=False).returncode)
    run_feff10()
