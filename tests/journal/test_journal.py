"""The canonical form, the chain and the commitments."""

from __future__ import annotations

import json
from hashlib import sha256
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timebank.errors import Corrupt
from timebank.journal import canonical, commitment, digest, form, genesis, parse, recorded
from timebank.model import MAX_INTEGER

values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner, max_size=4)
    ),
    max_leaves=12,
)
objects = st.dictionaries(st.text(st.characters(max_codepoint=127)), values, max_size=5)


@given(objects)
def test_what_is_read_is_what_was_written(value: dict[str, Any]) -> None:
    """`parse` and `canonical` are inverse, and the form does not depend on the order of keys."""
    body = canonical(value)
    assert value == parse(body)
    assert body == canonical(dict(reversed(value.items())))
    assert value == json.loads(body)


blanks = st.text(" \t\n\r\u00a0", max_size=2)


@given(blanks, st.one_of(objects.map(canonical), st.binary(max_size=5)), blanks)
def test_blanks_around_a_record_are_read_as_json_has_them(
    before: str, body: bytes, after: str
) -> None:
    """`parse` reads what `json` does, and refuses what it refuses."""
    raw = before.encode() + body + after.encode()
    try:
        expected = json.loads(raw.decode())
    except ValueError:
        expected = None
    if type(expected) is dict:
        assert expected == parse(raw)
    else:
        with pytest.raises(Corrupt):
            parse(raw)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": None, "a": True}, b'{"a":true,"b":null}'),
        ({"s": '"\\/\b\f\n\r\t\x01\x7f'}, b'{"s":"\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7f"}'),
        ({"s": "è \u2028 😀"}, '{"s":"è \u2028 😀"}'.encode()),
        ({"n": [-0, -(2**53), 2**53]}, b'{"n":[0,-9007199254740992,9007199254740992]}'),
    ],
    ids=count(),
)
def test_the_form_is_that_of_rfc_8785(value: dict[str, Any], expected: bytes) -> None:
    """Escapes, order and integers as the standard writes them."""
    assert expected == canonical(value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"7",
        b"{",
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":NaN}',
        b'{"a":9007199254740993}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\xff"}',
        b'{"a":' + b"[" * 100_000,
    ],
    ids=count(),
)
def test_bytes_that_are_no_record_are_corrupt(body: bytes) -> None:
    """Not UTF-8, not JSON, not an object, a number out of the form."""
    with pytest.raises(Corrupt):
        parse(body)


def test_digests_are_sha_256_of_what_came_before() -> None:
    """The chain begins at the journal's id."""
    assert sha256(b"timebank/1:j").digest() == genesis("j")
    assert sha256(genesis("j") + b"{}").digest() == digest(genesis("j"), b"{}")
    assert sha256(bytes(16) + "è".encode()).hexdigest() == commitment(bytes(16), "è")


@given(
    st.dictionaries(
        st.sampled_from(["note", "recorded_at", "recorded_on"]),
        st.text(st.characters(exclude_categories=["Cs"])),
    )
)
def test_the_instant_is_read_without_the_rest(source: dict[str, str]) -> None:
    """It is the record's own, whatever the words of a caller; one without is `Corrupt`."""
    record = {"effects": {"day": "2026-03-02"}, "kind": '"recorded_at":1', "request": source}
    told = {"recorded_at": -17, "recorded_on": "1969-12-31"}
    assert (-17, "1969-12-31") == recorded(canonical(record | told))
    for body in (b"{}", b'{"recorded_at":"x"}', canonical({"kind": '"recorded_at":1,'})):
        with pytest.raises(Corrupt, match="no instant"):
            recorded(body)


def test_a_record_without_a_day_is_of_before_the_format() -> None:
    """It says that nothing had been released, and what to do."""
    body = canonical(
        {"kind": "freeze", "recorded_at": 17, "request": {"recorded_on": "2026-03-02"}}
    )
    with pytest.raises(Corrupt, match="nothing had been released then"):
        recorded(body)


@given(objects)
def test_the_form_is_that_of_the_standard_library(value: dict[str, Any]) -> None:
    """The encoder is made once; what it gives is what `json.dumps` would."""
    words = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert words.encode() == canonical(value)


def test_the_form_without_the_encoder_in_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pythons that have none give the same bytes; neither takes what is no JSON."""
    value = {"b": [1, None, True], "a": {"è": "\n"}}
    expected = canonical(value)
    with pytest.raises(TypeError):
        canonical({"a": object()})
    monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    assert expected.decode() == "".join(form._make_chunks()(value, 0))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a":1.5}', "a journal holds no such number: 1.5"),
        (b'{"a":-Infinity}', "a journal holds no such number: -Infinity"),
        (b'{"a":9007199254740993}', "a journal holds no such number: 9007199254740993"),
        (b'{"a":' + b"9" * 5000 + b"}", "a journal holds no such number: " + "9" * 40),
        (b"[]", "a record is a JSON object, not list"),
        (b"7", "a record is a JSON object, not int"),
        (b"{", "a record's bytes are not canonical JSON: Expecting property name"),
        (b'{"a":"\xff"}', "a record's bytes are not canonical JSON: 'utf-8' codec can't decode"),
    ],
    ids=count(),
)
def test_what_is_wrong_with_a_record_is_said(body: bytes, expected: str) -> None:
    """With the number itself, cut short, or the reader's own words."""
    with pytest.raises(Corrupt) as caught:
        parse(body)
    told = str(caught.value)
    assert expected == (told[: len(expected)] if "canonical" in expected else told)


@pytest.mark.parametrize("number", [MAX_INTEGER, -MAX_INTEGER, 0])
def test_the_largest_integers_are_read(number: int) -> None:
    """±2**53 are within the form, and one further is not; of an instant as of any number."""
    assert {"a": number} == parse(b'{"a":%d}' % number)
    body = b'{"recorded_at":%d,"recorded_on":"2026-03-02"}'
    assert (number, "2026-03-02") == recorded(body % number)
    for beyond in (MAX_INTEGER + 1, -MAX_INTEGER - 1):
        for read in (parse, recorded):
            with pytest.raises(Corrupt, match=f"no such number: {beyond}"):
                read(body % beyond)


def test_a_record_without_an_instant_is_shown_by_its_beginning() -> None:
    """Sixty bytes of it, which is enough to find it."""
    body = b'{"kind":"' + b"x" * 100 + b'"}'
    with pytest.raises(Corrupt) as caught:
        recorded(body)
    assert f"a record has no instant: {body[:60]!r}" == str(caught.value)
