"""Whatever is given to a parser: what it means, or one of the errors that are documented."""

from __future__ import annotations

import json
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import timebank
from audit.forgeries import audit_of, small
from support import fill, sources
from timebank import Corrupt, Hours, InvalidHours, InvalidRequest, InvalidStatute, TimebankError
from timebank.audit.field_types import is_day
from timebank.cli import main
from timebank.cli.options import DAY
from timebank.interchange.timeoverflow import import_timeoverflow
from timebank.journal import canonical, parse
from timebank.model import MAX_INTEGER
from timebank.statute.codec import from_json, to_json
from timebank.storage import open_store

HOURS = ["2", "1:30", "-0:30", "1:30:15", "1.25", "1,25", "1h30", "90m", "45s", "PT1H30M", "0"]
DAYS = ["2026-03-02", "0001-01-01", "9999-12-31", "2024-02-29"]
STATUTE = json.dumps(
    {
        "version": "v1",
        "time_zone": "Europe/Rome",
        "limits": {"member": [{"floor": "-10", "beyond": "flag"}]},
        "fee": {"share": "1/10", "fund": "fund"},
        "dues": [{"hours": 2, "fund": "fund", "every": "month"}],
        "welcome": {"hours": 2, "fund": "fund"},
        "demurrage": {"share": "10%", "above": 5, "fund": "fund"},
        "granularity": {"unit": "0:15", "rounding": "up"},
    }
)
ROW = "1,member,2,member,5400,2018-01-17 11:35:48,garden,3\n"


def mutated(*valid: str) -> st.SearchStrategy[str]:
    """A valid text with some of its characters replaced, doubled or left out."""

    @st.composite
    def build(draw: st.DrawFn) -> str:
        text = list(draw(st.sampled_from(valid)))
        for _ in range(draw(st.integers(0, 3))):
            place = draw(st.integers(0, len(text)))
            end = draw(st.integers(place, min(place + 3, len(text))))
            text[place:end] = draw(st.text(max_size=2) | st.sampled_from([*'0-:,.{}[]"', *text]))
        return "".join(text)

    return build()


@given(st.text() | mutated(*HOURS))
def test_hours(text: str) -> None:
    """A quantity that is written and read again alike, or `InvalidHours`."""
    try:
        found = Hours(text)
    except InvalidHours:
        return
    assert abs(found.seconds) <= MAX_INTEGER
    assert found == Hours(str(found)) == Hours(format(found, ""))


@given(st.text() | mutated(*DAYS))
def test_days(text: str) -> None:
    """A day of the calendar, as it is written; or an error of the command line."""
    try:
        found = DAY.convert(text, None, None)
    except click.BadParameter:
        return
    assert (text, True) == (found.isoformat(), is_day(text))


@given(
    st.binary()
    | st.text().map(str.encode)
    | mutated('{"a":1,"b":["x",-5,null,true]}').map(str.encode)
)
def test_records(body: bytes) -> None:
    """An object whose canonical bytes are read again alike, or `Corrupt`."""
    try:
        found = parse(body)
    except Corrupt:
        return
    with suppress(ValueError):  # lone surrogates have no canonical form
        assert found == parse(canonical(found))


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**54), 2**54) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.data())
def test_records_in_a_journal(data: st.DataObject) -> None:
    """Any field of any record is anything: the audit reports, and never raises."""
    forgery = small()
    before = json.dumps(forgery.records, sort_keys=True)
    record = data.draw(st.sampled_from(forgery.records))
    place: Any = data.draw(st.sampled_from([record, record["request"], record["effects"]]))
    field = data.draw(st.sampled_from(sorted(place)) | st.text(max_size=4))
    if data.draw(st.booleans()):
        place.pop(field, None)
    else:
        place[field] = data.draw(values)
    changed = json.dumps(forgery.records, sort_keys=True) != before
    try:
        batch = forgery.batch()
    except (AttributeError, Corrupt, KeyError, TypeError, ValueError):
        return  # the forger's own means end here: no rows can be made of it
    report = audit_of(batch)
    assert changed or report.ok


@given(st.text() | mutated(STATUTE) | st.binary() | values.map(json.dumps))
def test_statutes(text: str | bytes) -> None:
    """Rules that are written and read again alike, or `InvalidStatute`."""
    try:
        found = from_json(text)
    except InvalidStatute:
        return
    assert found == from_json(to_json(found))


@given(st.lists(mutated(ROW), max_size=4), st.binary(max_size=60))
def test_csv(rows: list[str], noise: bytes) -> None:
    """What is booked moves hours between two members, and the rest is told."""
    bank = timebank.open("memory:")
    users = b"1,2018-01-08,Vera,,,,,,,\n2,2018-01-09,Paolo,,,,,,,\n" + noise
    content = "".join(rows).encode("utf-8", "surrogateescape") + noise
    report = import_timeoverflow(bank, BytesIO(users), BytesIO(content))
    assert report.transfers_booked == len(list(bank.transfers()))
    assert 0 == sum(line.balance.seconds for line in bank.trial_balance().lines)
    assert bank.audit().ok
    head = bank.head()
    import_timeoverflow(bank, BytesIO(users), BytesIO(content))
    assert head == bank.head()


@given(
    st.text()
    | mutated("sqlite:///nothing/bank.db", "memory:", "sqlite://", "postgresql+psycopg://x")
)
@settings(suppress_health_check=list(HealthCheck))
def test_urls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str) -> None:
    """A store, or an error of ours; no file is made."""
    monkeypatch.chdir(tmp_path)
    if url.startswith(("postgresql", "mariadb", "mysql")):
        url = f"x{url}"  # no name is looked up on a network here
    with suppress(TimebankError, ImportError):
        open_store(url, create=False).close()
    assert [] == list(tmp_path.iterdir())


@given(st.text(min_size=1, max_size=9))
def test_ids(id: str) -> None:
    """An account under the same id in every call, or `InvalidRequest`."""
    bank = timebank.open("memory:")
    try:
        made = bank.open_account(id)
    except InvalidRequest:
        return
    assert made == bank.account(id) == next(bank.accounts())
    assert bank.audit().ok


WORDS = st.sampled_from(
    [
        *("account", "open", "show", "list", "transfer", "reverse", "hold", "settle", "void"),
        *("balance", "statement", "trial-balance", "journal", "head", "audit", "statute", "leave"),
        *("--earner", "--spender", "--hours", "--id", "--on", "--since", "--format", "--quick"),
        *("m1", "f1", "1:30", "-1", "visit-81", "2026-03-02", "json", "text", "--reason", "erase"),
        *("personal-data", "export", "hledger", "run-due", "inactive", "--dry-run", "delegate"),
    ]
)


@given(st.lists(WORDS | st.text(max_size=4), max_size=7))
@settings(suppress_health_check=list(HealthCheck))
def test_command_lines(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> None:
    """An exit code of the three, at most one line of complaint, and a bank that is well."""
    path = tmp_path_factory.getbasetemp() / "fuzz.db"
    if not path.exists():
        with timebank.open(f"sqlite:///{path}", **sources()) as bank:
            fill(bank)
    done = CliRunner().invoke(main, ["--db", str(path), *words])
    assert done.exit_code in {0, 1, 2}, (words, done.exception)
    assert done.exit_code != 2 or 1 == done.stderr.count("\n")
