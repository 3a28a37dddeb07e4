"""`timebank import jsonl`."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import click

from timebank.cli.imports_running import existing
from timebank.cli.options import formatted
from timebank.cli.output import Pace, Progress, show_as
from timebank.cli.place import Place, pass_place
from timebank.cli.program import REFUSED, WELL


@click.command(
    help="""Make the bank that an export of JSON Lines has, and audit it.

    FILE is proved before anything is written. Where the bank has the beginning already, it
    takes what is missing.
    """
)
@click.argument("file", metavar="FILE")
@click.option("--expect-head", metavar="LINE", help="A head that was published; it must be there.")
@formatted
@pass_place
def jsonl(place: Place, /, *, file: str, expect_head: str | None, format: str) -> int:
    """Import an export."""
    from timebank.audit import audit
    from timebank.interchange.jsonl.importing import carry_export
    from timebank.interchange.jsonl.lines import Export
    from timebank.model import Head
    from timebank.reports.findings import audit_text
    from timebank.reports.shapes import audit_shape, head_shape
    from timebank.storage import open_store

    expect = None if expect_head is None else Head.of(expect_head)
    with existing(file).open("rb") as lines:
        found = Export.of(file, lines)
        found.prove(expect)  # before a file is made
        with closing(open_store(place.url, create=True)) as store:
            with Pace("import", forced=False) as pace:
                head = carry_export(store, found, bank=place.bank, progress=pace)
            with store.reader(place.bank) as reader, Progress("audit") as progress:
                report = audit(reader, progress=progress)

    def shape() -> dict[str, Any]:
        return {"bank": place.bank, "head": head_shape(head), "audit": audit_shape(report)}

    show_as(format, shape, lambda: [str(head), "audit: ok"] if report.ok else audit_text(report))
    return WELL if report.ok else REFUSED
