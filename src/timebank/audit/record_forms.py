"""What the page says of the values of a record whose fields are known, beyond their types.

Such a record can be relied on all the same: it is executed, and what it breaks is one finding.
Stated from `docs/journal-format.md`, as `record_fields` is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final

from timebank.audit import cheques
from timebank.audit.base import Difference
from timebank.audit.message_fields import told_differences, value_differences
from timebank.errors import shown
from timebank.journal.fold import imbalance
from timebank.model import (
    MAX_INTEGER,
    MAX_PARTIES,
    MAX_SOURCE_FIELDS,
    MAX_TAGS,
)
from timebank.model.said import said, who

_Object = dict[str, Any]

#: The word that no transfer's or hold's `kind` may be.
REVERSAL: Final = "reversal"
#: The most texts that one erasure names.
MOST_ERASED: Final = 1_000


def form_differences(record: dict[str, Any]) -> Iterator[Difference]:
    """Yield what is expected and what was found, for each value that is not as it must be."""
    kind, request = record["kind"], record["request"]
    if kind == "open_account":
        if "floor" in request or "ceiling" in request:
            yield from _limits(request)
    elif kind in _FORMS:
        for form in _FORMS[kind]:
            yield from form(request, record["effects"])


def _quantities(request: _Object, effects: _Object) -> Iterator[Difference]:
    """Yield hours and times that are none."""
    for field in ("hours", "expires_in"):
        if request.get(field, 1) <= 0:
            yield said("request_of_more_than_0", field=field), shown(request[field])
    if effects.get("expires_at", 0) >= MAX_INTEGER:
        yield said("effects_expires_at_before_the_year_2255"), shown(effects["expires_at"])


def _limits(request: _Object) -> Iterator[Difference]:
    """Yield limits of a new account that say nothing."""
    for field in ("floor", "ceiling"):
        if request.get(field) == "inherit":
            yield said("request_left_out_where_it_is_inherited", field=field), "inherit"


def _one_of_both(request: _Object, _: _Object) -> Iterator[Difference]:
    if not request.keys() & {"floor", "ceiling"}:
        yield said("a_floor_a_ceiling_or_both"), said("neither")


def _sides(request: _Object, effects: _Object) -> Iterator[Difference]:
    """Yield what is wrong with who earns and who spends."""
    earners, spenders = request["earners"], request["spenders"]
    for what, side in (("earners", earners), ("spenders", spenders)):
        if not 1 <= len(side) <= MAX_PARTIES:
            yield (
                said("request_of_1_to_accounts", what=what, most=MAX_PARTIES),
                said("number_of_them", number=len(side)),
            )
        if not all(seconds > 0 for _, seconds in side):
            yield said("request_of_more_than_0_seconds", what=what), shown(side)
        if not is_ascending([account for account, _ in side]):
            yield said("request_sorted_by_account_each_once", what=what), shown(side)
    sums = [sum(seconds for _, seconds in side) for side in (earners, spenders)]
    if sums[0] != sums[1] and not imbalance(effects):  # else that is said
        yield (
            said("both_sides_of_the_same_hours"),
            said("and_seconds", one=sums[0], other=sums[1]),
        )
    if len(earners) == len(spenders) == 1 and earners[0][0] == spenders[0][0]:
        yield (
            said("two_accounts"),
            said("as_the_sole_earner_and_spender", account=who(earners[0][0])),
        )


def _tagged(request: _Object, _: _Object) -> Iterator[Difference]:
    """Yield tags that are not in order, too many or none."""
    tags = request.get("tags", ["-"])
    if not 1 <= len(tags) <= MAX_TAGS or not is_ascending(tags):
        yield said("request_tags_sorted", most=MAX_TAGS), shown(tags)


def _amends(request: _Object, _: _Object) -> Iterator[Difference]:
    """Yield what is wrong with which fields an amendment names."""
    given = request.keys() - {"account", "operation", "reason", "takes_away"}
    taken = request.get("takes_away", [])
    if not given and "takes_away" not in request:
        yield said("a_field_that_is_given_or_taken_away"), said("none")
    if "takes_away" in request and (not taken or not is_ascending(taken)):
        yield said("request_takes_away_sorted"), shown(taken)
    if given & {*taken}:
        yield (
            said("fields_that_are_given_or_taken_away"),
            said("both", fields=shown(sorted(given & {*taken}))),
        )


def _described(request: _Object, _: _Object) -> Iterator[Difference]:
    """Yield what is wrong with the words of a transfer or hold."""
    if request["kind"] == REVERSAL:
        yield said("request_kind_other_than", word=REVERSAL), shown(request["kind"])
    source = request.get("source", "-")
    pairs = [["-", source]] if type(source) is str else source
    if not 1 <= len(pairs) <= MAX_SOURCE_FIELDS or not is_ascending([name for name, _ in pairs]):
        expected = said("request_source_sorted", most=MAX_SOURCE_FIELDS)
        yield expected, shown(source)


def _erased(_: _Object, effects: _Object) -> Iterator[Difference]:
    """Yield what an erasure names too many of, twice, or in another order."""
    commitments, texts = effects["erased"], effects["texts"]
    if len(texts) > MOST_ERASED:
        yield (
            said("effects_texts_of_at_most", most=MOST_ERASED),
            said("number_of_them", number=len(texts)),
        )
    if not is_ascending(commitments) or not is_ascending(texts):
        yield said("effects_erased_in_order"), said("others")


def _reasoned(request: _Object, _: _Object) -> Iterator[Difference]:
    """Yield a reversal without a reason that no other bank asks for."""
    if "reason" not in request and "offer" not in request:
        yield said("request_with", fields="reason"), ", ".join(map(shown, request))


def _agreed(request: _Object, effects: _Object) -> Iterator[Difference]:
    """Yield what is wrong in what two banks agree on."""
    yield from told_differences("request", request)
    for name in ("they_may_owe", "we_may_owe"):
        if (request.get(name) or 0) < 0:
            yield said("not_less_than_0", field=f"request.{name}"), shown(request[name])


def _between_banks(request: _Object, effects: _Object) -> Iterator[Difference]:
    """Yield what is wrong in messages, and in what is there with them, and only with them."""
    for name in ("offer", "answer"):
        if name in request:
            yield from value_differences(f"request.{name}", request[name])
    if request.get("written_off", True) is not True:
        yield said("request_true_or_left_out", field="written_off"), shown(request["written_off"])
    if "written_off" in request and "note" not in request:
        yield said("request_with", fields="note, written_off"), ", ".join(map(shown, request))
    is_told = not request.keys().isdisjoint(("offer", "answer", "written_off"))
    yield from _told(effects, {"terms"} if is_told else set(), seen=is_told)


def _told(effects: _Object, wanted: set[str], *, seen: bool) -> Iterator[Difference]:
    """Yield what another bank is told, where it is not, or where there is none."""
    found = effects.keys() & {"terms", "answer_by"}
    if found != wanted:
        names = [", ".join(sorted(one)) or said("none") for one in (wanted, found)]
        yield said("effects_of_these", fields=names[0]), names[1]
    if "seen" in effects and not seen:
        yield said("no_such_field"), "effects.seen"
    yield from told_differences("effects", effects)


def _offers(request: _Object, effects: _Object) -> Iterator[Difference]:
    """Yield what is wrong in the offer that a hold makes, and in what is there only with it."""
    offer = request.get("offer")
    yield from _told(effects, set() if offer is None else {"answer_by", "terms"}, seen=bool(offer))
    if offer is None:
        if "reverses" in effects:
            yield said("no_such_field"), "effects.reverses"
        return
    for field in ("expires_in", "source", "limits"):
        if field in request:
            yield said("no_such_field"), f"request.{field}"
    if offer["answer_in"] <= 0:
        yield said("request_of_more_than_0", field="offer.answer_in"), shown(offer["answer_in"])
    if effects.get("answer_by", 0) >= MAX_INTEGER:
        yield said("effects_answer_by_before_the_year_2255"), shown(effects["answer_by"])


def _ended(request: _Object, effects: _Object) -> Iterator[Difference]:
    """Yield what is wrong in what ends an offer."""
    if "answer" in request:
        yield from value_differences("request.answer", request["answer"])
    yield from _told(effects, set(), seen="answer" in request)
    if request.get("abandoned", True) is not True:
        yield said("request_true_or_left_out", field="abandoned"), shown(request["abandoned"])
    if "abandoned" in request and "reason" not in request:
        yield said("request_with", fields="abandoned, reason"), ", ".join(map(shown, request))


def _issued(request: _Object, _: _Object) -> Iterator[Difference]:
    """Yield what is wrong with a booklet of cheques."""
    yield from cheques.id_differences("issue_cheques", request["id"])
    if not 1 <= request["cheques"] <= cheques.MOST_CHEQUES:
        expected = said("request_cheques_of", most=cheques.MOST_CHEQUES)
        yield expected, shown(request["cheques"])


def _voided(request: _Object, _: _Object) -> Iterator[Difference]:
    """Yield where what is voided is no cheque."""
    yield from cheques.id_differences("void_cheque", request["id"])


def is_ascending(values: list[Any]) -> bool:
    """Return whether values are sorted, each once.

    >>> from timebank.audit.record_forms import is_ascending
    >>> is_ascending(["a", "b"]), is_ascending(["a", "a"])
    (True, False)
    """
    return all(before < after for before, after in pairwise(values))


#: Kind → what else is looked at.
_FORMS: Final[dict[str, tuple[Callable[[_Object, _Object], Iterator[Difference]], ...]]] = {
    "set_limits": (_one_of_both,),
    "transfer": (_sides, _tagged, _described, _between_banks),
    "hold": (_sides, _tagged, _described, _quantities, _offers),
    "settle": (_quantities, _ended),
    "void": (_ended,),
    "reverse": (_quantities, _reasoned, _between_banks),
    "refuse": (_between_banks,),
    "issue_cheques": (_issued,),
    "void_cheque": (_voided,),
    "agree": (_agreed,),
    "readmit": (_agreed,),
    "erase": (_erased,),
    "amend": (_tagged, _amends),
    "amend_account": (_amends,),
}
