"""Tell which records were changed, left out, put in or moved, and what follows from that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

from timebank.audit.causes_of_tree import tiles_beyond, tiles_over
from timebank.audit.describing import about, lines_of, moved, people
from timebank.audit.differences import differences
from timebank.audit.findings import Finding, quantity
from timebank.audit.open_findings import OpenFindings, place_of, value_of
from timebank.audit.recovering import read, recovered, with_rows
from timebank.audit.stored import Between, Stored
from timebank.journal import digest
from timebank.model import Head, PostingRow, RecordRow
from timebank.model.said import Day, Said, said, who
from timebank.storage.protocol import Reader

#: Records of which it is tried what they said; of the others the rows beside them tell.
_MOST_RECOVERED: Final = 3
#: Numbers of records that are gone which are looked for one by one: a number that somebody has
#: made up may lie further away than any memory can count.
_MOST_GONE: Final = 100_000
#: Records that say the same of their journal, from which it is the file that says otherwise.
_MOST_ALIKE: Final = 3
#: Differences of a record that are said.
_MOST_DIFFERENCES: Final = 4
#: Checks on what a record says.
_OF_RECORDS: Final = (
    *("sequence", "chain", "canonical", "zero-sum", "effects", "limits", "statutes"),
    *("holds", "reversals", "ids", "clocks", "head"),
)

#: Those that do not follow from another record because its accounts took part.
_NOT_BY_ACCOUNT: Final = ("file", "schema", "orphans", "published", "texts", *_OF_RECORDS[:3])

_Content = Mapping[str, Any]


class RecordCauses:
    """Finds what was done to records, from the digests, the numbers and the rows beside them."""

    def __init__(
        self,
        reader: Reader,
        findings: OpenFindings,
        head: Head | None,
        copy: Reader | None = None,
    ) -> None:
        self._open = findings
        self._stored = Stored(reader, head)
        self._copy = None if copy is None else Stored(copy, head)
        self._tried = 0

    def find(self) -> None:
        """Tell the records whose digest, number or place is not what it was."""
        self._journal_id()
        places = self._places()
        self._swapped(places)
        self._shifted(places)
        for first, last in self._gaps():
            self._gone(first, last)
        self._cut()
        self._without_rows()
        for sequence, says in places.items():
            if found := self._at(sequence):
                words = said("record_is_elsewhere", sequence=sequence, says=says)
                self._tell(words, [self._saying(sequence)], found, {sequence})
        for sequence in self._broken():
            if any(place_of(one, "sequence") == sequence for one in self._digests().values()):
                self._broken_at(sequence)
        self._columns()

    def find_impossible(self) -> None:
        """Tell the records that agree with their digests, and say what cannot be."""
        sequences = dict.fromkeys(
            place_of(one, "sequence") for one in self._open.of_checks(*_OF_RECORDS).values()
        )
        for sequence in sequences:
            found = self._at(sequence)
            if not isinstance(sequence, int) or not found:
                continue
            details = [
                said("expected_and_found_of", account=who(account), expected=e, found=f)
                if (account := place_of(one, "account")) is not None
                else said("expected_and_found", expected=e, found=f)
                for one in list(found.values())[:2]
                for e, f in [(one.expected, one.found)]
            ]
            what = said("record_cannot_be", sequence=sequence, about=self._about(sequence))
            if over := tiles_over(self._open.left, {sequence}):
                one = next(iter(over.values()))
                gaps = {gap: place_of(one, gap) for gap in ("first", "last")}
                details.append(said("tile_is_of_others", **gaps))
                found |= over
            self._open.tell(what, details, next(iter(found.values())).advice, found)

    # -- what the findings say ---------------------------------------------------------------

    def _places(self) -> dict[int, int]:
        """Return the records that name another number, and the number that they name."""
        found: dict[int, int] = {}
        for one in self._open.of_checks("chain").values():
            if isinstance(one.expected, Said) and isinstance(one.found, Said):
                gaps = one.found.gaps
                says = value_of(gaps.get("value"))
                if gaps.get("field") == "sequence" and isinstance(says, int):
                    found[place_of(one, "sequence")] = says
        return found

    def _digests(self) -> dict[int, Finding]:
        """Return the findings that a digest is another."""
        chain = self._open.of_checks("chain")
        return {n: one for n, one in chain.items() if not isinstance(one.expected, Said)}

    def _broken(self) -> list[int]:
        return [place_of(one, "sequence") for one in self._digests().values()]

    def _gaps(self) -> list[tuple[int, int]]:
        """Return the first and the last of each run of records that are missing."""
        found = []
        for one in self._open.of_checks("sequence").values():
            at, expected = place_of(one, "sequence"), getattr(one.expected, "gaps", {})
            first = value_of(expected.get("sequence"))
            if isinstance(at, int) and isinstance(first, int) and first < at:
                found.append((first, at - 1))
        return found

    def _at(self, *sequences: int | None) -> dict[int, Finding]:
        """Return the open findings on some records."""
        return {
            number: one
            for number, one in self._open.left.items()
            if one.check in (*_OF_RECORDS, "texts")
            and place_of(one, "sequence") in sequences
            and place_of(one, "sequence") is not None
        }

    # -- records that are elsewhere ----------------------------------------------------------

    def _swapped(self, places: dict[int, int]) -> None:
        for one, other in list(places.items()):
            if one < other and places.get(other) == one:
                del places[one], places[other]
                details = [self._saying(one), self._saying(other)]
                found = self._at(one, other)
                behind = {one + 1, other + 1}
                found |= {
                    n: f for n, f in self._digests().items() if place_of(f, "sequence") in behind
                }
                self._tell(
                    said("records_were_swapped", one=one, other=other), details, found, {one, other}
                )

    def _shifted(self, places: dict[int, int]) -> None:
        """Tell a record that was put in, or taken out, where all behind it moved by one."""
        last = self._stored.last
        run = sorted(places)
        if len(run) < 2 or last - run[0] >= len(run) or run != list(range(run[0], last + 1)):  # noqa: PLR2004  # one is no run
            return
        for step, key in ((-1, "record_was_put_in"), (1, "record_was_taken_out")):
            if all(places[at] == at + step for at in run):
                places.clear()
                details = [self._saying(run[0])] if step < 0 else []
                what = said(key, sequence=run[0])
                everybody = list(self._sequences_by_account())  # the rows of all moved as well
                self._tell(what, details, self._at(*run), set(run), everybody)

    def _gone(self, first: int, last: int) -> None:
        found = self._at(last + 1)
        found = {n: one for n, one in found.items() if one.check in ("sequence", "chain")}
        sequences = _numbers_from(first, last)
        rows = self._rows_of(sequences, ())
        known = _by_record(rows)[:_MOST_RECOVERED]
        details = self._in_copy(first, last) or [self._beside(n, of) for n, of in known]
        around = self._stored.between(first, last, self._sequences_by_account())
        accounts = [row.account for row in rows] or [account for account, _ in around]
        if opened := self._stored.opened_by(sequences):
            accounts += opened
            details = details or [said("accounts_tell", accounts=people(opened))]
        if not details and around:
            details = [_neighbours(around)]
        if not details:
            details = [said("no_rows_tell")]
            found |= self._behind(first)
        what = said("records_are_gone", n=last + 1 - first, first=first, last=last)
        self._tell(what, details, found, sequences, accounts)

    def _behind(self, sequence: int) -> dict[int, Finding]:
        """Return what may follow from a record of which nothing is known: what comes behind it."""
        checks = ("derived", *(check for check in _OF_RECORDS if check not in _NOT_BY_ACCOUNT))
        found = self._open.of_checks(*checks)
        return {
            number: one
            for number, one in found.items()
            if not isinstance(at := place_of(one, "sequence"), int) or at >= sequence
        }

    def _cut(self) -> None:
        """Tell records that are missing at the end, of which rows are left."""
        end = self._stored.last
        beyond = {n for one in self._open.of_checks("derived").values() for n in _numbers(one)}
        sequences = {number for number in beyond if number > end}
        if not sequences:
            return
        rows = self._rows_of(sequences, ())
        known = _by_record(rows)[:_MOST_RECOVERED]
        what = said("records_cut_off", last=end, beyond=max(sequences))
        details = self._in_copy(end + 1, max(sequences))
        details = details or [self._beside(n, of) for n, of in known]
        tiles = tiles_beyond(self._open.left, end)
        self._tell(what, details, tiles, sequences, [row.account for row in rows])

    def _journal_id(self) -> None:
        """Tell one cause where the file has another id of its journal than all of its records."""
        chain = self._open.of_checks("chain")
        found = {n: one for n, one in chain.items() if _field(one) == "journal"}
        said_by = {(str(one.expected), str(one.found)) for one in found.values()}
        if len(said_by) != 1 or len(found) < min(_MOST_ALIKE, self._stored.last):
            return
        found |= {n: one for n, one in self._digests().items() if place_of(one, "sequence") == 1}
        one = next(iter(found.values()))
        details = [said("journal_id_is", expected=one.found, found=one.expected)]
        self._open.tell(said("journal_id_was_changed"), details, said("advice_journal"), found)

    def _without_rows(self) -> None:
        """Tell the records at the end of which no balance knows, though their digests are right."""
        derived = self._open.of_checks("derived").items()
        missing = {n: one for n, one in derived if getattr(one.found, "key", "") == "no_such_row"}
        named = {number for one in missing.values() for number in _numbers(one)}
        first = self._stored.last + 1
        while first - 1 in named and not self._rows_at(first - 1):
            first -= 1
        sequences = _numbers_from(first, self._stored.last)
        if not sequences or self._broken():
            return
        found = {n: one for n, one in missing.items() if _numbers(one) & sequences}
        texts = self._open.of_checks("texts").items()
        found |= {n: one for n, one in texts if place_of(one, "sequence") in sequences}
        found |= tiles_over(self._open.left, sequences)
        details = [self._saying(sequence) for sequence in sorted(sequences)[:_MOST_RECOVERED]]
        details.append(said("added_or_rows_gone"))
        what = said("records_without_rows", n=len(sequences), first=first, last=max(sequences))
        self._open.tell(what, details, said("advice_added", sequence=first), found)

    def _rows_at(self, sequence: int) -> list[PostingRow]:
        row = self._stored.record(sequence)
        accounts = _accounts_of(None if row is None else read(row.body))
        return self._stored.postings_of({sequence}, accounts)

    # -- records that say something else -----------------------------------------------------

    def _broken_at(self, sequence: int) -> None:
        """Tell what broke the chain at a record: its text, its digest, or the one before it."""
        row, before = self._stored.record(sequence), self._stored.digest_before(sequence)
        if row is None or before is None:
            return
        if self._is_only_seal(before, row):
            found = self._at(sequence)
            digests = self._digests().items()
            found |= {n: one for n, one in digests if place_of(one, "sequence") == sequence + 1}
            what = said("seal_was_changed", sequence=sequence, about=about(read(row.body)))
            self._tell(what, [said("seal_is_all")], found, {sequence})
            return
        named = self._sequences_in_rows()
        if sequence - 1 in named and sequence not in named:
            self._changed(sequence - 1, self._at(sequence), certain=False)
            return
        self._changed(sequence, {}, certain=True)

    def _is_only_seal(self, before: bytes, row: RecordRow) -> bool:
        """Return whether a record goes with its neighbours on both sides but for its digest."""
        after = self._stored.record(row.sequence + 1)
        return after is not None and digest(digest(before, row.body), after.body) == after.digest

    def _changed(self, sequence: int, also: dict[int, Finding], *, certain: bool) -> None:
        row, before = self._stored.record(sequence), self._stored.digest_before(sequence)
        if row is None or before is None:
            return
        now = read(row.body)
        rows = self._rows_of({sequence}, _accounts_of(now))
        last = self._stored.last
        if sequence == last and not rows and now is not None and _moves(now):
            what = said("record_was_added", sequence=sequence, about=about(now))
            self._tell(what, [said("no_rows_of_it")], self._at(sequence), {sequence})
            return
        was = self._copied(sequence, row, before)
        known = said("digest_proves") if was is None else said("copy_proves")
        if was is None and certain and self._tried < _MOST_RECOVERED:
            self._tried += 1
            was = recovered(before, row, rows, self._stored.accounts())
        if was is None:
            was, known = None if now is None else with_rows(now, rows), said("rows_say_so")
        others = [] if was is None or now is None else list(differences(was, now))
        details = [*others[:_MOST_DIFFERENCES], known]
        if was is None or not (others or now is None):
            agrees = was is not None and rows and not self._open_rows(sequence)
            details = [said("rows_agree_with_it" if agrees else "nothing_tells")]
        if now is None and was is None:
            details = [said("cannot_be_read_now"), self._beside(sequence, rows)]
        what = said("record_was_changed", sequence=sequence, about=about(was or now))
        accounts = [*_accounts_of(was), *_accounts_of(now), *(row.account for row in rows)]
        self._tell(what, details, self._at(sequence) | also, {sequence}, accounts)

    def _open_rows(self, sequence: int) -> bool:
        """Return whether something was found on the rows of a record."""
        derived = self._open.of_checks("derived").values()
        return any(sequence in _numbers(one) for one in derived)

    def _beside(self, sequence: int, rows: Sequence[PostingRow]) -> str:
        """Return in words what the stored rows of a record still tell of it."""
        if not rows:
            return said("nothing_tells")
        lines = [(row.account, row.seconds) for row in rows]
        if sum(seconds for _, seconds in lines):  # of somebody else the row was not found
            known = [f"{who(row.account)} {quantity(row.seconds)}" for row in rows]
            day = Day(rows[0].day)
            return said("some_rows_tell", sequence=sequence, day=day, known=", ".join(known))
        return said("rows_tell", sequence=sequence, about=moved("transfer", rows[0].day, lines))

    def _copied(self, sequence: int, row: RecordRow, before: bytes) -> _Content | None:
        """Return what a copy has in a record's place, where it goes with the records around it."""
        other = None if self._copy is None else self._copy.record(sequence)
        if other is None or digest(before, other.body) != other.digest:
            return None
        after = self._stored.record(sequence + 1)
        leads_on = after is not None and digest(other.digest, after.body) == after.digest
        return read(other.body) if leads_on or other.digest == row.digest else None

    def _in_copy(self, first: int, last: int) -> list[str]:
        """Return in words what a copy has of records that are gone, where it goes with the rest."""
        if self._copy is None:
            return []
        found = [*islice(self._copy.records(first, last), _MOST_GONE)]
        before, after = self._stored.digest_before(first), self._stored.record(last + 1)
        for row in found:
            if before is None or digest(before, row.body) != row.digest:
                return []
            before = row.digest
        if not found or (
            after is not None and digest(found[-1].digest, after.body) != after.digest
        ):
            return []
        return [
            said("copy_tells", sequence=row.sequence, about=about(read(row.body)))
            for row in found[:_MOST_RECOVERED]
        ]

    def _columns(self) -> None:
        """Tell the columns beside a record that do not repeat what it says."""
        for number, one in self._open.of_checks("canonical").items():
            expected, found = one.expected, one.found
            if not (isinstance(expected, Said) and isinstance(found, Said)):
                continue
            if expected.key != "field_value" or found.key != "field_value":
                continue
            sequence = place_of(one, "sequence")
            field = said("column_beside", name=expected.gaps["field"])
            values = {"was": expected.gaps["value"], "now": found.gaps["value"]}
            what = said("column_was_changed", sequence=sequence, about=self._about(sequence))
            taken = {number: one} | {
                n: f for n, f in self._open.of_checks("ids").items() if sequence in _numbers(f)
            }
            self._open.tell(what, [said("was_and_is", field=field, **values)], one.advice, taken)

    # -- what follows ------------------------------------------------------------------------

    def _tell(
        self,
        what: str,
        details: Sequence[str],
        found: dict[int, Finding],
        sequences: set[int],
        accounts: Sequence[str] = (),
    ) -> None:
        """Add a cause in the journal, with all that follows from it."""
        known = {*accounts}
        for sequence in sorted(sequences)[:_MOST_RECOVERED]:
            row = self._stored.record(sequence)
            known |= {*_accounts_of(None if row is None else read(row.body))}
        known |= {a for a, of in self._sequences_by_account().items() if of & sequences}
        taken, before = dict(found), -1
        while len(taken) > before:  # whom a record could not be executed for follows as well
            before = len(taken)
            left = self._open.left.items()
            taken |= {n: one for n, one in left if self._follows(one, sequences, known)}
            taken |= tiles_over(self._open.left, sequences)
            known |= {account for one in taken.values() for account in self._not_executed(one)}
        self._open.tell(what, [one for one in details if one], said("advice_journal"), taken)

    def _not_executed(self, one: Finding) -> list[str]:
        """Return the accounts of a record that could not be executed."""
        key = getattr(one.expected, "key", "")
        is_one = key == "effects_that_can_be_executed"
        row = self._stored.record(place_of(one, "sequence")) if is_one else None
        return _accounts_of(None if row is None else read(row.body))

    def _follows(self, one: Finding, sequences: set[int], accounts: set[str]) -> bool:
        """Return whether a finding follows from a change of some records of some accounts."""
        at, account = place_of(one, "sequence"), place_of(one, "account")
        named = at in sequences
        if one.check in ("derived", "zero-sum"):
            return named or account in accounts
        if one.check in ("references", "head"):
            return True
        if one.check == "ids":
            return bool(_numbers(one) & sequences)
        if one.check == "clocks":
            return named or (isinstance(at, int) and at - 1 in sequences)
        if one.check in _NOT_BY_ACCOUNT or not isinstance(at, int) or at < min(sequences):
            return named and one.check == "texts"
        return named or account in accounts or self._names(at, sequences, accounts)

    def _names(self, at: int, sequences: set[int], accounts: set[str]) -> bool:
        """Return whether a record refers to some others, or names some accounts."""
        row = self._stored.record(at)
        if row is None:
            return False
        return row.refers_to in sequences or bool(accounts & {*_accounts_of(read(row.body))})

    def _sequences_by_account(self) -> dict[str, set[int]]:
        """Return the records that findings on the rows of an account name, by account."""
        found: dict[str, set[int]] = {}
        for one in self._open.of_checks("derived").values():
            account = place_of(one, "account")
            if account is not None:
                found.setdefault(account, set()).update(_numbers(one))
        return found

    def _sequences_in_rows(self) -> set[int]:
        """Return the record of the first row of each account that differs."""
        first: dict[str, set[int]] = {}
        for one in self._open.of_checks("derived").values():
            account = place_of(one, "account")
            if account is not None and account not in first:
                first[account] = _numbers(one)
        return set[int]().union(*first.values())

    def _about(self, sequence: Any) -> str:
        row = self._stored.record(sequence)
        return about(None if row is None else read(row.body))

    def _saying(self, sequence: int) -> str:
        return said("record_says", sequence=sequence, about=self._about(sequence))

    def _rows_of(self, sequences: set[int], accounts: Sequence[str]) -> list[PostingRow]:
        """Return the stored postings of some records, of these accounts and those with findings."""
        of = self._sequences_by_account()
        first = [account for account in of if of[account] & sequences]
        rows = self._stored.postings_of(sequences, [*accounts, *first, *of])
        if not sum(row.seconds for row in rows):
            return rows
        return self._stored.postings_of(sequences, [*accounts, *first, *self._stored.accounts()])


def _numbers_from(first: int, last: int) -> set[int]:
    """Return the numbers of some records: of very many the first ones."""
    return set(range(first, min(last + 1, first + _MOST_GONE)))


def _by_record(rows: Sequence[PostingRow]) -> list[tuple[int, list[PostingRow]]]:
    """Return rows by the record that they are of, in its order."""
    found: dict[int, list[PostingRow]] = {}
    for row in rows:
        found.setdefault(row.sequence, []).append(row)
    return sorted(found.items())


def _neighbours(lines: list[Between]) -> Said:
    """Return in words what moved in a record that is gone, by the rows before and after it."""
    return said(
        "neighbours_tell",
        hours=quantity(sum(seconds for _, seconds in lines if seconds > 0)),
        spenders=people(account for account, seconds in lines if seconds < 0),
        earners=people(account for account, seconds in lines if seconds > 0),
    )


def _field(one: Finding) -> object:
    """Return the field that a finding on a record is about, if it is about one."""
    return one.found.gaps.get("field") if isinstance(one.found, Said) else None


def _numbers(one: Finding) -> set[int]:
    """Return the records that a finding expects, or found."""
    found = set[int]()
    for side in (one.expected, one.found):
        sequence = value_of(side.gaps.get("sequence")) if isinstance(side, Said) else None
        if isinstance(sequence, int):
            found.add(sequence)
    return found


def _moves(content: _Content) -> bool:
    effects = content.get("effects")
    return isinstance(effects, dict) and bool(effects.get("postings"))


def _accounts_of(content: _Content | None) -> list[str]:
    """Return the accounts that a record names; none of one that cannot be read."""
    effects = None if content is None else content.get("effects")
    if not isinstance(effects, dict):
        return []
    try:
        lines = [account for account, _ in lines_of(effects)]
    except (TypeError, ValueError):
        lines = []
    named = [effects.get("account"), effects.get("into")]
    return list(dict.fromkeys(one for one in (*lines, *named) if isinstance(one, str)))
