"""The catalogue of words: whole in every language, with the same gaps in every text."""

from __future__ import annotations

import string
from typing import Any

import pytest

from timebank import InvalidRequest
from timebank.reports import words

#: Tables whose keys are words of a language itself, so that each language has its own.
OWN_KEYS = {"articles"} | {one for one in words.tables("it") if one.partition("_")[0] == "help"}


def gaps(text: str) -> set[str]:
    """Return the names of what is put into a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def texts_of(value: Any) -> dict[str, str]:
    """Return the texts of a key: one, or one for each number."""
    if isinstance(value, str):
        return {"": value}
    assert set(value) == {words.ONE, words.MANY}, value
    return dict(value)


def test_languages_have_the_same_tables() -> None:
    first, *others = (words.tables(code) for code in words.languages())
    assert len(first) > 6
    assert all(other == first for other in others)


@pytest.mark.parametrize("name", words.tables(words.DEFAULT))
def test_a_table_is_whole_in_every_language(name: str) -> None:
    if name in OWN_KEYS:
        return
    english = words.table(name, words.DEFAULT)
    for code in words.languages():
        other = words.table(name, code)
        assert list(other) == list(english), f"{name}, {code}: other keys, or in another order"
        for key, value in english.items():
            for form, text in texts_of(value).items():
                said = texts_of(other[key])[form]
                # One thing may be said in words, without its number.
                assert gaps(said) - {"n"} == gaps(text) - {"n"}, f"{name}.{key} in {code}"
                assert said.strip() or not text.strip(), f"{name}.{key} in {code} is empty"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "it_IT.UTF-8"}, "it"),
        ({"LANG": "it_IT.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LC_MESSAGES": "it", "LANG": "en_GB.UTF-8"}, "it"),
        ({"LC_ALL": "en_GB.UTF-8", "TIMEBANK_LANG": "it"}, "it"),
        ({"TIMEBANK_LANG": "", "LANG": "it_IT@euro"}, "it"),
        ({"LANG": "italian.."}, "en"),
    ],
)
def test_the_language_of_an_environment(environment: dict[str, str], language: str) -> None:
    assert words.language_of(environment) == language


def test_the_language_of_a_block_ends_with_it() -> None:
    assert words.language() == "en"
    with words.speaking("it"):
        assert words.Words("common").language == "it"
        assert words.Words("common", "en").language == "en"
    assert words.language() == "en"
    with pytest.raises(InvalidRequest, match="no catalogue of words for 'xx': there are en, it"):
        words.speaking("xx").__enter__()


def test_what_is_counted_has_the_form_and_the_marks_of_its_language() -> None:
    found = {
        code: [words.Words("common", code).counted("rows", n) for n in (0, 1, 1_234_567)]
        for code in words.languages()
    }
    assert found == {
        "en": ["0 rows", "1 row", "1,234,567 rows"],
        "it": ["0 righe", "1 riga", "1.234.567 righe"],
    }
