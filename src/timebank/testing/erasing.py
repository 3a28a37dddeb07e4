"""Texts that are erased, and what they leave behind."""

from __future__ import annotations

import pytest

from timebank.model import TextRow
from timebank.storage.memory.overlay import Overlay
from timebank.storage.protocol import Batch, Store
from timebank.testing.place import StorePlace
from timebank.testing.rows import record, small_bank


class Erasing(StorePlace, part=True):
    """A text goes with its salt; records, and other texts, stay."""

    def test_an_erased_text_is_gone(self, filled: Store) -> None:
        """For the writer at once, for others from its commit on; the others of a record stay."""
        note, reason, other = sorted(small_bank().texts)
        with filled.writer("main") as writer:
            writer.append(Batch([record(6)], erased=[(2, "reason")]))
            assert [note, other] == writer.texts(after=0, through=9)
        with filled.reader("main") as reading:
            assert [note, other] == reading.texts(after=0, through=9)
            assert 6 == reading.head().sequence
            overlay = Overlay(reading)
            overlay.append(Batch(erased=[(4, "reason"), (2, "reason")]))
            assert [note] == overlay.texts(after=0, through=9)
            assert [note, other] == reading.texts(after=0, through=9)
        with filled.writer("main") as writer:
            writer.append(Batch(texts=[reason], erased=[(2, "note")]))
        with filled.reader("main") as reading:
            assert [reason, other] == reading.texts(after=0, through=9)

    def test_a_text_of_the_same_batch_is_erased_too(self, filled: Store) -> None:
        """Texts are added first, then those that are erased go."""
        kept = TextRow(6, "name", b"n" * 16, "kept")
        gone = TextRow(6, "note", b"o" * 16, "gone")
        with filled.writer("main") as writer:
            writer.append(Batch([record(6)], texts=[gone, kept], erased=[(6, "note")]))
            assert [kept] == writer.texts(after=5, through=9)
        with filled.writer("main") as writer:
            writer.append(Batch(texts=[gone]))
            writer.append(Batch(erased=[(6, "note")]))
            assert [kept] == writer.texts(after=5, through=9)
        with filled.reader("main") as reading:
            assert [kept] == reading.texts(after=5, through=9)

    def test_what_is_not_there_need_not_be_erased(self, filled: Store) -> None:
        """Neither another field, nor another record, nor that of another bank goes for it."""
        texts = sorted(small_bank().texts)
        filled.make_bank("other", journal="j2")
        with filled.writer("other") as writer:
            writer.append(Batch([record(n) for n in (1, 2, 3, 4)], texts=texts))
        with filled.writer("main") as writer:
            writer.append(Batch(erased=[(2, "name"), (3, "note"), (99, "note")]))
        with filled.reader("main") as reading:
            assert texts == reading.texts(after=0, through=99)
        with filled.writer("main") as writer:
            writer.append(Batch(erased=[(2, "note"), (2, "reason"), (4, "reason")]))
        with filled.reader("main") as reading:
            assert [] == reading.texts(after=0, through=99)
        with filled.reader("other") as reading:
            assert texts == reading.texts(after=0, through=99)

    def test_an_erasure_taken_back_erases_nothing(self, filled: Store) -> None:
        """After an error every text is there."""
        with pytest.raises(ZeroDivisionError), filled.writer("main") as writer:
            writer.append(Batch(erased=[(2, "note"), (4, "reason")]))
            raise ZeroDivisionError
        with filled.reader("main") as reading:
            assert sorted(small_bank().texts) == reading.texts(after=0, through=9)
            assert [] == list(reading.faults())
