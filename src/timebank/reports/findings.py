"""Show the report of an audit to people, in their language, and to a CI.

People see the causes first: what was done, to which exchange of whom. What follows from it is
counted, and shown where everything is asked for.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import attrs

from timebank.audit import AuditReport, BankReport, BooksReport, Cause, Finding
from timebank.audit.report import explained
from timebank.audit.storage import Storage
from timebank.model.said import TABLE, Day, Said, Who
from timebank.reports.text import PAGE_COLUMNS, harmless
from timebank.reports.words import DEFAULT, Words, speaking

_LABELS: Final = ("expected", "found", "advice")
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: The most lines that are shown where not everything is asked for.
SCREEN_LINES: Final = 24
#: Notes that are shown then.
_FEW_NOTES: Final = 5
_INDENT: Final = "   "
_XML: Final = '<?xml version="1.0" encoding="UTF-8"?>'


def audit_text(report: AuditReport, *, everything: bool = False) -> list[str]:
    """Return the verdict, the causes, and the head; with `everything` each finding too.

    It is in the language of `timebank.reports.words.language()`, and where not everything is
    asked for at most a screen of 24 lines.

    >>> import timebank
    >>> from timebank.reports.findings import audit_text
    >>> report = timebank.open("memory:").audit()
    >>> audit_text(report)[0].partition(" in ")[0]
    'All well: 0 records and 0 accounts agree'
    """
    words = Words(TABLE)
    if report.findings and not report.causes:  # a report of another make
        report = explained(report, None)
    head = [] if report.head is None else [words("head_line", head=report.head)]
    if report.ok:
        return [verdict(report), *head, *_left_out(report, words), *_notes(report, everything)]
    end = [*_left_out(report, words), *head]
    if everything:
        lines = [verdict(report)]
        for block in _blocks(report, words):
            lines += ["", *block]
        for number, finding in enumerate(report.findings, start=1):
            lines += ["", *finding_text(number, finding, words, report.names)]
        return [*lines, "", *end, *_notes(report, everything)]
    end = ["", *_wrapped(words("see_all"), ""), *end]
    return [verdict(report), *_causes(report, words, SCREEN_LINES - 1 - len(end)), *end]


@attrs.frozen
class CauseInWords:
    """A cause in words: what was `said` of it, what was done first, and the `advice` what to do."""

    said: tuple[str, ...]
    advice: str


@attrs.frozen
class AuditInWords:
    """An audit in words, in parts, for a page of a host: see `audit_in_words`."""

    ok: bool
    verdict: str
    causes: tuple[CauseInWords, ...]
    text: str


def audit_in_words(report: AuditReport, language: str | None = None) -> AuditInWords:
    """Return what `audit_text` says, in parts; `text` is all of it, with each finding.

    :raises InvalidRequest: a language that has no folder of words.

    >>> from timebank import StoreError
    >>> from timebank.audit import unreadable
    >>> from timebank.reports.findings import audit_in_words
    >>> found = audit_in_words(unreadable(StoreError("no such disk")), "it")
    >>> found.ok, found.verdict
    (False, 'NON A POSTO: 1 causa, 1 rilievo.')
    >>> found.causes[0].said[1]
    'archivio: no such disk'
    """
    words = Words(TABLE, language)
    with speaking(words.language):
        text = "\n".join(audit_text(report, everything=True))
        first = verdict(report)
    causes = tuple(
        CauseInWords(
            said=tuple(map(harmless, cause_words(one, report, words))),
            advice=harmless(spoken(one.advice, words, report.names)),
        )
        for one in report.causes
    )
    return AuditInWords(report.ok, first, causes, text)


def banks_text(reports: Sequence[BankReport], *, everything: bool = False) -> list[str]:
    """Return the verdict on all banks of a storage, and the report of each that is not well.

    With `everything` each finding too, and the head of every bank. It says which checks were made
    once, for the storage as a whole.

    >>> import timebank
    >>> from timebank.audit import audit_banks
    >>> from timebank.reports.findings import banks_text
    >>> bank = timebank.open("sqlite://")
    >>> banks_text(list(audit_banks(bank.store)))[0]
    'All well: 1 bank, with 0 records and 0 accounts.'
    """
    words = Words(TABLE)
    banks = [one.report for one in reports if one.bank is not None]
    whole = [one.report for one in reports if one.bank is None]
    bad = [one for one in reports if not one.report.ok]
    rows = {
        "banks": words.counted("count_banks", len(banks)),
        "records": words.counted("count_records", sum(one.records for one in banks)),
        "accounts": words.counted("count_accounts", sum(one.accounts for one in banks)),
    }
    if bad:
        number = sum(len(one.report.findings) for one in bad)
        findings = words.counted("findings", number)
        own = sum(1 for one in bad if one.bank is not None)
        lines = [words("verdict_banks_bad", findings=findings, bad=own, total=len(banks))]
    else:
        lines = [words("verdict_banks_well", **rows)]
    lines += _wrapped(_asked_once(whole, banks, words), "")
    for one in reports:
        if not one.report.ok or (everything and one.bank is not None):
            lines += ["", _place(one, words), *audit_text(one.report, everything=everything)]
    return lines


def _asked_once(whole: list[AuditReport], banks: list[AuditReport], words: Words) -> str:
    """Return which checks were made once; nothing, where all were quick or there are none."""
    if whole:
        once = [name for one in whole for name in one.checks]
        return words("asked_once", checks=_checks(once, words))
    if banks and not banks[0].is_quick:
        names = (promise.name for promise in Storage.promises)
        return words("asked_of_each", checks=_checks(names, words))
    return ""


def _place(one: BankReport, words: Words) -> str:
    if one.bank is None:
        return words("pairs_are_bad" if _is_of_pairs(one) else "storage_is_bad")
    return harmless(words("bank_is_bad", bank=one.bank))


def _is_of_pairs(one: BankReport) -> bool:
    """Return whether a report is on what banks of the storage have of each other."""
    return "pairs" in one.report.checks


def verdict(report: AuditReport) -> str:
    """Return the first line: whether all is well."""
    words = Words(TABLE)
    if not report.ok:
        causes = words.counted("causes", len(report.causes))
        findings = words.counted("findings", len(report.findings))
        return words("verdict_bad", causes=causes, findings=findings)
    records = words.counted("count_records", report.records)
    accounts = words.counted("count_accounts", report.accounts)
    if report.since is not None:
        records = words("since_record", records=records, since=report.since)
    key = "verdict_quick" if report.is_quick else "verdict_well"
    return words(key, records=records, accounts=accounts, checks=len(report.checks))


def spoken(text: object, words: Words, names: Mapping[str, str] | None = None) -> str:
    """Return what an audit said in the language of some words, accounts by their names.

    Free text, as of a check or a store of another make, stays as it is.

    >>> from timebank.model.said import said, who
    >>> from timebank.reports.findings import spoken
    >>> from timebank.reports.words import Words
    >>> spoken(said("account", account=who("m1")), Words("findings", "it"), {"m1": "Maria R."})
    'conto Maria R. (m1)'
    """
    if isinstance(text, Said):
        gaps = {name: spoken(value, words, names) for name, value in text.gaps.items()}
        if "n" in text.gaps:
            return words.counted(text.key, text.gaps["n"], **{**gaps, "n": text.gaps["n"]})
        return words(text.key, **gaps)
    if isinstance(text, Who):
        name = (names or {}).get(text.id)
        return text.id if name is None else f"{name} ({text.id})"
    if isinstance(text, Day):
        return _day(text, words)
    return str(text)


def _day(day: str, words: Words) -> str:
    found = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])-(\d\d)", day)
    if found is None:
        return str(day)
    return words("day", day=int(found[3]), month=words(f"month_{found[2]}"), year=found[1])


# -- causes ------------------------------------------------------------------------------


def _causes(report: AuditReport, words: Words, room: int) -> list[str]:
    """Return the causes that have room in so many lines, and how many more there are.

    Where one has no room it is told without its details.
    """
    lines: list[str] = []
    blocks = _blocks(report, words)
    for number, block in enumerate(blocks):
        after = 0 if number == len(blocks) - 1 else 2
        short = _what(number + 1, report.causes[number], report, words)
        for one in (block, short):
            if not lines or len(lines) + len(one) + 1 + after <= room:
                lines += ["", *one]
                break
        else:
            return [*lines, "", words.counted("more_causes", len(blocks) - number)]
    return lines


def _blocks(report: AuditReport, words: Words) -> list[list[str]]:
    """Return the blocks of the causes; the same advice is given once."""
    given: dict[str, int] = {}
    blocks = []
    for number, cause in enumerate(report.causes, start=1):
        first = given.setdefault(cause.advice, number)
        advice = spoken(cause.advice, words)
        if first != number:
            advice = words("as_for", number=first)
        blocks.append(_cause(number, cause, report, words, advice))
    return blocks


def _cause(number: int, cause: Cause, report: AuditReport, words: Words, advice: str) -> list[str]:
    """Return the block of one cause: what was done, what follows, and what to do."""
    lines = _what(number, cause, report, words)
    for detail in cause_words(cause, report, words)[1:]:
        lines += _wrapped(detail, _INDENT)
    return lines + _wrapped(f"{words('what_to_do')} {advice}", _INDENT)


def _what(number: int, cause: Cause, report: AuditReport, words: Words) -> list[str]:
    return _wrapped(f"{number}. {spoken(cause.what, words, report.names)}", "", _INDENT)


def cause_words(cause: Cause, report: AuditReport, words: Words) -> list[str]:
    """Return what was done, its details, and how many findings of which checks follow from it.

    >>> from timebank import StoreError
    >>> from timebank.audit import unreadable
    >>> from timebank.reports.findings import cause_words
    >>> from timebank.reports.words import Words
    >>> report = unreadable(StoreError("no such disk"))
    >>> cause_words(report.causes[0], report, Words("findings", "en"))[1]
    'storage: no such disk'
    """
    names = report.names
    found = Counter(report.findings[place - 1].check for place in cause.findings)
    checks = ", ".join(f"{_check(check, words)} {count}" for check, count in found.items())
    return [
        spoken(cause.what, words, names),
        *(spoken(detail, words, names) for detail in cause.details),
        words.counted("follows", found.total(), checks=checks),
    ]


def _check(check: str, words: Words) -> str:
    """Return the name of a check in words; that of another make as it is."""
    try:
        return words(f"check_{check}")
    except KeyError:
        return check


def _checks(names: Iterable[str], words: Words) -> str:
    return ", ".join(_check(name, words) for name in names)


def _wrapped(text: str, first: str, further: str | None = None) -> list[str]:
    return textwrap.wrap(
        harmless(text),
        PAGE_COLUMNS,
        initial_indent=first,
        subsequent_indent=first if further is None else further,
        break_on_hyphens=False,
    )


def _left_out(report: AuditReport, words: Words) -> list[str]:
    """Return what an audit since a checkpoint, or beside other banks, did not look at."""
    if report.apart:
        return _wrapped(words("looked_at_apart", checks=_checks(report.apart, words)), "")
    if not report.since:
        return []
    key = "not_looked_at" if report.unread_through else "texts_not_looked_at"
    return _wrapped(words(key, through=report.unread_through, since=report.since), "")


def _notes(report: AuditReport, everything: bool) -> list[str]:
    if not report.notes:
        return []
    words = Words(TABLE)
    shown = report.notes if everything else report.notes[:_FEW_NOTES]
    lines = ["", words.counted("notes", len(report.notes))]
    for note in shown:
        place, text = spoken(note.place, words), spoken(note.text, words)
        lines.append(harmless(f"  {place}: {text}"))
    if more := len(report.notes) - len(shown):
        lines.append(f"  {words.counted('more_notes', more)}")
    return lines


# -- findings ----------------------------------------------------------------------------


def finding_text(
    number: int,
    finding: Finding,
    words: Words | None = None,
    names: Mapping[str, str] | None = None,
) -> list[str]:
    """Return the block of one finding: what and where, then what to do. English, unless told."""
    words = Words(TABLE, DEFAULT) if words is None else words
    lines = [harmless(f"{number}. {finding.check}, {spoken(finding.place, words, names)}")]
    labels = {label: words(f"label_{label}") for label in _LABELS}
    columns = max(map(len, labels.values())) + 1
    for label, shown in labels.items():
        lines += textwrap.wrap(
            harmless(spoken(getattr(finding, label), words, names)),
            PAGE_COLUMNS,
            initial_indent=f"{_INDENT}{shown:<{columns}}",
            subsequent_indent=" " * (len(_INDENT) + columns),
            break_on_hyphens=False,
        )
    return lines


def books_text(report: BooksReport, *, everything: bool = False) -> list[str]:
    """Return the verdict, and a block for each finding; at most a screen, unless `everything`.

    >>> from timebank.audit import BooksReport
    >>> from timebank.reports.findings import books_text
    >>> books_text(BooksReport((), accounts=292, transfers=4_559, movements=9_115))
    ['All well: 292 accounts, 4,559 transfers and 9,115 movements agree.']
    """
    words = Words(TABLE)
    rows = {
        name: words.counted(f"count_{name}", getattr(report, name))
        for name in ("accounts", "transfers", "movements")
    }
    if report.ok:
        return [words("verdict_books_well", **rows)]
    findings = words.counted("findings", len(report.findings))
    lines = [words("verdict_books_bad", findings=findings, **rows)]
    for number, finding in enumerate(report.findings, start=1):
        block = ["", *finding_text(number, finding, words)]
        if not everything and len(lines) + len(block) > SCREEN_LINES - 2:
            more = words.counted("more_findings", len(report.findings) - number + 1)
            return [*lines, "", more]
        lines += block
    return lines


# -- a CI --------------------------------------------------------------------------------


def audit_junit(report: AuditReport) -> list[str]:
    """Return the report as JUnit XML: a case for each check, failed where it found something.

    >>> import timebank
    >>> from timebank.reports.findings import audit_junit
    >>> audit_junit(timebank.open("memory:").audit())[1].startswith("<testsuite name=")
    True
    """
    suite = _suite(report, "timebank audit")
    indent(suite)
    return [_XML, *tostring(suite, "unicode").splitlines()]


def banks_junit(reports: Sequence[BankReport]) -> list[str]:
    """Return the reports on all banks as JUnit XML: a suite for each, and one for the storage.

    >>> import timebank
    >>> from timebank.audit import audit_banks
    >>> from timebank.reports.findings import banks_junit
    >>> bank = timebank.open("sqlite://", bank="street")
    >>> banks_junit(list(audit_banks(bank.store)))[1]
    '<testsuites name="timebank audit --all">'
    """
    suites = Element("testsuites", name="timebank audit --all")
    for one in reports:
        name = f"bank {one.bank}"
        if one.bank is None:
            name = "exchange between banks" if _is_of_pairs(one) else "the storage"
        suites.append(_suite(one.report, f"timebank audit, {name}"))
    indent(suites)
    return [_XML, *tostring(suites, "unicode").splitlines()]


def _suite(report: AuditReport, name: str) -> Element:
    found: dict[str, list[Finding]] = {check: [] for check in report.checks}
    for finding in report.findings:
        found.setdefault(finding.check, []).append(finding)
    failed = sum(1 for findings in found.values() if findings)
    suite = Element("testsuite", name=_xml(name), tests=str(len(found)), errors="0")
    suite.set("failures", str(failed))
    if report.head is not None:
        kept = SubElement(SubElement(suite, "properties"), "property", name="head")
        kept.set("value", _xml(str(report.head)))
    for check, findings in found.items():
        case = SubElement(suite, "testcase", classname="timebank.audit", name=_xml(check))
        for number, finding in enumerate(findings, start=1):
            failure = SubElement(case, "failure", message=_xml(finding.place), type=_xml(check))
            failure.text = _xml("\n".join(finding_text(number, finding)))
    return suite


def _xml(text: str) -> str:
    """Return text without the characters that no XML can hold."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", harmless(text))
