"""What the treasury's pages share: files to download."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpResponse
from django.utils.text import slugify
from django.utils.timezone import localdate


def download(name: str, ending: str, lines: Iterable[str | bytes]) -> HttpResponse:
    """Return a file to keep, called by a name and the day; all of it is read before it is sent."""
    called = f"{slugify(name)}-{localdate()}.{ending}"
    kind = "text/csv" if ending == "csv" else "text/plain"
    return HttpResponse(
        lines,
        content_type=f"{kind}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{called}"'},
    )
