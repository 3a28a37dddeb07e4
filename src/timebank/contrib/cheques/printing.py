"""Print a booklet of cheques as one HTML file that needs nothing else: A4, eight a sheet.

Each cheque has a stub, its number in figures and as a code that a phone reads, and lines on which
its account fills in the rest. Nothing of this is kept: the same paper can be made at any time of
what the journal says, with the cheques that are still out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import islice
from math import inf
from typing import Any, Final

from timebank.errors import InvalidRequest, StoreError, shown
from timebank.model import Account
from timebank.model.cheques import Booklet, Number
from timebank.reports.text import harmless
from timebank.reports.words import Words

#: Cheques of a sheet of A4.
ON_A_SHEET: Final = 8
#: The longest address before the number that is still a code which a phone reads from paper.
MAX_LINK_CHARACTERS: Final = 120
#: It ends where the number begins, so that who scans a code finds it again.
_LINK: Final = re.compile(r"https?://[!#-;=?-~]+[/=#?]", re.IGNORECASE | re.ASCII)
#: How large a text is printed, by its length in characters: the class of the template.
_SIZES: Final = ((45, ""), (80, " long"), (inf, " longest"))
_NUMBERS: Final = ((8, ""), (10, " wide"), (inf, " wide widest"))


def booklet_html(
    booklet: Booklet,
    account: Account,
    *,
    language: str = "en",
    words: Mapping[str, Any] | None = None,
    title: str | None = None,
    link: str = "",
) -> str:
    """Return the cheques of a booklet that are out as the text of an HTML file.

    `account` is the one that spends, `title` the name of the association, which stands on each
    cheque. The code of a cheque is its number; with a `link`, an address to which the number is
    added, so that a phone opens a page: it ends with `/`, `=`, `#` or `?`. `words` is a catalogue
    of one's own.

    :raises InvalidRequest: the account is not whose the booklet is, no cheque is out, the link is
        no address or too long, or a language of which there is no catalogue.
    :raises StoreError: the extra `timebank[report]` is not installed.

    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> from timebank.contrib.cheques.printing import booklet_html
    >>> bank = timebank.open("memory:")
    >>> maria = bank.open_account("m1", name="Maria R.")
    >>> booklet = cheques.issue(bank, "m1", cheques=24)
    >>> page = booklet_html(booklet, maria, language="it", title="Banca del Tempo di Via Roma")
    >>> "assegno-tempo" in page, page.count("<section"), page.count("<svg")
    (True, 3, 24)
    """
    known = Words("cheques", language, words=words)
    codes = _codes(link)
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:  # pragma: no cover - it is installed for the tests
        raise _not_installed() from error
    if account.id != booklet.account:
        said = f"booklet {booklet.number} is of {shown(booklet.account)}, not {shown(account.id)}"
        raise InvalidRequest(said).about(
            key="cheque_of_another", number=str(booklet.numbers[0]), account=booklet.account
        )
    if not booklet.out:
        msg = f"no cheque of booklet {booklet.number} is out: there is nothing to print"
        raise InvalidRequest(msg).about(key="cheques_none_out", booklet=booklet.number)
    source = files("timebank").joinpath("data/cheques.html.j2").read_text("utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    bank, name = harmless(title or ""), harmless(account.name or "")
    id = harmless(account.id)
    cheques = (
        # The code is made of figures here, and of no text of anybody.
        {"number": str(one), "size": _size(str(one), _NUMBERS), "code": Markup(codes(one))}  # noqa: S704
        for one in booklet.out
    )
    return template.render(
        language=language,
        words=known,
        booklet=booklet.number,
        bank={"text": bank, "size": _size(bank)},
        account={"name": name, "id": id, "size": _size(f"{name} ({id})" if name else id)},
        sheets=list(_sheets(cheques)),
    )


def _sheets(cheques: Iterable[Mapping[str, str]]) -> Iterator[list[Mapping[str, str]]]:
    left = iter(cheques)
    while sheet := list(islice(left, ON_A_SHEET)):
        yield sheet


def _size(text: str, sizes: Sequence[tuple[float, str]] = _SIZES) -> str:
    return next(size for most, size in sizes if len(text) <= most)


def _codes(link: str) -> Any:
    """Return a function that draws the code of a number as SVG.

    :raises InvalidRequest: the link is no address of a page, or too long.
    :raises StoreError: the extra is not installed.
    """
    try:
        import segno
    except ImportError as error:  # pragma: no cover - it is installed for the tests
        raise _not_installed() from error
    is_address = _LINK.fullmatch(link) is not None
    if link and (not is_address or len(link) > MAX_LINK_CHARACTERS):
        most = MAX_LINK_CHARACTERS
        msg = f"a link is an address like https://bdt.example/cheques/ of at most {most} characters"
        msg += f", not {shown(link)}"
        raise InvalidRequest(msg).about(key="cheque_link", link=shown(link), most=most)

    def code(number: Number) -> str:
        # Redundant as far as it costs no room: paper is folded, and written on.
        made = segno.make(f"{link}{number}", error="m", micro=False)
        # A border of four modules belongs to a code: without it phones do not find it.
        return str(made.svg_inline(border=4, omitsize=True, svgclass=None, lineclass=None))

    return code


def _not_installed() -> StoreError:
    return StoreError("cheques to print need timebank[report]: pip install 'timebank[report]'")
