"""Write docs/input-checks.md from the rows that tests/reliability/test_inputs.py runs."""

import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "input-checks.md"


def main() -> int:
    """Write the page."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    text = import_module("input_rows").page()
    PAGE.write_text(text, encoding="utf-8")
    print(f"{PAGE}: {text.count(chr(10))} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
