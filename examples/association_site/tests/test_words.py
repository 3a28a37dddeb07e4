"""No page shows an Italian reader what was forgotten in English."""

from __future__ import annotations

import ast
import gettext
import html
import re
from pathlib import Path
from typing import Final

import exchange
from django.conf import settings
from django.utils.translation.template import templatize

from tests.site import SiteTestCase

SITE: Final = Path(exchange.__file__).parent
#: The app itself, and its three parts: each has a catalogue of its own.
PARTS: Final = (SITE, SITE / "members", SITE / "desk", SITE / "treasury")
_CALLS: Final = {"_", "say", "gettext", "gettext_lazy", "gettext_noop", "pgettext", "ngettext"}


def of_python(source: str) -> set[str]:
    """Return the texts of a module that are to be translated."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _CALLS:
            texts = [one.value for one in node.args if isinstance(one, ast.Constant)]
            found.update(one for one in texts[:1] if isinstance(one, str))
    return found


def of_template(source: str) -> set[str]:
    """Return the texts of a template that are to be translated, as `makemessages` finds them."""
    found = set()
    for call in re.finditer(r"\b(?:_|n?p?gettext)\((.*?)\)\s", f"{templatize(source)} ", re.DOTALL):
        text = re.match(r"""u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", call[1])
        if text is not None:
            found.add(ast.literal_eval(text[1]))
    return found


def words_of(part: Path) -> set[str]:
    """Return the texts of a part of the site that are to be translated."""
    modules = part.rglob("*.py") if part != SITE else part.glob("*.py")
    pages = (part / "templates").rglob("*.html")
    found = {text for one in modules for text in of_python(one.read_text("utf-8"))}
    return found | {text for one in pages for text in of_template(one.read_text("utf-8"))}


def catalogue(part: Path) -> dict[str, str]:
    """Return the compiled catalogue of a part."""
    with (part / "locale/it/LC_MESSAGES/django.mo").open("rb") as file:
        known = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way to list it
    return {key if isinstance(key, str) else key[0]: text for key, text in known.items()}


class CatalogueTests(SiteTestCase):
    """The catalogues."""

    def test_all_words_are_in_italian(self) -> None:
        """Each part has its own, or finds them in that of all pages."""
        shared = catalogue(SITE)
        for part in PARTS:
            with self.subTest(part.name):
                self.assertEqual(set(), words_of(part) - {*catalogue(part), *shared})

    def test_the_compiled_catalogues_are_those_that_are_read(self) -> None:
        """Who changed a `.po` has made the `.mo` of it: `msgfmt`."""
        for part in PARTS:
            source = (part / "locale/it/LC_MESSAGES/django.po").read_text("utf-8")
            written = re.findall(r'^msgid "(.+)"\nmsgstr "(.+)"$', source, re.MULTILINE)
            pairs = {ast.literal_eval(f'"{a}"'): ast.literal_eval(f'"{b}"') for a, b in written}
            known = catalogue(part)
            with self.subTest(part.name):
                self.assertTrue(pairs)
                self.assertEqual(pairs, {text: known.get(text) for text in pairs})

    def test_no_word_is_said_in_two_ways(self) -> None:
        """Django looks in one catalogue after another: the first one would speak for all."""
        said: dict[str, set[str]] = {}
        for part in PARTS:
            for text, translation in catalogue(part).items():
                said.setdefault(text, set()).add(translation)
        self.assertEqual({}, {text: ways for text, ways in said.items() if len(ways) > 1})

    def test_what_is_to_be_translated_is_found(self) -> None:
        """In modules and in templates, over several lines too."""
        self.assertEqual({"a", "b c"}, of_python("x = _('a')\ny = gettext_lazy(\n    'b ' 'c'\n)"))
        page = (
            '{% load i18n %}{% translate "a" %} {% translate "it\'s" %} '
            "{% blocktranslate with b=c %}x {{ b }}{% endblocktranslate %}"
        )
        self.assertEqual({"a", "x %(b)s", "it's"}, of_template(page))


class PageTests(SiteTestCase):
    """Pages as they are shown."""

    def test_a_page_in_italian_has_no_text_of_the_english_one(self) -> None:
        """Of the members' pages, with something in each."""
        self.bank.transfer(earner="m-1", spender="m-2", hours=1, id="t1", category="spesa")
        self.bank.hold(earner="m-2", spender="m-1", hours=1, id="h1")
        pages = (
            ("anna", ("/", "/propose/", "/accounts/m-1/statement/", "/transfers/t1/correct/")),
            (
                "anna",
                ("/corrections/", "/people/", "/profile/", "/profile/delegate/", "/password/"),
            ),
            ("bruno", ("/", "/profile/")),
        )
        for who, paths in pages:
            for path in paths:
                with self.subTest(path):
                    english, italian = (
                        self.texts(self.signed_in(who, language).get(path).content.decode())
                        for language in ("en", "it")
                    )
                    same = {text for text in english & italian if re.search("[a-z]{2,}", text)}
                    self.assertEqual(set(), same - {*settings.ACTIVITIES, "English", "Italiano"})

    def texts(self, page: str) -> set[str]:
        """Return the texts of a page without names, numbers and hours."""
        names = r"\b(?:Anna|Bruno|Rosa|Carla|anna|bruno|m-\d|Banca del Tempo di Quarto Oggiaro)\b"
        found = re.findall(r">([^<]+)<", page) + re.findall(r'aria-label="([^"]+)"', page)
        return {re.sub(names, "", html.unescape(text)).strip() for text in found}
