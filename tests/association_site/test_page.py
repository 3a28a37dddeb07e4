"""The page of the site says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from association_site.lines import PAGE, written
from association_site.projects import SITE, manage

TEXT = PAGE.read_text("utf-8")


def test_the_page_says_how_long_the_site_is() -> None:
    """To ten lines: `python -m association_site.lines` writes it anew."""
    assert written(TEXT) == TEXT


def test_what_the_page_leads_to_is_there() -> None:
    """Each link to a file, and the picture."""
    links = re.findall(r"\]\(([^)#:]+)[)#]", TEXT)
    assert links
    assert [] == [link for link in links if not (SITE / link).exists()]


def test_the_page_names_each_variable() -> None:
    """Those that the settings read are in its table, and no others."""
    settings = (SITE / "association" / "settings.py").read_text("utf-8")
    read = set(re.findall(r'"((?:SITE|PG)[A-Z_]+)"', settings))
    assert read == set(re.findall(r"^\| `([A-Z_]+)` \|", TEXT, re.MULTILINE))


def test_the_people_of_the_page_can_sign_in(tmp_path: Path) -> None:
    """The names, the roles and the password are those that the demo tells."""
    told = manage(tmp_path, "demo", "--no-serve")
    assert "ore-di-quartiere" in told
    for name in ("anna", "bruno", "luca", "carla", "teresa"):
        assert re.search(rf"^  {name} ", told, re.MULTILINE)
        assert f"`{name}`" in TEXT
    assert "Carla Rizzo (coordinator)" in told
    assert "Teresa Galli (treasurer)" in told
