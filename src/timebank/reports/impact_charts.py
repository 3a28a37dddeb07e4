"""Draw the charts of the impact report as SVG, with Matplotlib.

They say the same in black and white: bars differ by their hatching. Each has a text beside it
that says what it shows, and its figures stand in a table of the report. One that would have a
single bar is its text alone. The chart of time is of the whole period: where that has many months,
by quarter or by year.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from textwrap import wrap
from typing import Any, Final

import attrs

from timebank.errors import StoreError
from timebank.hours import Hours
from timebank.queries.impact import Impact
from timebank.queries.impact.figures import Band, months_from
from timebank.reports.impact_text import band_text, month_words
from timebank.reports.text import harmless
from timebank.reports.words import Words

#: Inches: a phone is as wide, and letters of nine points can be read on it.
_WIDE: Final = 4.4
_MOST_AREAS: Final = 5
#: As many bars stand side by side: of more months there are quarters, of more quarters years.
_MOST_BARS: Final = 36
_MOST_TICKS: Final = 6
#: Characters in a line of a legend, and of a label beside a bar: a longer one goes on below.
_LEGEND_COLUMNS: Final = 24
_LABEL_COLUMNS: Final = 18
_MOST_FLOWS: Final = 8
_LINE_INCHES: Final = 0.17
#: Left free at the sides: letters of the reader's machine may be wider than those measured.
_EDGE_INCHES: Final = 0.12
_COLOURS: Final = ("#1f4e79", "#c55a11", "#548235", "#7f6000", "#7030a0", "#7f7f7f")
_HATCHES: Final = ("", "////", "....", "\\\\\\\\", "xxxx", "++++")
#: The number of the colour of what is neither a debt nor a credit.
_ZERO: Final = 5
_PROLOGUE: Final = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA: Final = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)


@attrs.frozen
class Chart:
    """A chart: its title, what it shows in words, and the element `svg`, empty for one bar.

    `note` is what is to stand beside the drawing.
    """

    title: str
    text: str
    svg: str
    note: str = ""


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
        from matplotlib.layout_engine import ConstrainedLayoutEngine
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
        figure = Figure(figsize=(_WIDE, high), layout=ConstrainedLayoutEngine(w_pad=_EDGE_INCHES))
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


def _sentence(title: str, name: str, value: object, words: Words) -> Chart:
    """Return what a chart of a single bar would show."""
    text = words("one_bar", name=f"{name[:1].upper()}{name[1:]}", value=value)
    return Chart(title, text, "")


def _folded(text: str, columns: int) -> str:
    """Return a label whole, on as many lines as it needs."""
    lines = wrap(harmless(text), columns, break_long_words=True)
    return "\n".join(lines) or harmless(text)


# -- time --------------------------------------------------------------------------------


def _by_month(impact: Impact, words: Words) -> Chart | None:
    """Draw hours of the whole period by month, quarter or year, by area where there are several."""
    shown = {one.key: one.hours.seconds for one in impact.by_month if one.hours is not None}
    if not shown:
        return None
    months = _months(impact, min(shown), max(shown))
    key, span = _spans(months)
    bars = list(dict.fromkeys(map(span, months)))
    title = words(
        "span", chart=words(key), first=_written(bars[0], words), last=_written(bars[-1], words)
    )
    hidden = len(impact.by_month) - len(shown)
    without = words.counted("hidden_months", hidden)
    text = words(
        "all_of_it",
        hours=Hours.from_seconds(sum(shown.values())),
        hidden=words("without_hidden", what=without) if hidden else "",
    )
    if len(bars) == 1:
        hours = Hours.from_seconds(sum(shown.values()))
        return _sentence(words(key), _written(bars[0], words), hours, words)
    layers = _layers(impact, shown, span, bars, words)

    def draw(axes: Any) -> None:
        bottom = [0.0] * len(bars)
        for number, (name, seconds) in enumerate(layers):
            heights = [seconds[bar] / 3600 for bar in bars]
            axes.bar(
                range(len(bars)),
                heights,
                bottom=bottom,
                label=_folded(name, _LEGEND_COLUMNS),
                color=_COLOURS[number],
                hatch=_HATCHES[number],
                edgecolor="white",
                linewidth=0.3,
            )
            bottom = [low + high for low, high in zip(bottom, heights, strict=True)]
        step = -(-len(bars) // _MOST_TICKS)
        places = range(0, len(bars), step)
        labels = [_tick(bars[place], words) for place in places]
        axes.set_xticks(places, labels, rotation=30, ha="right", rotation_mode="anchor")
        axes.set_ylabel(words("hours"))
        axes.set_ylim(bottom=0)
        if len(layers) > 1:
            axes.figure.legend(loc="outside lower center", ncol=2, frameon=False)

    lines = sum(_folded(name, _LEGEND_COLUMNS).count("\n") + 1 for name, _ in layers)
    high = 3.0 + (_LINE_INCHES * lines if len(layers) > 1 else 0)
    return attrs.evolve(_drawn(title, text, draw, high=high, name="months"), note=text)


def _months(impact: Impact, first: str, last: str) -> list[str]:
    """Return the months of the period, those without an exchange too; `YYYY-MM`."""
    if impact.since is not None:
        first = f"{impact.since:%Y-%m}"
    if impact.until is not None:
        last = max(last, f"{min(impact.until, impact.through):%Y-%m}")
    return months_from(first, last)


def _spans(months: Sequence[str]) -> tuple[str, Callable[[str], str]]:
    """Return by what time is drawn, and which bar a month is part of."""
    if len(months) <= _MOST_BARS:
        return "by_month", str
    if len(months) <= _MOST_BARS * 3:
        return "by_quarter", lambda month: f"{month[:4]}-Q{(int(month[5:7]) + 2) // 3}"
    return "by_year", lambda month: month[:4]


def _written(bar: str, words: Words) -> str:
    year, _, part = bar.partition("-")
    if not part:
        return year
    if part.startswith("Q"):
        return words("quarter", quarter=part[1:], year=year)
    return month_words(bar, words)


def _tick(bar: str, words: Words) -> str:
    """Return a bar as it stands below the axis, in short."""
    return _written(bar, words) if "Q" in bar or "-" not in bar else f"{bar[5:7]}/{bar[:4]}"


def _layers(
    impact: Impact,
    shown: Mapping[str, int],
    span: Callable[[str], str],
    bars: Sequence[str],
    words: Words,
) -> list[tuple[str, dict[str, int]]]:
    """Return the seconds of each bar by area, the largest first, with what is left of the total."""
    left = dict.fromkeys(bars, 0)
    for month, seconds in shown.items():
        left[span(month)] += seconds
    found = []
    for area in [one.key for one in impact.by_area if not one.is_hidden][:_MOST_AREAS]:
        layer = dict.fromkeys(bars, 0)
        for one in impact.by_month_and_area.get(area, ()):
            if one.hours is not None and one.key in shown:
                layer[span(one.key)] += one.hours.seconds
        if any(layer.values()):
            found.append((words.of(area), layer))
            left = {bar: left[bar] - layer[bar] for bar in bars}
    if not found:
        return [(words("hours"), left)]
    if any(left.values()):
        found.append((words("other_areas"), left))
    return found


# -- people ------------------------------------------------------------------------------


def _balances(impact: Impact, words: Words) -> Chart | None:
    filled = [band for band in impact.balances if band.accounts]
    if not filled:
        return None
    text = ", ".join(f"{band_text(band, words)}: {band.accounts}" for band in filled)
    title = words("balances")
    if len(filled) == 1 and all(band.accounts is not None for band in impact.balances):
        counted = words.counted("counted_members", filled[0].accounts or 0)
        return _sentence(title, band_text(filled[0], words), counted, words)

    def draw(axes: Any) -> None:
        names = [band_text(band, words) for band in impact.balances]
        kinds = [_sign(band) for band in impact.balances]
        counts = [band.accounts or 0 for band in impact.balances]
        colours = [_COLOURS[kind] for kind in kinds]
        bars = axes.barh(names, counts, color=colours, edgecolor="white", linewidth=0.3)
        for bar, kind in zip(bars, kinds, strict=True):
            bar.set_hatch(_HATCHES[kind])
        labels = [
            words("hidden") if band.accounts is None else str(band.accounts)
            for band in impact.balances
        ]
        axes.bar_label(bars, labels, padding=2)
        axes.margins(x=0.15)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel(words("members"))

    return _drawn(title, text, draw, name="balances")


def _sign(band: Band) -> int:
    """Return the number of the colour of a band: of credits, of debts, and of zero."""
    if band.low is not None and band.low == band.high:
        return _ZERO
    return int(band.high is not None and band.high.seconds <= 0)


def _who(impact: Impact, words: Words) -> Chart | None:
    named = [("both", impact.both), ("give_only", impact.give_only)]
    named.append(("receive_only", impact.receive_only))
    parts = [(words(key), value, number) for number, (key, value) in enumerate(named) if value]
    if not parts:
        return None
    if len(parts) == 1:
        name, value, _ = parts[0]
        return _sentence(words("who"), name, words.counted("counted_members", value), words)

    def draw(axes: Any) -> None:
        for name, value, number in parts:
            bars = axes.barh(
                [_folded(name, _LABEL_COLUMNS)],
                [value],
                color=_COLOURS[number],
                hatch=_HATCHES[number],
                edgecolor="white",
            )
            axes.bar_label(bars, [str(value)], padding=2)
        axes.margins(x=0.15)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.invert_yaxis()
        axes.set_xlabel(words("members"))

    text = ", ".join(f"{name}: {value}" for name, value, _ in parts)
    return _drawn(words("who"), text, draw, high=1.8, name="who")


def _flows(impact: Impact, words: Words) -> Chart | None:
    flows: Sequence[tuple[str, Hours]] = [
        (f"{words(spender)} → {words(earner)}", hours)
        for spender, earner, hours in impact.flows
        if hours is not None and hours.seconds > 0
    ]
    if not flows:
        return None
    if len(flows) == 1:
        return _sentence(words("flows"), *flows[0], words)
    largest = sorted(flows, key=lambda flow: flow[1].seconds)[-_MOST_FLOWS:]
    ordered = [
        (_folded(name, _LABEL_COLUMNS), hours.seconds / 3600, hours) for name, hours in largest
    ]

    def draw(axes: Any) -> None:
        bars = axes.barh(
            [name for name, *_ in ordered],
            [number for _, number, _ in ordered],
            color=_COLOURS[2],
            hatch=_HATCHES[2],
            edgecolor="white",
        )
        axes.bar_label(bars, [str(hours) for *_, hours in ordered], padding=2)
        axes.margins(x=0.2)
        axes.set_xlabel(words("hours"))

    text = ", ".join(f"{name}: {hours}" for name, hours in reversed(largest))
    lines = sum(name.count("\n") + 1 for name, *_ in ordered)
    high = 1.0 + 0.12 * len(ordered) + _LINE_INCHES * lines
    return _drawn(words("flows"), text, draw, high=high, name="flows")
