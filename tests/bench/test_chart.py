"""The chart of the benchmark shows every server that was measured, at a width that a README has."""

from __future__ import annotations

import re
from types import MappingProxyType, SimpleNamespace
from typing import cast
from xml.etree import ElementTree

from bench.chart import render_chart
from bench.report import LIMIT, SCENARIOS, Measurement, Table
from bench.targets import Target

PEER = "FastAPI + SQLAlchemy ORM (GraphQL: Strawberry)"
RATES = MappingProxyType({LIMIT: 1000.0, "Monynha": 850.0, "Monynha, bare": 900.0, PEER: 1.0})
NAMESPACE = "{http://www.w3.org/2000/svg}"


def draw() -> ElementTree.Element:
    """Return the chart of all scenarios, but for the peer's GraphQL of one task."""
    table: Table = {s: {name: [Measurement(rate, 0, 0)] for name, rate in RATES.items()} for s in SCENARIOS}
    table["graph1"][PEER] = []
    # Only the names of targets are drawn.
    targets = [cast(Target, SimpleNamespace(name=name)) for name in RATES if name != LIMIT]
    return ElementTree.fromstring(render_chart(table, targets, "2 cores & 32 connections"))


def test_every_measured_server_has_a_bar_in_proportion_to_its_rate() -> None:
    bars = draw().findall(f"{NAMESPACE}rect")[1:]

    assert len(bars) == len(SCENARIOS) * 4 - 1
    assert [(bar.get("class"), bar.get("width")) for bar in bars[:4]] == [
        ("ours", "399.5"),
        ("bare", "423.0"),
        ("limit", "470.0"),
        ("peer", "1.0"),
    ]


def test_the_library_for_graphql_is_named_where_graphql_is_measured() -> None:
    texts = [text.text for text in draw().findall(f"{NAMESPACE}text")]

    assert texts.count("FastAPI + SQLAlchemy ORM") == 4
    assert texts.count("FastAPI + SQLAlchemy ORM, Strawberry") == 2
    assert texts[-1] == "2 cores & 32 connections"


def test_labels_and_bars_do_not_overlap() -> None:
    chart = draw()
    width = int(str(chart.get("viewBox")).split()[2])
    rows = chart.findall(f"{NAMESPACE}rect")[1:]
    ends = [float(str(bar.get("y"))) + float(str(bar.get("height"))) for bar in rows]
    labels = [text for text in chart.findall(f"{NAMESPACE}text") if text.get("text-anchor") == "end"]

    assert all(float(str(row.get("y"))) > end for row, end in zip(rows[1:], ends, strict=False))
    # A letter of 13 px is at most 7.7 px wide on average in the widest usual font.
    assert all(len(str(label.text)) * 7.7 < float(str(label.get("x"))) for label in labels)
    assert max(float(str(text.get("x"))) for text in chart.iter(f"{NAMESPACE}text")) + 60 < width
    assert re.search(r"prefers-color-scheme: dark", str(chart.findtext(f"{NAMESPACE}style")))
