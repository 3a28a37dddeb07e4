"""`timebank audit` and `timebank audit-host`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.options import Number, formatted
from timebank.cli.output import show, show_json, show_result
from timebank.cli.program import REFUSED, WELL, said, usage
from timebank.cli.progress import Progress
from timebank.cli.published import Published

if TYPE_CHECKING:
    from timebank.audit import AuditReport, BankReport
    from timebank.storage.protocol import Reader, Store

#: Processes that an audit takes of its own accord: each has some 45 MB.
_MOST: Final = 8


@click.command(
    help="""Derive everything again and compare. Exit code 1 where something differs.

    With --since what came after a checkpoint; with --quick balances and sums only, as the
    storage has them. Where records far outnumber accounts several processes share them. With
    --all every bank of the storage, which is itself looked at once, and what banks of it have of
    each other.

    A head that was published is a line, a file with one a line, a file with a signed head, or a
    folder of such files, as a witness keeps them.
    """
)
@click.option("--quick", is_flag=True, help="Balances, sums and the head only.")
@click.option("--since", metavar="FILE", help="Go on from the checkpoint in this file.")
@click.option("--save", metavar="FILE", help="Where all is well, write a checkpoint there.")
@click.option(
    "--processes",
    type=Number(min=1),
    metavar="N",
    help=f"How many at most. Left out: one for each processor, up to {_MOST}.",
)
@click.option(
    "--expect-head",
    "lines",
    metavar="LINE|FILE",
    multiple=True,
    help="A head that was published is to be in the journal: a line, or a file.",
)
@click.option(
    "--key", "keys", metavar="PUBLIC", multiple=True, help="It signed the heads: line or file."
)
@click.option(
    "--evidence",
    metavar="FILE",
    help="Where evidence goes, if a head that was signed is not there. Left out: beside its file.",
)
@click.option("--copy", metavar="DB", help="A backup, which may tell what a changed record said.")
@click.option("--all", "every", is_flag=True, help="All banks of the storage, and itself once.")
@click.option("--verbose", "everything", is_flag=True, help="Each finding too, not a screen only.")
@click.option(
    "--format",
    "format",
    type=click.Choice(["text", "json", "junit"]),
    default="text",
    show_default=True,
    help="For people, programs, or a CI.",
)
@pass_address
def audit(
    address: BankAddress,
    /,
    *,
    quick: bool,
    since: str | None,
    save: str | None,
    processes: int | None,
    lines: tuple[str, ...],
    keys: tuple[str, ...],
    evidence: str | None,
    copy: str | None,
    every: bool,
    everything: bool,
    format: str,
) -> int:
    """Audit the bank, or all, read-only."""
    from timebank import reports
    from timebank.audit import Checkpoint
    from timebank.audit.checkpoint import place_to_save
    from timebank.reports.findings import audit_junit, audit_text

    if every:
        for_one = {
            "--since": since,
            "--save": save,
            "--expect-head": lines,
            "--key": keys,
            "--evidence": evidence,
            "--copy": copy,
        }
        for option, given in for_one.items():
            if given:
                usage(said("audit_all_alone", option=option))
        asked = {"quick": quick, "processes": processes or _processors()}
        return _audit_all(address, everything=everything, format=format, **asked)
    if quick and (since is not None or save is not None):
        usage("A quick audit goes on from no checkpoint, and makes none")
    if save is not None:
        place_to_save(save)  # before the work, not after it
    checkpoint = None if since is None else Checkpoint.load(since)
    published = Published.of(lines, keys)
    ask = {"since": checkpoint, "expect": published.expected(), "quick": quick}
    with _copy_of(address, copy) as beside:
        report = _audited(address, beside, processes=processes or _processors(), **ask)
    if save is not None and report.checkpoint is not None:
        report.checkpoint.save(save)
    if format == "json":
        show_json(reports.json.audit_report(report))
    elif format == "junit":
        show(audit_junit(report))
    else:
        show([*audit_text(report, everything=everything), *published.told(report)])
    published.tell_missing(address, report, evidence)
    return WELL if report.ok else REFUSED


def _audit_all(address: BankAddress, *, everything: bool, format: str, **ask: Any) -> int:
    """Audit all banks of the storage, and what is of the whole of it once."""
    import attrs

    from timebank import reports
    from timebank.audit import BankReport, audit_banks, unreadable
    from timebank.errors import Corrupt, OtherVersion, StoreError
    from timebank.reports.findings import banks_junit, banks_text

    label, counted = said("label_audit"), said("counted_banks")
    try:
        with (
            closing(address.open_store()) as store,
            Progress(label, counted=counted, left=True) as pace,
        ):
            found = list(audit_banks(store, progress=pace, **ask))
            found += _pairs(store, found, quick=ask["quick"])
    except OtherVersion:
        raise
    except (Corrupt, StoreError) as error:
        found = [BankReport(None, attrs.evolve(unreadable(error), checks=("file",)))]
    if format == "json":
        show_json(list(map(reports.json.bank_report, found)))
    elif format == "junit":
        show(banks_junit(found))
    else:
        show(banks_text(found, everything=everything))
    return WELL if all(one.report.ok for one in found) else REFUSED


def _pairs(store: Store, found: list[BankReport], *, quick: bool) -> list[BankReport]:
    """Return the report on what the banks that are well have of each other, where they have."""
    from timebank.audit import BankReport
    from timebank.federation.auditing import audit_pairs_of

    well = [one.bank for one in found if one.bank is not None and one.report.ok]
    report = None if quick else audit_pairs_of(store, well)
    return [] if report is None else [BankReport(None, report)]


@contextmanager
def _copy_of(address: BankAddress, db: str | None) -> Iterator[Reader | None]:
    """Read a copy of the bank within the block; nothing, where none is named.

    :raises TimebankError: it cannot be opened.
    """
    if db is None:
        yield None
        return
    import attrs

    with (
        attrs.evolve(address, db=db).open(read_only=True) as bank,
        bank.store.reader(bank.name) as reader,
    ):
        yield reader


def _audited(address: BankAddress, copy: Reader | None, **ask: Any) -> AuditReport:
    """Return the report; of a file that cannot be opened, one that says so as a finding.

    :raises OtherVersion: it is well, and to be migrated first, or of a newer version.
    :raises NotFound: there is no bank.
    """
    from timebank.audit import unreadable
    from timebank.audit.report import explained
    from timebank.errors import Corrupt, OtherVersion, StoreError

    try:
        with (
            address.open(read_only=True) as bank,
            Progress("audit", counted="records", left=True) as pace,
        ):
            report = bank.audit(pace, **ask)
            if report.ok or copy is None:
                return report
            with bank.store.reader(bank.name) as reader:
                return explained(report, reader, copy)
    except OtherVersion:
        raise
    except (Corrupt, StoreError) as error:
        return unreadable(error)


def _processors() -> int:
    """Return how many processors this process may use, up to `_MOST`."""
    allowed = getattr(os, "sched_getaffinity", None)
    return min((os.cpu_count() or 1) if allowed is None else len(allowed(0)), _MOST)


# -- the books of another system ------------------------------------------------------


@click.group(
    "audit-host",
    no_args_is_help=False,
    help="Audit the books of another system. No storage of ours is needed.",
)
def audit_host() -> None:
    """The group of the audits of other systems."""


@audit_host.command(
    help="""Audit the tables that TimeOverflow's database dumps, as CSV with a header, in a folder.

    accounts.csv, movements.csv and transfers.csv are needed. Exit code 1 with findings.
    """
)
@click.argument("folder", metavar="DIR")
@click.option(
    "--all", "--verbose", "everything", is_flag=True, help="Each finding, not a screen only."
)
@formatted
def timeoverflow(*, folder: str, everything: bool, format: str) -> int:
    """Audit TimeOverflow's tables."""
    from timebank.interchange.timeoverflow.books import audit_timeoverflow
    from timebank.reports.findings import books_text

    report = audit_timeoverflow(folder)
    show_result(format, report, lambda: books_text(report, everything=everything))
    return WELL if report.ok else REFUSED
