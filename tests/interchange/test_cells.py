"""The text of a cell: one parser of instants for every importer."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timebank.interchange.engine.cells import instant_of, whole_number


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2018-01-17", "2018-01-17T00:00:00+00:00"),
        ("2018-01-17 11:35", "2018-01-17T11:35:00+00:00"),
        ("2018-01-17T11:35:48Z", "2018-01-17T11:35:48+00:00"),
        ("2018-01-17 11:35:48 UTC", "2018-01-17T11:35:48+00:00"),
        ("2018-01-17 11:35:48.25", "2018-01-17T11:35:48.250000+00:00"),
        ("2018-01-17 11:35:48.123456789", "2018-01-17T11:35:48.123456+00:00"),
        ("2018-01-17 11:35:48+02", "2018-01-17T11:35:48+02:00"),
        ("2018-01-17 23:59:59 +0530", "2018-01-17T23:59:59+05:30"),
        ("2018-01-17T00:00:00-03:00", "2018-01-17T00:00:00-03:00"),
    ],
)
def test_an_instant_is_read_as_databases_write_it(text: str, instant: str) -> None:
    """With its zone, and the day that is written."""
    found = instant_of(text)
    assert datetime.fromisoformat(instant) == found
    assert found is not None
    assert text[:10] == found.date().isoformat()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2018",
        "20180117",
        "17/01/2018",
        "2018-02-30",
        "0000-01-01",
        "2018-01-17 ",
        "2018-01-17Z",
        "2018-01-17 11",
        "2018-01-17 11:35.5",
        "2018-01-17 25:00",
        "2018-01-17 11:35:60",
        "2018-01-17 11:35:48,5",
        "2018-01-17 11:35:48+2",
        "2018-01-17 11:35:48+02:",
        "2018-01-17 11:35:48+24:00",
        "2018-01-17 11:35:48+99:99",
        "\u0662\u0660\u0661\u0668-01-17",
    ],
)
def test_what_is_no_instant_is_none(text: str) -> None:
    """Nothing is guessed."""
    assert instant_of(text) is None


@given(
    st.datetimes(),
    st.integers(-1439, 1439),
    st.sampled_from(["T", " "]),
)
def test_an_instant_that_is_written_is_read(naive: datetime, minutes: int, between: str) -> None:
    """Whatever its offset."""
    instant = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert instant == instant_of(instant.isoformat(between))


@given(st.text())
def test_no_text_upsets_the_parser(text: str) -> None:
    """It gives an instant or none, a number or none."""
    assert isinstance(instant_of(text), datetime | None)
    assert isinstance(whole_number(text), int | None)
