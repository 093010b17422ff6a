"""Hook of mkdocs: the page tutorial.md gets the cells and stored outputs of tutorial.ipynb.

The notebook is not run here; ``tests/test_tutorial.py`` runs it.
"""

import html
import json
from pathlib import Path
from typing import Any

PLACE = "<!-- cells of tutorial.ipynb -->"
"""What a page says where the cells go."""


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Put the cells in their place; other pages stay as they are."""
    if PLACE not in markdown:
        return markdown
    notebook = Path(config["docs_dir"], "tutorial.ipynb")
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return markdown.replace(PLACE, "\n\n".join(cell_text(cell) for cell in cells))


def cell_text(cell: dict[str, Any]) -> str:
    """Markdown of one cell; a first heading is one level deeper than in the notebook."""
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return source.replace("# ", "## ", 1) if source.startswith("# ") else source
    return "\n\n".join([indented(source), *(output_text(out) for out in cell["outputs"])])


def output_text(output: dict[str, Any]) -> str:
    """A picture as an image that holds its data, all else as text."""
    data = output.get("data", {})
    if "image/png" in data:
        encoded = "".join(data["image/png"]).replace("\n", "")
        return f'<img alt="Output of the cell above" src="data:image/png;base64,{encoded}">'
    text = "".join(output.get("text", data.get("text/plain", "")))
    return f"<pre><code>{html.escape(text.rstrip())}</code></pre>"


def indented(text: str) -> str:
    """Text as a block of code."""
    return "\n".join(f"    {line}" if line else "" for line in text.splitlines())
