"""A folder carries messages: whole files, each done with once, nothing of others touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from federation.forging import put, signed_anew
from federation.sides import Side, exchange, two_sides
from timebank import HistoryLost, Unavailable, federation
from timebank.federation import Message, OtherOffer
from timebank.federation.folder import Folder
from timebank.proof import Forked


def names(folder: Folder) -> set[str]:
    """The ends of the names of its files."""
    return {"".join(Path(file.name).suffixes[-2:]) for file in folder.path.iterdir()}


def test_hours_cross_in_a_folder(tmp_path: Path) -> None:
    """Each bank puts what may not have arrived, takes what is for it, and leaves nothing behind."""
    one, other = two_sides()
    folder = Folder(tmp_path / "stick")
    assert [] == folder.take(one.bank, key=one.key)
    for number in range(3):
        one.offers(other, id=f"x{number}")
    other.offers(one, id="y1")
    for _ in range(2):  # twice the same is there once
        folder.put(one.bank, other.journal, key=one.key)
        folder.put(other.bank, one.journal, key=other.key)
    assert 4 == len(list(folder.path.iterdir()))
    assert ["offer"] * 3 == [taken.kind for taken in folder.take(other.bank, key=other.key)]
    taken = folder.take(one.bank, key=one.key)
    assert ["answer"] * 3 + ["offer"] == sorted(str(each.kind) for each in taken)
    assert [] == [each.error for each in taken if each.error is not None]
    folder.take(other.bank, key=other.key)
    assert [] == list(folder.path.iterdir())
    assert ("2:00", "-2:00") == (one.owed(other), other.owed(one))
    assert federation.reconcile(one.bank, other.bank).items == ()


def test_what_is_of_others_stays(tmp_path: Path) -> None:
    """Files of other names, for other banks, and half of one under another name are left alone."""
    one, other = two_sides()
    folder = Folder(tmp_path)
    (tmp_path / "minutes.pdf").write_bytes(b"%PDF")
    (tmp_path / "0000000000000000-0000000000000000.timebank").write_bytes(b"of a third bank")
    folder.keep(one.offers(other))
    (tmp_path / ".x.new").write_bytes(b"half")
    folder.take(one.bank, key=one.key)
    assert 4 == len(list(tmp_path.iterdir()))
    folder.take(other.bank, key=other.key)
    assert (tmp_path / "minutes.pdf").read_bytes() == b"%PDF"
    assert 4 == len(list(tmp_path.iterdir()))  # the offer is gone, its answer is there


def test_what_is_refused_is_kept_beside(tmp_path: Path) -> None:
    """A forged file, and one that is for a board, are kept under another name with the reason."""
    one, other = two_sides()
    folder = Folder(tmp_path)
    good = folder.keep(one.offers(other))
    good.write_bytes(good.read_bytes().replace(b"m1", b"m2"))
    (torn,) = folder.take(other.bank, key=other.key)
    assert torn.error is not None
    assert torn.answer is None
    folder.keep(federation.request(one.bank, other.journal, key=one.key, hours=1, earner="m1"))
    (asked,) = folder.take(other.bank, key=other.key)
    assert ("request", "message_for_board") == (asked.kind, asked.error and asked.error.key)
    assert {".timebank.refused", ".timebank.board"} == names(folder)
    assert [] == folder.take(other.bank, key=other.key)


def test_evidence_is_kept_beside(tmp_path: Path) -> None:
    """Where a bank signed two offers of one id, or two pasts, the file of evidence is there."""
    one, other = two_sides()
    folder = Folder(tmp_path)
    first = one.offers(other, id="x1")
    before = one.backup()
    other.answers(first)
    twice = signed_anew(Message.of(first), one.key, put(("message", "body", "seconds"), 60))
    folder.keep(twice.encode())
    (taken,) = folder.take(other.bank, key=other.key)
    assert isinstance(taken.error, OtherOffer)
    assert taken.evidence is not None
    federation.OfferEvidence.of(taken.evidence.read_bytes()).checked([one.key.public])
    exchange(one, other)
    one.restore(before)
    while one.bank.head().sequence < other_seen(other, one) - 1:
        one.bank.open_account(f"n{one.bank.head().sequence}")
    folder.keep(_without_seen(one, one.offers(other, id="x2")))
    (taken,) = folder.take(other.bank, key=other.key)
    assert isinstance(taken.error, Forked)
    assert taken.evidence is not None
    assert {".timebank.refused", ".timebank.evidence"} == names(folder)


def other_seen(side: Side, other: Side) -> int:
    """How many records of the other were seen."""
    seen = federation.agreement(side.bank, other.journal).seen
    return 0 if seen is None else seen.size


def _without_seen(side: Side, data: bytes) -> bytes:
    from federation.forging import sealed_anew

    message = Message.of(data)
    return sealed_anew(message, side.key, lambda envelope: envelope.pop("seen", None)).encode()


def test_while_records_are_lost_all_files_stay(tmp_path: Path) -> None:
    """A bank that lacks what was seen of it touches no file until its board has declared that."""
    one, other = two_sides()
    exchange(one, other)
    before = other.backup()
    exchange(one, other)
    other.restore(before)
    folder = Folder(tmp_path)
    file = folder.keep(one.offers(other))
    (taken,) = folder.take(other.bank, key=other.key)
    assert isinstance(taken.error, HistoryLost)
    assert [file] == list(tmp_path.iterdir())
    other.bank.accept_history(head=taken.error.head, reason="the disk failed")
    (taken,) = folder.take(other.bank, key=other.key)
    assert taken.error is None
    assert taken.answer is not None


def test_a_file_stays_until_it_is_done_with(tmp_path: Path) -> None:
    """Where the storage is away half way, the file is there, and the next time it is done."""
    one, other = two_sides()
    folder = Folder(tmp_path)
    folder.keep(one.offers(other))

    def away(*_: object) -> bytes | None:
        msg = "the storage is away"
        raise Unavailable(msg)

    with pytest.raises(Unavailable):
        folder.take(other.bank, key=other.key, do=away)
    assert 1 == len(list(folder.waiting(other.bank)))
    (taken,) = folder.take(other.bank, key=other.key)
    assert taken.error is None
