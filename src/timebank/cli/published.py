"""Heads that were published, as an audit takes them: lines, files and folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from timebank.cli.address import BankAddress
from timebank.cli.heads import EVIDENCE, LINE, keep_evidence, signed_head, words
from timebank.cli.output import complain
from timebank.cli.program import usage

if TYPE_CHECKING:
    from timebank.audit import AuditReport
    from timebank.model import Head
    from timebank.proof import SignedHead

_HIDDEN: Final = "."


@attrs.frozen
class Kept:
    """A signed head, the file that it is in, and the beginning of the name of its evidence."""

    head: SignedHead
    file: str
    evidence: str


@attrs.frozen
class Published:
    """Lines, and signed heads with their files."""

    lines: tuple[str, ...] = ()
    signed: tuple[Kept, ...] = ()
    is_checked: bool = False

    @classmethod
    def of(cls, given: tuple[str, ...], keys: tuple[str, ...]) -> Published:
        """Return what was given: lines, and what is in files and folders.

        :raises NotProved: a signature does not hold.
        :raises OSError: a file cannot be read.
        :raises click.UsageError: a file without a head, for the audit would look for none; or
            keys, and nothing that was signed.
        """
        lines: list[str] = []
        signed: list[Kept] = []
        for one in given:
            if not one.startswith("@") and (one.startswith(LINE) or not Path(one).exists()):
                lines.append(one)
                continue
            name = one.removeprefix("@")
            for file in _files(name):
                found = _in_file(file)
                if isinstance(found, list):
                    lines += found
                else:
                    signed.append(Kept(found, file, name.rstrip("/")))
        if keys and not signed:
            usage(words()("no_signed_head"))
        if keys:
            _check(signed, keys)
        return cls(tuple(lines), tuple(signed), is_checked=bool(keys))

    def expected(self) -> list[Head | str]:
        """Return what an audit is to find."""
        if not self.signed:
            return list(self.lines)
        from timebank.proof.consistency import expected

        return [*self.lines, *(expected(one.head) for one in self.signed)]

    def told(self, report: AuditReport) -> list[str]:
        """Return, where all is well, that each signed head was found, and if a key was given."""
        if not self.signed or not report.ok:
            return []
        size = words().number(max(one.head.checkpoint.size for one in self.signed))
        lines = [words().counted("continues_signed", len(self.signed), size=size)]
        return lines if self.is_checked else [*lines, words()("not_checked")]

    def tell_missing(self, address: BankAddress, report: AuditReport, place: str | None) -> None:
        """Write the evidence of signed heads that an audit did not find, and say where it is.

        Of those in one folder it is that of the first; where the journal parts from them is told.
        Where no signature was checked, no evidence is written: anybody may have made the head.
        """
        from timebank.errors import TimebankError
        from timebank.model.said import said

        places = {str(one.place) for one in report.findings if one.check == "published"}
        missed: dict[str, Kept] = {}
        last = 0
        for one in sorted(self.signed, key=lambda one: one.head.checkpoint.size):
            if str(said("head_published", sequence=one.head.checkpoint.size)) in places:
                missed.setdefault(one.evidence, one)
            elif not missed:
                last = one.head.checkpoint.size
        if not missed:
            return
        first = min(one.head.checkpoint.size for one in missed.values())
        if last:
            complain(words()("parted", last=last, first=first))
        if not self.is_checked:
            complain(words()("evidence_unchecked"))
            return
        try:
            for name, one in missed.items():
                _keep(address, one, place or f"{name}{EVIDENCE}")
        except TimebankError:
            return  # the report tells what is the matter with it


def _check(signed: Iterable[Kept], keys: tuple[str, ...]) -> None:
    """Check the signatures of heads.

    :raises NotProved: one does not hold; the error names the file.
    """
    from timebank.proof import keys_of
    from timebank.proof.files import named

    known = keys_of(*keys)
    for one in signed:
        with named(one.file):
            one.head.checked(known)


def _keep(address: BankAddress, one: Kept, place: str) -> None:
    """Write the evidence that a journal has not a head, and say where it is."""
    from timebank.proof import Forked
    from timebank.proof.consistency import check_in

    with address.open(read_only=True) as bank, bank.store.reader(bank.name) as reader:
        try:
            check_in(reader, one.head, anew=True)
        except Forked as error:
            if (told := keep_evidence(error, place)) is not None:
                complain(told)


def _files(name: str) -> Iterator[str]:
    """Yield the file of a name, or those of a folder."""
    place = Path(name)
    if not place.is_dir():
        yield name
        return
    files = sorted(one for one in place.iterdir() if not one.name.startswith(_HIDDEN))
    if not files:
        usage(words()("no_head_in", file=name))
    yield from (str(one) for one in files if not one.name.endswith(EVIDENCE))


def _in_file(name: str) -> SignedHead | list[str]:
    """Return the signed head of a file, or its lines.

    :raises InvalidRequest: it is longer than any head.
    :raises NotProved: it begins as a signed head, and is none.
    :raises OSError: it cannot be read.
    """
    from timebank.bank.head_log import whole_lines
    from timebank.proof.files import named, plain, read_short
    from timebank.proof.heads import ORIGIN

    with named(name):
        data = plain(read_short(name))
        if data.startswith((b"old ", ORIGIN.encode())) and not data.startswith(LINE.encode()):
            return signed_head(data)
    try:
        lines = [line for line in whole_lines(data).decode().splitlines() if line.strip()]
    except UnicodeError:
        lines = []
    if not lines:
        usage(words()("no_head_in", file=name))
    return lines
