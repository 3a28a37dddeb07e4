"""Draw the charts of the impact report as SVG, with Matplotlib.

They say the same in black and white: bars differ by their hatching, lines by their marks. Each
has a text beside it that says what it shows, and its figures stand in a table of the report.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from timebank.errors import StoreError
from timebank.queries.impact import Impact
from timebank.reports.impact_text import band_text
from timebank.reports.text import fit
from timebank.reports.words import Words

#: Inches: a phone is as wide, and letters of nine points can be read on it.
_WIDE: Final = 4.4
_MOST_AREAS: Final = 5
_MOST_MONTHS: Final = 36
#: Characters of a word in a legend.
_LONGEST: Final = 22
_COLOURS: Final = ("#1f4e79", "#c55a11", "#548235", "#7f6000", "#7030a0", "#7f7f7f")
_HATCHES: Final = ("", "////", "....", "\\\\\\\\", "xxxx", "++++")
_PROLOGUE: Final = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA: Final = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)


@attrs.frozen
class Chart:
    """A chart: its title, what it shows in a sentence, and the element `svg`."""

    title: str
    text: str
    svg: str


def charts(impact: Impact, words: Words) -> list[Chart]:
    """Return the charts that there are figures for.

    :raises StoreError: Matplotlib is not installed.
    """
    found = [
        _by_month(impact, words),
        _balances(impact, words),
        _who(impact, words),
        _flows(impact, words),
    ]
    return [chart for chart in found if chart is not None]


def _drawn(
    title: str, text: str, draw: Callable[[Any], None], *, high: float = 3.0, name: str
) -> Chart:
    """Return a chart from what draws on its axes. The ids within it begin with its name."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:  # pragma: no cover - it is installed for the tests
        msg = "the report as HTML needs timebank[report]: pip install 'timebank[report]'"
        raise StoreError(msg) from error
    settings: Any = {
        "text.parse_math": False,  # a word of people is no formula
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "hatch.linewidth": 0.6,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=(_WIDE, high), layout="constrained")
        draw(figure.subplots())
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    svg = _METADATA.sub("", _PROLOGUE.sub("", stream.getvalue()))
    svg = re.sub(r'id="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{_attribute(f"{title}. {text}")}" ', 1)
    return Chart(title, text, svg)


def _attribute(text: str) -> str:
    from html import escape

    return escape(text, quote=True)


def _by_month(impact: Impact, words: Words) -> Chart | None:
    """Draw hours by month, in the largest areas and the rest."""
    months = impact.by_month[-_MOST_MONTHS:]
    if not months:
        return None
    keys = [group.key for group in months]
    areas = [one.key for one in impact.by_area if not one.is_hidden][:_MOST_AREAS]
    rows = {
        area: {
            one.key: one.hours.seconds / 3600
            for one in impact.by_month_and_area.get(area, ())
            if one.hours is not None
        }
        for area in areas
    }

    def draw(axes: Any) -> None:
        bottom = [0.0] * len(keys)
        for number, area in enumerate(areas):
            heights = [rows[area].get(key, 0.0) for key in keys]
            axes.bar(
                range(len(keys)),
                heights,
                bottom=bottom,
                label=fit(words.of(area), _LONGEST),
                color=_COLOURS[number],
                hatch=_HATCHES[number],
                edgecolor="white",
                linewidth=0.3,
            )
            bottom = [low + high for low, high in zip(bottom, heights, strict=True)]
        step = max(1, len(keys) // 6)
        axes.set_xticks(range(0, len(keys), step), keys[::step], rotation=30, ha="right")
        axes.set_ylabel(words("hours"))
        if len(areas) > 1:
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.32), ncol=2, frameon=False)

    shown = [(group.hours, group.key) for group in months if group.hours is not None]
    text = ", ".join(f"{key}: {hours}" for hours, key in sorted(shown, reverse=True)[:1])
    title = f"{words('by_month')}, {words('area').lower()}" if len(areas) > 1 else words("by_month")
    return _drawn(title, text, draw, high=3.6 if len(areas) > 1 else 3.0, name="months")


def _balances(impact: Impact, words: Words) -> Chart | None:
    counts = [band.accounts or 0 for band in impact.balances]
    if not any(counts):
        return None
    names = [band_text(band, words) for band in impact.balances]

    def draw(axes: Any) -> None:
        debts = [band.high is not None and band.high.seconds <= 0 for band in impact.balances]
        colours = [_COLOURS[debt] for debt in debts]
        hatches = [_HATCHES[debt] for debt in debts]
        bars = axes.barh(names, counts, color=colours, edgecolor="white", linewidth=0.3)
        for bar, hatch in zip(bars, hatches, strict=True):
            bar.set_hatch(hatch)
        labels = [
            words("hidden") if band.accounts is None else str(band.accounts)
            for band in impact.balances
        ]
        axes.bar_label(bars, labels, padding=2)
        axes.margins(x=0.15)
        axes.set_xlabel(words("members"))

    text = ", ".join(f"{name}: {count}" for name, count in zip(names, counts, strict=True) if count)
    return _drawn(words("balances"), text, draw, name="balances")


def _who(impact: Impact, words: Words) -> Chart | None:
    named = [("both", impact.both), ("give_only", impact.give_only)]
    named.append(("receive_only", impact.receive_only))
    parts = [(words(key), value, number) for number, (key, value) in enumerate(named) if value]
    if not parts:
        return None

    def draw(axes: Any) -> None:
        for name, value, number in parts:
            axes.barh(
                [name], [value], color=_COLOURS[number], hatch=_HATCHES[number], edgecolor="white"
            )
            axes.text(value, name, f" {value}", va="center")
        axes.margins(x=0.15)
        axes.invert_yaxis()
        axes.set_xlabel(words("members"))

    text = ", ".join(f"{name}: {value}" for name, value, _ in parts)
    return _drawn(words("who"), text, draw, high=1.8, name="who")


def _flows(impact: Impact, words: Words) -> Chart | None:
    flows: Sequence[tuple[str, float]] = [
        (f"{words(spender)} → {words(earner)}", hours.seconds / 3600)
        for spender, earner, hours in impact.flows
        if hours is not None and hours.seconds > 0
    ]
    if not flows:
        return None
    ordered = sorted(flows, key=lambda flow: flow[1])[-8:]

    def draw(axes: Any) -> None:
        bars = axes.barh(
            [name for name, _ in ordered],
            [hours for _, hours in ordered],
            color=_COLOURS[2],
            hatch=_HATCHES[2],
            edgecolor="white",
        )
        axes.bar_label(bars, [f"{hours:.0f}" for _, hours in ordered], padding=2)
        axes.margins(x=0.2)
        axes.set_xlabel(words("hours"))

    text = ", ".join(f"{name}: {hours:.0f}" for name, hours in reversed(ordered))
    high = 1.2 + 0.3 * len(ordered)
    return _drawn(words("flows"), text, draw, high=high, name="flows")
