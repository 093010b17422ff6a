"""Elements of an HTML page: one file that loads nothing and runs no script.

All text passes through ``escape``; figures are inline SVG.
"""

import re
import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from html import escape
from pathlib import Path

from ..runtime.provenance import package_version

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: #20262e; background: #fff; margin: 0 auto;
  padding: 1.5rem 1rem 3rem; max-width: 60rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p, dt, dd, figcaption { overflow-wrap: anywhere; }
.note, figcaption, footer { color: #56606b; font-size: .9rem; }
.verdict { border-left: 4px solid #b8321c; padding-left: .8rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem .25rem 0; text-align: right; vertical-align: top; }
td.number { white-space: nowrap; }
th { border-bottom: 1px solid #a3acb8; font-weight: 600; }
td { border-bottom: 1px solid #e8ebee; }
th:first-child, td:first-child { text-align: left; }
td:first-child { overflow-wrap: anywhere; }
figure { margin: 1rem 0; break-inside: avoid; }
figure svg { max-width: 100%; height: auto; display: block; }
dl { display: grid; grid-template-columns: fit-content(50%) 1fr; gap: .15rem 1rem;
  font-size: .9rem; }
dt { color: #56606b; } dd { margin: 0; }
footer { margin-top: 3rem; border-top: 1px solid #e8ebee; padding-top: .6rem; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
@media screen and (max-width: 48rem) {
  .wide thead { display: none; }
  .wide, .wide tbody, .wide tr, .wide td { display: block; }
  .wide td { display: flex; justify-content: space-between; gap: 1rem; padding: .1rem 0;
    border: 0; }
  .wide td::before { content: attr(data-label); color: #56606b; text-align: left; }
  .wide td:first-child { font-weight: 600; } .wide td:first-child::before { content: none; }
  .wide tr { border-bottom: 1px solid #a3acb8; padding: .4rem 0; } }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } h2 { break-after: avoid; }
  tr { break-inside: avoid; } .scroll { overflow: visible; } @page { margin: 18mm; } }
"""

NARROW = 4
"""Columns of a table for which a telephone's screen is wide enough."""
NUMBER = re.compile(r"[-+]?\d[\d.]*(e[-+]?\d+)?")


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph; ``kind`` is a class of ``STYLE``."""
    attribute = f' class="{kind}"' if kind else ""
    return f"<p{attribute}>{escape(text)}</p>"


def section(title: str, *parts: str) -> str:
    """A heading and what follows it."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of names, then numbers; beyond ``NARROW`` columns a list on a narrow screen."""
    names = (escape(name).replace("_", "_<wbr>") for name in head)
    top = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "".join(f"<tr>{''.join(map(_cell, head, row))}</tr>" for row in rows)
    kind = ' class="wide"' if len(head) > NARROW else ""
    start = f'<div class="scroll"><table{kind}><thead><tr>'
    return f"{start}{top}</tr></thead><tbody>{body}</tbody></table></div>"


def _cell(name: str, value: object) -> str:
    """A cell of a table's column; a number is not broken into lines."""
    kind = ' class="number"' if NUMBER.fullmatch(str(value)) else ""
    return f'<td{kind} data-label="{escape(name, quote=True)}">{escape(str(value))}</td>'


def facts(values: Sequence[tuple[str, object]]) -> str:
    """Names and values."""
    pairs = (f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in values)
    return f"<dl>{''.join(pairs)}</dl>"


def figure(draw: Callable[[Path], None], caption: str) -> str:
    """A figure, which ``draw`` writes to a path, as inline SVG, the same bytes each time.

    The caption is also read aloud in its place.
    """
    from matplotlib import rc_context

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.svg"
        with rc_context({"svg.hashsalt": "e3gnn-xanes", "svg.fonttype": "none"}):
            draw(path)
        text = path.read_text()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    label = escape(caption, quote=True)
    text = text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
    return f"<figure>{text}<figcaption>{escape(caption)}</figcaption></figure>"


def page(title: str, subtitle: str, sections: Sequence[str]) -> str:
    """A whole page."""
    made = f"Made by e3gnn-xanes {package_version('e3gnn-xanes')} on {date.today().isoformat()}."
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f"<header><h1>{escape(title)}</h1>{paragraph(subtitle, 'note')}</header>"
        f"<main>{''.join(sections)}</main><footer>{paragraph(made)}</footer></body></html>\n"
    )
