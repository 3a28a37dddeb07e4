"""The Italian words of the app: all are there, and what is compiled is what is written."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

import timebank.contrib
from timebank.journal import kinds
from timebank.model import ACCOUNT_KINDS, TEXT_FIELDS
from timebank.queries.holds import STATUSES

APP = Path(timebank.contrib.__file__).parent / "django"
WORDS = APP / "locale" / "it" / "LC_MESSAGES"
#: What Django's admin says itself, in all its languages.
DJANGOS = {"Home", "Search"}


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    """The words as they are written."""
    with (WORDS / "django.po").open("rb") as file:
        return read_po(file, locale="it")


def said(catalogue: Catalog) -> dict[tuple[str | None, str], Any]:
    """The words of a catalogue, by their context and what they translate."""
    return {
        (message.context, message.id if isinstance(message.id, str) else message.id[0]): (
            message.string if isinstance(message.string, str) else list(message.string or ())
        )
        for message in catalogue
        if message.id
    }


def test_what_is_compiled_is_what_is_written(catalogue: Catalog) -> None:
    """`msgfmt -o django.mo django.po`, and nothing is left out or doubtful."""
    with (WORDS / "django.mo").open("rb") as file:
        compiled = read_mo(file)
    assert said(catalogue) == said(compiled)
    for message in catalogue:
        strings = message.string if isinstance(message.string, str) else min(message.string or "")
        assert not message.id or strings, message.id
        assert not message.fuzzy or not message.id, message.id


def of_code() -> set[tuple[str, str]]:
    """The words that the Python of the app asks for, where they are written there."""
    found = set()
    for path in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                given = [one.value for one in node.args if isinstance(one, ast.Constant)]
                if re.fullmatch("n?pgettext(_lazy)?", node.func.id) and len(given) >= 2:
                    found.add((str(given[0]), str(given[1])))
    return found


def of_templates() -> set[tuple[str, str]]:
    """The words of the templates; each has the app's context, but those of Django."""
    found = set()
    for path in APP.rglob("*.html"):
        text = path.read_text("utf-8")
        for word, context in re.findall(r'{% translate "([^"]+)"(?: context "(\w+)")?', text):
            assert context or word in DJANGOS, (path, word)
            if context:
                found.add((context, word))
        blocks = re.findall(r"({% blocktranslate .*?%})(.*?){% endblocktranslate %}", text)
        for tag, words in blocks:
            assert 'context "timebank"' in tag, (path, words)
            one = words.partition("{% plural %}")[0]
            found.add(("timebank", re.sub(r"{{ (\w+) }}", r"%(\1)s", one)))
    return found


def of_the_library() -> set[tuple[str, str]]:
    """The names of kinds, statuses and fields, which are looked up as they are."""
    fields = {
        name
        for shape in vars(kinds).values()
        if isinstance(shape, type)
        and hasattr(shape, "__total__")
        and shape.__name__ != "RecordBody"
        for name in get_type_hints(shape)
    }
    names = {
        "record": set(kinds.KINDS),
        "account": set(ACCOUNT_KINDS),
        "status": {"open", "frozen", "closed", "agreed", *STATUSES},
        "field": fields | set(TEXT_FIELDS) | {f"commitment to the {one}" for one in TEXT_FIELDS},
    }
    return {
        (f"timebank {context}", name.replace("_", " "))
        for context, some in names.items()
        for name in some
    }


def test_every_word_is_translated(catalogue: Catalog) -> None:
    """Those of the pages, of the app, and of each kind of the library; and no other is there."""
    asked = of_code() | of_templates() | of_the_library()
    known = set(said(catalogue))
    assert set() == asked - known
    more = {context for context, _ in known - asked}
    assert more <= {"timebank movement", "timebank field"}
