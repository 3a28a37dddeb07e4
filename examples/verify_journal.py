"""Verify an exported journal with nothing but Python: verify_journal.py [export.jsonl]."""

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def refuse(text: str) -> None:
    """Fractions and NaN have no place in a journal."""
    raise ValueError(text)


def check(ok: object, why: str) -> None:
    """Stop at what is not so."""
    if not ok:
        raise ValueError(why)


def verify(lines: Iterable[bytes]) -> None:
    """Print the head and the balances, or exit with the record where the export fails."""
    number, journal, digest, told = 0, "-", b"", None
    ids: set[str] = set()
    balances: Counter[str] = Counter()
    for line in lines:
        number += 1
        try:
            export: Any = json.loads(line, parse_float=refuse, parse_constant=refuse)
            if told is None and number == 1 and "export" in export:
                told, number = export["head"], 0
                continue
            record, request = export["record"], export["record"]["request"]
            text = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            ending = b'"record":' + text.encode() + b"}"
            check(line.rstrip(b"\r\n").endswith(ending), "it is not in canonical form")
            if number == 1:
                journal = record["journal"]
                digest = hashlib.sha256(f"timebank/1:{journal}".encode()).digest()
            names = (export["sequence"], record["sequence"], record["journal"], record["format"])
            check(names == (number, number, journal, "timebank/1"), f"it names itself {names}")
            digest = hashlib.sha256(digest + text.encode()).digest()
            check(digest.hex() == export["digest"], f"its digest is {digest.hex()}")
            check(request.get("id") not in ids, "its id was used before")
            ids |= {request["id"]} if "id" in request else set()
            if record["kind"] == "open_account":
                balances[request["account"]] += 0
            postings = record["effects"].get("postings", [])
            check(not sum(seconds for _, seconds in postings), "its postings do not sum to zero")
            for account, seconds in postings:
                check(account in balances and type(seconds) is int, f"no account {account!r}")
                balances[account] += seconds
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            sys.exit(f"record {number}: {error!r}")
    head = f"timebank/1 {journal} {number} {digest.hex()}"
    if told not in {None, head}:
        sys.exit(f"its first line has another head: {told}")
    print(head)
    for account, seconds in sorted(balances.items()):
        print(f"{account}\t{seconds}")


if __name__ == "__main__":
    with Path(sys.argv[1]).open("rb") if sys.argv[1:] else sys.stdin.buffer as lines_of_export:
        verify(lines_of_export)
