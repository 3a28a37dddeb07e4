"""Copy, back up and migrate whole stores: `timebank copy`, `backup`, `migrate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from timebank.cli.address import BankAddress, pass_address, url_of
from timebank.cli.banks import naming_banks
from timebank.cli.options import formatted
from timebank.cli.output import complain, show_as
from timebank.cli.program import REFUSED, WELL, said, said_of, usage
from timebank.cli.progress import Progress

if TYPE_CHECKING:
    from timebank.audit import AuditReport
    from timebank.model import Head
    from timebank.storage import Store


@click.command(
    help="""Copy a bank into another store, byte for byte, and audit the copy.

    FROM and TO are URLs, or paths of SQLite files. A copy that was interrupted goes on
    where it stopped; one that is complete takes what came since.
    """
)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--bank", metavar="ID", help="Which bank; left out, the one that --bank named.")
@click.option("--to-bank", metavar="ID", help="Its name there; left out, the same.")
@click.option("--all", "every", is_flag=True, help="All banks, under their names.")
@click.option("--progress", is_flag=True, help="Show how far it is, also where no terminal is.")
@formatted
@pass_address
def copy(
    address: BankAddress,
    /,
    *,
    source: str,
    target: str,
    bank: str | None,
    to_bank: str | None,
    every: bool,
    progress: bool,
    format: str,
) -> int:
    """Copy one bank, or all."""
    from timebank.audit.banks import audit_storage
    from timebank.reports.findings import audit_text
    from timebank.storage import open_store

    if every and (bank or to_bank):
        usage(said("all_alone"))
    with closing(open_store(url_of(source), create=False, read_only=True)) as origin:
        banks = list(origin.banks()) if every else [bank or address.bank]
        if not every:
            with naming_banks(partial(open_store, url_of(source), create=False, read_only=True)):
                _check_there(origin, banks[0])  # before a file is made
        with closing(open_store(url_of(target), create=True)) as copied:
            done = [
                _copied(origin, copied, name, to_bank or name, forced=progress) for name in banks
            ]
            whole = audit_storage(copied) if every else None
    show_as(
        format,
        lambda: [_shape(*results) for results in done],
        lambda: _text(done, named=every),
    )
    if whole is not None and not whole.ok:  # each copy's audit looked at its own bank
        for line in filter(None, audit_text(whole)):
            complain(line)
        return REFUSED
    return WELL if all(report.ok for _, _, report, _ in done) else REFUSED


def _check_there(store: Store, bank: str) -> None:
    with store.reader(bank) as reader:
        reader.head()


def _copied(
    origin: Store, copied: Store, bank: str, to: str, *, forced: bool
) -> tuple[str, Head, AuditReport, int]:
    """Copy a bank; return its name and head there, its audit, and by how many records it grew."""
    from timebank.audit import audit
    from timebank.bank.carrying import carry_bank

    label = said("label_copy", bank=bank)
    copying = Progress(label, counted=said("counted_records"), left=True, forced=forced)
    with copying as progress:
        head = carry_bank(origin, copied, bank=bank, to=to, progress=progress)
    with copied.reader(to) as reader, Progress(said("label_audit")) as progress:
        report = audit(reader, progress=progress)
    with origin.reader(bank) as reader:
        grown = reader.head().sequence - head.sequence
    return to, head, report, grown


def _text(done: list[tuple[str, Head, AuditReport, int]], *, named: bool) -> Iterator[str]:
    from timebank.reports.findings import audit_text
    from timebank.reports.text import harmless

    if not done:
        yield said("none_to_copy")
    for bank, head, report, grown in done:
        if named:
            yield harmless(f"{bank}:")
        if report.ok:
            yield str(head)
            yield said("audit_ok")
        else:
            yield from audit_text(report)
        if grown > 0:
            yield said_of("grown", grown)


def _shape(bank: str, head: Head, report: AuditReport, grown: int) -> dict[str, Any]:
    from timebank import reports

    return {
        "bank": bank,
        "head": reports.json.head(head),
        "audit": reports.json.audit_report(report),
        "grown": grown,
    }


@click.command(
    help="""Make a consistent copy of a SQLite file, while others use it.

    TO is a path, or a sqlite: URL. The copy appears there when it is whole.
    """
)
@click.argument("target", metavar="TO")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@formatted
@pass_address
def backup(address: BankAddress, /, *, target: str, force: bool, format: str) -> None:
    """Back a file up."""
    from timebank import reports

    url, copied = address.url, url_of(target)
    for scheme in (name.partition(":")[0] for name in (url, copied)):
        if scheme != "sqlite":
            usage(said("backup_of_file", scheme=scheme))
    from timebank.storage.sqlite.backup import backup_sqlite

    heads = backup_sqlite(url, copied, overwrite=force)
    show_as(
        format,
        lambda: [{"bank": bank, "head": reports.json.head(head)} for bank, head in heads.items()],
        lambda: _heads_text(heads),
    )


def _heads_text(heads: dict[str, Head]) -> Iterator[str]:
    from timebank.reports.text import harmless

    if not heads:
        yield said("copied_empty")
    for bank, head in heads.items():
        yield harmless(f"{bank}: {head}")


@click.command(
    help="""Bring the tables of a store to this version of timebank.

    Records and texts stay as they are. URL is that of the store, or the path of a SQLite
    file; left out, it is what --db names.
    """
)
@click.argument("url", metavar="URL", required=False)
@click.option("--rebuild", is_flag=True, help="Make accounts and postings of all banks anew.")
@formatted
@pass_address
def migrate(address: BankAddress, /, *, url: str | None, rebuild: bool, format: str) -> None:
    """Apply the migrations that are pending."""
    from timebank.storage import migrate_store

    url = address.url if url is None else url_of(url)
    applied = migrate_store(url)
    rebuilt = _rebuilt(url) if rebuild else []
    show_as(
        format,
        lambda: {"applied": applied, "rebuilt": rebuilt},
        lambda: _migrate_text(applied, rebuilt),
    )


def _rebuilt(url: str) -> list[str]:
    from timebank.bank import TimeBank
    from timebank.storage import open_store

    with closing(open_store(url, create=False)) as store:
        names = list(store.banks())
        for name in names:
            with Progress(said("label_rebuild_bank", bank=name)) as progress:
                TimeBank(store, bank=name, create=False).rebuild(progress)
    return names


def _migrate_text(applied: list[str], rebuilt: list[str]) -> Iterator[str]:
    from timebank.reports.text import harmless

    for name in applied:
        yield said("applied", name=name)
    for bank in rebuilt:
        yield harmless(said("bank_rebuilt", bank=bank))
    if not applied and not rebuilt:
        yield said("nothing_to_do")
