"""The site's own tests, and what Django itself finds wrong with it."""

from __future__ import annotations

import secrets
from pathlib import Path

from association_site.projects import SITE, manage


def test_the_site_tests_itself(tmp_path: Path) -> None:
    """All of its tests pass, in any order."""
    told = manage(tmp_path, "test", "--shuffle", "1", "--noinput", "-t", str(SITE), str(SITE))
    assert "\nOK" in told


def test_nothing_is_missing_where_it_is_served(tmp_path: Path) -> None:
    """Cookies, headers and https are as Django's own check wants them."""
    told = manage(
        tmp_path,
        *("check", "--deploy", "--fail-level", "DEBUG"),
        SITE_SECRET=secrets.token_urlsafe(50),
        SITE_HOSTS="banca.example",
        DJANGO_SETTINGS_MODULE="association.settings",
    )
    assert "no issues" in told


def test_no_model_is_without_its_migration(tmp_path: Path) -> None:
    """The tables are those of the models."""
    assert "No changes detected" in manage(tmp_path, "makemigrations", "--check", "--dry-run")
