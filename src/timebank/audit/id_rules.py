"""What is an id: the table of `docs/journal-format.md` once more, and not that of who writes.

A text is looked at code point by code point, as a verifier in another language would do it. Of
most records all texts are plain ASCII, which one pattern sees on the bytes of the whole record.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Any, Final
from unicodedata import normalize

from timebank.audit.base import Difference
from timebank.audit.cheques import PREFIX
from timebank.audit.cheques import id_differences as cheque_differences
from timebank.errors import shown
from timebank.model.said import said

#: The most characters of an id, and of a label.
MOST_OF_ID: Final = 128
MOST_OF_LABEL: Final = 200
#: Finds in canonical bytes a text that is empty, long, escaped, not ASCII, begins or ends with a
#: blank, or begins with a prefix of the library's. Between texts nothing of the kind can stand.
#: Where there is none, as in most records, `id_differences` has nothing to tell.
has_odd_ids: Final = re.compile(rb'"(?:[ "]|(?:due|peer|cheque):|[^"]{129})| "|\\|[^ -~]').search
#: First and last code points that may stand nowhere.
NOWHERE: Final = (
    *((0x0000, 0x001F), (0x007F, 0x009F), (0x00AD, 0x00AD), (0x0600, 0x0605), (0x061C, 0x061C)),
    *((0x06DD, 0x06DD), (0x070F, 0x070F), (0x0890, 0x0891), (0x08E2, 0x08E2), (0x180E, 0x180E)),
    *((0x200B, 0x200B), (0x200E, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0xD800, 0xDFFF)),
    *((0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0x110BD, 0x110BD), (0x110CD, 0x110CD)),
    *((0x13430, 0x1343F), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE007F)),
)
#: First and last code points that may stand at neither end.
BLANK: Final = (
    *((0x0020, 0x0020), (0x00A0, 0x00A0), (0x1680, 0x1680), (0x2000, 0x200A), (0x202F, 0x202F)),
    *((0x205F, 0x205F), (0x3000, 0x3000)),
)
#: Code points that may stand between two of one script of these.
JOINERS: Final = (0x200C, 0x200D)
SCRIPTS: Final[dict[str, tuple[tuple[int, int], ...]]] = {
    "Arabic": (
        *((0x0620, 0x065F), (0x066E, 0x06D3), (0x06D5, 0x06D5), (0x06EE, 0x06EF)),
        *((0x06FA, 0x06FF), (0x0750, 0x077F), (0x08A0, 0x08C9)),
    ),
    "Syriac": ((0x0710, 0x074F),),
    "Devanagari": ((0x0900, 0x0963), (0x0970, 0x097F)),
    "Bengali": ((0x0980, 0x09E3), (0x09F0, 0x09FF)),
    "Gurmukhi": ((0x0A00, 0x0A63), (0x0A70, 0x0A7F)),
    "Gujarati": ((0x0A80, 0x0AE3), (0x0AF0, 0x0AFF)),
    "Oriya": ((0x0B00, 0x0B63), (0x0B70, 0x0B7F)),
    "Tamil": ((0x0B80, 0x0BE3), (0x0BF0, 0x0BFF)),
    "Telugu": ((0x0C00, 0x0C63), (0x0C70, 0x0C7F)),
    "Kannada": ((0x0C80, 0x0CE3), (0x0CF0, 0x0CFF)),
    "Malayalam": ((0x0D00, 0x0D63), (0x0D70, 0x0D7F)),
    "Sinhala": ((0x0D80, 0x0DE3), (0x0DF0, 0x0DFF)),
    "Khmer": ((0x1780, 0x17D3),),
}
#: What ids of operations begin with that only the library gives.
RESERVED: Final = ("due:", "peer:", "cheque:")

#: Finds in texts, one in a line, what takes more than a glance.
_has_odd_lines: Final = re.compile(r"[^\n -~]|^ | $", re.MULTILINE).search
_has_ours: Final = re.compile(r"^(?:due|peer|cheque):", re.MULTILINE).search

#: The kinds of record whose ids may be of booklets and cheques.
_ON_CHEQUES: Final = frozenset({"issue_cheques", "transfer", "void_cheque"})
#: The kinds of record that have labels.
_DESCRIBED: Final = frozenset({"transfer", "hold", "amend"})
_LABELS: Final = ("category", "area", "resource")
_IDS: Final = (
    *("account", "by", "delegate", "hold", "id", "into", "operation", "peer", "transfer"),
    "via",
)


def id_differences(record: dict[str, Any]) -> Iterator[Difference]:
    """Yield what should be an id, or a label, in a record whose fields are known, and is none."""
    for place, value, most in _named(record):
        if (problem := id_problem(value, most)) is not None:
            yield said("id_that", place=place, problem=problem), shown(value)
    request = record["request"]
    id = request.get("id")
    if id is not None and id.startswith(RESERVED) and record["kind"] != "due":
        # Which id an exchange with another bank has is looked at where its offer is.
        if id.startswith("peer:") and is_between_banks(record["kind"], request):
            return
        if id.startswith(PREFIX) and record["kind"] in _ON_CHEQUES:
            if record["kind"] == "transfer":  # of the others it is looked at with their fields
                yield from cheque_differences("transfer", id)
            return
        yield said("request_id_without_our_prefix"), shown(id)


def are_texts(texts: Collection[str]) -> bool:
    """Return whether texts of 1 to 128 characters, each in one line, could be ids.

    >>> from timebank.audit.id_rules import are_texts
    >>> are_texts(["m1", "è"]), are_texts(["m1", " m2"])
    (True, False)
    """
    if _has_odd_lines("\n".join(texts)) is None:
        return True
    return all(id_problem(text) is None for text in texts)


def are_ids(ids: Collection[str]) -> bool:
    """Return whether such texts are ids of operations, and none is ours.

    >>> from timebank.audit.id_rules import are_ids
    >>> are_ids(["visit-81", "è"]), are_ids(["due:1"]), are_ids([" visit"])
    (True, False, False)
    """
    return are_texts(ids) and _has_ours("\n".join(ids)) is None


def is_between_banks(kind: str, request: dict[str, Any]) -> bool:
    """Return whether a record has an id that two banks share, or one that follows from it.

    >>> from timebank.audit.id_rules import is_between_banks
    >>> is_between_banks("refuse", {}), is_between_banks("hold", {"offer": {}})
    (True, False)
    """
    return kind == "refuse" or (
        kind != "hold" and not request.keys().isdisjoint(("abandoned", "answer", "offer"))
    )


@lru_cache(maxsize=1024)
def id_problem(value: str, most: int = MOST_OF_ID) -> str | None:
    """Return what a text must be to be an id, the first that it is not, or `None` where it is one.

    >>> from timebank.audit.id_rules import id_problem
    >>> id_problem("m1"), id_problem("m1 ")
    (None, 'neither begins nor ends with a blank')
    """
    if type(value) is not str or not 1 <= len(value) <= most:
        return said("has_1_to_characters", most=most)
    points = [ord(character) for character in value]
    if _among(points[0], BLANK) or _among(points[-1], BLANK):
        return said("neither_begins_nor_ends_with_a_blank")
    for n, point in enumerate(points):
        if _among(point, NOWHERE):
            return said("has_no_u", point=f"{point:04X}")
        if point in JOINERS and not _joins(points[n - 1 : n] + points[n + 1 : n + 2]):
            return said("joiner_only_within_its_script", point=f"{point:04X}")
    if normalize("NFC", value) != value:
        return said("is_in_normal_form_nfc")
    return None


def _among(point: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= point <= last for first, last in ranges)


def _joins(neighbours: list[int]) -> bool:
    """Return whether there are two, of one script that is written with joiners."""
    return len(neighbours) == 2 and any(  # noqa: PLR2004  # one on each side
        all(_among(point, script) for point in neighbours) for script in SCRIPTS.values()
    )


# -- where they stand --------------------------------------------------------------------------


def _named(record: dict[str, Any]) -> Iterator[tuple[str, Any, int]]:
    """Yield each id and label of a record: where it stands, the text, the most characters."""
    request, effects = record["request"], record["effects"]
    yield from _fields("", record, ("actor", "journal"))
    yield from _fields("request.", request, _IDS)
    if record["kind"] in _DESCRIBED:
        yield from _described(request)
    if "earners" in request:
        yield from _of_exchange(request)
    if not request.keys().isdisjoint(("answer", "code", "offer")):
        yield from _between_banks(record["kind"], request)
    if "statute" in request:
        yield from _of_statute(request["statute"])
    yield from _fields("effects.", effects, ("account", "adopts", "delegate", "into", "statute"))
    for name in ("postings", "lines", "fee", "reserves"):
        for line in effects.get(name, ()):
            yield said("field_of_accounts", field=f"effects.{name}"), line[0], MOST_OF_ID
    for flag in effects.get("flags", ()):
        if "account" in flag:
            yield "effects.flags of an account", flag["account"], MOST_OF_ID


def _fields(
    where: str, holder: dict[str, Any], names: Iterable[str], most: int = MOST_OF_ID
) -> Iterator[tuple[str, Any, int]]:
    for name in names:
        if name in holder:
            yield f"{where}{name}", holder[name], most


def _described(request: dict[str, Any]) -> Iterator[tuple[str, Any, int]]:
    """Yield the labels of a transfer or hold, or of what amends one."""
    yield from _fields("request.", request, _LABELS, MOST_OF_LABEL)
    for tag in request.get("tags", ()):
        yield "request.tags of a label", tag, MOST_OF_LABEL


def _between_banks(kind: str, request: dict[str, Any]) -> Iterator[tuple[str, Any, int]]:
    """Yield those of what is between two banks."""
    yield from _fields("request.", request, ("code",), MOST_OF_LABEL)
    if kind == "hold":
        yield from _fields("request.offer.", request["offer"], ("to", "reverses"))
        yield from _fields("request.offer.", request["offer"], ("earner",), MOST_OF_LABEL)
        return
    for name in ("offer", "answer"):
        if name in request:
            yield from _of_body(f"request.{name}.body", request[name]["body"])


def _of_body(where: str, body: dict[str, Any]) -> Iterator[tuple[str, Any, int]]:
    """Yield those of the body of a message."""
    yield from _fields(f"{where}.", body, ("from", "to", "id", "exchange", "reverses"))
    yield from _fields(f"{where}.", body, ("code", "earner", *_LABELS), MOST_OF_LABEL)
    for tag in body.get("tags", ()):
        yield f"{where}.tags of a label", tag, MOST_OF_LABEL
    if body["kind"] == "cancel":
        yield from _of_body(f"{where}.offer", body["offer"])
    elif body["kind"] == "answer":
        yield from _of_body(f"{where}.offer.body", body["offer"]["body"])


def _of_exchange(request: dict[str, Any]) -> Iterator[tuple[str, Any, int]]:
    """Yield those of the request of a transfer or hold."""
    yield "request.kind", request["kind"], MOST_OF_ID
    for side in ("earners", "spenders"):
        for line in request[side]:
            yield said("field_of_accounts", field=f"request.{side}"), line[0], MOST_OF_ID
    source = request.get("source", ())
    if type(source) is str:
        yield "request.source", source, MOST_OF_LABEL
        return
    for pair in source:
        for text in pair:
            yield "request.source of labels", text, MOST_OF_LABEL


def _of_statute(statute: dict[str, Any]) -> Iterator[tuple[str, Any, int]]:
    """Yield the version, the time zone and the funds of a statute."""
    yield from _fields("request.statute.", statute, ("version", "time_zone"))
    rules = [statute.get(name) for name in ("demurrage", "fee", "welcome")]
    if type(dues := statute.get("dues")) is list:
        rules += dues
    for rule in rules:
        if type(rule) is dict:
            yield from _fields("request.statute: a ", rule, ("fund",))
