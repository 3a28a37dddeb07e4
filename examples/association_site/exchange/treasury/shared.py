"""What the treasury's pages share: the reader's language, files to download, days and periods."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from tempfile import SpooledTemporaryFile
from typing import Final

from django import forms
from django.http import FileResponse
from django.utils.text import slugify
from django.utils.timezone import localdate
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from exchange.fields import DayField
from timebank import explain
from timebank.errors import TimebankError

#: Bytes of a file that is sent; of a larger one the disk has them.
MOST_IN_MEMORY: Final = 1_000_000


def language() -> str:
    """Return the code of the reader's language, of which the library has words."""
    return (get_language() or "it")[:2]


def explained(error: TimebankError) -> str:
    """Return an error in the reader's language, for a field of a form."""
    return explain(error, lang=language())


def download(name: str, ending: str, lines: Iterable[str | bytes]) -> FileResponse:
    """Return a file to keep, called by a name and the day.

    It is written while the bank is asked, and sent then: a slow reader holds up no writer, and
    what goes wrong is a page and not half a file.
    """
    file = SpooledTemporaryFile(MOST_IN_MEMORY)  # noqa: SIM115 - the answer closes it
    for line in lines:
        file.write(line.encode() if isinstance(line, str) else line)
    file.seek(0)
    called = f"{slugify(name)}-{localdate()}.{ending}"
    kind = "text/csv" if ending == "csv" else "text/plain"
    return FileResponse(
        file, as_attachment=True, filename=called, content_type=f"{kind}; charset=utf-8"
    )


class DayForm(forms.Form):
    """One day, today unless told."""

    day = DayField(label=_("Day"), required=False)


def papers_year() -> dict[str, date]:
    """Return the days of the year of which papers are made: until summer that is the last one."""
    year = (localdate() - timedelta(days=182)).year
    return {"since": date(year, 1, 1), "until": date(year, 12, 31)}
