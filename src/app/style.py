"""Colors and spacing of the page, light and dark after the system's setting."""

CSS = """
:root {
  --paper: #ffffff; --ink: #1b1f24; --quiet: #59616b; --line: #d8dce1; --accent: #1d5fbf;
  --warn: #8a4b00; --bad: #b3261e; --chosen: #eaf1fb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181c; --ink: #e6e9ed; --quiet: #a3abb5; --line: #343a42; --accent: #7fb0ff;
    --warn: #f0b060; --bad: #ff8a80; --chosen: #1e2a3d;
  }
}
body { background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
.nicegui-content { padding: 24px 32px; gap: 24px; max-width: 1600px; margin: 0 auto; }
.q-field__native, .q-field__label, .q-field__input { color: var(--ink) !important; }
h1 { font-size: 20px; font-weight: 600; margin: 0; line-height: 1.4; }
h2 { font-size: 15px; font-weight: 600; margin: 0; line-height: 1.4; }
.page { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 7fr); gap: 24px 40px;
  width: 100%; align-items: start; }
.column { display: flex; flex-direction: column; gap: 16px; min-width: 0; }
.bar { display: flex; flex-wrap: wrap; gap: 12px 20px; align-items: center; width: 100%; }
.quiet { color: var(--quiet); }
.warn { color: var(--warn); min-height: 1.5em; }
.bad { color: var(--bad); min-height: 1.5em; }
.crystal { width: 100%; height: 420px; }
.spectrum { width: 100%; height: 460px; }
.sites { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
.sites th { text-align: left; font-weight: 500; color: var(--quiet); }
.sites th, .sites td { padding: 6px 10px 6px 0; border-bottom: 1px solid var(--line); }
.sites td:first-child { padding-left: 8px; }
.sites th:first-child { padding-left: 8px; }
.sites tr[aria-selected=true] { background: var(--chosen); }
.sites tr { cursor: pointer; }
.sites thead tr { cursor: default; }
.scroll { max-height: 360px; overflow: auto; width: 100%; }
.swatch { display: inline-block; width: 10px; height: 10px; border-radius: 50%;
  margin-right: 8px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.js-plotly-plot text, .js-plotly-plot .annotation-text { fill: var(--ink) !important; }
.js-plotly-plot .gridlayer path { stroke: var(--line) !important; }
.js-plotly-plot .xlines-above, .js-plotly-plot .ylines-above,
.js-plotly-plot .ticks { stroke: var(--quiet) !important; }
@media (max-width: 1100px) { .page { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 600px) {
  .nicegui-content { padding: 16px; }
  .crystal { height: 320px; } .spectrum { height: 340px; }
}
"""
