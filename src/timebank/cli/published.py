"""Heads that were published, as an audit takes them: lines, files and folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from timebank.cli.address import BankAddress
from timebank.cli.heads import EVIDENCE, keep_evidence, read, signed_head, words
from timebank.cli.output import complain
from timebank.cli.program import TOLD, usage

if TYPE_CHECKING:
    from timebank.audit import AuditReport
    from timebank.model import Head
    from timebank.proof import SignedHead

#: How the line of a head begins.
_LINE: Final = "timebank/1 "
_HIDDEN: Final = "."


@attrs.frozen
class Published:
    """Lines, and signed heads by the names of their files."""

    lines: tuple[str, ...] = ()
    signed: tuple[tuple[str, SignedHead], ...] = ()

    @classmethod
    def of(cls, given: tuple[str, ...], keys: tuple[str, ...]) -> Published:
        """Return what was given: lines, and what is in files and folders.

        :raises NotProved: a signature does not hold.
        :raises OSError: a file cannot be read.
        :raises click.UsageError: a file without a head, for the audit would look for none; or
            keys, and nothing that was signed.
        """
        lines: list[str] = []
        signed: list[tuple[str, SignedHead]] = []
        for one in given:
            if not one.startswith("@") and (one.startswith(_LINE) or not Path(one).exists()):
                lines.append(one)
                continue
            for name in _files(one.removeprefix("@")):
                found = _in_file(name)
                if isinstance(found, list):
                    lines += found
                else:
                    signed.append((name, found))
        if keys and not signed:
            usage(words()("no_signed_head"))
        if keys:
            from timebank.proof import keys_of

            known = keys_of(*keys)
            for _, head in signed:
                head.checked(known)
        return cls(tuple(lines), tuple(signed))

    def expected(self) -> list[Head | str]:
        """Return what an audit is to find."""
        if not self.signed:
            return list(self.lines)
        from timebank.proof.consistency import expected

        return [*self.lines, *(expected(head) for _, head in self.signed)]

    def keep_evidence(self, address: BankAddress, report: AuditReport, place: str | None) -> None:
        """Write the evidence of signed heads that an audit did not find, and say where it is."""
        from timebank.errors import TimebankError

        missed = {str(one.place) for one in report.findings if one.check == "published"}
        if not self.signed or not missed:
            return
        from timebank.model.said import said
        from timebank.proof import Forked
        from timebank.proof.consistency import check_in

        try:
            with address.open(read_only=True) as bank, bank.store.reader(bank.name) as reader:
                for name, head in self.signed:
                    if said("head_published", sequence=head.checkpoint.size) not in missed:
                        continue
                    try:
                        check_in(reader, head, anew=True)
                    except Forked as error:
                        keep_evidence(error, place or f"{name}{EVIDENCE}")
                        complain(getattr(error, TOLD, ""))
        except TimebankError:
            return  # the report tells what is the matter with it


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
    """Return the signed head of a file, or its lines."""
    from timebank.proof.heads import ORIGIN

    try:
        # Some editors begin a file with a mark of its encoding.
        text = Path(name).read_text(encoding="utf-8-sig")
    except UnicodeError:
        text = ""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        usage(words()("no_head_in", file=name))
    is_signed = lines[0].startswith(("old ", ORIGIN)) and not lines[0].startswith(_LINE)
    return read(name, signed_head) if is_signed else lines
