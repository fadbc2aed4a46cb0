"""The benchmark as a chart: a group of bars for each scenario, as SVG that is readable on light and dark pages."""

from __future__ import annotations

from textwrap import wrap
from xml.sax.saxutils import escape

from bench.report import LIMIT, SCENARIOS, Table, median_rate_of
from bench.targets import Target

_WIDTH = 850
_LABEL_END = 290
_BAR_START, _BAR_WIDTH = 298, 470
_BAR_HEIGHTS = {"ours": 22, "bare": 14, "limit": 14, "peer": 14}
_BAR_GAP = 5
_TITLE_HEIGHT, _GROUP_GAP = 12, 30
_TOP = 62
_TITLE = "Requests a second: longer is better"
# The colours of bars keep a contrast of 3:1 against both backgrounds, those of texts 4.5:1. The background is part of
# the picture: a page may be dark where the browser says that it is light.
_STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
  .page { fill: #ffffff }
  .title { font-weight: 600; font-size: 16px }
  .strong { font-weight: 600 }
  .note { font-size: 11px; fill: #59636e }
  .limit { fill: #8b949e }
  .ours { fill: #1a7f37 }
  .bare { fill: #4a9c5d }
  .peer { fill: #6e7fae }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .page { fill: #0d1117 }
    .note { fill: #9198a1 }
    .ours { fill: #3fb950 }
  }
"""


def render_chart(table: Table, targets: list[Target], conditions: str) -> str:
    """Return the SVG; each group of bars has a scale of its own, since the scenarios differ too much for one.

    `targets` are Monynha in production, which has the thick bars, Monynha bare, and its peers. `conditions` is the
    line that says when and how it was measured.
    """
    ours, bare, *peers = (target.name for target in targets)
    classes = {ours: "ours", bare: "bare", LIMIT: "limit", **dict.fromkeys(peers, "peer")}
    elements, y = [], _TOP
    for scenario, title in SCENARIOS.items():
        rates = {name: rate for name in classes if (rate := median_rate_of(table, scenario, name))}
        if not rates:
            continue
        elements.append(_text(20, y, "strong", title))
        group, y = _render_group(rates, classes, y + _TITLE_HEIGHT, of_graphql=scenario.startswith("graph"))
        elements += group
        y += _GROUP_GAP
    for line in wrap(conditions, 130):
        elements.append(_text(20, y, "note", line))
        y += 16
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" role="img">',
            f"<title>{_TITLE}</title>",
            f"<style>{_STYLE}</style>",
            f'<rect class="page" width="{_WIDTH}" height="{y}" rx="6"/>',
            _text(20, 30, "title", _TITLE),
            *elements,
            "</svg>\n",
        ]
    )


def _render_group(
    rates: dict[str, float], classes: dict[str, str], y: int, *, of_graphql: bool
) -> tuple[list[str], int]:
    """Return the bars of a scenario, and where the last one ends."""
    elements = []
    for name, rate in rates.items():
        css_class = classes[name]
        height, text_class = _BAR_HEIGHTS[css_class], "strong" if css_class == "ours" else ""
        width = max(1.0, _BAR_WIDTH * rate / max(rates.values()))
        baseline = y + height // 2 + 5
        elements += [
            _text(_LABEL_END, baseline, text_class, _label(name, of_graphql=of_graphql), anchor="end"),
            f'<rect class="{css_class}" x="{_BAR_START}" y="{y}" width="{width:.1f}" height="{height}" rx="2"/>',
            _text(round(_BAR_START + width) + 8, baseline, text_class, f"{rate:,.0f}"),
        ]
        y += height + _BAR_GAP
    return elements, y


def _label(name: str, *, of_graphql: bool) -> str:
    """Return the name of a target, with its library for GraphQL only where GraphQL is measured."""
    server, _, library = name.removesuffix(")").partition(" (GraphQL: ")
    if not library:
        return name
    return f"{server}, {library}" if of_graphql else server


def _text(x: int, y: int, css_class: str, content: str, *, anchor: str = "start") -> str:
    attributes = f' class="{css_class}"' if css_class else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{attributes}>{escape(content)}</text>'
