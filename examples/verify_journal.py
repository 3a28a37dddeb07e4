"""Verify exported journals with nothing but Python, by docs/journal-format.md.

    verify_journal.py [--on DAY] [--at SEQUENCE] [--alone] [EXPORT.jsonl ...]

Print the head with the root of the tree, and the balances: at the end, or on each DAY of service
and at each SEQUENCE. Where an export is not sound, print the line and the rule that it breaks, and
exit with 1, or with 2 where a file cannot be read. Without a file, read standard input.

Of banks that agreed with each other, the records of each two are compared, but with --alone: print
what stands on their accounts, how many signatures were checked (with the package `cryptography`,
where it is there), and what is under way; or the record of one of them that the other contradicts.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
import unicodedata
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

MAX = 2**53
DAY = timedelta(days=1)
NAME_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789 -"
TEXTS = ("name", "note", "reason")
#: What is said of an exchange, and may be amended.
SAID = ("area", "category", "from", "note", "resource", "tags", "to")
#: The same, where an offer to another bank says it: under these names.
IN_OFFERS = {one: {"from": "started_at", "to": "ended_at"}.get(one, one) for one in SAID}
#: Ids of operations that begin so are the library's own.
OWN_IDS = ("due:", "peer:", "cheque:")
#: Fields of a request that only what is between two banks has; those of a transfer.
BETWEEN = ("offer", "answer", "abandoned")
OF_TRANSFERS = ("offer", "answer", "written_off")
ACCOUNT_KINDS = ("member", "group", "organisation", "fund", "clearing", "issuance")
MONTHS = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}
STATUS = {
    "freeze": (("open",), "frozen"),
    "thaw": (("frozen",), "open"),
    "close_account": (("open", "frozen"), "closed"),
    "reopen": (("closed",), "open"),
}
Object = dict[str, Any]
Lines = list[Any]
Test = Callable[[Any], bool]
#: Checks a record, its request and its effects.
Step = Callable[[Object, Object, Object], None]


class Refused(Exception):
    """A rule that is broken, and how."""


def check(ok: object, rule: str, why: object) -> None:
    """Stop at what is not so."""
    if not ok:
        msg = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in str(why))
        raise Refused(f"{rule}: {msg}")  # noqa: EM102, TRY003  # read by people, as it is


# -- the form of records ---------------------------------------------------------------------


def canonical(value: Any) -> bytes:
    """Write a value as RFC 8785 does, where numbers are whole and keys are ASCII."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def no_number(text: str) -> None:
    """Fractions and NaN have no place in a journal."""
    raise ValueError(text)


def number(text: str) -> int:
    """Read an integer within the form."""
    if len(text) > 17 or abs(int(text)) > MAX:
        raise ValueError(text)
    return int(text)


def parse(raw: bytes, rule: str) -> Any:
    """Read JSON that is written in the canonical form."""
    try:
        value = json.loads(
            raw.decode(), parse_float=no_number, parse_constant=no_number, parse_int=number
        )
        same = canonical(value) == raw
    except (ValueError, RecursionError) as error:
        raise Refused(f"{rule}: {error}") from error  # noqa: EM102, TRY003  # as above
    check(same, rule, "not in canonical form")
    return value


def words(*known: str) -> Test:
    """Accept one of a few words."""
    return lambda value: type(value) is str and value in known


def whole(least: int, most: int = MAX) -> Test:
    """Accept an integer within bounds."""
    return lambda value: type(value) is int and least <= value <= most


def many(one: Test, least: int = 1, most: int = MAX) -> Test:
    """Accept an array of so many values."""
    return lambda value: (
        type(value) is list and least <= len(value) <= most and all(map(one, value))
    )


def rising(one: Test, most: int = MAX) -> Test:
    """Accept an array that is not empty, sorted, each once."""
    array = many(one, 1, most)
    return lambda value: array(value) and all(a < b for a, b in pairwise(value))


def tuple_of(*tests: Test) -> Test:
    """Accept an array of values of these types."""
    return lambda value: (
        type(value) is list
        and len(value) == len(tests)
        and all(test(one) for test, one in zip(tests, value, strict=True))
    )


def ranges(*words: str) -> tuple[tuple[str, str], ...]:
    """Return the first and the last character of ranges of code points."""
    pairs = (one.split("-") for word in words for one in word.split())
    return tuple((chr(int(pair[0], 16)), chr(int(pair[-1], 16))) for pair in pairs)


def is_in(one: str, found: tuple[tuple[str, str], ...]) -> bool:
    """Tell whether a character is there, and within one of the ranges."""
    return any(first <= one <= last for first, last in found)


#: The tables of ids.
NOWHERE = ranges(
    "0-1F 7F-9F AD 600-605 61C 6DD 70F 890-891 8E2 180E 200B 200E-200F 2028-202E 2060-206F",
    "D800-DFFF FEFF FFF9-FFFB 110BD 110CD 13430-1343F 1BCA0-1BCA3 1D173-1D17A E0000-E007F",
)
BLANKS = ranges("20 A0 1680 2000-200A 202F 205F 3000")
SCRIPTS = tuple(
    ranges(script)
    for script in (
        *("620-65F 66E-6D3 6D5 6EE-6EF 6FA-6FF 750-77F 8A0-8C9", "710-74F", "900-963 970-97F"),
        *("980-9E3 9F0-9FF", "A00-A63 A70-A7F", "A80-AE3 AF0-AFF", "B00-B63 B70-B7F"),
        *("B80-BE3 BF0-BFF", "C00-C63 C70-C7F", "C80-CE3 CF0-CFF", "D00-D63 D70-D7F"),
        *("D80-DE3 DF0-DFF", "1780-17D3"),
    )
)


def is_seen(value: str) -> bool:
    """Tell whether a string has nothing that cannot be seen: joiners stand within a script."""
    for place, one in enumerate(value):
        if one in "\u200c\u200d":
            around = value[max(place - 1, 0) : place], value[place + 1 : place + 2]
            if not any(all(is_in(one, script) for one in around) for script in SCRIPTS):
                return False
    return not any(is_in(one, NOWHERE) for one in value)


def text(most: int) -> Test:
    """Accept an id of up to so many characters, in NFC, with nothing that cannot be seen."""
    return lambda value: (
        type(value) is str
        and 1 <= len(value) <= most
        and not is_in(value[0], BLANKS)
        and not is_in(value[-1], BLANKS)
        and ((value.isascii() and value.isprintable()) or is_seen(value))
        and unicodedata.is_normalized("NFC", value)
    )


def is_day(value: Any) -> bool:
    """Accept `YYYY-MM-DD`."""
    try:
        return type(value) is str and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def is_time(value: Any) -> bool:
    """Accept `HH:MM`."""
    return type(value) is str and bool(re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", value))


def is_hex(value: Any) -> bool:
    """Accept SHA-256 in lower-case hex."""
    return type(value) is str and len(value) == 64 and not value.strip("0123456789abcdef")


def is_share(value: Any) -> bool:
    """Accept a fraction in lowest terms, above 0 and at most 1."""
    try:
        share = Fraction(value) if type(value) is str else Fraction(0)
    except (ValueError, ZeroDivisionError):
        return False
    return str(share) == value and 0 < share <= 1 and share.denominator <= 1_000_000


def is_limit(value: Any) -> bool:
    """Accept what a limit of an account is."""
    return value is None or value == "inherit" or seconds(value)


def is_own_limit(value: Any) -> bool:
    """Accept a limit that is given: inherited where it is left out."""
    return is_limit(value) and value != "inherit"


def is_bool(value: Any) -> bool:
    """Accept true and false."""
    return type(value) is bool


def is_true(value: Any) -> bool:
    """Accept true."""
    return value is True


def is_key(value: Any) -> bool:
    """Accept the line of a public key."""
    return type(value) is str


def is_signature(value: Any) -> bool:
    """Accept the line of a signature."""
    return type(value) is str


def is_object(value: Any) -> bool:
    """Accept an object, which is looked at elsewhere."""
    return type(value) is dict


def is_side(value: Any) -> bool:
    """Accept lines sorted by account, each once, of positive seconds."""
    return many(tuple_of(identifier, positive), 1, 1_000)(value) and all(
        a[0] < b[0] for a, b in pairwise(value)
    )


def nullable(one: Test) -> Test:
    """Accept null too."""
    return lambda value: value is None or one(value)


def is_name(value: Any) -> bool:
    """Accept a name of dues."""
    if type(value) is not str or value in {"welcome", "demurrage"} or len(value) > 32:
        return False
    return value.strip(" -") == value != "" and not set(value) - set(NAME_LETTERS)


def is_kinds(value: Any) -> bool:
    """Accept kinds of account, each once, in their order."""
    return many(words(*ACCOUNT_KINDS))(value) and value == [k for k in ACCOUNT_KINDS if k in value]


identifier, label = text(128), text(200)
seconds, positive, sequence = whole(-MAX), whole(1), whole(1)
moved = many(tuple_of(identifier, seconds), 2)
pair = tuple_of(label, label)


def is_source(value: Any) -> bool:
    """Accept a label, or pairs of them, sorted by the first, each once."""
    if type(value) is str:
        return label(value)
    names = [one[0] for one in value] if many(pair, 1, 20)(value) else []
    return bool(names) and sorted(set(names)) == names


def is_seen_head(value: Any) -> bool:
    """Accept a head of another bank: its size and its root, and its signature where it has one."""
    head = type(value) is list and tuple_of(whole(0), is_hex)(value[:2])
    return head and len(value) <= 3 and all(map(is_signature, value[2:]))


# A field whose name ends in "?" may be left out.
ON_ACCOUNT = {"account": identifier}
WITH_REASON = {**ON_ACCOUNT, "reason?": is_hex}
TOLD = {
    "category?": label,
    "area?": label,
    "resource?": label,
    "from?": is_time,
    "to?": is_time,
    "tags?": rising(label, 50),
    "note?": is_hex,
}
EXCHANGE = {
    "id": identifier,
    "kind": identifier,
    "earners": is_side,
    "spenders": is_side,
    "occurred_on?": is_day,
    **TOLD,
    "via?": identifier,
    "source?": is_source,
    "limits?": words("unchecked"),
}
PART = {"id": identifier, "hours?": positive, "occurred_on?": is_day}
DELEGATE = {**ON_ACCOUNT, "delegate": identifier}
SETS: dict[str, Test] = {
    "kind?": words(*ACCOUNT_KINDS),
    "status?": words("open", "frozen", "closed", "agreed"),
    "joined_on?": nullable(is_day),
    "floor?": is_limit,
    "ceiling?": is_limit,
    "named?": is_bool,
}
CHANGE = {"account": identifier, "sets": is_object}
FLAGS = {"flags?": many(is_object)}
PLACE = tuple_of(sequence, words(*TEXTS))
HEAD = tuple_of(sequence, is_hex)
TERMS = tuple_of(nullable(whole(0)), nullable(whole(0)))
SEEN = {"seen?": is_seen_head}
#: A body of a message tells a head without its signature.
SEEN_IN_BODY = {"seen?": tuple_of(whole(0), is_hex)}
TOLD_TO_PEER = {"terms?": TERMS, **SEEN}
#: What a request has of another bank: bodies of messages, and signatures, are looked at elsewhere.
OFFERED, ANSWERED = {"offer?": is_object}, {"answer?": is_object}
MOVE = {"occurred_on": is_day, "postings": moved, "statute": identifier}
FEE = {"fee?": moved}
RESERVE = tuple_of(identifier, whole(0), whole(0))
HOLD = {"lines": moved, "reserves": many(RESERVE), "statute": identifier, "expires_at?": seconds}
OFFER = {"answer_by?": seconds, "reverses?": sequence, **TOLD_TO_PEER}
RECORD: dict[str, Test] = {
    "format": words("timebank/1"),
    "journal": identifier,
    "sequence": sequence,
    "recorded_at": seconds,
    "recorded_on": is_day,
    "actor?": identifier,
    "kind": lambda value: type(value) is str,
    "request": is_object,
    "effects": is_object,
}
#: Kind → the fields of its request, and of its effects.
SHAPES: dict[str, tuple[dict[str, Test], dict[str, Test]]] = {
    "open_account": (
        {
            **ON_ACCOUNT,
            "kind": words(*ACCOUNT_KINDS),
            "name?": is_hex,
            "joined_on?": is_day,
            "floor?": is_own_limit,
            "ceiling?": is_own_limit,
        },
        CHANGE,
    ),
    "set_limits": ({**ON_ACCOUNT, "floor?": is_limit, "ceiling?": is_limit}, CHANGE),
    "rename": ({**ON_ACCOUNT, "name?": is_hex}, CHANGE),
    **dict.fromkeys(STATUS, (WITH_REASON, CHANGE)),
    "transfer": (
        {**EXCHANGE, **OFFERED, **ANSWERED, "written_off?": is_true},
        {**MOVE, **FEE, **FLAGS, **TOLD_TO_PEER},
    ),
    "reverse": (
        {**PART, "transfer": identifier, "reason?": is_hex, **OFFERED},
        {**MOVE, **FEE, "reverses": sequence, **TOLD_TO_PEER},
    ),
    "hold": (
        {**EXCHANGE, "expires_in?": positive, **OFFERED},
        {**HOLD, **FEE, **FLAGS, **OFFER},
    ),
    "settle": (
        {**PART, "hold": identifier, **ANSWERED},
        {**MOVE, **FEE, **FLAGS, "resolves": sequence, **SEEN},
    ),
    "void": (
        {
            "id": identifier,
            "hold": identifier,
            "reason?": is_hex,
            "abandoned?": is_true,
            **ANSWERED,
        },
        {"resolves": sequence, **FLAGS},
    ),
    "adopt": ({"statute": is_object}, {"adopts": identifier}),
    "due": (
        {
            "id": identifier,
            "account": identifier,
            "rule": identifier,
            "by": identifier,
            "since": is_day,
            "period?": tuple_of(is_day, is_day),
        },
        {**MOVE, **FLAGS, "basis?": seconds},
    ),
    "name_delegate": (
        {**DELEGATE, "until?": is_day},
        {**DELEGATE, "of": sequence, "until": nullable(is_day)},
    ),
    "end_delegate": (DELEGATE, {**DELEGATE, "of": sequence}),
    "erase": (
        {"account?": identifier, "record?": sequence, "reason": is_hex},
        {"erased": rising(is_hex), "texts": rising(PLACE, 1_000)},
    ),
    "restart_clock": (
        {"reason": is_hex, "today": is_day},
        {"statute": identifier, "ends?": rising(sequence), "through?": is_day},
    ),
    "amend": (
        {
            "operation": identifier,
            **TOLD,
            "takes_away?": rising(words(*SAID)),
            "reason": is_hex,
        },
        {"amends": sequence, "sets": is_object, "was": is_object},
    ),
    "amend_account": (
        {
            **ON_ACCOUNT,
            "joined_on?": is_day,
            "kind?": words("member", "group", "organisation"),
            "takes_away?": rising(words("joined_on")),
            "reason": is_hex,
        },
        {**CHANGE, "was": is_object},
    ),
    "close_books": (
        {"through?": is_day, "reason": is_hex},
        {"statute": identifier, "through": nullable(is_day)},
    ),
    "merge": (
        {**ON_ACCOUNT, "into": identifier, "reason": is_hex},
        {
            **ON_ACCOUNT,
            "into": identifier,
            "of": sequence,
            **MOVE,
            "postings": many(tuple_of(identifier, seconds), 0),
            **FLAGS,
            "joined_on?": is_day,
        },
    ),
    "history_lost": ({"lost?": HEAD, "reason": is_hex}, {"lost": HEAD}),
    "agree": (
        {
            **WITH_REASON,
            "peer": identifier,
            "they_may_owe": nullable(whole(0)),
            "we_may_owe": nullable(whole(0)),
            "key?": is_key,
            "theirs?": TERMS,
        },
        {**CHANGE, "of": sequence},
    ),
    "suspend_agreement": ({**ON_ACCOUNT, "reason": is_hex}, {**ON_ACCOUNT, "of": sequence}),
    "end_agreement": ({**ON_ACCOUNT, "reason": is_hex}, {**CHANGE, "of": sequence}),
    "readmit": (
        {**ON_ACCOUNT, "head": is_seen_head, "reason": is_hex},
        {**ON_ACCOUNT, "of": sequence},
    ),
    "refuse": (
        {"id": identifier, "code": label, "offer": is_object, "reason?": is_hex},
        {"terms": TERMS, **SEEN},
    ),
    "issue_cheques": (
        {"id": identifier, **ON_ACCOUNT, "cheques": whole(1, 99)},
        {**ON_ACCOUNT, "of": sequence},
    ),
    "void_cheque": (
        {"id": identifier, "code": label, "reason?": is_hex},
        {"of": sequence},
    ),
}
#: Kinds whose ids are of booklets of cheques, or of cheques.
ON_CHEQUES = {"issue_cheques", "void_cheque"}
#: Kinds that are on an agreement, or on an offer that moves nothing.
ON_AGREEMENTS = {"agree", "suspend_agreement", "end_agreement", "readmit"}
#: Effects that only what is between two banks has; what the request of an offer says of it.
OF_OFFERS = ("answer_by", "terms", "seen")
#: What no booking of an offer has.
UNOFFERED = ("via", "source", "limits")
ASKED = {"to": identifier, "answer_in": positive, "earner?": label, "reverses?": identifier}
MESSAGE = {
    "format": words("timebank-peers/1"),
    "kind": words("offer", "cancel", "answer"),
    "from": identifier,
    "to": identifier,
}
#: Kind of message → the fields of its body.
BODIES: dict[str, dict[str, Test]] = {
    "offer": {
        **MESSAGE,
        "id": identifier,
        "record": sequence,
        "seconds": positive,
        "exchange": identifier,
        "occurred_on": is_day,
        "answer_by": seconds,
        "terms": TERMS,
        "earner?": label,
        "reverses?": identifier,
        **{f"{IN_OFFERS[name]}?": TOLD[f"{name}?"] for name in SAID},
        **SEEN_IN_BODY,
    },
    "cancel": {**MESSAGE, "offer": is_object},
    "answer": {
        **MESSAGE,
        "record": sequence,
        "offer": is_object,
        "accepted": is_bool,
        "occurred_on?": is_day,
        "code?": label,
        "terms": TERMS,
        **SEEN_IN_BODY,
    },
}
SIGNED: dict[str, Test] = {"body": is_object, "signature?": is_signature}


def shape(found: Object, fields: dict[str, Test], rule: str) -> None:
    """Refuse a field that is not known, of another type, or missing."""
    for name, value in found.items():
        test = fields.get(name) or fields.get(name + "?")
        check(test is not None, rule, f"no field {name}")
        check(test is not None and test(value), rule, f"{name} is {value!r}")
    for name in fields:
        check(name.endswith("?") or name in found, rule, f"{name} is missing")


# -- statutes --------------------------------------------------------------------------------

# Rule → its fields, with what each is where it is left out; `...` may not be left out.
KINDS_OF = (is_kinds, ["member"])
ONE_SECOND = (positive, 1)
BEYOND = (words("refuse", "flag"), "refuse")
TO_FUND, TO_PAYER = ((words("fund", "payer"), one) for one in ("fund", "payer"))
EVERY = words("once", *MONTHS)
FIELDS: dict[str, dict[str, tuple[Test, Any]]] = {
    "limits": {
        "floor": (seconds, None),
        "ceiling": (seconds, None),
        "from_month": (whole(0, 1_200), 0),
        "beyond": BEYOND,
    },
    "granularity": {
        "unit": (positive, ...),
        "rounding": (words("refuse", "up", "nearest"), "refuse"),
    },
    "largest_exchange": {"hours": (positive, ...), "beyond": BEYOND},
    "record_within": {"days": (whole(0, 36_500), ...), "beyond": BEYOND},
    "welcome": {
        "hours": (positive, ...),
        "fund": (identifier, ...),
        "due_back": (is_bool, False),
        "given": (words("on joining", "when asked"), "on joining"),
        "kinds": KINDS_OF,
    },
    "dues": {
        "hours": (positive, ...),
        "fund": (identifier, ...),
        "every": (EVERY, "year"),
        "name": (is_name, "dues"),
        "kinds": KINDS_OF,
        "from_month": (whole(0, 1_200), 0),
        "first_period": (words("whole", "months", "days", "free"), "whole"),
        "unit": ONE_SECOND,
        "remainder_to": TO_FUND,
    },
    "demurrage": {
        "share": (is_share, ...),
        "above": (whole(0), ...),
        "fund": (identifier, ...),
        "every": (words(*MONTHS), "half-year"),
        "kinds": KINDS_OF,
        "unit": ONE_SECOND,
        "remainder_to": TO_PAYER,
    },
    "fee": {
        "fund": (identifier, ...),
        "share": (is_share, None),
        "fixed": (positive, None),
        "payer": (words("spender", "earner"), "spender"),
        "remainder_to": TO_FUND,
        "unit": ONE_SECOND,
    },
}


def filled(found: Any, name: str) -> Object:
    """Return a rule with all of its fields, those that are left out too."""
    check(type(found) is dict, "statute", f"{name} is {found!r}")
    known = FIELDS[name]
    for field, value in found.items():
        check(field in known, "statute", f"{name} has no {field}")
        test, default = known[field]
        check(test(value), "statute", f"{name}.{field} is {value!r}")
        check(value != default, "statute", f"{name}.{field} says what is so where it is left out")
    for field, (_, default) in known.items():
        check(default is not ... or field in found, "statute", f"{name} has no {field}")
    return {field: found.get(field, default) for field, (_, default) in known.items()}


def read_statute(found: Object) -> Object:
    """Return a statute with all of its rules, `None` for one that it has not."""
    known = {"version", "time_zone", *FIELDS}
    check(found.keys() <= known, "statute", f"fields {', '.join(sorted(found))}")
    check(identifier(found.get("version")), "statute", "no version")
    zone = found.get("time_zone", "-")
    check(identifier(zone) and zone != "UTC", "statute", f"time zone {zone!r}")
    statute: Object = dict.fromkeys(FIELDS)
    for name in FIELDS.keys() - {"limits", "dues"}:
        if name in found:
            statute[name] = filled(found[name], name)
    fee = statute["fee"]
    check(fee is None or (fee["share"] is None) != (fee["fixed"] is None), "statute", "the fee")
    statute["limits"] = {}
    if "limits" in found:
        check(is_object(found["limits"]) and found["limits"], "statute", "limits of none")
        check(found["limits"].keys() <= set(ACCOUNT_KINDS), "statute", "limits of no kind")
        for kind, bands in found["limits"].items():
            check(many(is_object, 1, 24)(bands), "statute", f"limits of {kind}")
            statute["limits"][kind] = [filled(band, "limits") for band in bands]
            check_bands(statute["limits"][kind])
    check("dues" not in found or many(is_object, 1, 12)(found["dues"]), "statute", "dues")
    statute["dues"] = [filled(one, "dues") for one in found.get("dues", [])]
    names = [one["name"] for one in statute["dues"]]
    check(names == sorted(set(names)), "statute", f"dues {names}")
    return {**statute, "version": found["version"], "said": found}


def check_bands(bands: list[Object]) -> None:
    """Refuse bands out of order, a floor above a ceiling, two of a month that are no pair."""
    order = [(band["from_month"], band["beyond"]) for band in bands]
    check(order[0][0] == 0 and order == sorted(set(order)), "statute", f"bands {order}")
    for band in bands:
        if None not in (band["floor"], band["ceiling"]):
            check(band["floor"] <= band["ceiling"], "statute", "a floor above its ceiling")
    for soft, hard in pairwise(bands):
        if soft["from_month"] == hard["from_month"]:
            floors, ceilings = ((soft[name], hard[name]) for name in ("floor", "ceiling"))
            check((floors[0], ceilings[0]) != (floors[1], ceilings[1]), "statute", "equal bands")
            check(
                is_within(*floors, 1) and is_within(*ceilings, -1), "statute", "a wider soft band"
            )


def is_within(soft: int | None, hard: int | None, sign: int) -> bool:
    """Tell whether a soft limit lies within a hard one."""
    return hard is None or (soft is not None and soft * sign >= hard * sign)


def funds_of(statute: Object) -> set[str]:
    """Return the accounts that a statute names."""
    rules = [statute[name] for name in ("fee", "welcome", "demurrage")] + statute["dues"]
    return {rule["fund"] for rule in rules if rule is not None}


def due_rule(statute: Object, name: str) -> Object | None:
    """Return the rule of a statute by its name in records."""
    if name in {"welcome", "demurrage"}:
        rule: Object | None = statute[name]
        return rule
    return next((one for one in statute["dues"] if one["name"] == name), None)


NO_LIMITS = [filled({}, "limits")]
DEFAULT = read_statute(
    {
        "version": "default/1",
        "limits": {"member": [{"floor": -72_000}], "group": [{"floor": -72_000}]},
    }
)


# -- arithmetic ------------------------------------------------------------------------------


def total(lines: Lines) -> int:
    """Return the sum of lines."""
    return sum(line[1] for line in lines)


def apportion(lines: Lines, to: int) -> Lines:
    """Share so many seconds as the lines do: by largest remainder, the first of equal ones."""
    whole_sum = total(lines)
    if whole_sum == to:
        return lines
    if not whole_sum:
        return []
    shares = [to * weight // whole_sum for _, weight in lines]
    by_rest = sorted(range(len(lines)), key=lambda i: -(to * lines[i][1] % whole_sum))
    for i in by_rest[: to - sum(shares)]:
        shares[i] += 1
    return [[line[0], share] for line, share in zip(lines, shares, strict=True) if share]


def negative(lines: Lines) -> Lines:
    """Return lines with their signs turned."""
    return [[account, -one] for account, one in lines]


def side(lines: Lines, sign: int) -> Lines:
    """Return the lines of one sign, as positive seconds."""
    return [[account, abs(one)] for account, one in lines if one * sign > 0]


def in_units(rule: Object, share: Fraction) -> int:
    """Return whole units of a share: up for the fund, or down for who pays."""
    units = share / rule["unit"]
    count = -(-units // 1) if rule["remainder_to"] == "fund" else units // 1
    return int(count) * int(rule["unit"])


def in_granularity(statute: Object, asked: int) -> int:
    """Return the seconds that are exchanged where so many are asked for."""
    rule = statute["granularity"]
    if rule is None or asked % rule["unit"] == 0:
        return asked
    units, rest = divmod(asked, rule["unit"])
    up = rule["rounding"] == "up" or (rule["rounding"] == "nearest" and 2 * rest >= rule["unit"])
    check(rule["rounding"] != "refuse" and units + up, "unit", f"{asked} seconds")
    rounded: int = (units + up) * rule["unit"]
    return rounded


def fee_of(statute: Object, earned: Lines, spent: Lines, within: Lines | None = None) -> Lines:
    """Return the lines of the fee of an exchange; `within` is how payers share what was held."""
    rule = statute["fee"]
    if rule is None:
        return []
    lines = [
        one for one in (spent if rule["payer"] == "spender" else earned) if one[0] != rule["fund"]
    ]
    basis = total(lines)
    fee = rule["fixed"]
    if fee is None:
        fee = in_units(rule, basis * Fraction(rule["share"]))
    fee = min(fee, basis)
    return [[rule["fund"], fee], *negative(apportion(within or lines, fee))] if fee else []


def paid_by(statute: Object, payer: str) -> Object:
    """Return a statute whose fee is its own member's, in an exchange with another bank."""
    fee = statute["fee"]
    return statute if fee is None else {**statute, "fee": {**fee, "payer": payer}}


def months_between(first: str, last: str) -> int:
    """Return the whole months from one day to another."""
    one, other = date.fromisoformat(first), date.fromisoformat(last)
    months = (other.year - one.year) * 12 + other.month - one.month
    is_last = (other + DAY).day == 1 if other < date.max else True
    return max(months - (other.day < one.day and not is_last), 0)


def days(first: str, last: str) -> Iterator[str]:
    """Yield each day from one to another."""
    for ordinal in range(
        date.fromisoformat(first).toordinal(), date.fromisoformat(last).toordinal() + 1
    ):
        yield date.fromordinal(ordinal).isoformat()


# -- the books -------------------------------------------------------------------------------


class Charge:
    """Welcome credit, dues or demurrage that an account was charged; a false clock makes doubt."""

    def __init__(self, request: Object, sequence: int) -> None:
        """Take it from its request."""
        self.rule, self.sequence = request["rule"], sequence
        self.is_period, self.is_doubtful = "period" in request, False
        self.since = request["since"]
        self.first, self.last = request.get("period", [self.since, self.since])


class Move:
    """A transfer, settlement or dues, what was moved back of it, and the days of all this."""

    def __init__(self, id: str, day: str, own: Lines, fee: Lines) -> None:
        """Take it as it was posted."""
        self.id, self.days = id, [day]
        self.own, self.own_back = own, Lines()
        self.fee, self.fee_back = fee, Lines()
        #: Sequence of an open offer to another bank that moves hours back → its lines.
        self.offered_back: dict[int, Lines] = {}


class Agreement:
    """What was agreed with another bank."""

    def __init__(self, peer: str) -> None:
        """Begin it."""
        self.peer, self.status, self.terms = peer, "ended", Lines()
        #: The public keys that the other bank has had; what was moved while it was agreed.
        self.keys: list[str] = []
        self.moved = 0
        #: The sequence of the last record by which a board took another journal of the bank.
        self.readmitted = 0


class Account:
    """An account: where it stands, and its days as they are known now."""

    def __init__(self, sets: Object, opened: int, day: str) -> None:
        """Open it."""
        self.kind, self.status, self.joined_on = sets["kind"], sets["status"], sets["joined_on"]
        self.floor, self.ceiling = sets["floor"], sets["ceiling"]
        self.opened, self.opened_on = opened, day
        self.merged_into: str | None = None
        self.balance = 0
        self.changes = [(day, "open")]
        #: Sequence of an open hold → what it keeps, and until when.
        self.holds: dict[int, tuple[int, int, int | None]] = {}
        self.delegates: dict[str, str | None] = {}
        self.charges: list[Charge] = []
        #: Of each posting: sequence, day of service, seconds.
        self.postings: list[tuple[int, str, int]] = []
        #: The accounts that were merged into it, also by way of others.
        self.merged: list[Account] = []
        self.agreement: Agreement | None = None

    @property
    def joined(self) -> str:
        """The day from which on its membership counts."""
        return self.opened_on if self.joined_on is None else str(self.joined_on)

    def is_open_on(self, day: str) -> bool:
        """Tell whether it was open at the end of a day; before it was opened, as a member."""
        status = "open" if self.joined <= day else ""
        for since, then in self.changes:
            if since <= day:
                status = then
        return status == "open"

    def rewind(self, day: str) -> None:
        """Take each later day as that of a restart, and doubt what fell due later."""
        self.opened_on = min(self.opened_on, day)
        self.changes = [(min(since, day), then) for since, then in self.changes]
        for charge in self.charges:
            charge.is_doubtful |= charge.rule != "welcome" and charge.since > day


class Books:
    """Everything that follows from the records so far."""

    def __init__(self) -> None:
        """Begin before the first record."""
        self.journal, self.sequence, self.digest = "", 0, b""
        #: Digest → the sequence of its record.
        self.digests: dict[str, int] = {}
        #: The tree: the size and the hash of each perfect subtree, the largest first.
        self.peaks: list[tuple[int, bytes]] = []
        self.instant, self.day = -MAX, ""
        self.ids: dict[str, int] = {}
        self.accounts: dict[str, Account] = {}
        self.statute = DEFAULT
        self.versions = {"default/1": DEFAULT}
        self.adopted = [("", DEFAULT)]
        #: The last day of closed books.
        self.closed = ""
        #: Sequence → a transfer, settlement or dues.
        self.moves: dict[int, Move] = {}
        #: Sequence → an open hold: its request, effects and statute.
        self.holds: dict[int, tuple[Object, Object, Object]] = {}
        #: Sequence of a transfer or hold → what is said of it, as it was amended.
        self.said: dict[int, Object] = {}
        #: Sequence of a hold → that of its settlement; and the reverse.
        self.settled: dict[int, int] = {}
        self.settles: dict[int, int] = {}
        #: Sequence of an amendment → that of the transfer or hold.
        self.amends: dict[int, int] = {}
        #: Number of a booklet of cheques → its record, its account, and how many cheques it has.
        self.booklets: dict[int, tuple[int, str, int]] = {}
        #: Id of an offer to another bank → its body; of what it came to, the record of the end.
        self.offers: dict[str, Object] = {}
        self.ends: dict[str, Object] = {}
        #: Shared id → the record that answers an offer of another bank.
        self.answers: dict[str, Object] = {}
        #: What was brought in again, and what was written off, by account.
        self.brought: list[Object] = []
        #: Records that have a message; ids of what was booked with another bank.
        self.between_banks: list[Object] = []
        self.booked: set[str] = set()
        #: Whether the record that is looked at is between two banks.
        self.is_between = False
        self.written_off: dict[str, int] = {}
        #: Of what was lost, the greatest sequence that was declared; of the tree, its leaves.
        self.lost, self.leaves = 0, list[bytes]()
        self.subtrees: dict[tuple[int, int], bytes] = {}
        #: What was seen of other banks: the account, a head, and by which record.
        self.sights: list[tuple[str, Lines, int]] = []
        self.commitments: dict[tuple[int, str], str] = {}
        self.erased: set[tuple[int, str]] = set()
        self.absent: set[tuple[int, str]] = set()

    # -- what every record has ---------------------------------------------------------------

    def grow(self, body: bytes) -> None:
        """Add a leaf to the tree: two subtrees of one size become a larger one."""
        size, node = 1, hashlib.sha256(b"\0" + body).digest()
        self.leaves.append(node)
        while self.peaks and self.peaks[-1][0] == size:
            _, left = self.peaks.pop()
            size, node = 2 * size, hashlib.sha256(b"\1" + left + node).digest()
        self.peaks.append((size, node))

    def root(self) -> bytes:
        """Return the root of the tree."""
        found = self.peaks[-1][1] if self.peaks else hashlib.sha256().digest()
        for _, left in self.peaks[-2::-1]:
            found = hashlib.sha256(b"\1" + left + found).digest()
        return found

    def subtree(self, first: int, size: int) -> bytes:
        """Return the root of so many leaves; that of a perfect subtree is kept."""
        if size == 1:
            return self.leaves[first]
        if (first, size) in self.subtrees:
            return self.subtrees[first, size]
        half = 1 << (size - 1).bit_length() - 1
        nodes = self.subtree(first, half) + self.subtree(first + half, size - half)
        found = hashlib.sha256(b"\1" + nodes).digest()
        if size == 2 * half:
            self.subtrees[first, size] = found
        return found

    def record(self, record: Object, body: bytes) -> None:
        """Check a record, and execute it."""
        shape(record, RECORD, "fields")
        kind, request, effects = record["kind"], record["request"], record["effects"]
        check(kind in SHAPES, "kinds", f"{kind!r} is none")
        shape(request, SHAPES[kind][0], "fields")
        shape(effects, SHAPES[kind][1], "fields")
        if not self.sequence:
            self.journal = record["journal"]
            self.digest = hashlib.sha256(f"timebank/1:{self.journal}".encode()).digest()
        self.sequence += 1
        check(record["sequence"] == self.sequence, "sequence", record["sequence"])
        check(record["journal"] == self.journal, "journal", record["journal"])
        self.digests[self.digest.hex()] = self.sequence - 1
        self.digest = hashlib.sha256(self.digest + body).digest()
        self.grow(body)
        self.clock(record["recorded_at"], record["recorded_on"], kind)
        if "id" in request:
            check(request["id"] not in self.ids, "ids", "used before")
            shared = kind != "hold" and not request.keys().isdisjoint(BETWEEN)
            own = "due:" if kind == "due" else "peer:" if shared else ""
            found = next((one for one in OWN_IDS if request["id"].startswith(one)), "")
            of_cheque = found == "cheque:" and request.keys().isdisjoint(OF_TRANSFERS)
            if kind in ON_CHEQUES or (kind == "transfer" and of_cheque):
                own = "cheque:"
            check(found == own, "ids", "of the library's own")
            self.ids[request["id"]] = self.sequence
        self.commitments |= {(self.sequence, f): request[f] for f in TEXTS if f in request}
        if "statute" in effects:
            version = self.statute["version"]
            check(effects["statute"] == version, "statutes", f"in force is {version}")
        between = self.between(kind, request)
        self.is_between = between is not None
        if kind in STATUS:
            self.set_status(request, effects, *STATUS[kind])
        elif between is not None:
            between(record, request, effects)
            self.between_banks.append(record)
            if "postings" in effects:
                self.booked.add(request["id"])
        else:
            check(effects.keys().isdisjoint(OF_OFFERS), "fields", "of an exchange between banks")
            getattr(self, kind)(request, effects)

    def clock(self, instant: int, day: str, kind: str) -> None:
        """Check both clocks."""
        utc = date(1970, 1, 1) + instant // 86_400_000_000 * DAY
        ahead = date.fromisoformat(day) - utc
        kept = ahead > DAY and day == self.day and kind != "restart_clock"
        check(abs(ahead) <= DAY or kept, "recorded_on", f"{day} is not the day of {utc}")
        if kind == "restart_clock":
            check(instant < self.instant or day < self.day, "restarts", "no record lay ahead")
        else:
            check(instant >= self.instant, "recorded_at", "before that of the record before")
            check(day >= self.day, "recorded_on", "before that of the record before")
        self.instant, self.day = instant, day

    def account(self, id: str) -> Account:
        """Return an account that was opened."""
        check(id in self.accounts, "accounts", f"no account {id!r}")
        return self.accounts[id]

    def unmerged(self, id: str) -> Account:
        """Return an account that was opened, and not merged into another."""
        account = self.account(id)
        check(account.merged_into is None, "accounts", f"{id!r} was merged")
        return account

    def heir(self, id: str) -> str:
        """Return the account that stands for one that was merged."""
        while (into := self.accounts[id].merged_into) is not None:
            id = into
        return id

    def take_part(
        self, ids: Iterable[str], *, besides: str = "", allowed: tuple[str, ...] = ("open",)
    ) -> None:
        """Refuse whoever earns or spends and is not open; but the account of an agreement."""
        for id in ids:
            status = self.account(id).status
            check(status in allowed or id == besides, "accounts", f"{id!r} is {status}")

    # -- accounts ----------------------------------------------------------------------------

    def open_account(self, request: Object, effects: Object) -> None:
        """Open an account."""
        id = request["account"]
        check(id not in self.accounts, "accounts", "opened before")
        sets: Object = {"status": "open", "joined_on": None}
        sets |= {"floor": "inherit", "ceiling": "inherit"}
        sets |= {name: request[name] for name in ("kind", *sets) if name in request}
        sets["named"] = "name" in request
        self.sets(request, effects, sets)
        joined = request.get("joined_on", self.day)
        check(joined <= self.later(366), "accounts", "joined more than 366 days ahead")
        self.accounts[id] = Account(sets, self.sequence, self.day)
        self.set_own_limits(self.accounts[id], sets)

    def sets(self, request: Object, effects: Object, expected: Object) -> None:
        """Check what a record sets of an account."""
        shape(effects["sets"], SETS, "fields")
        check(effects["account"] == request["account"], "effects", "of another account")
        check(canonical(effects["sets"]) == canonical(expected), "effects", "sets something else")

    def set_limits(self, request: Object, effects: Object) -> None:
        """Change the limits of an account."""
        account = self.unmerged(request["account"])
        given = {name: request[name] for name in ("floor", "ceiling") if name in request}
        check(given, "fields", "no limit")
        self.sets(request, effects, {"floor": account.floor, "ceiling": account.ceiling} | given)
        check(account.status in {"open", "frozen"}, "accounts", account.status)
        self.set_own_limits(account, effects["sets"])

    def rename(self, request: Object, effects: Object) -> None:
        """Name an account."""
        self.unmerged(request["account"])
        self.sets(request, effects, {"named": "name" in request})

    def set_status(
        self, request: Object, effects: Object, leaves: tuple[str, ...], status: str
    ) -> None:
        """Freeze, thaw, close or reopen an account."""
        account = self.unmerged(request["account"])
        self.sets(request, effects, {"status": status})
        check(account.status in leaves, "accounts", f"{account.status} before")
        if status == "closed":
            check(not account.balance, "accounts", f"closed with {account.balance} seconds")
            check(self.reserved(account) == (0, 0), "accounts", "closed with open holds")
            check(request["account"] not in funds_of(self.statute), "accounts", "a fund is closed")
        account.status = status
        account.changes.append((self.day, status))

    def name_delegate(self, request: Object, effects: Object) -> None:
        """Name a delegate."""
        self.delegate(request, effects, {"until": request.get("until")})
        account, until = self.account(request["account"]), request.get("until")
        check(account.status != "closed", "accounts", "closed")
        check(request["account"] != request["delegate"], "delegates", "its own delegate")
        check(until is None or until >= self.day, "delegates", "until a day that is over")
        known = account.delegates.get(request["delegate"], "")
        check(known != until, "delegates", "named so already")
        account.delegates[request["delegate"]] = until

    def end_delegate(self, request: Object, effects: Object) -> None:
        """End a delegate."""
        self.delegate(request, effects, {})
        delegates = self.account(request["account"]).delegates
        check(request["delegate"] in delegates, "delegates", "nobody's")
        del delegates[request["delegate"]]

    def delegate(self, request: Object, effects: Object, more: Object) -> None:
        """Check the effects of naming and of ending."""
        of = self.account(request["account"]).opened
        expected = {
            "account": request["account"],
            "delegate": request["delegate"],
            "of": of,
            **more,
        }
        check(effects == expected, "effects", "another delegate")

    # -- what moves hours --------------------------------------------------------------------

    def post(self, request: Object, effects: Object, own: Lines, fee: Lines) -> None:
        """Check the postings, and execute them."""
        lines, day = effects["postings"], effects["occurred_on"]
        self.not_closed(day)
        check(not total(lines), "postings", "they do not sum to zero")
        check(lines == own + fee, "postings", f"not {own + fee}")
        check(effects.get("fee", []) == fee, "fee", f"not {fee}")
        check(all(seconds for _, seconds in lines), "postings", "of nothing")
        if "transfer" not in request or "occurred_on" in request:  # else it is the original's
            check(day <= self.later(1), "occurred_on", "more than a day ahead")
        for id, seconds in lines:
            account = self.account(id)
            account.balance += seconds
            check(abs(account.balance) <= MAX, "postings", "a balance beyond 2**53")
            account.postings.append((self.sequence, day, seconds))
            if account.agreement is not None:
                check(self.is_between, "agreements", f"{id!r} is moved by hand")
                account.agreement.moved += seconds
        if "reverses" not in effects and "id" in request:
            self.moves[self.sequence] = Move(request["id"], day, own, fee)

    def not_closed(self, day: str) -> None:
        """Refuse a day in closed books."""
        check(day > self.closed, "books", f"{day} is in books closed through {self.closed}")

    def later(self, count: int) -> str:
        """Return the day so many days after today."""
        return (date.fromisoformat(self.day) + count * DAY).isoformat()

    def reserved(self, account: Account) -> tuple[int, int]:
        """Return what open holds keep of an account: to be spent, and to be earned."""
        there = [h for h in account.holds.values() if h[2] is None or h[2] > self.instant]
        return sum(held for held, _, _ in there), sum(incoming for _, incoming, _ in there)

    def bands(self, account: Account) -> list[Object]:
        """Return the band of an account, with its own limits in it; a soft one stands before."""
        bands = self.statute["limits"].get(account.kind, NO_LIMITS)
        months = 0
        if account.joined_on is not None:
            months = months_between(account.joined_on, self.day)
        last = max(one["from_month"] for one in bands if one["from_month"] <= months)
        there = [dict(one) for one in bands if one["from_month"] == last]
        for name, own in (("floor", account.floor), ("ceiling", account.ceiling)):
            if own != "inherit":
                there[0][name] = None
                there[-1][name] = own
        return there

    def set_own_limits(self, account: Account, sets: Object) -> None:
        """Set limits that an account may have: the floor is not above the ceiling."""
        account.floor, account.ceiling = sets["floor"], sets["ceiling"]
        band = self.bands(account)[-1]
        if None not in (band["floor"], band["ceiling"]):
            check(band["floor"] <= band["ceiling"], "limits", "a floor above its ceiling")

    def flags(self, falls: Lines, rises: Lines, *, of: str = "", by: str = "") -> Iterator[Object]:
        """Yield a flag for each limit that is passed, or refuse it."""
        for rule, changes in (("floor", negative(falls)), ("ceiling", rises)):
            needs: dict[str, int] = {}
            for id, needed in changes:
                needs[id] = needs.get(id, 0) + needed
            for id in sorted(id for id, needed in needs.items() if needed > 0):
                account, needed = self.account(id), needs[id]
                held, incoming = self.reserved(account)
                for limit, beyond in limits_of(self.bands(account), rule):
                    left = account.balance - held - limit
                    if rule == "ceiling":
                        left = limit - account.balance - incoming
                    if needed > left:
                        check((by or beyond) == "flag", "limits", f"{id!r} passes its {rule}")
                        yield {
                            "rule": rule,
                            "account": id,
                            "limit": limit,
                            "available": max(left, 0),
                            "needed": needed,
                        }
                        break

    def late(self, statute: Object, day: str | None) -> Iterator[Object]:
        """Yield a flag where an exchange is recorded too late."""
        rule = statute["record_within"]
        if rule is None or day is None:
            return
        if date.fromisoformat(self.day) - date.fromisoformat(day) > rule["days"] * DAY:
            check(rule["beyond"] == "flag", "days to record", day)
            yield {"rule": "days to record", "days": rule["days"], "occurred_on": day}

    def large(self, statute: Object, size: int) -> Iterator[Object]:
        """Yield a flag where an exchange is too large."""
        rule = statute["largest_exchange"]
        if rule is not None and size > rule["hours"]:
            check(rule["beyond"] == "flag", "largest exchange", f"{size} seconds")
            yield {"rule": "largest exchange", "limit": rule["hours"], "needed": size}

    def sides(self, request: Object) -> tuple[Lines, Lines]:
        """Return the two sides that are asked for."""
        earned, spent = request["earners"], request["spenders"]
        check(total(earned) == total(spent), "sides", "they sum to something else")
        check(not len(earned) == len(spent) == 1 or earned[0][0] != spent[0][0], "sides", "alike")
        check(request["kind"] != "reversal", "fields", "kind is reversal")
        return earned, spent

    def exchange(
        self,
        request: Object,
        day: str,
        statute: Object,
        *,
        besides: str = "",
        exact: bool = False,
    ) -> tuple[Lines, Lines, Lines, list[Object]]:
        """Return the sides, the fee and the flags of what is asked; `exact`, without a unit."""
        earned, spent = self.sides(request)
        self.take_part((id for id, _ in earned + spent), besides=besides)
        self.arranged(request)
        if not self.is_judged(request):
            return earned, spent, [], []
        flags = [*self.late(statute, day)]
        size = total(earned) if exact else in_granularity(statute, total(earned))
        flags += self.large(statute, size)
        earned, spent = apportion(earned, size), apportion(spent, size)
        fee = fee_of(statute, earned, spent)
        self.take_part((id for id, _ in fee), besides=besides)
        return earned, spent, fee, flags

    def is_judged(self, request: Object) -> bool:
        """Tell whether the rules on exchanges are for it."""
        return request["kind"] == "exchange" and "limits" not in request

    def arranged(self, request: Object) -> None:
        """Refuse an exchange that was arranged by who is closed, or another bank."""
        if "via" in request:
            self.take_part([request["via"]], allowed=("open", "frozen"))

    def issue_cheques(self, request: Object, effects: Object) -> None:
        """Give an account a booklet of cheques."""
        account = self.account(request["account"])
        check(account.status == "open", "accounts", f"it is {account.status}")
        expected = {"account": request["account"], "of": account.opened}
        check(effects == expected, "effects", f"not {expected}")
        found = re.fullmatch("cheque:([1-9][0-9]{0,8})", request["id"])
        check(found, "cheques", f"{request['id']!r} is no booklet")
        assert found is not None
        booklet = (self.sequence, request["account"], request["cheques"])
        self.booklets[int(found[1])] = booklet

    def booklet(self, id: str) -> tuple[int, str, int]:
        """Return the booklet of a cheque: its record, its account, and how many cheques it has."""
        found = re.fullmatch("cheque:([1-9][0-9]{0,8})-([0-9]{2})-([0-9]{2})", id)
        check(found, "cheques", f"{id!r} is no cheque")
        assert found is not None
        number, cheque = int(found[1]), int(found[2])
        digits = 98 - int(found[1] + found[2]) * 100 % 97
        check(digits == int(found[3]), "cheques", f"the check digits are {digits:02}")
        check(number in self.booklets, "cheques", f"no booklet {number}")
        of = self.booklets[number]
        check(1 <= cheque <= of[2], "cheques", f"booklet {number} has {of[2]}")
        return of

    def void_cheque(self, request: Object, effects: Object) -> None:
        """Void a cheque."""
        expected = {"of": self.booklet(request["id"])[0]}
        check(effects == expected, "effects", f"not {expected}")

    def enter_cheque(self, request: Object) -> None:
        """Check what a transfer is that enters a cheque."""
        spender = self.heir(self.booklet(request["id"])[1])
        check(request["kind"] == "exchange", "cheques", f"kind is {request['kind']!r}")
        check(len(request["earners"]) == 1, "cheques", "several earners")
        spenders = [id for id, _ in request["spenders"]]
        check(spenders == [spender], "cheques", f"the booklet is of {spender!r}")
        for field in ("source", "limits"):
            check(field not in request, "fields", f"{field} of a cheque")

    def transfer(self, request: Object, effects: Object) -> None:
        """Check a transfer."""
        if request["id"].startswith("cheque:"):
            self.enter_cheque(request)
        day = request.get("occurred_on", self.day)
        check(effects["occurred_on"] == day, "occurred_on", f"not {day}")
        earned, spent, fee, flags = self.exchange(request, day, self.statute)
        lines = earned + negative(spent)
        if "limits" not in request:
            flags += self.flags(lines + fee, lines + fee)
        check(effects.get("flags", []) == flags, "flags", f"not {flags}")
        self.post(request, effects, lines, fee)
        self.tell(request)

    def tell(self, request: Object) -> None:
        """Keep what is said of a transfer or hold."""
        self.said[self.sequence] = {name: request.get(name) for name in SAID}
        if "note" in request:
            self.said[self.sequence]["note"] = self.sequence

    def reverse(self, request: Object, effects: Object) -> None:
        """Check a reversal, and take it from what is left of its original."""
        check("reason" in request, "fields", "no reason")
        self.move_back(request, effects)

    def move_back(self, request: Object, effects: Object, *, besides: str = "") -> None:
        """Take a reversal from what is left of its original; `besides` is that of an agreement."""
        original = effects["reverses"]
        check(original in self.moves, "reversals", f"record {original} is no transfer")
        move = self.moves[original]
        check(move.id == request["transfer"], "reversals", f"record {original} is {move.id!r}")
        of = move.days[0] if move.days[0] > self.closed else self.day
        day = request.get("occurred_on", of)
        check(effects["occurred_on"] == day, "occurred_on", f"not {day}")
        ids = sorted({one for one, _ in effects["postings"]})
        self.take_part(ids, besides=besides, allowed=("open", "frozen"))
        lines, fee = self.rest(move.own, move.own_back), self.rest(move.fee, move.fee_back)
        left, fee_left = total(side(lines, 1)), total(side(fee, 1))
        needed = request.get("hours", left)
        check(0 < needed <= left, "reversals", f"{needed} of {left} seconds")
        back = self.moved_back(lines, needed)
        fee_back = self.moved_back(fee, fee_left * needed // left)
        self.post(request, effects, back, fee_back)
        move.days.append(day)
        move.own_back += back
        move.fee_back += fee_back

    def rest(self, lines: Lines, back: Lines) -> Lines:
        """Return what is left of lines, each of which is moved back with the opposite sign.

        Accounts are those of today: a line of an account that was merged is of its heir.
        """
        sums: dict[tuple[str, bool], int] = {}
        for id, seconds in lines:
            key = self.heir(id), seconds < 0
            sums[key] = sums.get(key, 0) + seconds
        for id, seconds in back:
            sums[self.heir(id), seconds > 0] += seconds
        return [[id, seconds] for (id, _), seconds in sums.items()]

    def moved_back(self, lines: Lines, needed: int) -> Lines:
        """Return so much of each side, with its signs turned."""
        return negative(apportion(side(lines, 1), needed)) + apportion(side(lines, -1), needed)

    # -- holds -------------------------------------------------------------------------------

    def hold(self, request: Object, effects: Object) -> None:
        """Check a hold."""
        day = request.get("occurred_on", self.day)
        self.not_closed(day)
        earned, spent, fee, flags = self.exchange(request, day, self.statute)
        of_spenders = self.statute["fee"] is not None and self.statute["fee"]["payer"] == "spender"
        held, incoming = self.held(effects, earned, spent, fee, of_spenders=of_spenders)
        if "limits" not in request:
            flags += self.flags([*negative(map_lines(held))], [*map_lines(incoming)])
        check(effects.get("flags", []) == flags, "flags", f"not {flags}")
        check("reverses" not in effects, "fields", "reverses of no offer")
        self.keep(request, effects, self.statute)

    def held(
        self, effects: Object, earned: Lines, spent: Lines, fee: Lines, *, of_spenders: bool
    ) -> tuple[dict[str, int], dict[str, int]]:
        """Return what a hold keeps of each account: to be spent, and to be earned."""
        lines = earned + negative(spent) + fee
        check(effects["lines"] == lines, "holds", f"lines are not {lines}")
        check(effects.get("fee", []) == fee, "fee", f"not {fee}")
        held, incoming = dict(map(tuple, spent)), dict(map(tuple, earned))
        for id, seconds in fee:
            if seconds > 0:
                incoming[id] = incoming.get(id, 0) + seconds
            elif of_spenders:
                held[id] -= seconds
        reserves = [[id, held.get(id, 0), incoming.get(id, 0)] for id in sorted(held | incoming)]
        check(effects["reserves"] == reserves, "holds", f"reserves are not {reserves}")
        return held, incoming

    def keep(self, request: Object, effects: Object, statute: Object) -> None:
        """Keep what a hold reserves, until its end."""
        ends = None
        if "expires_in" in request:
            ends = self.instant + request["expires_in"]
        check(effects.get("expires_at") == ends, "holds", f"it expires at {ends}")
        self.holds[self.sequence] = (request, effects, statute)
        self.tell(request)
        check(ends is None or ends < MAX, "holds", "it expires too late")
        for id, spends, earns in effects["reserves"]:
            by_hand = self.account(id).agreement is not None and not self.is_between
            check(not by_hand, "agreements", f"{id!r} is reserved by hand")
            self.account(id).holds[self.sequence] = (spends, earns, ends)
            check(max(self.reserved(self.account(id))) <= MAX, "holds", "more than 2**53 seconds")

    def resolved(self, request: Object, effects: Object) -> tuple[Object, Object, Object]:
        """Return an open hold, which is open no more."""
        found = self.holds.pop(effects["resolves"], None)
        check(found is not None, "holds", "no hold that is open")
        assert found is not None
        check(found[0]["id"] == request["hold"], "holds", f"it is {found[0]['id']!r}")
        check(self.instant < found[1].get("expires_at", MAX), "holds", "it had expired")
        self.release(effects["resolves"], found[1])
        return found

    def release(self, sequence: int, effects: Object) -> None:
        """Keep nothing for a hold any more."""
        for id, _, _ in effects["reserves"]:
            del self.account(id).holds[sequence]

    def by_hand(self, request: Object, effects: Object) -> tuple[Object, Object, Object]:
        """Return an open hold that is no offer to another bank, and is open no more."""
        found = self.resolved(request, effects)
        check("offer" not in found[0], "offers", "an offer that has no answer")
        return found

    def void(self, request: Object, effects: Object) -> None:
        """Check that what is voided was open."""
        self.by_hand(request, effects)
        check("flags" not in effects, "flags", "of a void")

    def settle(self, request: Object, effects: Object) -> None:
        """Check a settlement under the statute of its hold."""
        held, of_hold, statute = self.by_hand(request, effects)
        given = request.get("occurred_on")
        planned = held.get("occurred_on", self.day)
        day = given or (planned if self.closed < planned <= self.day else self.day)
        check(effects["occurred_on"] == day, "occurred_on", f"not {day}")
        judged = self.is_judged(held)
        flags = [*self.late(statute, given if judged else None)]
        own = of_hold["lines"][: len(of_hold["lines"]) - len(of_hold.get("fee", []))]
        earned, spent = side(own, 1), side(own, -1)
        whole_sum = size = total(earned)
        if "hours" in request:
            size = request["hours"]
            if judged and size != whole_sum:
                size = in_granularity(statute, size)
        if size > whole_sum and held["kind"] == "exchange":
            flags += self.large(self.statute, size)
        earned, spent = apportion(earned, size), apportion(spent, size)
        within = side(of_hold.get("fee", []), -1) if size <= whole_sum else []
        if not judged or statute["fee"] is None or statute["fee"]["payer"] != "spender":
            within = []
        fee = fee_of(statute, earned, spent, within) if judged else []
        lines = earned + negative(spent)
        self.take_part(id for id, _ in lines + fee)
        self.arranged(held | {"via": self.heir(held["via"])} if "via" in held else held)
        if size > whole_sum:  # what was held is free again, and the whole is judged
            flags += self.surplus(of_hold, lines + fee)
        check(effects.get("flags", []) == flags, "flags", f"not {flags}")
        self.post(request, effects, lines, fee)
        self.settled[effects["resolves"]] = self.sequence
        self.settles[self.sequence] = effects["resolves"]

    def surplus(self, of_hold: Object, lines: Lines) -> list[Object]:
        """Return the flags of what is moved beyond a hold, which still keeps its own."""
        for id, spends, earns in of_hold["reserves"]:
            self.account(id).holds[0] = (spends, earns, None)
        held = [[id, spends] for id, spends, _ in of_hold["reserves"]]
        incoming = [[id, -earns] for id, _, earns in of_hold["reserves"]]
        moved_by = {id for id, _ in lines}
        flags = [
            flag
            for flag in self.flags(lines + held, lines + incoming)
            if flag["account"] in moved_by
        ]
        for id, _, _ in of_hold["reserves"]:
            del self.account(id).holds[0]
        return flags

    # -- between two banks -------------------------------------------------------------------

    def between(self, kind: str, request: Object) -> Step | None:
        """Return what checks a record that is between two banks, `None` for any other."""
        named = [one for one in (*BETWEEN, "written_off") if one in request]
        check(len(named) <= 1, "fields", " and ".join(named))
        if not named and kind not in ON_AGREEMENTS:
            return None
        found: Step = getattr(self, "_".join([kind, *named]))
        return found

    def agree(self, record: Object, request: Object, effects: Object) -> None:
        """Put a clearing account under an agreement, or change its terms."""
        id, peer = request["account"], request["peer"]
        check(id == account_of(peer), "agreements", f"{id!r} is not of {peer!r}")
        check(peer != self.journal, "agreements", "with itself")
        they, we = request["they_may_owe"], request["we_may_owe"]
        sets = {"status": "agreed", "floor": None if they is None else -they, "ceiling": we}
        account = self.on_agreement(request, effects, sets)
        check(account.kind == "clearing", "agreements", f"of a {account.kind}")
        check(id not in funds_of(self.statute), "agreements", "a fund")
        check(account.status != "frozen", "accounts", "frozen")
        if account.status != "agreed":
            self.is_empty(account)
        agreement = account.agreement = account.agreement or Agreement(peer)
        agreement.status, agreement.terms = "agreed", [they, we]
        agreement.keys += [request["key"]] if "key" in request else []
        self.set_of_agreement(account, effects["sets"])

    def on_agreement(self, request: Object, effects: Object, sets: Object | None = None) -> Account:
        """Return the account of a record on an agreement; check its effects."""
        account = self.account(request["account"])
        check(effects["account"] == request["account"], "effects", "of another account")
        check(effects["of"] == account.opened, "effects", f"it is record {account.opened}")
        if sets is not None:
            self.sets(request, effects, sets)
        return account

    def is_empty(self, account: Account) -> None:
        """Refuse an account that has hours, or that open holds keep anything of."""
        check(not account.balance, "agreements", f"with {account.balance} seconds")
        check(self.reserved(account) == (0, 0), "agreements", "with open holds")

    def set_of_agreement(self, account: Account, sets: Object) -> None:
        """Set the status and the limits of the account of an agreement."""
        account.floor, account.ceiling = sets["floor"], sets["ceiling"]
        account.status = sets["status"]
        account.changes.append((self.day, account.status))

    def suspend_agreement(self, record: Object, request: Object, effects: Object) -> None:
        """Suspend an agreement."""
        self.on_agreement(request, effects)
        self.agreed(request["account"]).status = "suspended"

    def end_agreement(self, record: Object, request: Object, effects: Object) -> None:
        """End an agreement, at zero."""
        sets = {"status": "closed", "floor": "inherit", "ceiling": "inherit"}
        account = self.on_agreement(request, effects, sets)
        agreement = self.agreed(request["account"])
        self.is_empty(account)
        agreement.status = "ended"
        self.set_of_agreement(account, sets)

    def readmit(self, record: Object, request: Object, effects: Object) -> None:
        """Take the other bank's journal as it stands now."""
        self.on_agreement(request, effects)
        self.agreed(request["account"]).readmitted = self.sequence
        self.sights.append((request["account"], request["head"], self.sequence))

    def agreed(self, id: str, *statuses: str) -> Agreement:
        """Return the agreement that an account has, which is not ended."""
        agreement = self.account(id).agreement
        check(agreement is not None, "agreements", f"{id!r} has none")
        assert agreement is not None
        status = agreement.status
        check(status in (statuses or ("agreed", "suspended")), "agreements", status)
        return agreement

    def told_to_peer(self, effects: Object, id: str, agreement: Agreement) -> None:
        """Check the terms that the other bank is told, and note the head that was seen of it."""
        if "terms" in effects:
            check(effects["terms"] == agreement.terms, "agreements", f"not {agreement.terms}")
        if "seen" in effects:
            self.sights.append((id, effects["seen"], self.sequence))

    def has_terms(self, effects: Object) -> None:
        """Refuse effects without the terms that the other bank is told."""
        check("terms" in effects, "fields", "terms is missing")

    # -- what is offered to another bank -----------------------------------------------------

    def hold_offer(self, record: Object, request: Object, effects: Object) -> None:
        """Check an offer: hours are kept for an earner of another bank."""
        asked = request["offer"]
        shape(asked, ASKED, "fields")
        check(("earner" in asked) != ("reverses" in asked), "fields", "an earner, or a reversal")
        self.has_terms(effects)
        for field in ("expires_in", "source", "limits"):
            check(field not in request, "offers", f"with {field}")
        account, back = account_of(asked["to"]), "reverses" in asked
        statuses = ("agreed", "suspended") if back else ("agreed",)
        agreement = self.agreed(account, *statuses)
        check([id for id, _ in request["earners"]] == [account], "offers", f"not to {account!r}")
        check(account not in dict(request["spenders"]), "offers", f"by {account!r}")
        day = request.get("occurred_on", self.day)
        self.not_closed(day)
        check(back == ("reverses" in effects), "fields", "reverses")
        statute, flags, fee = self.statute, list[Object](), Lines()
        if back:
            earned, spent = self.sides(request)
            self.offer_back(request, effects, account)
        else:
            statute = paid_by(statute, "spender")
            earned, spent, fee, flags = self.exchange(request, day, statute, besides=account)
        held, incoming = self.held(effects, earned, spent, fee, of_spenders=True)
        if not back:
            flags += self.flags([*negative(map_lines(held))], [*map_lines(incoming)])
        check(effects.get("flags", []) == flags, "flags", f"not {flags}")
        by = self.instant + asked["answer_in"]
        check(effects.get("answer_by") == by, "offers", f"it is answered by {by}")
        check(by < MAX, "offers", "it is answered too late")
        self.told_to_peer(effects, account, agreement)
        self.keep(request, effects, statute)
        self.offers[request["id"]] = offer_body(record)

    def offer_back(self, request: Object, effects: Object, account: str) -> None:
        """Check an offer that moves back what was booked for the other bank."""
        asked = request["offer"]
        original = self.ids.get(shared_id(asked["to"], asked["reverses"]), 0)
        check(effects["reverses"] == original, "effects", f"it reverses record {original}")
        move = self.moves.get(original)
        check(move is not None and original in self.said, "reversals", f"{original} is no transfer")
        assert move is not None
        check(account in {id for id, _ in move.own}, "reversals", "not of the other bank")
        left = total(side(self.rest(move.own, move.own_back), 1))
        left -= sum(total(side(lines, 1)) for lines in move.offered_back.values())
        needed = total(request["earners"])
        check(needed <= left, "reversals", f"{needed} of {left} seconds")
        gave = {self.heir(id) for id, seconds in move.own if seconds > 0}
        spenders = [id for id, _ in request["spenders"]]
        check(gave.issuperset(spenders), "reversals", "of another account")
        self.take_part([account, *spenders], besides=account, allowed=("open", "frozen"))
        self.arranged(request)
        move.offered_back[self.sequence] = effects["lines"]

    def ended(self, request: Object, effects: Object) -> tuple[Object, Object]:
        """Return the request and effects of an offer, which is open no more."""
        held, of_hold, _ = self.resolved(request, effects)
        check("offer" in held, "offers", "no offer")
        if "reverses" in of_hold:
            del self.moves[of_hold["reverses"]].offered_back[effects["resolves"]]
        return held, of_hold

    def settle_answer(self, record: Object, request: Object, effects: Object) -> None:
        """Check that what is booked is what was offered, and what the other bank accepted."""
        held, of_hold = self.ended(request, effects)
        account = account_of(held["offer"]["to"])
        answer = self.answer_to(request["answer"], self.offers[held["id"]], accepted=True)
        shared = shared_id(self.journal, held["id"])
        check(request["id"] == shared, "ids", f"not {shared}")
        for field in ("hours", "occurred_on"):
            check(field not in request, "fields", f"{field} of an offer")
        day = self.day_of(answer["occurred_on"])
        check(effects["occurred_on"] == day, "occurred_on", f"not {day}")
        check("flags" not in effects, "flags", "none of an answer")
        fee = of_hold.get("fee", [])
        own = of_hold["lines"][: len(of_hold["lines"]) - len(fee)]
        agreement = self.account(account).agreement
        assert agreement is not None
        self.told_to_peer(effects, account, agreement)
        self.post(request, effects, own, fee)
        self.settled[effects["resolves"]] = self.sequence
        self.settles[self.sequence] = effects["resolves"]
        if "reverses" in of_hold:
            move = self.moves[of_hold["reverses"]]
            move.days.append(day)
            move.own_back += own
        self.ends[held["id"]] = record

    def day_of(self, day: str) -> str:
        """Return the day of what another bank booked: today, where it cannot be that one here."""
        return day if self.closed < day <= self.day else self.day

    def void_answer(self, record: Object, request: Object, effects: Object) -> None:
        """Check that what is released was refused."""
        held, _ = self.ended(request, effects)
        self.answer_to(request["answer"], self.offers[held["id"]], accepted=False)
        check("flags" not in effects, "flags", "of a refusal")
        self.release_offer(record, held["id"])

    def void_abandoned(self, record: Object, request: Object, effects: Object) -> None:
        """Check that what is given up was an offer, and is flagged."""
        held, _ = self.ended(request, effects)
        check("reason" in request, "fields", "no reason")
        self.is_flagged(effects, "abandoned")
        self.release_offer(record, held["id"])

    def release_offer(self, record: Object, id: str) -> None:
        """Take note of the end of an offer that came to nothing."""
        named = shared_id(self.journal, id, "void")
        check(record["request"]["id"] == named, "ids", f"not {named}")
        self.ends[id] = record

    def is_flagged(self, effects: Object, rule: str) -> None:
        """Check the one flag of what is outside of the rules."""
        check(effects.get("flags") == [{"rule": rule}], "flags", f"not {rule!r}")

    def answer_to(self, signed: Object, offer: Object, *, accepted: bool) -> Object:
        """Return the body of the answer to an offer of this bank."""
        answer, offered = read_answer(signed)
        ends = (answer["from"], answer["to"])
        check(ends == (offer["to"], self.journal), "offers", "an answer between others")
        check(answer["accepted"] is accepted, "offers", f"accepted is {answer['accepted']}")
        check(canonical(offered) == canonical(offer), "offers", "an answer to another offer")
        return answer

    # -- what another bank offers ------------------------------------------------------------

    def transfer_offer(self, record: Object, request: Object, effects: Object) -> None:
        """Check that an offer of another bank is booked to the second."""
        body = read_body(request["offer"], "offer")
        self.has_terms(effects)
        account = self.of_offer(request, body)
        check("reverses" not in body, "offers", "a reversal")
        self.as_offered(request, body, account, side="spenders")
        agreement = self.agreed(account, "agreed")
        check(self.instant <= body["answer_by"], "offers", "answered too late")
        day = body["occurred_on"]
        check(effects["occurred_on"] == day, "occurred_on", f"not {day}")
        statute = paid_by(self.statute, "earner")
        found = self.exchange(request, day, statute, besides=account, exact=True)
        earned, spent, fee, flags = found
        lines = earned + negative(spent)
        flags += self.flags(lines + fee, lines + fee)
        check(effects.get("flags", []) == flags, "flags", f"not {flags}")
        self.told_to_peer(effects, account, agreement)
        self.post(request, effects, lines, fee)
        self.tell(request)
        self.answers[request["id"]] = record

    def of_offer(self, request: Object, body: Object) -> str:
        """Return the account of who made an offer to this bank; check the id."""
        check(body["to"] == self.journal, "offers", "to another bank")
        shared = shared_id(body["from"], body["id"])
        check(request["id"] == shared, "ids", f"not {shared}")
        return account_of(body["from"])

    def as_offered(self, request: Object, body: Object, account: str, *, side: str) -> None:
        """Check that what is asked is what was offered; one side is the account of the other."""
        other = "earners" if side == "spenders" else "spenders"
        asked: Object = {
            "id": request["id"],
            "kind": body["exchange"],
            side: [[account, body["seconds"]]],
            other: request[other],
            "occurred_on": body["occurred_on"],
        }
        asked |= {one: body[IN_OFFERS[one]] for one in SAID if IN_OFFERS[one] in body}
        asked.pop("note", None)
        own = {one: request[one] for one in (*OF_TRANSFERS, "note") if one in request}
        check(canonical(request) == canonical(asked | own), "offers", "something else is booked")
        check(side == "earners" or len(request[other]) == 1, "offers", "for several earners")
        check(account not in dict(request[other]), "offers", f"{account!r} on both sides")
        check(total(request[other]) == body["seconds"], "sides", "they sum to something else")

    def reverse_offer(self, record: Object, request: Object, effects: Object) -> None:
        """Check that a reversal of another bank moves back what it says."""
        body = read_body(request["offer"], "offer")
        self.has_terms(effects)
        account = self.of_offer(request, body)
        check("reverses" in body, "offers", "no reversal")
        shared = shared_id(self.journal, body["reverses"])
        check(request["transfer"] == shared, "offers", f"it reverses {shared}")
        check(request.get("hours") == body["seconds"], "offers", f"{body['seconds']} seconds")
        check("occurred_on" not in request, "fields", "occurred_on of an offer")
        agreement = self.agreed(account)
        check(self.instant <= body["answer_by"], "offers", "answered too late")
        move = self.moves.get(effects["reverses"])
        of_it = move is not None and account in {id for id, _ in move.own}
        check(of_it, "reversals", "not of the other bank")
        self.told_to_peer(effects, account, agreement)
        self.move_back(request, effects, besides=account)
        self.answers[request["id"]] = record

    def refuse_offer(self, record: Object, request: Object, effects: Object) -> None:
        """Check that an offer of another bank is refused, for ever."""
        body = read_body(request["offer"], "offer", "cancel")
        account = self.of_offer(request, offered(body))
        agreement = self.account(account).agreement
        check(agreement is not None, "agreements", f"{account!r} has none")
        assert agreement is not None
        self.told_to_peer(effects, account, agreement)
        self.answers[request["id"]] = record

    # -- what is brought in again, or written off --------------------------------------------

    def transfer_answer(self, record: Object, request: Object, effects: Object) -> None:
        """Check that what both banks had agreed on is booked after all, and flagged."""
        answer, body = read_answer(request["answer"])
        self.has_terms(effects)
        check(answer["accepted"], "offers", "it was refused")
        own = body["from"] == self.journal
        check(own or body["to"] == self.journal, "offers", "between others")
        account = account_of(body["to"] if own else body["from"])
        agreement = self.agreed(account)
        self.as_offered(request, body, account, side="earners" if own else "spenders")
        shared = shared_id(body["from"], body["id"])
        if not own and shared in self.answers:
            check(self.answers[shared]["kind"] == "refuse", "offers", "it is booked")
            shared = shared_id(body["from"], body["id"], "again")
        check(request["id"] == shared, "ids", f"not {shared}")
        given_up = own and body["id"] in self.offers
        check(not given_up or body["id"] in self.ends, "offers", "the offer is open")
        self.is_flagged(effects, "late answer" if given_up else "forgotten")
        day = self.day_of(body["occurred_on"])
        check(effects["occurred_on"] == day, "occurred_on", f"not {day}")
        earned, spent = self.sides(request)
        ids = [id for id, _ in earned + spent]
        self.take_part(ids, besides=account, allowed=("open", "frozen"))
        self.told_to_peer(effects, account, agreement)
        self.post(request, effects, earned + negative(spent), [])
        self.tell(request)
        self.brought.append(record)

    def transfer_written_off(self, record: Object, request: Object, effects: Object) -> None:
        """Check that what another bank owes is written off, and flagged."""
        self.has_terms(effects)
        earned, spent = self.sides(request)
        check(len(earned) == len(spent) == 1, "sides", "of several")
        ids = [earned[0][0], spent[0][0]]
        found = [id for id in ids if self.account(id).status == "agreed"]
        check(len(found) == 1, "agreements", "of no agreement")
        for field in ("occurred_on", *UNOFFERED):
            check(field not in request, "fields", f"{field} of a write-off")
        check(request["kind"] == "write-off", "fields", f"kind is {request['kind']!r}")
        check("note" in request, "fields", "no note")
        self.take_part(ids, besides=found[0])
        moved = total(earned) if earned[0][0] == found[0] else -total(spent)
        owed = -self.account(found[0]).balance
        check(min(owed, 0) <= moved <= max(owed, 0), "agreements", f"{owed} seconds are owed")
        self.is_flagged(effects, "written off")
        check(effects["occurred_on"] == self.day, "occurred_on", f"not {self.day}")
        self.told_to_peer(effects, found[0], self.agreed(found[0]))
        self.post(request, effects, earned + negative(spent), [])
        self.tell(request)
        self.written_off[found[0]] = self.written_off.get(found[0], 0) + moved

    # -- statutes, clocks, texts -------------------------------------------------------------

    def adopt(self, request: Object, effects: Object) -> None:
        """Put a statute in force."""
        statute = read_statute(request["statute"])
        version = statute["version"]
        check(effects["adopts"] == version, "effects", f"adopts {version!r}")
        if version not in self.versions:
            check(not version.startswith("default/"), "statutes", "default/ is the library's own")
        said = self.versions.setdefault(version, statute)["said"]
        check(canonical(said) == canonical(statute["said"]), "statutes", "other rules than before")
        for fund in funds_of(statute):
            account = self.account(fund)
            usable = account.status in {"open", "frozen"}
            check(usable, "statutes", f"the fund {fund!r} is {account.status}")
            check(account.kind not in {"member", "group"}, "statutes", f"{fund!r} is no fund")
        self.statute = self.versions[version]
        self.adopted.append((self.day, self.statute))

    def restart_clock(self, request: Object, effects: Object) -> None:
        """Take what lies later as of now, and end the holds that a false clock made."""
        check(request["today"] == self.day, "recorded_on", f"today is not {self.day}")
        ends = [s for s, hold in self.holds.items() if hold[1].get("expires_at", 0) > self.instant]
        ends = [s for s in ends if "expires_at" in self.holds[s][1]]
        check(effects.get("ends", []) == ends, "holds", f"the restart ends {ends}")
        for hold in ends:
            self.release(hold, self.holds.pop(hold)[1])
        through = (date.fromisoformat(self.day) - DAY).isoformat()
        moved = through if self.closed >= self.day else None
        check(effects.get("through") == moved, "books", f"closed through {moved}")
        self.closed = moved or self.closed
        self.adopted = [(min(day, self.day), statute) for day, statute in self.adopted]
        for account in self.accounts.values():
            account.rewind(self.day)

    def erase(self, request: Object, effects: Object) -> None:
        """Take note of texts that were destroyed."""
        check(("account" in request) != ("record" in request), "fields", "an account or a record")
        if "account" in request:
            self.unmerged(request["account"])
        places = [(record, field) for record, field in effects["texts"]]
        for place in places:
            check(place[0] < self.sequence and place in self.commitments, "erasures", place)
            of = {place[0], self.amends.get(place[0])}
            check("account" in request or request["record"] in of, "erasures", "another record")
        erased = sorted({self.commitments[place] for place in places})
        check(effects["erased"] == erased, "erasures", "other commitments")
        self.erased |= set(places)

    # -- corrections -------------------------------------------------------------------------

    def named(self, request: Object, fields: Iterable[str]) -> Object:
        """Return the fields that a correction names, `None` for those that it takes away."""
        away = request.get("takes_away", [])
        given = {name: request[name] for name in fields if name in request}
        check(given or away, "fields", "nothing is corrected")
        check(given.keys().isdisjoint(away), "fields", "given, and taken away")
        return given | dict.fromkeys(away)

    def changed(self, effects: Object, sets: Object, now: Object) -> None:
        """Check what a correction sets, and what was there."""
        was = {name: now[name] for name in sets}
        check(canonical(effects["sets"]) == canonical(sets), "effects", "sets something else")
        check(canonical(effects["was"]) == canonical(was), "effects", "it was something else")
        check(canonical(sets) != canonical(was), "corrections", "nothing becomes another")

    def amend(self, request: Object, effects: Object) -> None:
        """Correct what is said of an exchange."""
        found = self.ids.get(request["operation"], 0)
        of = self.settles.get(found, found)
        check(of in self.said, "corrections", f"{request['operation']!r} is no exchange")
        check(effects["amends"] == of, "effects", f"it is record {of}")
        sets = self.named(request, SAID)
        if "note" in request:
            sets["note"] = self.sequence
        self.changed(effects, sets, self.said[of])
        move = self.moves.get(self.settled.get(of, of))
        for day in move.days if move else ():
            self.not_closed(day)
        self.said[of] |= sets
        self.amends[self.sequence] = of

    def amend_account(self, request: Object, effects: Object) -> None:
        """Correct the day of joining, or the kind."""
        id = request["account"]
        account, sets = self.unmerged(id), self.named(request, ("joined_on", "kind"))
        check(effects["account"] == id, "effects", "of another account")
        self.changed(effects, sets, {"joined_on": account.joined_on, "kind": account.kind})
        if "kind" in sets:
            known = account.kind in {"member", "group", "organisation"}
            check(known, "corrections", f"it was of kind {account.kind}")
            fund = id in funds_of(self.statute) and sets["kind"] != "organisation"
            check(not fund, "corrections", "a fund")
        joined = sets.get("joined_on") or self.day
        check(joined <= self.later(366), "accounts", "joined more than 366 days ahead")
        account.kind = sets.get("kind", account.kind)
        account.joined_on = sets.get("joined_on", account.joined_on)

    def close_books(self, request: Object, effects: Object) -> None:
        """Close the books through a day, or open them again."""
        through = request.get("through")
        check(effects["through"] == through, "effects", f"through is not {through}")
        check((through or "") != self.closed, "books", "they were closed so before")
        check((through or "") < self.day, "books", f"{through} is not over")
        self.closed = through or ""

    def history_lost(self, request: Object, effects: Object) -> None:
        """Take note that the storage lost a head: it is none of this journal."""
        lost, digest = effects["lost"]
        check(request.get("lost", effects["lost"]) == effects["lost"], "effects", "another head")
        check(self.digests.get(digest) != lost, "losses", f"record {lost} is there")
        self.lost = max(self.lost, lost)

    def merge(self, request: Object, effects: Object) -> None:
        """Merge an account into another."""
        id, into = request["account"], request["into"]
        account, other = self.unmerged(id), self.account(into)
        check((effects["account"], effects["into"]) == (id, into), "effects", "other accounts")
        check(effects["of"] == other.opened, "effects", f"{into!r} is record {other.opened}")
        check(id != into, "merges", "one account")
        alike = account.kind == other.kind != "clearing"
        check(alike, "merges", f"{account.kind} and {other.kind}")
        funds = set[str]().union(*map(funds_of, self.versions.values()))
        check(not {id, into} & funds, "merges", "a fund")
        self.take_part([into])
        check(self.reserved(account) == (0, 0), "merges", "with open holds")
        check(effects["occurred_on"] == self.day, "occurred_on", f"not {self.day}")
        given = account.joined_on
        gets = given if given is not None and given < other.joined else None
        check(effects.get("joined_on") == gets, "merges", f"not {gets} as the day of joining")
        moved = account.balance
        lines: Lines = [[into, moved], [id, -moved]] if moved else []
        lines.sort(key=lambda line: -line[1])
        flags = [*self.flags(lines, lines, by="flag")]
        check(effects.get("flags", []) == flags, "flags", f"not {flags}")
        self.post(request, effects, lines, [])
        other.joined_on = gets or other.joined_on
        other.charges = sorted(other.charges + account.charges, key=lambda one: one.sequence)
        other.merged += [account, *account.merged]
        account.status, account.merged_into = "closed", into
        account.delegates = {}

    # -- what is due -------------------------------------------------------------------------

    def on(self, day: str) -> Object:
        """Return the statute in force at the end of a day."""
        return [statute for first, statute in self.adopted if first <= day][-1]

    def was_in_force(self, version: str, day: str) -> bool:
        """Tell whether a statute was in force at any time of a day."""
        ends = [first for first, _ in self.adopted[1:]] + ["~"]
        return any(
            first <= day <= end and statute["version"] == version
            for (first, statute), end in zip(self.adopted, ends, strict=True)
        )

    def due(self, request: Object, effects: Object) -> None:
        """Check welcome credit, dues and demurrage: who, when, how much."""
        id, name, since = request["account"], request["rule"], request["since"]
        account, period = self.account(id), request.get("period")
        check(self.was_in_force(request["by"], since), "dues", f"{request['by']!r} on {since}")
        rule = due_rule(self.versions[request["by"]], name)
        check(rule is not None, "dues", f"the statute has no {name!r}")
        assert rule is not None
        check(account.kind in rule["kinds"] and id != rule["fund"], "dues", "not of this account")
        day = since if since > self.closed else self.day
        check(effects["occurred_on"] == day, "occurred_on", f"not {day}")
        check(name == "demurrage" or "basis" not in effects, "fields", "basis")
        check((period is not None) == (rule.get("every", "once") != "once"), "dues", "the period")
        check(since <= self.later(1), "occurred_on", "more than a day ahead")
        if period is not None:
            every = rule["every"]
            check(period == period_of(every, period[0]), "dues", f"{period} is no {every}")
            check(period[0] <= since <= period[1], "dues", f"{since} is not within {period}")
            check(period[1] >= account.opened_on, "dues", "of a time before it was opened")
        if name == "welcome":
            which, amount = self.welcomed(account, request, rule)
        elif name == "demurrage":
            which, amount = self.demurred(account, request, effects, rule)
        else:
            which, amount = self.dues(account, request, rule)
        expected = due_id(name, which, id, 1 if name == "welcome" else self.times(account, request))
        check(request["id"] == expected, "ids", f"not {expected}")
        check(amount > 0, "dues", "nothing is due")
        giver, receiver = (rule["fund"], id) if name == "welcome" else (id, rule["fund"])
        self.take_part([giver, receiver])
        lines = [[receiver, amount], [giver, -amount]]
        flags = [*self.flags(lines, lines, by="flag")]
        check(effects.get("flags", []) == flags, "flags", f"not {flags}")
        self.post(request, effects, lines, [])
        account.charges.append(Charge(request, self.sequence))

    def left(self, sequence: int) -> int:
        """Return what was not moved back of a transfer."""
        move = self.moves[sequence]
        return total(side(self.rest(move.own, move.own_back), 1))

    def times(self, account: Account, request: Object) -> int:
        """Return how often a rule is charged for the same, with those of a false clock."""
        new = Charge(request, self.sequence)
        return 1 + sum(
            one.is_doubtful and (one.rule, one.first, one.last) == (new.rule, new.first, new.last)
            for one in account.charges
        )

    def charged_through(self, account: Account, rule: str) -> str:
        """Return the last day that was charged for, without what is in doubt."""
        found = [one for one in account.charges if one.rule == rule and one.is_period]
        return max((one.last for one in found if not one.is_doubtful), default="")

    def paid_through(self, account: Account, rule: str, first: str, last: str) -> str | None:
        """Return the last day of the charges in doubt for any of some days, but those reversed."""
        found = [one for one in account.charges if one.rule == rule and one.is_doubtful]
        found = [one for one in found if one.first <= last and first <= one.last]
        return max((one.last for one in found if self.left(one.sequence)), default=None)

    def welcomed(self, account: Account, request: Object, rule: Object) -> tuple[str, int]:
        """Return which welcome it is, and its seconds."""
        before = [one.sequence for one in account.charges if one.rule == "welcome"]
        allowed = {self.day} if before else {self.day, min(self.day, account.joined)}
        check(request["since"] in allowed, "dues", f"a welcome of {sorted(allowed)}")
        check(not any(map(self.left, before)), "dues", "a second welcome")
        return str(len(before) + 1), rule["hours"]

    def demurred(
        self, account: Account, request: Object, effects: Object, rule: Object
    ) -> tuple[str, int]:
        """Return the name of the period, and the share of its last day's balance."""
        period, since = request["period"], request["since"]
        check(since == period[1] and since < self.day, "dues", "before the end of the period")
        charged = self.charged_through(account, "demurrage")
        check(period[0] > charged, "dues", f"charged through {charged}")
        check(not self.paid_through(account, "demurrage", *period), "dues", "charged before")
        check(self.on(period[0])["demurrage"] is not None, "dues", "it began without the rule")
        check(account.is_open_on(since), "dues", f"it was not open on {since}")
        postings = [one for each in (account, *account.merged) for one in each.postings]
        basis = sum(seconds for _, day, seconds in postings if day <= since)
        check(effects.get("basis") == basis, "dues", f"the basis is {basis}")
        above = max(basis - rule["above"], 0)
        share = min(in_units(rule, above * Fraction(rule["share"])), above)
        return period_name(period), share

    def dues(self, account: Account, request: Object, rule: Object) -> tuple[str, int]:
        """Return the name of the period, or the day, and what is due."""
        name, since, period = request["rule"], request["since"], request.get("period")
        if period is None:
            then = due_rule(self.on(account.joined), name)
            check(then is not None and then["every"] == "once", "dues", "joined without them")
            for one in account.charges:
                again = one.rule == name and not one.is_period
                check(
                    not again or (one.is_doubtful and not self.left(one.sequence)), "dues", "again"
                )
        found = self.due_day(account, request)
        check(found == since, "dues", f"they fall due on {found}")
        return since if period is None else period_name(period), due_amount(rule, period, since)

    def due_day(self, account: Account, request: Object) -> str | None:
        """Return the first day up to `since` on which dues fall due for what is not charged.

        Time is gone through from the day of joining, or from what was charged last, where that is
        later. A day on which dues are for an account stands for all of its period: the next one
        lies behind it.
        """
        name, since, period = request["rule"], request["since"], request.get("period")
        start = account.joined
        if period is not None:
            start = max(start, after(self.charged_through(account, name)))
        for day in days(start, since) if start <= since else ():
            if day < start or not self.falls_due(account, request, day):
                continue
            rule = due_rule(self.on(day), name)
            if rule is None or period is None:
                return day
            whole_period = period_of(rule["every"], day)
            paid = self.paid_through(account, name, day, whole_period[1])
            if paid is not None:
                start = after(paid)
                continue
            if whole_period == period:
                return day
            if whole_period[1] >= account.opened_on and due_amount(rule, whole_period, day):
                return day
            start = after(whole_period[1])
        return None

    def falls_due(self, account: Account, request: Object, day: str) -> bool:
        """Tell whether dues are for an account on a day."""
        rule = due_rule(self.on(day), request["rule"])
        return (
            rule is not None
            and (rule["every"] == "once") == ("period" not in request)
            and account.kind in rule["kinds"]
            and request["account"] != rule["fund"]
            and months_between(account.joined, day) >= rule["from_month"]
            and account.is_open_on(day)
        )


def limits_of(bands: list[Object], which: str) -> Iterator[tuple[int, str]]:
    """Yield the limits of bands, the hard one first, with what becomes of who passes it."""
    for band in reversed(bands):
        if band[which] is not None:
            yield band[which], band["beyond"]


def map_lines(sums: dict[str, int]) -> Lines:
    """Return lines of sums by account."""
    return [[id, seconds] for id, seconds in sums.items()]


def due_id(rule: str, which: str, account: str, times: int) -> str:
    """Return the id of what is due."""
    end = "" if times == 1 else f"~{times}"
    id = f"due:{rule}:{which}:{account}{end}"
    looks_like_one = account.startswith("sha256=") or re.search(r"~[0-9]+\Z", account)
    if len(id) <= 128 and not looks_like_one:
        return id
    return f"due:{rule}:{which}:sha256={hashlib.sha256(account.encode()).hexdigest()}{end}"


def after(day: str) -> str:
    """Return the day after a day, `""` after none, and what no day reaches after the last."""
    if day in {"", date.max.isoformat()}:
        return day and "~"
    return (date.fromisoformat(day) + DAY).isoformat()


def period_of(every: str, day: str) -> list[str]:
    """Return the month, quarter, half-year or year that a day lies in."""
    year, month, months = day[:4], int(day[5:7]), MONTHS[every]
    first = month - (month - 1) % months
    end = first + months - 1
    return [f"{year}-{first:02}-01", f"{year}-{end:02}-{monthrange(int(year), end)[1]:02}"]


def period_name(period: list[str]) -> str:
    """Return `2026`, `2026-H1`, `2026-Q1` or `2026-01`."""
    first, last = int(period[0][5:7]), int(period[1][5:7])
    year, months = period[0][:4], last - first + 1
    return {
        12: year,
        6: f"{year}-H{last // 6}",
        3: f"{year}-Q{last // 3}",
        1: period[0][:7],
    }[months]


def due_amount(rule: Object, period: list[str] | None, since: str) -> int:
    """Return the seconds of dues."""
    hours: int = rule["hours"]
    if period is None or since == period[0] or rule["first_period"] == "whole":
        return hours
    if rule["first_period"] == "free":
        return 0
    first, last, day = (date.fromisoformat(one) for one in (*period, since))
    part = Fraction((last - day).days + 1, (last - first).days + 1)
    if rule["first_period"] == "months":
        part = Fraction(last.month - day.month + 1, last.month - first.month + 1)
    return min(in_units(rule, hours * part), hours)


# -- bodies of messages between banks --------------------------------------------------------


def account_of(journal: str) -> str:
    """Return the account that the agreement with a bank has, by its journal."""
    if len(journal) > 100:
        return f"peer:sha256={hashlib.sha256(journal.encode()).hexdigest()}"
    return f"peer:{journal}"


def shared_id(*parts: str) -> str:
    """Return the id under which two banks book an offer: by who made it, and its id."""
    return "peer:" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


def read_body(signed: Object, *kinds: str) -> Object:
    """Return the body of a signed message of some kind; check its form."""
    shape(signed, SIGNED, "messages")
    body: Object = signed["body"]
    kind = body.get("kind")
    check(type(kind) is str and kind in kinds, "messages", f"{kind!r} is none")
    shape(body, BODIES[str(kind)], "messages")
    if kind == "offer":
        both = "earner" in body and "reverses" in body
        check(not both and ("earner" in body or "reverses" in body), "messages", "for whom")
    elif kind == "cancel":
        inner = read_body({"body": body["offer"]}, "offer")
        ends = (inner["from"], inner["to"])
        check((body["from"], body["to"]) == ends, "messages", "of another bank")
    return body


def offered(body: Object) -> Object:
    """Return a body, or of what takes an offer back the offer."""
    found: Object = body["offer"] if body["kind"] == "cancel" else body
    return found


def read_answer(signed: Object) -> tuple[Object, Object]:
    """Return the body of an answer, and the offer that it answers."""
    answer = read_body(signed, "answer")
    inner = read_body(answer["offer"], "offer", *(() if answer["accepted"] else ("cancel",)))
    offer = offered(inner)
    check((answer["to"], answer["from"]) == (offer["from"], offer["to"]), "messages", "turned")
    fields = ("occurred_on", "code") if answer["accepted"] else ("code", "occurred_on")
    check(fields[0] in answer and fields[1] not in answer, "messages", "accepted, or refused")
    return answer, offer


def offer_body(record: Object) -> Object:
    """Return the offer that the record of a hold makes."""
    request, effects = record["request"], record["effects"]
    asked = request["offer"]
    account = request["earners"][0][0]
    body = {
        "format": "timebank-peers/1",
        "kind": "offer",
        "from": record["journal"],
        "to": asked["to"],
        "id": request["id"],
        "record": record["sequence"],
        "seconds": sum(seconds for id, seconds in effects["lines"] if id == account),
        "exchange": request["kind"],
        "occurred_on": request.get("occurred_on", record["recorded_on"]),
        "answer_by": effects["answer_by"],
        "terms": effects["terms"],
    }
    body |= {field: asked[field] for field in ("earner", "reverses") if field in asked}
    body |= {"seen": effects["seen"][:2]} if "seen" in effects else {}
    return body | {IN_OFFERS[one]: request[one] for one in SAID if one in request}


def answer_body(record: Object) -> Object:
    """Return the answer that a record is to an offer of another bank."""
    request, effects = record["request"], record["effects"]
    accepted = record["kind"] != "refuse"
    body = {
        "format": "timebank-peers/1",
        "kind": "answer",
        "from": record["journal"],
        "to": request["offer"]["body"]["from"],
        "record": record["sequence"],
        "offer": request["offer"],
        "accepted": accepted,
        "terms": effects["terms"],
    }
    body |= {"occurred_on": effects["occurred_on"]} if accepted else {"code": request["code"]}
    return body | ({"seen": effects["seen"][:2]} if "seen" in effects else {})


# -- the lines of an export ------------------------------------------------------------------


def read_line(raw: bytes, texts: bool, books: Books) -> None:
    """Check one line, and execute its record."""
    check(raw.endswith(b"}\n"), "lines", "cut off")
    head, mark, body = raw[:-2].partition(b',"record":')
    check(mark, "lines", "no record")
    record = parse(body, "form")
    check(type(record) is dict, "form", "no object")
    books.record(record, body)
    start = b'{"sequence":%d,"digest":"%s"' % (books.sequence, books.digest.hex().encode())
    check(head.startswith(start), "digests", f"record {books.sequence} is {books.digest.hex()}")
    rest = head.removeprefix(start)
    fields = [field for field in TEXTS if field in record["request"]]
    if not texts or not fields:
        check(not rest, "lines", "something is beside the record")
        return
    check(rest.startswith(b',"texts":'), "texts", "missing")
    beside = parse(rest.removeprefix(b',"texts":'), "texts")
    check(type(beside) is dict and sorted(beside) == fields, "texts", f"not of {fields}")
    for field, one in beside.items():
        if one is None:
            books.absent.add((books.sequence, field))
            continue
        check(type(one) is dict and set(one) == {"salt", "text"}, "texts", field)
        salt, told = one["salt"], one["text"]
        check(type(told) is str and is_hex(f"{salt}{salt}"), "texts", field)
        check(1 <= len(told) <= 10_000 and "\0" not in told, "texts", f"{field} is no text")
        found = hashlib.sha256(bytes.fromhex(salt) + told.encode()).hexdigest()
        check(found == record["request"][field], "texts", f"{field} is another")


def first_line(raw: bytes) -> Object | None:
    """Return the first line, where it tells of the export."""
    if not raw.startswith(b'{"export":'):
        return None
    try:
        told = json.loads(raw)
    except ValueError as error:
        raise Refused(f"lines: {error}") from error  # noqa: EM102, TRY003  # as above
    check(list(told) == ["export", "bank", "head", "texts"], "lines", "the first line")
    check(told["export"] == "timebank/1" and is_bool(told["texts"]), "lines", "the first line")
    check(identifier(told["bank"]) and type(told["head"]) is str, "lines", "the first line")
    again = json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n"
    check(again.encode() == raw, "lines", "the first line is written otherwise")
    found: Object = told
    return found


def verify(lines: Iterable[bytes]) -> Books:
    """Return the books of an export; refuse it with the line and the rule."""
    books, told, place = Books(), None, 0
    for raw in lines:
        place += 1
        try:
            if place > 1 or (told := first_line(raw)) is None:
                read_line(raw, told is not None and told["texts"], books)
        except Refused as refusal:
            raise Refused(f"line {place}: {refusal}") from refusal  # noqa: EM102, TRY003  # as above
    end = f"line {place + 1}"
    check(place, end, "lines: there is none")
    if told is not None and not books.sequence:
        books.journal = f"{told['head']} ".split(" ")[1]
        books.digest = hashlib.sha256(f"timebank/1:{books.journal}".encode()).digest()
    check(told is None or told["head"] == head_of(books), end, "head: the first line has another")
    if told is not None and told["texts"]:
        check(books.absent == books.erased, end, "texts: missing, and not erased, or the reverse")
    check(not sum(a.balance for a in books.accounts.values()), end, "balances: not zero")
    return books


def head_of(books: Books) -> str:
    """Return the head as a line of text."""
    return f"timebank/1 {books.journal} {books.sequence} {books.digest.hex()}"


def balances(books: Books, *, on: str = "9999-12-31", at: int = MAX) -> dict[str, int]:
    """Return the balances of the accounts opened by then, by id."""
    return {
        id: sum(seconds for number, day, seconds in account.postings if number <= at and day <= on)
        for id, account in sorted(books.accounts.items())
        if account.opened <= at
    }


def told_of(books: Books, points: list[tuple[str, Any]]) -> Iterator[str]:
    """Yield what is printed of an export."""
    yield f"{head_of(books)} {books.root().hex()}"
    for name, point in points or [("", None)]:
        if name:
            yield f"{name} {point}"
        for id, seconds in balances(books, **({name: point} if name else {})).items():
            yield f"{id}\t{seconds}"


# -- two journals ----------------------------------------------------------------------------


def ed25519(raw: bytes, signature: bytes, data: bytes) -> bool | None:
    """Tell whether a signature is of a key; `None` where no package is there that knows."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return None
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def decoded(text: str) -> bytes:
    """Return the bytes of a text in base64; none where it is another one."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    return data if base64.b64encode(data).decode() == text else b""


def key_of(line: str) -> tuple[str, bytes, bytes]:
    """Return the name, the number and the bytes of a public key's line."""
    name, number, text = [*line.split("+", 2), "", ""][:3]
    data = decoded(text)
    id = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    check(
        len(data) == 33 and data[0] == 1 and id.hex() == number, "both: keys", f"{line!r} is none"
    )
    return name, id, data[1:]


class Pair:
    """What two banks did with each other, by the journals of both."""

    def __init__(self, one: Books, other: Books) -> None:
        """Compare them; each is `one` and `other` once."""
        self.banks = {one.journal: one, other.journal: other}
        self.one, self.other = one.journal, other.journal
        self.signatures: list[bool | None] = []
        #: Lines: what only one of the two has booked, or none yet; and the sum of the first.
        self.under_way: list[str] = []
        self.difference = 0
        for own, peer in ((one, other), (other, one)):
            self.sights(own, peer)
            self.messages(own)
            self.offers(own, peer)
        written = sum(self.written_off(*two) for two in ((one, other), (other, one)))
        mirrors = sum(self.mirrors)
        expected = self.difference + written
        why = f"they differ by {mirrors} seconds, not {expected}"
        check(mirrors == expected, "both: mirrors", why)

    def check(self, ok: object, books: Books, sequence: int, rule: str, why: str) -> None:
        """Refuse a record of one of the two."""
        check(ok, f"record {sequence} of {books.journal}: {rule}", why)

    def agreement(self, own: str, peer: str) -> Agreement | None:
        """Return what a bank agreed with the other, if anything."""
        account = self.banks[own].accounts.get(account_of(peer))
        return None if account is None else account.agreement

    @property
    def mirrors(self) -> list[int]:
        """What the account of each has, while there was an agreement."""
        both = (self.agreement(self.one, self.other), self.agreement(self.other, self.one))
        return [0 if one is None else one.moved for one in both]

    def written_off(self, own: Books, peer: Books) -> int:
        """Return what a bank wrote off."""
        return own.written_off.get(account_of(peer.journal), 0)

    def sights(self, own: Books, peer: Books) -> None:
        """Check that each head that a bank saw is one of the other.

        What the other has lost, as it declares, is not there, nor that for which a board has taken
        another head since.
        """
        agreement = self.agreement(own.journal, peer.journal)
        taken = 0 if agreement is None else agreement.readmitted
        for account, (size, root, *signed), sequence in own.sights:
            if account != account_of(peer.journal):
                continue
            if size <= len(peer.leaves):
                found = (peer.subtree(0, size) if size else hashlib.sha256().digest()).hex()
                why = f"{peer.journal} has the root {found} at record {size}"
                gone = size <= peer.lost or sequence < taken
                self.check(found == root or gone, own, sequence, "heads", why)
            for line in signed:
                note = base64.b64encode(bytes.fromhex(root)).decode()
                text = f"timebank/{peer.journal}\n{size}\n{note}\n"
                self.signed(own, sequence, peer.journal, text.encode(), line)

    def binds(self, own: Books, peer: Books, number: int) -> bool:
        """Tell whether a journal must have what the other bank keeps of its record of a number.

        Of a bank that has lost records messages come that it knows nothing of, also much later: it
        has signed them, and what was booked by them is under way.
        """
        agreement = self.agreement(own.journal, peer.journal)
        lost = peer.lost or (agreement is not None and agreement.readmitted)
        return number <= peer.sequence and not lost

    def messages(self, own: Books) -> None:
        """Check the signatures of all that a bank keeps of the other, and of its own in that."""
        for record in own.between_banks:
            request = record["request"]
            signed = request.get("offer") or request.get("answer")
            while signed is not None and "body" in signed:
                body = signed["body"]
                if "signature" in signed and {body["from"], body["to"]} == self.banks.keys():
                    text = canonical(body) + b"\n"
                    line = signed["signature"]
                    self.signed(own, record["sequence"], body["from"], text, line)
                signed = body.get("offer")

    def signed(self, own: Books, sequence: int, by: str, text: bytes, line: str) -> None:
        """Check a signature by one of the keys that the other bank was told.

        One of its own a bank may have made with a key that the other was told later: where that
        other's journal is an older one.
        """
        to = next(journal for journal in self.banks if journal != by)
        agreement = self.agreement(to, by)
        dash, name, value = [*line.split(" ", 2), "", ""][:3]
        data = decoded(value)
        keys = [] if agreement is None else [key_of(one) for one in agreement.keys]
        told = [raw for known, id, raw in keys if (dash, known, id) == ("—", name, data[:4])]
        if not told and by == own.journal and self.is_older(own):
            return
        ok = ed25519(told[0], data[4:], text) if told else False
        self.check(ok is not False, own, sequence, "signatures", f"it is not of {by}")
        self.signatures.append(ok)

    def is_older(self, own: Books) -> bool:
        """Tell whether the other's journal ends before a record that a bank knows of."""
        (peer,) = (books for books in self.banks.values() if books is not own)
        known = [head[0] for account, head, _ in own.sights if account == account_of(peer.journal)]
        for record in own.between_banks:
            answer = record["request"].get("answer") or record["request"].get("offer", {})
            if answer.get("body", {}).get("from") == peer.journal:
                known.append(offered(answer["body"])["record"])
        return max(known, default=0) > peer.sequence

    def offers(self, own: Books, peer: Books) -> None:
        """Check what became of the offers of a bank to the other, in both."""
        found = {id: one for id, one in own.offers.items() if one["to"] == peer.journal}
        for id, offer in found.items():
            end = own.ends.get(id)
            if end is not None and "answer" in end["request"]:
                self.answered(own, peer, end, offer)
        for sequence, offer in self.answers_to(own, peer):
            known = found.get(offer["id"])
            same = known is None or canonical(known) == canonical(offer)
            same = same and (known is not None or not self.binds(peer, own, offer["record"]))
            self.check(same, peer, sequence, "offers", f"{own.journal} made another one")
            found.setdefault(offer["id"], offer)
        for record, _, offer in brought_by(own, own, peer):
            self.answered(own, peer, record, offer)
            found.setdefault(offer["id"], offer)
        for _, _, offer in brought_by(peer, own, peer):
            found.setdefault(offer["id"], offer)
        for offer in found.values():
            self.compare(own, peer, offer)

    def answers_to(self, own: Books, peer: Books) -> Iterator[tuple[int, Object]]:
        """Yield the offers of a bank that the other answered, with the sequences of its records."""
        for record in peer.answers.values():
            offer = offered(record["request"]["offer"]["body"])
            if offer["from"] == own.journal:
                yield record["sequence"], offer

    def answered(self, own: Books, peer: Books, record: Object, offer: Object) -> None:
        """Check that an answer is one that the other bank gave, or whose record it lost."""
        body = record["request"]["answer"]["body"]
        found = peer.answers.get(shared_id(own.journal, offer["id"]))
        given = [] if found is None else [answer_body(found)]
        given += [answer for _, answer, _ in brought_by(peer, own, peer)]
        same = any(canonical(one) == canonical(body) for one in given)
        same = same or not self.binds(own, peer, body["record"])
        why = f"{peer.journal} gave another one"
        self.check(same, own, record["sequence"], "answers", why)

    def compare(self, own: Books, peer: Books, offer: Object) -> None:
        """Note what only one of the two has booked, and what none has ended."""
        shared = shared_id(own.journal, offer["id"])
        here = shared in own.booked
        again = shared_id(own.journal, offer["id"], "again")
        there = not peer.booked.isdisjoint((shared, again))
        seconds: int = offer["seconds"]
        self.difference += seconds * (here - there)
        if here != there:
            where = own.journal if here else peer.journal
            self.under_way.append(f"booked by {where} alone\t{shared}\t{seconds}")
        elif offer["id"] in own.offers and offer["id"] not in own.ends:
            self.under_way.append(f"offered\t{shared}\t{seconds}")

    def told(self) -> Iterator[str]:
        """Yield what is printed of the two."""
        one, other = self.mirrors
        yield f"{self.one}\t{one}\t{self.other}\t{other}"
        unknown = self.signatures.count(None)
        yield f"signatures\t{len(self.signatures)}" + ("\tnot checked" if unknown else "")
        yield from self.under_way


def brought_by(books: Books, own: Books, peer: Books) -> Iterator[tuple[Object, Object, Object]]:
    """Yield what a bank brought in again of offers of one to the other: record, answer, offer."""
    for record in books.brought:
        answer, offer = read_answer(record["request"]["answer"])
        if (offer["from"], offer["to"]) == (own.journal, peer.journal):
            yield record, answer, offer


def are_peers(one: Books, other: Books) -> bool:
    """Tell whether one of two banks agreed with the other."""
    for own, peer in ((one, other), (other, one)):
        account = own.accounts.get(account_of(peer.journal))
        if account is not None and account.agreement is not None:
            return own.journal != peer.journal
    return False


class Point(argparse.Action):
    """Gathers days and sequences in the order in which they were given."""

    def __call__(self, parser: object, found: Any, value: Any, option: str | None = None) -> None:
        """Add one."""
        found.points = [*found.points, (str(option).strip("-"), value)]


def a_day(value: str) -> str:
    """Read a day."""
    if not is_day(value):
        raise argparse.ArgumentTypeError(value)
    return value


def main() -> int:
    """Verify each file; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.set_defaults(points=[])
    parser.add_argument("--on", type=a_day, action=Point, metavar="DAY")
    parser.add_argument("--at", type=int, action=Point, metavar="SEQUENCE")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("exports", type=Path, nargs="*", metavar="EXPORT.jsonl")
    given, code = parser.parse_args(), 0
    sound: dict[Path, Books] = {}
    for path in given.exports or [None]:
        prefix = f"{path}: " if len(given.exports) > 1 else ""
        try:
            with path.open("rb") if path else sys.stdin.buffer as lines:
                books = verify(lines)
            told = "\n".join(told_of(books, given.points))
            print(f"{path}:\n{told}\n" if prefix else told)
            sound |= {path: books} if path else {}
        except Refused as refusal:
            print(f"{prefix}{refusal}", file=sys.stderr)
            code = max(code, 1)
        except OSError as error:
            print(f"{path}: {error.strerror}", file=sys.stderr)
            code = 2
    for (path, books), (other, others) in combinations({} if given.alone else sound.items(), 2):
        try:
            if are_peers(books, others):
                told = "\n".join(Pair(books, others).told())
                print(f"{path} and {other}:\n{told}\n")
        except Refused as refusal:
            print(f"{path} and {other}: {refusal}", file=sys.stderr)
            code = max(code, 1)
    return code


if __name__ == "__main__":
    sys.exit(main())
