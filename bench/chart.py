"""The benchmark as a chart: a group of bars for each scenario, as SVG that is readable on light and dark pages."""

from __future__ import annotations

from textwrap import wrap
from xml.sax.saxutils import escape

from bench.report import LIMIT, SCENARIOS, Table, median_rate_of
from bench.targets import Target

_WIDTH = 860
_LABEL_WIDTH = 330
_BAR_WIDTH = 420
_BAR_HEIGHT = 15
_BAR_STEP = 19
_GROUP_GAP = 34
_TOP = 58
_TITLE = "Requests a second: longer is better"
# The colours keep a contrast of 3:1 against white and against GitHub's dark background.
_STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 16px }
  .group { font-weight: 600 }
  .note { font-size: 11px; fill: #59636e }
  .limit { fill: #8b949e }
  .ours { fill: #1a7f37 }
  .bare { fill: #4a9c5d }
  .peer { fill: #6e7fae }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .note { fill: #9198a1 }
    .ours { fill: #3fb950 }
  }
"""


def render_chart(table: Table, targets: list[Target], conditions: str) -> str:
    """Return the SVG; each group of bars has a scale of its own, since the scenarios differ too much for one.

    `conditions` is the line that says when and how it was measured.
    """
    names = [LIMIT, *(target.name for target in targets)]
    classes = dict(zip(names, ("limit", "ours", "bare", *("peer" for _ in targets[2:])), strict=True))
    elements, y = [], _TOP
    for scenario, title in SCENARIOS.items():
        rates = {name: rate for name in names if (rate := median_rate_of(table, scenario, name))}
        elements += _render_group(title, rates, classes, y)
        y += _GROUP_GAP + _BAR_STEP * len(rates)
    for line in wrap(conditions, 130):
        elements.append(_text(20, y, "note", line))
        y += 16
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" role="img">',
            f"<title>{_TITLE}</title>",
            f"<style>{_STYLE}</style>",
            _text(20, 28, "title", _TITLE),
            *elements,
            "</svg>\n",
        ]
    )


def _render_group(title: str, rates: dict[str, float], classes: dict[str, str], top: int) -> list[str]:
    elements = [_text(20, top, "group", title)]
    for index, (name, rate) in enumerate(rates.items()):
        y = top + 8 + index * _BAR_STEP
        width = max(1.0, _BAR_WIDTH * rate / max(rates.values()))
        rectangle = f'x="{_LABEL_WIDTH}" y="{y}" width="{width:.1f}" height="{_BAR_HEIGHT}" rx="2"'
        elements += [
            _text(_LABEL_WIDTH - 8, y + 12, "", name, anchor="end"),
            f'<rect class="{classes[name]}" {rectangle}/>',
            _text(round(_LABEL_WIDTH + width) + 8, y + 12, "", f"{rate:,.0f}"),
        ]
    return elements


def _text(x: int, y: int, css_class: str, content: str, *, anchor: str = "start") -> str:
    attributes = f' class="{css_class}"' if css_class else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{attributes}>{escape(content)}</text>'
