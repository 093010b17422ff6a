"""Colors and spacing of the page, light and dark after the system's setting."""

CSS = """
:root, body {
  --paper: #ffffff; --ink: #1b1f24; --quiet: #59616b; --line: #d8dce1;
  --q-primary: #1d5fbf !important;
  --warn: #8a4b00; --bad: #b3261e; --chosen: #e8f0fb;
}
@media (prefers-color-scheme: dark) {
  :root, body, body.body--dark {
    --paper: #15181c; --ink: #e6e9ed; --quiet: #a3abb5; --line: #343a42;
    --q-primary: #7fb0ff !important;
    --warn: #f0b060; --bad: #ff8a80; --chosen: #1e2a3d; --q-dark: #1c2025; --q-dark-page: #15181c;
  }
}
body { background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
.nicegui-content { padding: 12px 32px 48px; gap: 8px; max-width: 1640px; margin: 0 auto;
  align-items: stretch; }
h1 { font-size: 19px; font-weight: 600; margin: 0; line-height: 1.4; }
h2 { font-size: 15px; font-weight: 600; margin: 0 8px 0 0; line-height: 1.4; }
.page { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 7fr); gap: 24px 48px; }
.column:not([class*="q-"]) { display: flex; flex-flow: column nowrap; gap: 14px;
  min-width: 0; width: 100%; }
.bar { display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: center; min-height: 40px; }
.spread { justify-content: space-between; }
.grow { flex: 1 1 140px; min-width: 0; }
.choice { flex: 0 1 150px; }
.quiet { color: var(--quiet); }
.summary { min-height: 1.5em; padding-top: 4px; font-variant-numeric: tabular-nums; }
.warn { color: var(--warn); }
.bad { color: var(--bad); }
.doubt { min-height: 3em; font-size: 14px; }
header { position: sticky; top: 0; z-index: 10; background: var(--paper); padding: 4px 0; }
.crystal, .spectrum { width: 100%; height: 400px; overflow: hidden; }
.spectrum { height: 430px; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.sliders { display: grid; gap: 2px 20px; align-items: center;
  grid-template-columns: 210px minmax(80px, 1fr) 5.5em; }
.sliders .bar { gap: 0 6px; }
.q-slider__selection { opacity: 0; } .q-slider__track { background: #8a9099; }
.q-btn--outline.q-btn--dense { padding: 2px 12px; }
.progress { flex: 1 1 120px; }
.lines { white-space: pre-wrap; overflow-wrap: anywhere; color: var(--quiet); min-height: 9em;
  font: 13px/1.6 ui-monospace, "DejaVu Sans Mono", monospace; }
.scroll { max-height: 300px; overflow: auto; }
.scroll:has([aria-label="Distinct sites"]) { min-height: 144px; }
.sites { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
.sites th { text-align: left; font-weight: 500; color: var(--quiet); }
.sites th, .sites td { padding: 6px 10px 6px 0; border-bottom: 1px solid var(--line); }
.sites td:first-child, .sites th:first-child { padding-left: 8px; }
.sites td { white-space: nowrap; }
.sites tbody tr { cursor: pointer; }
.sites tr[aria-selected=true] { background: var(--chosen); }
.swatch { display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 8px; }
:focus-visible { outline: 2px solid var(--q-primary); outline-offset: 1px; }
.q-uploader { width: 190px; position: relative; border: 1px dashed var(--quiet);
  border-radius: 4px; box-shadow: none;
  background: none; color: var(--ink); max-height: 44px; }
.q-uploader__header { background: none; color: var(--ink); }
.q-uploader__header::before { display: none; }
.q-uploader .q-btn { position: static; }
.q-uploader__header-content { padding: 4px 8px; min-height: 42px; }
.q-uploader__title { font: inherit; } .q-uploader__subtitle, .q-uploader__list { display: none; }
.q-field__label { color: var(--quiet); }
.q-field__native, .q-field__input { color: var(--ink); }
.q-field .q-field__control:before { border-color: var(--quiet); }
.js-plotly-plot text { fill: var(--ink) !important; }
.spectrum .annotation-text { fill: var(--warn) !important; }
.fields { display: grid; grid-template-columns: repeat(auto-fill, minmax(112px, 1fr));
  gap: 8px 16px; }
.result { font-weight: 600; font-variant-numeric: tabular-nums; min-height: 1.5em; }
.js-plotly-plot .gridlayer path { stroke: var(--line) !important; }
.js-plotly-plot .xlines-above, .js-plotly-plot .ylines-above, .js-plotly-plot .ticks {
  stroke: var(--quiet) !important; }
@media (max-width: 1200px) { .page { gap: 24px 32px; } .bar { gap: 8px 10px; }
  .grow { flex-basis: 72px; } .choice { flex-basis: 100px; }
  .sliders { grid-template-columns: 168px minmax(60px, 1fr) 5em; gap: 2px 10px; }
  .sites { font-size: 13px; } .sites th, .sites td { padding: 6px 6px 6px 0; } }
@media (max-width: 900px) {
  .page { grid-template-columns: minmax(0, 1fr); gap: 14px; }
  .page > section.column { display: contents; }
  .page > section > .column { order: 1; }
  .page > section > h2, .lines { order: 2; }
}
@media (min-height: 780px) {
  html { scroll-padding-top: 600px; }
  .stay { position: sticky; top: 40px; z-index: 5; background: var(--paper); }
}
@media (max-width: 600px) {
  .nicegui-content { padding: 8px 16px 48px; }
  .crystal { height: 300px; }
  .sliders { grid-template-columns: minmax(0, 1fr) auto; }
  .sliders .bar { grid-column: 1 / 3; }
}
"""
