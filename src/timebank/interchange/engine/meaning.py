"""What a row means, beside what was booked: whoever it is, how many hours, on which day.

A spreadsheet that saves a sheet again may write every cell otherwise. So rows that have no id of
their own are known by their meaning, and what a text says is compared without what nobody sees.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from pathlib import PurePath
from typing import Any, Final
from unicodedata import normalize

from timebank.interchange.engine.protocol import ImportedTransfer
from timebank.model import MAX_ID_CHARACTERS, Transfer
from timebank.model.alike import folded, is_unseen

#: The key of `Transfer.source` that tells from which file a row without an id came.
FILE: Final = "file"
#: The fields of a row that are text and can be amended.
TEXTS: Final = ("note", "category", "area", "tags")
_TAKEN_BACK: Final = ":taken-back"


def taken_back_id(id: str) -> str:
    """Return the id of the reversal by which an import takes a transfer back.

    >>> from timebank.interchange.engine.meaning import taken_back_id
    >>> taken_back_id("sheet:7")
    'sheet:7:taken-back'
    """
    return _with(id, _TAKEN_BACK)


def again_id(id: str, times: int) -> str:
    """Return the id under which a row is booked for the first time, the second, and so on.

    >>> from timebank.interchange.engine.meaning import again_id
    >>> again_id("sheet:7", 1), again_id("sheet:7", 2)
    ('sheet:7', 'sheet:7~2')
    """
    return id if times == 1 else _with(id, f"~{times}")


def _with(id: str, ending: str) -> str:
    if len(id) + len(ending) <= MAX_ID_CHARACTERS:
        return f"{id}{ending}"
    return f"{id.partition(':')[0]}:{sha256(id.encode(errors='replace')).hexdigest()}{ending}"


class MadeIds:
    """Tell ids that were made of what a row says from ids that a source has itself.

    >>> from timebank.interchange.engine.meaning import MadeIds
    >>> made = MadeIds("ces")
    >>> made.ending(f"ces:{'0' * 32}-1:levy~2"), made.ending("ces:81")
    (':levy', None)
    """

    def __init__(self, source: str) -> None:
        form = rf"{re.escape(source)}:[0-9a-f]{{32}}-([1-9][0-9]*)(:.*?)?(?:~[1-9][0-9]*)?"
        self._form = re.compile(form, re.ASCII | re.DOTALL)

    def ending(self, id: str) -> str | None:
        """Return what of a made id follows the row, as of a levy; `None` of any other id."""
        found = self._form.fullmatch(id)
        return None if found is None else found[2] or ""

    def is_repeated(self, id: str) -> bool:
        """Return whether a row, and nothing that follows it, says the same as one before.

        >>> from timebank.interchange.engine.meaning import MadeIds
        >>> made = MadeIds("ces")
        >>> made.is_repeated(f"ces:{'0' * 32}-1"), made.is_repeated(f"ces:{'0' * 32}-2")
        (False, True)
        """
        if id.endswith("-1"):  # the first of its equals, as most are, or no made id
            return False
        found = self._form.fullmatch(id)
        return found is not None and found[1] != "1" and not found[2]


def file_mark(file: str) -> str:
    """Return what tells the file of a row without an id, and does not say its name.

    >>> from timebank.interchange.engine.meaning import file_mark
    >>> file_mark("old/Ore 2026.csv") == file_mark("ORE 2026.xlsx")
    True
    """
    return sha256(folded(PurePath(file).stem).encode(errors="replace")).hexdigest()[:8]


def key_of(  # noqa: PLR0917 - what moved, all of it
    earner: str, spender: str, seconds: int, day: date | str | None, kind: str, ending: str
) -> bytes:
    """Return a digest of what moved: the same for a row and for what was booked of it."""
    said = "\n".join((earner, spender, str(seconds), str(day or ""), kind, ending))
    return sha256(said.encode(errors="replace")).digest()[:16]


def plain(text: str | None) -> str | None:
    r"""Return a text without what nobody sees: blanks too many, forms of letters and line ends.

    >>> from timebank.interchange.engine.meaning import plain
    >>> plain(" to the\r\nclinic\u200b "), plain("  ")
    ('to the clinic', None)
    """
    if text is None:
        return None
    if not text.isascii():
        seen = (one for one in normalize("NFC", text) if one.isascii() or not is_unseen(one))
        text = "".join(seen)
    return " ".join(text.split()) or None


def texts_of_row(row: ImportedTransfer) -> list[Any]:
    """Return the texts of a row, in the order of `TEXTS`."""
    return [plain(row.note), plain(row.category), plain(row.area), _tags(row.tags)]


def texts_of_transfer(transfer: Transfer) -> tuple[list[Any], list[Any]]:
    """Return the texts of a transfer as it was booked, and as it was amended last."""
    first: dict[str, Any] = {}
    for amendment in transfer.amendments:
        for field, (was, _) in amendment.changes.items():
            first.setdefault(field, was)
    now = {field: getattr(transfer, field) for field in TEXTS}
    return _texts({**now, **first}), _texts(now)


def texts_of_request(request: Mapping[str, Any], note: str | None) -> list[Any]:
    """Return the texts of a transfer as its record has them, and its note beside it."""
    get = request.get
    return [plain(note), plain(get("category")), plain(get("area")), _tags(get("tags", ()))]


def _texts(values: Mapping[str, Any]) -> list[Any]:
    return [plain(values[field]) for field in TEXTS[:-1]] + [_tags(values[TEXTS[-1]] or ())]


def _tags(tags: tuple[str, ...]) -> list[str]:
    return sorted(one for tag in tags if (one := plain(tag)) is not None)


def as_text(texts: list[Any]) -> str:
    """Return texts as one, by which they can be compared and that every database takes."""
    return json.dumps(texts, ensure_ascii=True)


def texts_in(text: str) -> list[Any]:
    r"""Return the texts that `as_text` made one of.

    >>> from timebank.interchange.engine.meaning import as_text, texts_in
    >>> texts_in(as_text(["l'\ud800", None, None, ["a", "b"]]))
    ["l'\ud800", None, None, ['a', 'b']]
    """
    found: list[Any] = json.loads(text)
    return found
