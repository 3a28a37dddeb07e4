"""A snapshot: what a reader sees while others write."""

from __future__ import annotations

import pytest

from timebank.model import StatuteRow, TextRow
from timebank.storage.protocol import Batch, Store
from timebank.testing.fixtures import StoreUnderTest, needs
from timebank.testing.rows import DAYS, account, everything, hold, posting, record, tile


class Snapshots(StoreUnderTest, part=True):
    """Snapshots of stores that can read while they write."""

    @needs("snapshots")
    @pytest.mark.parametrize("anew", [False, True])
    def test_a_snapshot_does_not_move(self, filled: Store, *, anew: bool) -> None:
        """A reader sees what was there at its first read, whatever is committed after."""
        with filled.reader("main") as before:
            expected = everything(before)
            with filled.writer("main") as writer:
                if anew:
                    writer.append(Batch(anew=True))
                writer.append(
                    Batch(
                        [record(6, id="t6", refers_to=3)],
                        [TextRow(6, "note", b"v" * 16, "x"), TextRow(3, "note", b"w" * 16, "late")],
                        {"m1": account("m1", status="closed"), "x": account("x", opened=6)},
                        [posting("m1", 5 if not anew else 1, 6, 1, DAYS[1])],
                        [hold("x", 6, held=1)],
                        [3],
                        [StatuteRow(6, "v6")],
                        [tile(0, 2), tile(1, 1)],
                    )
                )
                assert expected == everything(before)
            assert expected == everything(before)
        with filled.reader("main") as after:
            assert expected != everything(after)
            assert (6, "closed") == (after.head().sequence, after.account("m1").status)  # type: ignore[union-attr]

    @needs("snapshots")
    def test_a_posting_of_an_earlier_record_does_not_move_a_snapshot(self, filled: Store) -> None:
        """Rows that come late, for a record that was there, are seen by new readers only."""
        with filled.reader("main") as before:
            expected = everything(before)
            with filled.writer("main") as writer:
                writer.append(Batch(postings=[posting("m1", 5, 5, 7, DAYS[1])]))
            assert expected == everything(before)
        with filled.reader("main") as after:
            assert 5 == len(after.postings("m1", after=0, limit=9))

    @needs("snapshots")
    def test_nothing_uncommitted_is_seen(self, filled: Store) -> None:
        """What a writer has appended is its own until it ends; a reader sees the bank before."""
        with filled.reader("main") as reader:
            expected = everything(reader)
        with filled.writer("main") as writer:
            writer.append(
                Batch(
                    [record(6, id="t6", refers_to=3)],
                    [TextRow(6, "note", b"v" * 16, "x")],
                    {"x": account("x", opened=6)},
                    [posting("m1", 5, 6, 1, DAYS[1])],
                    [hold("x", 6, held=1)],
                    [3],
                    [StatuteRow(6, "v6")],
                    [tile(0, 2), tile(1, 1)],
                )
            )
            with filled.reader("main") as reader:
                assert expected == everything(reader)
