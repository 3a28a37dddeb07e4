"""Save sheets again by LibreOffice, as a treasurer does who opens one and presses Save."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from timebank.interchange.sheets.reading import Sheet

PROGRAM = shutil.which("soffice")
#: Seconds after which a conversion has failed.
TIMEOUT = 120
#: The numbers by which LibreOffice knows languages, and encodings.
LANGUAGES = {
    "it-IT": 1040,
    "en-US": 1033,
    "en-GB": 2057,
    "es-ES": 3082,
    "fr-FR": 1036,
    "de-DE": 1031,
}
ENCODINGS = {"utf-8": 76, "cp1252": 1, "utf-16-le": 65535, "utf-16": 65535}
#: What a profile says, so that days and decimals are written as on a machine of that language.
_SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N">
<prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>{language}</value></prop>
</item>
</oor:items>
"""
_CSV = "Text - txt - csv (StarCalc)"


def resaved(files: Iterable[tuple[Path, str, str]], folder: Path) -> dict[Path, Path]:
    """Open each file in a language, save it in a form, and return where it is then.

    A form is `xlsx`, `ods`, or `csv` with a delimiter and an encoding: `csv;cp1252`. Files that are
    opened and saved alike are converted by one call, for each start of the program takes a second.
    """
    groups: dict[tuple[str, str, str], list[Path]] = {}
    for path, language, form in files:
        groups.setdefault((language, _opening(path, language), form), []).append(path)
    found: dict[Path, Path] = {}
    for number, ((language, opening, form), paths) in enumerate(groups.items()):
        out = folder / f"{number}"
        _convert(paths, opening, form, out, _profile(folder / f"profile-{language}", language))
        suffix = f".{form}" if form in {"xlsx", "ods"} else ".csv"
        found |= {path: out / f"{path.stem}{suffix}" for path in paths}
    return found


def _opening(path: Path, language: str) -> str:
    """How the file is opened: as the dialog asks that LibreOffice shows for a CSV."""
    form = Sheet(path).form
    if form.kind != "csv":
        return ""
    number, encoding = LANGUAGES[language], ENCODINGS[form.encoding]
    # Texts in quotes are looked at as others are; dates and durations are recognised.
    return f"{_CSV}:{ord(form.delimiter)},34,{encoding},1,,{number},false,true"


def _profile(path: Path, language: str) -> Path:
    """A profile of one's own, as of a machine in this language."""
    settings = path / "user" / "registrymodifications.xcu"
    if not settings.exists():
        settings.parent.mkdir(parents=True)
        settings.write_text(_SETTINGS.format(language=language), "utf-8")
    return path


def _convert(paths: list[Path], opening: str, form: str, out: Path, profile: Path) -> None:
    to = form
    if form.startswith("csv"):
        delimiter, encoding = form[3], ENCODINGS[form[4:]]
        to = f"csv:{_CSV}:{ord(delimiter)},34,{encoding},1"
    assert PROGRAM is not None
    words = [
        PROGRAM,
        f"-env:UserInstallation={profile.as_uri()}",
        "--headless",
        *([f"--infilter={opening}"] if opening else []),
        *("--convert-to", to, "--outdir", str(out)),
        *map(str, paths),
    ]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=TIMEOUT, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert len(paths) == len(list(out.iterdir())), done.stdout
