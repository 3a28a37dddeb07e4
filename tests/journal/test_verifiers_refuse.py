"""Golden journals in which one field is forged and all digests fit again: both verifiers refuse.

What is forged is one field of one record. Whoever writes a journal anew can make every digest fit,
so that the rules of the page alone tell.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

import pytest

from audit import format_rule, format_rules
from audit.forgeries import Forgery, audit_of, found
from golden import make
from golden.make import LESS, MORE
from journal.changed import (
    GONE,
    JSON,
    Place,
    canonical,
    changes,
    forged,
    is_same,
    is_told_by_both,
    place_of,
    rechained,
    records_of,
)
from support import by_day
from timebank.model import TextRow
from timebank.storage.protocol import Batch
from verifiers import VERIFIERS, node, python, run, verdicts

DAY: Final = 86_400_000_000

#: The digest of the third record of a golden journal.
THIRD: Final = "ac2911401dd9d4b21f796784820c455cfaf0c27834d2618531c7acd4a360651a"

#: Golden journal, sequence of a record, a field of it, what stands there, the rule that is broken.
FORGERIES: Final[list[tuple[str, int, str, Any, str]]] = [
    # the record
    ("accounts", 1, "format", "timebank/2", "fields"),
    ("accounts", 2, "journal", "id-2", "journal"),
    ("accounts", 2, "sequence", 3, "sequence"),
    ("accounts", 2, "kind", "opened", "kinds"),
    ("accounts", 2, "actor", "", "fields"),
    ("accounts", 2, "actor", None, "fields"),
    ("accounts", 2, "more", 1, "fields"),
    ("accounts", 2, "recorded_on", GONE, "fields"),
    ("accounts", 2, "recorded_on", "2026-02-30", "fields"),
    ("accounts", 2, "recorded_on", "2026-3-02", "fields"),
    ("accounts", 2, "recorded_on", "2026-03-01", "recorded_on"),
    ("accounts", 2, "recorded_on", "2026-03-04", "recorded_on"),
    ("accounts", 2, "recorded_at", 1_772_442_000_000_000 - 1, "recorded_at"),
    ("accounts", 2, "recorded_at", 1_772_442_000_000_000 + 3 * DAY, "recorded_on"),
    ("accounts", 2, "recorded_at", True, "fields"),
    # what was lost
    ("history", 4, "effects.lost", [0, "ab" * 32], "fields"),
    ("history", 4, "effects.lost", [7, "AB" * 32], "fields"),
    ("history", 4, "effects.lost", [7, "ab" * 32, 1], "fields"),
    ("history", 4, "effects.lost", GONE, "fields"),
    ("history", 5, "request.lost", ["2", "00" * 32], "fields"),
    ("history", 5, "effects.lost", [3, "00" * 32], "effects"),
    ("history", 4, "effects.lost", [3, THIRD], "losses"),
    # accounts
    ("accounts", 2, "request.account", "m1", "accounts"),
    ("accounts", 2, "effects.account", "m1", "effects"),
    ("accounts", 2, "request.account", " m", "fields"),
    ("accounts", 2, "request.account", "m\u00a0", "fields"),
    ("accounts", 2, "request.account", "e\u0300", "fields"),
    ("accounts", 2, "request.account", "a\u2028b", "fields"),
    ("accounts", 2, "request.account", "a\u007fb", "fields"),
    ("accounts", 2, "request.account", "a\u00adb", "fields"),
    ("accounts", 2, "request.account", "a\u200db", "fields"),
    ("accounts", 2, "request.account", "\u0628\u200c\u0928", "fields"),
    ("accounts", 2, "request.account", "\U000e0041", "fields"),
    ("accounts", 2, "request.account", "y" * 129, "fields"),
    ("accounts", 2, "request.floor", "inherit", "fields"),
    ("accounts", 2, "request.kind", "person", "fields"),
    ("accounts", 1, "effects.sets.named", False, "effects"),
    ("accounts", 1, "effects.sets.floor", 0, "effects"),
    ("accounts", 1, "effects.sets.status", "frozen", "effects"),
    ("accounts", 1, "request.name", "Maria", "fields"),
    ("accounts", 8, "effects.sets.ceiling", None, "effects"),
    ("accounts", 8, "request.floor", GONE, "fields"),
    ("accounts", 14, "kind", "thaw", "effects"),
    ("accounts", 17, "request.account", "m1", "effects"),
    ("accounts", 23, "effects.of", 2, "effects"),
    ("accounts", 24, "request.until", "2026-03-01", "effects"),
    ("accounts", 26, "request.delegate", "anna", "effects"),
    ("accounts", 27, "effects.texts.0.0", 4, "erasures"),
    ("accounts", 28, "effects.erased.0", "0" * 64, "erasures"),
    ("accounts", 28, "request.record", 1, "fields"),
    # transfers
    ("transfers", 7, "effects.postings.0.1", 5_401, "postings"),
    ("transfers", 7, "effects.postings.0.0", "m2", "postings"),
    ("transfers", 7, "effects.postings.0.0", "nobody", "postings"),
    ("transfers", 7, "request.earners.0.0", "nobody", "accounts"),
    ("transfers", 7, "request.earners.0.1", 5_401, "sides"),
    ("transfers", 7, "request.earners.0.1", 0, "fields"),
    ("transfers", 7, "request.earners.0.1", "5400", "fields"),
    ("transfers", 7, "request.earners", [], "fields"),
    ("transfers", 7, "request.via", "nobody", "accounts"),
    ("transfers", 7, "request.tags", ["b", "a"], "fields"),
    ("transfers", 7, "request.tags", ["\U0001f331", "\uff61"], "fields"),
    ("transfers", 7, "request.tags", [], "fields"),
    ("transfers", 7, "request.source", [["b", "1"], ["a", "1"]], "fields"),
    ("transfers", 7, "request.category", "", "fields"),
    ("transfers", 7, "request.limits", "checked", "fields"),
    ("transfers", 7, "request.occurred_on", "2026-03-04", "occurred_on"),
    ("transfers", 8, "effects.occurred_on", "2026-03-21", "occurred_on"),
    ("transfers", 7, "effects.statute", "default/2", "statutes"),
    ("transfers", 7, "effects.flags", [], "fields"),
    ("transfers", 7, "effects.flags", [{"rule": "floor"}], "flags"),
    ("transfers", 7, "effects.fee", [["m1", 1], ["f1", -1]], "fee"),
    ("transfers", 8, "request.id", "visit-81", "ids"),
    ("transfers", 8, "request.kind", "reversal", "fields"),
    ("transfers", 8, "request.id", "due:shared", "ids"),
    ("transfers", 8, "request.id", "peer:shared", "ids"),
    ("transfers", 10, "request.limits", GONE, "limits"),
    ("transfers", 12, "effects.reverses", 8, "reversals"),
    ("transfers", 12, "effects.reverses", 12, "reversals"),
    ("transfers", 12, "request.transfer", "shared", "reversals"),
    ("transfers", 12, "request.hours", 5_401, "reversals"),
    ("transfers", 12, "request.hours", 5_399, "postings"),
    ("transfers", 12, "effects.occurred_on", "2026-03-04", "occurred_on"),
    ("transfers", 15, "effects.postings.0.1", -1, "postings"),
    # statutes, and what they make of exchanges
    ("exchanges", 7, "effects.adopts", "via-roma/2", "effects"),
    ("exchanges", 7, "request.statute.version", "default/2", "effects"),
    ("exchanges", 7, "request.statute.fee.unit", 1, "statute"),
    ("exchanges", 7, "request.statute.fee.fund", "nobody", "accounts"),
    ("exchanges", 7, "request.statute.fee.fund", "m1", "statutes"),
    ("exchanges", 7, "request.statute.fee.share", "2/14", "statute"),
    ("exchanges", 7, "request.statute.fee.share", "1/8", "postings"),
    ("exchanges", 7, "request.statute.granularity.unit", 3_600, "unit"),
    ("exchanges", 7, "request.statute.granularity.rounding", "refuse", "statute"),
    ("exchanges", 7, "request.statute.largest_exchange.beyond", GONE, "largest exchange"),
    ("exchanges", 7, "request.statute.record_within.beyond", GONE, "days to record"),
    ("exchanges", 7, "request.statute.limits.member.0.beyond", GONE, "limits"),
    ("exchanges", 7, "request.statute.limits.member.0.floor", -7_201, "flags"),
    ("exchanges", 7, "request.statute.time_zone", "UTC", "statute"),
    ("exchanges", 7, "request.statute.more", 1, "statute"),
    # soft limits within hard ones
    ("limits", 6, "request.statute.limits.member.0.floor", -14_401, "statute"),
    ("limits", 6, "request.statute.limits.member.1.beyond", "flag", "statute"),
    ("limits", 6, "request.statute.limits.member.1.floor", -7_201, "limits"),
    ("limits", 8, "effects.flags.0.limit", -14_400, "flags"),
    ("limits", 15, "effects.flags.0.limit", -7_200, "flags"),
    ("limits", 15, "effects.flags", GONE, "flags"),
    # holds
    ("holds", 6, "effects.reserves.0.1", 1, "holds"),
    ("holds", 6, "effects.lines.0.1", 5_401, "holds"),
    ("holds", 6, "effects.expires_at", GONE, "holds"),
    ("holds", 6, "request.expires_in", GONE, "holds"),
    ("holds", 6, "request.expires_in", 0, "fields"),
    # clocks
    ("clocks", 21, "effects.ends.0", 8, "holds"),
    ("clocks", 21, "effects.ends", GONE, "holds"),
    ("clocks", 21, "effects.ends", [12, 9], "fields"),
    ("clocks", 21, "request.today", "2026-03-03", "recorded_on"),
    ("clocks", 21, "effects.statute", "clocks/1", "statutes"),
    ("clocks", 21, "kind", "rename", "fields"),
    ("clocks", 40, "recorded_at", 1_790_812_830_000_000 + DAY, "recorded_on"),
    ("clocks", 35, "request.id", "due:demurrage:2026-Q2:m1~3", "ids"),
    ("clocks", 36, "request.id", "due:dues:2026-Q3:m1", "ids"),
    ("clocks", 36, "request.since", "2026-07-02", "occurred_on"),
    ("clocks", 45, "recorded_on", "2026-10-01", "recorded_on"),
    # what exchanges were for
    ("corrections", 15, "request.from", "9:00", "fields"),
    ("corrections", 15, "request.from", "24:00", "fields"),
    ("corrections", 15, "request.to", "11:60", "fields"),
    ("corrections", 15, "request.to", "\u0661\u0661:00", "fields"),
    ("corrections", 15, "request.to", "11:00:00", "fields"),
    ("corrections", 15, "request.to", 11, "fields"),
    ("corrections", 15, "request.note", GONE, "effects"),
    ("corrections", 18, "request.category", "shop", "effects"),
    ("corrections", 18, "request.category", GONE, "fields"),
    ("corrections", 18, "request.operation", "nothing", "corrections"),
    ("corrections", 18, "request.operation", "due:welcome:1:twin", "corrections"),
    ("corrections", 18, "request.operation", "night", "effects"),
    ("corrections", 18, "effects.amends", 16, "effects"),
    ("corrections", 18, "effects.was.category", "shopping", "effects"),
    ("corrections", 18, "effects.was.area", None, "effects"),
    ("corrections", 18, "request.reason", GONE, "fields"),
    ("corrections", 19, "effects.sets.note", 15, "effects"),
    ("corrections", 19, "request.tags", [MORE, LESS], "fields"),
    ("corrections", 20, "effects.was.note", 15, "effects"),
    ("corrections", 20, "request.takes_away", ["note", "note"], "fields"),
    ("corrections", 20, "request.takes_away", ["note", "to"], "fields"),
    ("corrections", 20, "request.takes_away", ["reason"], "fields"),
    ("corrections", 20, "request.takes_away", [], "fields"),
    ("corrections", 23, "request.takes_away", ["to", "area"], "fields"),
    ("corrections", 26, "effects.was.note", 26, "effects"),
    ("corrections", 36, "effects.amends", 35, "effects"),
    ("corrections", 83, "request.operation", "not in March", "corrections"),
    ("corrections", 82, "effects.through", "2026-03-02", "effects"),
    ("corrections", 82, "request.through", "2026-03-10", "effects"),
    # holds for days that are to come
    ("corrections", 29, "request.occurred_on", "2026-03-05", "occurred_on"),
    ("corrections", 30, "request.occurred_on", "2026-02-28", "occurred_on"),
    ("corrections", 35, "effects.occurred_on", "2026-05-21", "occurred_on"),
    ("corrections", 35, "request.occurred_on", "2026-05-21", "occurred_on"),
    # days of joining, and kinds
    ("corrections", 40, "request.joined_on", "2026-01-01", "effects"),
    ("corrections", 40, "request.takes_away", ["joined_on"], "fields"),
    ("corrections", 41, "effects.was.kind", "group", "effects"),
    ("corrections", 41, "request.kind", "fund", "fields"),
    ("corrections", 42, "request.takes_away", ["kind"], "fields"),
    ("corrections", 42, "request.takes_away", GONE, "effects"),
    ("corrections", 43, "request.account", "fund", "effects"),
    ("corrections", 43, "effects.account", "new", "effects"),
    # duplicates
    ("corrections", 14, "request.delegate", "anna", "effects"),
    ("corrections", 47, "effects.of", 5, "effects"),
    ("corrections", 47, "effects.into", "m1", "effects"),
    ("corrections", 47, "effects.postings.0.1", 3_846, "postings"),
    (
        "corrections",
        47,
        "effects.postings",
        [["twin", -3_845], ["twin of twin", 3_845]],
        "postings",
    ),
    ("corrections", 47, "effects.occurred_on", "2026-03-03", "occurred_on"),
    ("corrections", 47, "effects.statute", "mend/2", "statutes"),
    ("corrections", 49, "effects.joined_on", "2026-02-01", "merges"),
    ("corrections", 50, "effects.joined_on", GONE, "merges"),
    ("corrections", 50, "effects.joined_on", "2026-02-01", "merges"),
    ("corrections", 51, "effects.postings", [["m2", 1], ["never", -1]], "postings"),
    ("corrections", 58, "effects.flags", GONE, "flags"),
    ("corrections", 58, "effects.flags.0.needed", 8_401, "flags"),
    ("corrections", 53, "effects.postings.0.0", "twin", "accounts"),
    ("corrections", 54, "request.id", "due:welcome:1:m1", "ids"),
    ("corrections", 48, "effects.postings.2.0", "twin of twin", "accounts"),
    ("corrections", 59, "effects.postings.0.1", -1_100, "postings"),
    ("corrections", 106, "request.account", "m2", "effects"),
    ("corrections", 109, "request.id", "due:dues:2026-Q3:new~2", "ids"),
    ("corrections", 112, "request.statute.fee", {"fund": "shed", "share": "1/10"}, "merges"),
    # closed books
    ("corrections", 73, "effects.through", "2026-04-01", "effects"),
    ("corrections", 73, "effects.through", None, "effects"),
    ("corrections", 73, "effects.statute", "default/1", "statutes"),
    ("corrections", 76, "effects.occurred_on", "2026-03-15", "occurred_on"),
    ("corrections", 79, "effects.occurred_on", "2026-03-04", "occurred_on"),
    ("corrections", 79, "request.occurred_on", "2026-04-05", "occurred_on"),
    ("corrections", 80, "effects.occurred_on", "2026-03-04", "occurred_on"),
    ("corrections", 85, "request.through", GONE, "effects"),
    ("corrections", 102, "effects.through", GONE, "books"),
    ("corrections", 102, "effects.through", "2026-04-13", "books"),
    ("corrections", 25, "request.record", 19, "erasures"),
    ("corrections", 62, "request.account", "twin", "accounts"),
    # agreements
    ("store-isola", 7, "request.peer", "bovisa-2", "agreements"),
    ("store-isola", 7, "request.they_may_owe", -1, "fields"),
    ("store-isola", 7, "effects.sets.floor", 72_000, "effects"),
    ("store-isola", 7, "effects.sets.status", "open", "effects"),
    ("store-isola", 7, "effects.of", 5, "effects"),
    ("store-isola", 6, "request.kind", "fund", "effects"),
    ("store-isola", 45, "effects.sets.status", "open", "effects"),
    ("store-isola", 48, "request.reason", GONE, "fields"),
    ("server-affori", 28, "request.head", [1], "fields"),
    # offers
    ("store-isola", 8, "request.offer.earner", GONE, "fields"),
    ("store-isola", 8, "request.offer.to", "isola-2", "accounts"),
    ("store-isola", 8, "request.limits", "unchecked", "offers"),
    ("store-isola", 8, "request.expires_in", 1, "offers"),
    ("store-isola", 8, "effects.answer_by", 1, "offers"),
    ("store-isola", 8, "effects.terms", [72_000, None], "agreements"),
    ("store-isola", 8, "effects.terms", GONE, "fields"),
    ("store-isola", 8, "effects.fee", GONE, "fee"),
    ("store-isola", 8, "request.offer.earner", "bice", "offers"),
    ("store-bovisa", 16, "request.offer.reverses", "gift", "effects"),
    ("store-bovisa", 16, "effects.reverses", 8, "effects"),
    ("store-bovisa", 16, "request.spenders.0.0", "bice", "reversals"),
    # what is booked, refused or ended by an answer
    ("store-bovisa", 7, "request.offer.body.seconds", 7_201, "offers"),
    ("store-bovisa", 7, "request.offer.body.to", "isola-1", "offers"),
    ("store-bovisa", 7, "request.offer.body.answer_by", 1, "offers"),
    ("store-bovisa", 7, "request.offer.body.earner", GONE, "messages"),
    ("store-bovisa", 7, "request.id", "garden", "ids"),
    ("store-bovisa", 7, "request.occurred_on", "2026-03-29", "offers"),
    ("store-bovisa", 7, "request.category", GONE, "offers"),
    ("store-bovisa", 12, "request.offer", GONE, "fields"),
    ("store-bovisa", 12, "request.id", "peer:" + "0" * 40, "ids"),
    ("store-bovisa", 12, "effects.postings", [], "fields"),
    ("store-isola", 23, "request.hours", GONE, "offers"),
    ("store-isola", 23, "request.transfer", "garden", "offers"),
    ("store-isola", 9, "request.answer", GONE, "ids"),
    ("store-isola", 9, "request.answer.body.accepted", False, "messages"),
    ("store-isola", 9, "request.answer.body.offer.body.seconds", 1, "offers"),
    ("store-isola", 9, "effects.postings.0.1", 1, "postings"),
    ("store-isola", 9, "effects.occurred_on", "2026-04-01", "occurred_on"),
    ("store-isola", 36, "effects.flags", GONE, "flags"),
    ("store-isola", 36, "request.abandoned", False, "fields"),
    ("store-isola", 36, "request.reason", GONE, "fields"),
    ("store-isola", 36, "request.id", "peer:" + "0" * 40, "ids"),
    # what is brought in again, or written off
    ("server-affori", 20, "effects.flags.0.rule", "forgotten", "flags"),
    ("server-affori", 31, "effects.flags.0.rule", "late answer", "flags"),
    ("server-affori", 31, "request.answer.body.to", "greco-1", "messages"),
    ("server-greco", 21, "request.id", "peer:" + "0" * 40, "ids"),
    ("server-affori", 34, "request.written_off", GONE, "fields"),
    ("server-affori", 34, "request.note", GONE, "fields"),
    ("server-affori", 34, "request.kind", "exchange", "fields"),
    ("server-affori", 34, "effects.flags", GONE, "flags"),
    # cheques
    ("cheques", 6, "request.id", "cheque:017", "cheques"),
    ("cheques", 6, "request.id", "booklet-17", "ids"),
    ("cheques", 6, "request.id", "cheque:16", "cheques"),
    ("cheques", 6, "request.cheques", 100, "fields"),
    ("cheques", 6, "request.cheques", 23, "cheques"),
    ("cheques", 6, "request.account", "bruno", "effects"),
    ("cheques", 6, "effects.of", 2, "effects"),
    ("cheques", 9, "request.id", "cheque:17-01-40", "cheques"),
    ("cheques", 9, "request.id", "cheque:17-01", "cheques"),
    ("cheques", 9, "request.id", "cheque:19-01-21", "cheques"),
    ("cheques", 9, "request.kind", "gift", "cheques"),
    ("cheques", 9, "request.limits", "unchecked", "fields"),
    ("cheques", 9, "request.spenders.0.0", "carla", "cheques"),
    ("cheques", 11, "request.id", "cheque:17-24-90", "cheques"),
    ("cheques", 11, "request.code", "", "fields"),
    ("cheques", 11, "effects.of", 7, "effects"),
    ("cheques", 12, "request.id", "cheque:18-00-33", "cheques"),
    ("cheques", 22, "request.spenders.0.0", "anna-bis", "cheques"),
]


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_each_forged_field_is_refused_by_its_rule(verifier: str, tmp_path: Path) -> None:
    """At a line of its own or a later one, with the rule that is broken."""
    expected = {}
    for number, (journal, sequence, path, value, rule) in enumerate(FORGERIES):
        file = tmp_path / f"{number}-{journal}-{sequence}-{path}"
        file.write_bytes(rechained(forged(records_of(journal), sequence, place_of(path), value)))
        expected[str(file)] = rule
    told = run(VERIFIERS[verifier](), [*map(Path, expected)])
    assert (1, "") == told[:2]
    assert expected == {file: rule for file, (_, rule) in verdicts(told).items()}


def test_golden_journals_are_sound_without_their_texts(tmp_path: Path) -> None:
    """What is refused above is refused for what was forged."""
    for journal in make.JOURNALS:
        (tmp_path / journal).write_bytes(rechained(records_of(journal)))
    for command in (python(), node()):
        assert 0 == run(command, sorted(tmp_path.iterdir()))[0]


# -- every rule ------------------------------------------------------------------------------


class Kept(Exception):
    """The rows of a journal, on their way to the audit."""


def keep(batch: Batch) -> NoReturn:
    raise Kept(batch)


def whole(batch: Batch) -> bytes:
    """The export of rows with their texts, as `timebank export jsonl` writes it."""
    last = batch.records[-1]
    head = f"timebank/1 id-1 {last.sequence} {last.digest.hex()}"
    first = {"export": "timebank/1", "bank": "main", "head": head, "texts": True}
    lines = [json.dumps(first, separators=(",", ":")).encode() + b"\n"]
    texts = {(text.sequence, text.field): text for text in batch.texts}
    for row in batch.records:
        lines.append(b'{"sequence":%d,"digest":"%s"' % (row.sequence, row.digest.hex().encode()))
        fields = {field for number, field in texts if number == row.sequence}
        beside: JSON = dict.fromkeys(sorted(fields | asked_texts(row.body)))
        for field in fields:
            text = texts[row.sequence, field]
            beside[field] = {"salt": text.salt.hex(), "text": text.text}
        if beside:
            lines.append(b',"texts":' + canonical(beside))
        lines.append(b',"record":%s}\n' % row.body)
    return b"".join(lines)


def asked_texts(body: bytes) -> set[str]:
    """The fields of a request that are personal texts."""
    request: JSON = json.loads(body)["request"]
    return request.keys() & {"name", "note", "reason"}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A journal for each way to break a rule of the page, by its number and place."""
    folder, made = tmp_path_factory.mktemp("rules"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(format_rules, "stored", keep)
        for module in (format_rule, format_rules):
            patch.setattr(module, "report_of", keep)
        for rule in format_rules.RULES:
            for place, forged in enumerate((rule.forged, *rule.more)):
                with pytest.raises(Kept) as kept:
                    forged()
                name = f"{rule.number}-{place}"
                made[name] = folder / name
                made[name].write_bytes(whole(kept.value.args[0]))
    return made


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_what_breaks_a_rule_of_the_page_is_refused(verifier: str, broken: dict[str, Path]) -> None:
    """But for a head that was published: only who has it can compare what a verifier prints."""
    of_heads = next(rule.number for rule in format_rules.RULES if "head" in rule.words)
    theirs = {name for name in broken if name.startswith(f"{of_heads}-")}
    told = verdicts(run(VERIFIERS[verifier](), [*broken.values()]))
    passed = {name for name, path in broken.items() if str(path) not in told}
    assert theirs == passed


def test_what_is_broken_in_them_was_well(tmp_path: Path) -> None:
    """Each journal that is forged for a rule is sound."""
    for number, base in enumerate(format_rules.BASES):
        (tmp_path / str(number)).write_bytes(whole(format_rule.honest(base).batch()))
    for command in (python(), node()):
        assert (0, "") == run(command, sorted(tmp_path.iterdir()))[::2]


# -- every field -----------------------------------------------------------------------------


#: What may be said otherwise where nobody compares it with something else: the words of an
#: exchange, who entered it, commitments of texts, and rules that bit nobody.
WORDS: Final = {
    *("actor", "note", "name", "reason", "category", "area", "resource", "tags", "source"),
    *("from", "to"),
}
#: What was lost is in no journal: of a head that no record has (F159) another may be said, where
#: the request names none that it must agree with (F158); and the request need not name it.
LOST: Final = {("request", "lost"), ("effects", "lost", 0), ("effects", "lost", 1)}
WORDS_OF_MOVES: Final = {"id", "kind", "via", "occurred_on", "hours", "limits", "expires_in"}


#: The same of kinds that have others.
WORDS_OF: Final = {
    "agree": {"reason", "theirs"},
    "issue_cheques": {"cheques"},
    "void_cheque": {"code", "reason"},
}


def is_told_by_nothing(kind: str, place: Place) -> bool:
    """Return whether a verifier may accept another value at a place."""
    if place[0] in {"actor", "recorded_at", "recorded_on"}:
        return True
    if kind == "history_lost":
        return place in LOST | {("request", "reason")}
    if place[0] == "effects":
        return False
    if kind in WORDS_OF:
        return place[1] in WORDS_OF[kind]
    if kind == "adopt":
        return place[:2] == ("request", "statute")
    return len(place) > 1 and place[1] in WORDS | WORDS_OF_MOVES


class Lie(NamedTuple):
    """Another value at a place of a record of some kind, and the journal with it."""

    kind: str
    place: Place
    records: list[JSON]


def verdicts_of(command: list[str], files: list[Path]) -> dict[str, tuple[str, str]]:
    """What a verifier says of many exports, a thousand to a process."""
    told: dict[str, tuple[str, str]] = {}
    for start in range(0, len(files), 1_000):
        told |= verdicts(run([*command, "--alone"], files[start : start + 1_000]))
    return told


@pytest.fixture(scope="module", params=by_day(8))
def lies(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[Path, Lie]:
    """Each field of each kind of record, changed in a few ways: some thousand journals.

    By day every eighth of them.
    """
    folder = tmp_path_factory.mktemp("lies")
    made: dict[Path, Lie] = {}
    seen: Counter[Place] = Counter()
    number = itertools.count()
    for journal in make.JOURNALS:
        records = records_of(journal)
        for sequence, record in enumerate(records, start=1):
            for place, value in changes(record):
                kind = (record["kind"], *(step for step in place if isinstance(step, str)))
                seen[kind] += 1
                if not place or seen[kind] > 7 or is_same(record, place, value):
                    continue
                if next(number) % request.param == 0:
                    forgery = forged(records, sequence, place, value)
                    file = folder / f"{len(made):05}"
                    file.write_bytes(rechained(forgery))
                    made[file] = Lie(record["kind"], place, forgery)
    return made


@pytest.mark.slow
def test_both_verifiers_say_the_same_of_every_change(lies: dict[Path, Lie]) -> None:
    """The same verdict, line and rule; and what they let pass, nothing could tell."""
    first, second = (verdicts_of(command, [*lies]) for command in (python(), node()))
    assert first == second
    assert len(first) > 0.9 * len(lies) > 250
    for passed in {*map(str, lies)} - first.keys():
        lie = lies[Path(passed)]
        assert is_told_by_nothing(*lie[:2]) or is_told_by_both(*lie[:2]), lie[:2]


@pytest.mark.slow
def test_the_audit_finds_what_the_verifiers_refuse(lies: dict[Path, Lie]) -> None:
    """And nothing else. Texts are not beside these journals, which is a finding of its own."""
    refused = verdicts_of(python(), [*lies])
    for file, lie in lies.items():
        forgery = Forgery(lie.records, [])
        try:
            forgery.batch()
        except (AttributeError, KeyError, TypeError):
            continue  # no store has a row for it
        assert (str(file) in refused) == bool(found(forgery.audited()) - {"texts"}), lie[:2]


# -- every record ----------------------------------------------------------------------------


def rearranged(records: list[JSON], order: list[int]) -> list[JSON]:
    """Some of the records in another order, each with the clocks of its place, and the number.

    What refers to a record refers to it still.
    """
    numbers = {old: new for new, old in enumerate(order, start=1)}

    def now(old: Any) -> Any:
        return numbers.get(old, old) if type(old) is int else old

    made = []
    for old, new in numbers.items():
        record = copy.deepcopy(records[old - 1])
        record["sequence"] = new
        if len(order) == len(records):
            place = records[new - 1]
            record |= {name: place[name] for name in ("recorded_at", "recorded_on")}
        request, effects = record["request"], record["effects"]
        for part, names in (
            (request, ("record",)),
            (effects, ("amends", "of", "resolves", "reverses")),
            (effects.get("sets", {}), ("note",)),
            (effects.get("was", {}), ("note",)),
        ):
            part |= {name: now(part[name]) for name in names if name in part}
        if "ends" in effects:
            effects["ends"] = sorted(map(now, effects["ends"]))
        if "texts" in effects:
            effects["texts"] = sorted([now(number), field] for number, field in effects["texts"])
        made.append(record)
    return made


def rearrangements(journal: str) -> Iterator[list[JSON]]:
    """Yield a journal without one of its records, for each; and with two of them turned round."""
    records = records_of(journal)
    all_of_them = list(range(1, len(records) + 1))
    for number in all_of_them:
        yield rearranged(records, [one for one in all_of_them if one != number])
        if number > 1:
            before, after = all_of_them[: number - 2], all_of_them[number:]
            yield rearranged(records, [*before, number, number - 1, *after])


@pytest.mark.slow
@pytest.mark.parametrize(
    "journal", [pytest.param("corrections", marks=pytest.mark.nightly), "clocks", "holds"]
)
def test_a_record_left_out_or_moved_is_told_alike(journal: str, tmp_path: Path) -> None:
    """Where it makes no difference all three say so; else both verifiers at one line, by a rule."""
    made = {}
    for number, records in enumerate(rearrangements(journal)):
        made[tmp_path / f"{number:03}"] = records
        (tmp_path / f"{number:03}").write_bytes(rechained(records))
    first, second = (verdicts_of(command, [*made]) for command in (python(), node()))
    assert first == second
    assert len(made) // 4 < len(first) < len(made)
    for file, records in made.items():
        told = found(audit_of(Forgery(records, []).batch(readable_only=True))) - {"texts"}
        assert (str(file) in first) == bool(told), file


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_a_text_that_is_erased_once_more_is_well(verifier: str, tmp_path: Path) -> None:
    """No rule of the page forbids it: what was destroyed is destroyed. The audit says the same."""
    records = records_of("holds")
    again = {**records[-1], "sequence": len(records) + 1}
    assert "erase" == again["kind"]
    records.append(again)
    file = tmp_path / "erased-twice.jsonl"
    file.write_bytes(rechained(records))
    code, _, told = run(VERIFIERS[verifier](), [file])
    assert (0, "") == (code, told)
    _, texts = lines_and_texts("holds")
    texts.append(TextRow(again["sequence"], "reason", *texts[-1][2:]))
    assert () == Forgery(records, texts).audited().findings


def lines_and_texts(journal: str) -> tuple[list[JSON], list[TextRow]]:
    """The lines of a golden journal, and the texts in them."""
    lines = [json.loads(line) for line in make.path_of(journal).read_bytes().splitlines()[1:]]
    return lines, [
        TextRow(line["sequence"], field, bytes.fromhex(one["salt"]), one["text"])
        for line in lines
        for field, one in line.get("texts", {}).items()
        if one is not None
    ]
