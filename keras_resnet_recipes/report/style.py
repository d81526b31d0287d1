"""CSS of the report, for light mode, dark mode and print."""

_LIGHT = """
  --back: #fff; --ink: #1c2024; --soft: #5c6670; --rule: #d9dee3; --panel: #f5f7f9; --mark: #fff3c4;
  --good: #1a7f45; --busy: #0b62b8; --bad: #b3261e; --heat: 11, 98, 184; --wrong: 190, 60, 30;
  --c0: #0b62b8; --c1: #c2510c; --c2: #1a7f45; --c3: #8b3fb8;
  --c4: #9a7400; --c5: #c2185b; --c6: #00798c; --c7: #5c6670;"""
_DARK = """
  --back: #14181c; --ink: #e6eaee; --soft: #9aa5b0; --rule: #333b43; --panel: #1d2329; --mark: #4a3f12;
  --good: #5fcf8f; --busy: #6bb3ff; --bad: #ff8a80; --heat: 80, 160, 240; --wrong: 240, 120, 80;
  --c0: #6bb3ff; --c1: #ff9e5e; --c2: #5fcf8f; --c3: #d19bf0;
  --c4: #e3c04d; --c5: #ff85b3; --c6: #4fd0e0; --c7: #9aa5b0;"""
_COLORS = "\n".join(
    f".c{n} {{ stroke: var(--c{n}); }} .dot.c{n} {{ fill: var(--c{n}); }}" for n in range(8)
)

STYLE = (
    f"""
:root {{ color-scheme: light dark; {_LIGHT} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {_DARK} }} }}
"""
    + """
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 24px 20px 60px; background: var(--back);
  color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 36px 0 10px; border-bottom: 1px solid var(--rule); padding-bottom: 4px; }
p { margin: 6px 0; max-width: 80ch; overflow-wrap: anywhere; }
.soft, .help { color: var(--soft); }
.state { font-weight: 600; }
.finished { color: var(--good); }
.running { color: var(--busy); }
.stopped, .problem { color: var(--bad); }

.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  margin: 18px 0; }
.tile { background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; padding: 10px 14px; }
.tile b { display: block; font-size: 22px; line-height: 1.3; }
.tile span { display: block; color: var(--soft); font-size: 13px; }

figure { margin: 0; break-inside: avoid; min-width: 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 20px; }
.chart figcaption { display: flex; flex-wrap: wrap; gap: 2px 18px; align-items: baseline; }
.chart > svg { display: block; width: 100%; height: auto; }
.legend { display: flex; flex-wrap: wrap; gap: 0 16px; font-size: 13px; color: var(--soft); min-width: 0; }
.legend > span { display: inline-flex; gap: 6px; align-items: center; overflow-wrap: anywhere; }
.legend svg { flex: none; }
text { fill: var(--soft); font-size: 12px; }
.grid { stroke: var(--rule); }
.axis { stroke: var(--soft); }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
.dashed { stroke-dasharray: 6 4; }

.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: 4px 16px 4px 0;
  border-bottom: 1px solid var(--rule); }
thead th { color: var(--soft); font-weight: 500; }
tbody th { font-weight: 500; white-space: nowrap; }
td { font-variant-numeric: tabular-nums; }
.numbers th, .numbers td { white-space: nowrap; }
mark { background: var(--mark); color: inherit; padding: 0 4px; border-radius: 3px; }
pre { background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; padding: 10px 14px;
  white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.5 ui-monospace, "Liberation Mono", monospace; }

.images { display: grid; grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); gap: 10px;
  font-size: 12px; line-height: 1.35; }
.images img { width: 100%; display: block; border-radius: 4px; }
.images figcaption { overflow-wrap: anywhere; margin-top: 4px; }
.recipe th[scope="rowgroup"] { color: var(--soft); font-weight: 500; padding-top: 16px; }
.side-by-side { display: flex; flex-wrap: wrap; gap: 24px; align-items: flex-start; }
.part { max-width: 100%; }
.part p { max-width: 34ch; font-size: 13px; }
.bar { fill: var(--c0); }
.reliability { width: 288px; max-width: 100%; }
.figures th, .figures td { white-space: nowrap; padding-right: 0; }
.figures th + th, .figures td { text-align: right; padding-left: 14px; }
.figures tr:last-child > * { border-bottom: 0; font-weight: 600; }
.worst { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(330px, 100%), 1fr)); gap: 18px;
  font-size: 13px; line-height: 1.4; }
.worst figcaption { overflow-wrap: anywhere; margin-top: 4px; }
.pair { display: flex; gap: 6px; align-items: flex-start; }
.pair img { display: block; border-radius: 4px; min-width: 0; max-width: calc(50% - 3px); height: auto; }
.confusion { font-size: 13px; }
.confusion th, .confusion td { padding: 3px 7px; border: 1px solid var(--rule); text-align: right; }
.confusion thead th { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left;
  vertical-align: bottom; }
.confusion thead th:first-child { writing-mode: horizontal-tb; transform: none; }

@media (max-width: 600px) {
  body { padding: 16px 16px 40px; }
  .chart:not(.reliability) text { font-size: 15px; }
  th, td { font-size: 13px; padding-right: 10px; }
  .numbers td:last-child { white-space: normal; overflow-wrap: anywhere; }
  .figures th, .figures td { font-size: 12.5px; }
  .figures th + th, .figures td { padding-left: 7px; }
  .recipe .help { display: none; }
}

@media print {
  body { max-width: none; padding: 0; font-size: 11pt; }
  h2 { break-after: avoid; }
  .charts { grid-template-columns: 1fr 1fr; }
  .tiles { grid-template-columns: repeat(5, 1fr); }
  .wide { overflow: visible; }
  table { font-size: 9pt; }
  tr { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
    + _COLORS
)
