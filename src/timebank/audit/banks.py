"""The audit of all banks of a storage, of which the storage itself is asked once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from timebank.audit.audit_pass import AuditPass
from timebank.audit.base import AuditContext
from timebank.audit.findings import Findings
from timebank.audit.processes import Processes
from timebank.audit.quick import quick_audit
from timebank.audit.report import AuditReport, explained, unreadable
from timebank.audit.steady import steady
from timebank.audit.storage import Storage
from timebank.errors import Corrupt, NotFound, OtherVersion, StoreError
from timebank.storage.protocol import Store, finds_own, has_address, knows_version

#: Called with the banks done and their number.
BanksProgress = Callable[[int, int], None]


@attrs.frozen
class BankReport:
    """The report on a bank, or on the storage as a whole, of which `bank` is `None`."""

    bank: str | None
    report: AuditReport


def audit_banks(
    store: Store,
    *,
    progress: BanksProgress | None = None,
    quick: bool = False,
    processes: int = 1,
    now: int | None = None,
) -> Iterator[BankReport]:
    """Audit the storage once, then each of its banks; yield the reports one by one.

    What is of the whole storage (its file, its tables and guards, rows of no bank, references) is
    in the first report, whose `bank` is `None`, and left out of the others: so the cost grows with
    the banks and their records, and no further. A store that cannot tell its own faults from
    those of one bank gives no such report: there each bank's has them. With `quick` only
    balances, sums and heads are looked at, of the storage nothing. The banks are those that
    there are at the beginning.

    :raises StoreBusy: the storage could not be read for longer than the time-out.
    :raises OtherVersion: the tables are to be migrated, or of a newer version.

    >>> import timebank
    >>> from timebank.audit import audit_banks
    >>> bank = timebank.open("sqlite://", bank="street")
    >>> _ = bank.open_account("m1")
    >>> [(one.bank, one.report.ok) for one in audit_banks(bank.store)]
    [(None, True), ('street', True)]
    """
    names = store.banks()
    whole = None if quick else audit_storage(store)
    if whole is not None:
        yield BankReport(None, whole)
    for done, name in enumerate(names):
        if progress is not None:
            progress(done, len(names))
        report = _of_bank(
            store, name, quick=quick, processes=processes, now=now, is_known=whole is not None
        )
        yield BankReport(name, report)
    if progress is not None:
        progress(len(names), len(names))


def audit_storage(store: Store) -> AuditReport | None:
    """Return the report on a storage as a whole, where it tells that from what is of one bank.

    :raises StoreBusy: the storage could not be read for longer than the time-out.
    :raises OtherVersion: the tables are to be migrated, or of a newer version.

    >>> import timebank
    >>> from timebank.audit.banks import audit_storage
    >>> audit_storage(timebank.open("sqlite://").store).checks
    ('file', 'schema', 'orphans', 'references')
    """
    with store.reader("") as plain, steady(plain) as reader:
        if not finds_own(reader):
            return None
        if knows_version(reader):
            reader.check_version()
        context = AuditContext(reader, Findings(Storage.promises))
        Storage(context).ask(reader.faults)
    names = tuple(promise.name for promise in Storage.promises)
    report = AuditReport(context.findings.all(), None, 0, 0, checks=names)
    return report if report.ok else explained(report, None)


def _of_bank(
    store: Store, name: str, *, quick: bool, processes: int, now: int | None, is_known: bool
) -> AuditReport:
    """Return the report on a bank; it keeps no state for a checkpoint."""
    workers = None
    if processes > 1 and not quick and has_address(store):
        workers = Processes(store.address, name, processes)
    try:
        with store.reader(name) as plain, steady(plain) as reader:
            if knows_version(reader):
                reader.check_version()
            if quick:
                return quick_audit(reader)
            audit = AuditPass(reader, None, now=now, is_storage_known=is_known)
            return attrs.evolve(audit.run(workers), checkpoint=None)
    except OtherVersion:
        raise
    except (Corrupt, NotFound, StoreError) as error:
        return unreadable(error)
