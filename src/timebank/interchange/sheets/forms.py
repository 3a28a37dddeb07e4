"""Tell what a file is by how it begins, and what form its text has."""

from __future__ import annotations

from typing import IO, Final

import attrs

from timebank.errors import InvalidRequest
from timebank.interchange.sheets.dialects import delimiters, line_end, separator_named
from timebank.interchange.sheets.encodings import Encoding, encoding_of

CSV: Final = "csv"
XLSX: Final = "xlsx"
ODS: Final = "ods"
#: Characters of a text by which its form is told.
_SAMPLE: Final = 1 << 16
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_OLD: Final = "an old .xls, or has a password: save it as .xlsx without one"
_PDF: Final = "a PDF: save the sheet itself, as .xlsx, .ods or .csv"
#: Beginnings of files that are no sheet we read, and what to do with such a file.
_OTHERS: Final = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OLD),
    (b"%PDF", _PDF),
    (b"\x89PNG", "a picture and no sheet"),
    (b"\xff\xd8\xff", "a picture and no sheet"),
    (b"\x1f\x8b", "packed by gzip: unpack it first"),
    (b"7z\xbc\xaf", "packed by 7-Zip: unpack it first"),
    (b"SQLite format 3\0", "a database and no sheet"),
    (b"{\\rtf", "a text of a word processor: save the table as .csv"),
    (b"<html", "a web page: open it in a spreadsheet, and save it as .xlsx, .ods or .csv"),
    (b"<!doctype html", "a web page: open it in a spreadsheet, and save it as .xlsx, .ods or .csv"),
    (b"<?xml", "XML: open it in a spreadsheet, and save it as .xlsx, .ods or .csv"),
)


@attrs.frozen(kw_only=True)
class Form:
    """What a sheet's file is: `kind` is `csv`, `xlsx` or `ods`; the rest is of CSV alone.

    `delimiters` are those that may stand between the columns, the likeliest first, and only one
    where it was named. `newline` ends a line. `separator_line` tells whether the first line names
    the delimiter, as `sep=;`.
    """

    kind: str
    encoding: str = ""
    delimiters: tuple[str, ...] = ()
    bom: bool = False
    newline: str = "\n"
    separator_line: bool = False
    #: How a decoder keeps the bytes that are no letters.
    errors: str = "strict"

    @property
    def delimiter(self) -> str:
        """What stands between columns; nothing, where cells are no text."""
        return self.delimiters[0] if self.delimiters else ""


def is_packed(head: bytes) -> bool:
    """Return whether a file that begins so is a ZIP archive, as `.xlsx` and `.ods` are."""
    return head.startswith(_ZIP)


def refuse_others(name: str, head: bytes) -> None:
    """Refuse a file that begins as something that is no sheet.

    :raises InvalidRequest: it does; the message says what to do.
    """
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for mark, what in _OTHERS:
        if head.startswith(mark) or (mark[:1] == b"<" and start.startswith(mark)):
            msg = f"{name} is {what}"
            if what is _OLD:
                raise InvalidRequest(msg).about(key="sheet_old", file=name)
            if what is _PDF:
                raise InvalidRequest(msg).about(key="sheet_pdf", file=name)
            raise InvalidRequest(msg).about(key="sheet_other", file=name)


def text_form(
    file: IO[bytes],
    *,
    encoding: str = "auto",
    delimiter: str = "auto",
    quotes: bool = True,
    escape: str | None = None,
) -> Form:
    r"""Return the form of a text, as far as it is not named. The file is read, and left at its end.

    >>> from io import BytesIO
    >>> from timebank.interchange.sheets.forms import text_form
    >>> form = text_form(BytesIO(b"sep=;\r\nGiorno;Attivit\xe0\r\n"))
    >>> form.encoding, form.delimiter, form.separator_line
    ('cp1252', ';', True)
    """
    found: Encoding = encoding_of(file, encoding)
    file.seek(0)
    raw = file.read(_SAMPLE).removeprefix(found.mark)
    text = raw.decode(found.name, "replace")
    named = separator_named(text)
    if delimiter != "auto":
        between: tuple[str, ...] = (delimiter,)
    elif named is not None:
        between = (named,)
    else:
        between = delimiters(text, quotes=quotes, escape=escape)
    return Form(
        kind=CSV,
        encoding=found.name,
        delimiters=between,
        bom=bool(found.mark),
        newline=line_end(text, quotes=quotes),
        separator_line=named is not None,
        errors=found.errors,
    )
