"""Show the report of an import, or of its undoing, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from timebank.model.alike import escaped
from timebank.reports.text import Column, harmless, table, titled
from timebank.reports.told import in_words, state_in_words
from timebank.reports.words import Words

if TYPE_CHECKING:
    from timebank.interchange.engine.reconcile import Difference, Reconciliation
    from timebank.interchange.engine.report import (
        Changed,
        Elsewhere,
        Gone,
        ImportReport,
        Quarantined,
    )
    from timebank.interchange.engine.undoing import UndoReport

#: Quarantined, changed and gone rows, and rows of two files, that the text shows.
MOST_ROWS: Final = 20
#: Reasons that are counted on the screen.
MOST_REASONS: Final = 20
#: Balances that differ, accounts that were frozen and ids that look alike, which the text shows.
MOST_SHOWN: Final = 100


def import_text(report: ImportReport, *, dry_run: bool = False) -> list[str]:
    """Return the counts of an import, what could not be taken, and how the balances compare.

    Twenty rows of each kind are shown, and how many there are for each reason.
    """
    return list(_ImportText(report, dry_run=dry_run).lines())


def page_text(report: ImportReport) -> list[str]:
    """Return what changed or is gone, and what a reader should look at, for a page of a host.

    It is the part of `import_text` that is neither a count nor a quarantined row, without ids of
    exchanges, and does not say which options of the command line are an answer.

    >>> from datetime import date
    >>> from timebank import Hours
    >>> from timebank.interchange.engine.report import Gone, ImportReport
    >>> from timebank.reports.imports import page_text
    >>> gone = Gone("sheet:1", date(2026, 3, 2), "m1", "m2", Hours(1))
    >>> for line in page_text(ImportReport(rows_gone=1, gone=(gone,))):
    ...     print(line)
    1 exchange was booked and is gone from the source; it would be reversed:
      2026-03-02: m1 gave 1:00 to m2
    """
    return list(_ImportText(report, dry_run=True, of_page=True).besides())


def undo_text(report: UndoReport, *, dry_run: bool = False) -> list[str]:
    """Return what was taken back of a source.

    >>> from timebank import Hours
    >>> from timebank.interchange.engine.undoing import UndoReport
    >>> from timebank.reports.imports import undo_text
    >>> report = UndoReport(source="sheet", taken_back=2, moved=Hours(3), left=0, done=True)
    >>> for line in undo_text(report):
    ...     print(line)
    2 transfers of sheet are taken back: 3:00 hours
    Its rows may be imported again.
    """
    words = Words("imports")
    source = harmless(report.source)
    if report.refused:
        lines = [words("not_undone", source=source)]
        lines += [_refusal(words, *one) for one in report.refused[:MOST_ROWS]]
        if (more := len(report.refused) - MOST_ROWS) > 0:
            lines.append(words("more", n=words.number(more)))
        return lines
    key = "undone_in_dry_run" if dry_run else "undone"
    lines = [words.counted(key, report.taken_back, source=source, hours=report.moved)]
    if report.left:
        lines.append(words.counted("left", report.left))
    lines.append(words("dry_run") if dry_run else words("may_be_imported"))
    return lines


def _refusal(words: Words, id: str, reason: str) -> str:
    return words("refused_line", id=harmless(id), reason=harmless(in_words(reason)))


class _ImportText:
    def __init__(
        self, report: ImportReport, *, dry_run: bool = False, of_page: bool = False
    ) -> None:
        self._report = report
        #: What a sentence is called that has no id of an exchange in it.
        self._bare = "_bare" if of_page else ""
        self._dry_run = dry_run
        #: Whether what changed and is gone was followed: then it is counted, and no more.
        self._is_done = not dry_run and report.taken_back + report.amended > 0
        self._words = Words("imports")

    def lines(self) -> Iterator[str]:
        """Yield all lines."""
        report, words, dry_run = self._report, self._words, self._dry_run
        if report.booked or dry_run or report.questions or report.not_followed:
            yield from self._counts()
        if report.questions:
            key = "waiting"
            yield words.counted(key, report.waiting) if report.waiting else words("no_answer")
        elif dry_run:
            yield words("dry_run")
        elif not report.booked and not report.not_followed:
            yield words("not_good")
        for part in (
            self._not_followed(),
            self._quarantined(),
            self._changed(),
            self._gone(),
            self._how_to_follow(),
            self._elsewhere(),
            self._near(),
            self._named(),
            self._differ(),
            self._frozen(),
            self._alike(),
        ):
            some = list(part)
            if some:
                yield from ("", *some)
        if report.reconciliation is not None:
            yield ""
            yield from self._reconciled(report.reconciliation)

    def besides(self) -> Iterator[str]:
        """Yield what is neither a count nor a quarantined row, without how it is answered."""
        yield from self._changed()
        yield from self._gone()
        yield from self._same_elsewhere()
        yield from self._near_each_other()
        yield from self._differ()
        yield from self._frozen()
        yield from self._alike()

    # -- counts ---------------------------------------------------------------------------

    def _counts(self) -> Iterator[str]:
        report, words = self._report, self._words
        number = words.number
        opened, there = number(report.accounts_opened), number(report.accounts_there)
        yield words("accounts", opened=opened, there=there)
        if report.accounts_closed:
            yield words("closed", n=number(report.accounts_closed))
        booked, there = number(report.transfers_booked), number(report.transfers_there)
        yield words("transfers", booked=booked, there=there)
        if reversals := report.reversals_booked + report.reversals_there:
            yield words("reversals", n=number(reversals))
        for key in ("amended", "taken_back"):
            if count := getattr(report, key):
                yield words(key, n=number(count))
        for key in ("same", "equal", "rounded"):
            if count := getattr(report, key):
                yield words.counted(key, count)
        for state, count in report.passed.items():
            yield words("passed", n=number(count), state=harmless(state_in_words(state)))
        yield words("moved", hours=report.moved)

    # -- what was not booked --------------------------------------------------------------

    def _not_followed(self) -> Iterator[str]:
        found = self._report.not_followed
        if found:
            yield self._words("not_followed")
            yield from (_refusal(self._words, *one) for one in found[:MOST_ROWS])
            yield from self._more(len(found))

    def _quarantined(self) -> Iterator[str]:
        report, words = self._report, self._words
        if not report.quarantined:
            return
        yield words.counted("quarantined", report.quarantined)
        for row in report.rows[:MOST_ROWS]:
            where = words("row") if row.column == "row" else row.column
            told = f"{row.file}:{row.line}: {where}: {self._reason(row)}"
            yield f"  {harmless(told)}"
        more = report.quarantined - min(len(report.rows), MOST_ROWS)
        if not more:
            return
        yield words("more_rows", n=words.number(more))
        if len(report.reasons) > 1:
            yield words("reasons")
            for reason, count in list(report.reasons.items())[:MOST_REASONS]:
                yield f"  {words.number(count):>7}  {harmless(in_words(reason))}"

    def _reason(self, row: Quarantined) -> str:
        """Return why a row was not taken, with names instead of ids where they are known."""
        return in_words(row.reason, names=self._report.names)

    def _changed(self) -> Iterator[str]:
        report, words = self._report, self._words
        if not report.rows_changed or self._is_done:
            return
        yield words.counted("changed", report.rows_changed)
        for one in report.changed[:MOST_ROWS]:
            exchange = self._exchange(one)
            yield words("changed_line", file=harmless(one.file), line=one.line, exchange=exchange)
            for field, (was, now) in one.changes.items():
                yield words(
                    "change",
                    field=words(f"field_{field}"),
                    was=self._value(field, was),
                    now=self._value(field, now),
                )
            yield words(f"by_{one.remedy}{self._bare}", id=harmless(one.id))
        yield from self._more(report.rows_changed)

    def _gone(self) -> Iterator[str]:
        report, words = self._report, self._words
        if not report.rows_gone or (self._is_done and not report.gone_perhaps):
            return
        yield words.counted("gone", report.rows_gone)
        for one in report.gone[:MOST_ROWS]:
            exchange, id = self._exchange(one), harmless(one.id)
            if one.note is None:
                yield words(f"gone_line{self._bare}", exchange=exchange, id=id)
            else:
                yield words(
                    f"gone_note{self._bare}", exchange=exchange, note=harmless(one.note), id=id
                )
        yield from self._more(report.rows_gone)
        if report.gone_perhaps:
            yield words.counted("gone_perhaps", report.gone_perhaps)

    def _how_to_follow(self) -> Iterator[str]:
        if not {"changed", "gone"}.isdisjoint(self._report.questions):
            yield self._words("how_to_follow")

    def _elsewhere(self) -> Iterator[str]:
        if "elsewhere" in self._report.questions:
            yield from self._same_elsewhere()
            yield self._words("how_to_tell")

    def _same_elsewhere(self) -> Iterator[str]:
        report, words = self._report, self._words
        if "elsewhere" not in report.questions:
            return
        yield words.counted("elsewhere", report.rows_elsewhere)
        for one in report.elsewhere[:MOST_ROWS]:
            exchange = self._exchange(one)
            yield words("elsewhere_line", file=harmless(one.file), line=one.line, exchange=exchange)
        yield from self._more(report.rows_elsewhere)

    def _exchange(self, one: Changed | Gone | Elsewhere) -> str:
        facts: Mapping[str, object] = {
            "earner": self._account(one.earner),
            "hours": one.hours,
            "spender": self._account(one.spender),
        }
        if one.day is None:
            return self._words("exchange_of_no_day", **facts)
        return self._words("exchange", day=one.day, **facts)

    def _account(self, id: str) -> str:
        name = self._report.names.get(id)
        return harmless(id) if name is None else f"{harmless(name)} ({harmless(id)})"

    def _value(self, field: str, value: Any) -> str:
        if field in {"earner", "spender"}:
            return self._account(value)
        text = ", ".join(value) if isinstance(value, tuple) else str(value or "")
        return harmless(text) or self._words("nothing")

    # -- accounts -------------------------------------------------------------------------

    def _near(self) -> Iterator[str]:
        yield from self._near_each_other()
        if self._report.near:
            yield self._words("near_how")

    def _near_each_other(self) -> Iterator[str]:
        found, words = self._report.near, self._words
        if found:
            yield words("near")
            for pair in found[:MOST_ROWS]:
                one, other = (
                    f"{harmless(name)} ({harmless(id)})"
                    for id, name in ((pair.id, pair.name), (pair.other, pair.other_name))
                )
                yield words("near_line", one=one, other=other)
            yield from self._more(len(found))

    def _named(self) -> Iterator[str]:
        found, words = self._report.named, self._words
        if found:
            yield words.counted("named", len(found))
            yield from (f"  {harmless(id)}" for id in found[:MOST_ROWS])
            yield from self._more(len(found))
            yield words("named_how")

    def _differ(self) -> Iterator[str]:
        found, words = self._report.differ, self._words
        if found:
            yield words.counted("differ", len(found))
            for id, how in found[:MOST_ROWS]:
                yield words("differ_line", account=self._account(id), how=words(f"field_{how}"))
            yield from self._more(len(found))

    def _frozen(self) -> Iterator[str]:
        found, words = self._report.frozen, self._words
        if found:
            yield words("frozen")
            for account, balance in found[:MOST_SHOWN]:
                yield words("frozen_line", account=harmless(account), hours=balance)
            yield from self._more(len(found), MOST_SHOWN)

    def _alike(self) -> Iterator[str]:
        found: Sequence[Sequence[str]] = self._report.alike
        if found:
            yield self._words("alike")
            for ids in found[:MOST_SHOWN]:
                yield f"  {', '.join(harmless(escaped(id)) for id in ids)}"
            yield from self._more(len(found), MOST_SHOWN)

    def _more(self, count: int, most: int = MOST_ROWS) -> Iterator[str]:
        if count > most:
            yield self._words("more", n=self._words.number(count - most))

    # -- balances -------------------------------------------------------------------------

    def _reconciled(self, found: Reconciliation) -> Iterator[str]:
        words, number = self._words, self._words.number
        differ, unexplained = len(found.differences), len(found.unexplained)
        if not differ:
            yield words("all_agree", n=number(found.compared))
            return
        yield words(
            "some_agree",
            n=number(found.compared - differ),
            differ=number(differ),
            unexplained=number(unexplained),
        )
        if found.unplaced:
            yield words("unplaced", n=number(found.unplaced))
        yield ""
        columns = (
            Column(words("account"), least=12),
            *(
                Column(words(title), right=True)
                for title in ("stated", "ours", "differs_by", "in_quarantine")
            ),
            Column(""),
        )
        shown = (*found.unexplained, *(one for one in found.differences if one.explained))
        yield from table(columns, [self._row(one) for one in shown[:MOST_SHOWN]])
        if differ > MOST_SHOWN:
            yield words("all_in_json", n=number(differ - MOST_SHOWN))

    def _row(self, one: Difference) -> list[str]:
        words = self._words
        remark = words("explained") if one.explained else words("unexplained")
        if one.unclear and not one.explained:
            remark = words("without_hours", n=one.unclear)
        return [
            titled(one.account, self._report.names.get(one.account)),
            str(one.stated),
            words("no_account") if one.ours is None else str(one.ours),
            str(one.difference),
            str(one.quarantined),
            remark,
        ]
