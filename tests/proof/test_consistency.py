"""Proofs that a head continues another, and the evidence where it does not, at every record."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proof.histories import (
    KEY,
    PUBLIC,
    STRANGER,
    bank_of,
    forked,
    head_of,
    history,
    is_perfect,
    rewritten,
)
from support import examples
from timebank import Corrupt, InvalidRequest, NotPermitted, TimeBank
from timebank.model import TileRow
from timebank.proof import (
    Checkpoint,
    Continuation,
    Evidence,
    Forked,
    NotProved,
    SigningKey,
    continuation,
    sign_head,
)
from timebank.proof.consistency import check_in, expected

SIZE = 17
HONEST = history(SIZE)
#: The heads of the honest history as it grew.
HEADS = [head_of(HONEST[:size]) for size in range(SIZE + 1)]
BANK = bank_of(HONEST)


def denied(bank: TimeBank) -> list[int]:
    """How many records the heads have that are not in the journal of a bank."""
    found = []
    with bank.store.reader(bank.name) as reader:
        for head in HEADS:
            try:
                check_in(reader, head)
            except Forked:
                found.append(head.checkpoint.size)
    return found


# -- what is so ------------------------------------------------------------------------


@pytest.mark.parametrize("old", range(SIZE + 1))
def test_a_bank_continues_each_of_its_heads(old: int) -> None:
    for since in (old, HEADS[old]):
        made = continuation(BANK, since, KEY)
        assert HEADS[SIZE] == made.head
        assert old == made.old
        assert made == Continuation.of(str(made)) == Continuation.of(str(made).encode())
        made.check_from(HEADS[old])


@pytest.mark.parametrize("new", range(SIZE + 1))
def test_a_proof_may_lead_to_a_head_that_was_signed_before(new: int) -> None:
    for old in range(new + 1):
        made = continuation(BANK, HEADS[old], head=HEADS[new])
        assert HEADS[new] == made.head
        made.check_from(HEADS[old])


def test_a_journal_has_its_heads_and_no_head_of_another() -> None:
    with BANK.store.reader("main") as reader:
        for head in HEADS:
            check_in(reader, head)
        other = attrs.evolve(HEADS[2].checkpoint, origin="timebank/id-2")
        with pytest.raises(NotProved, match="of the journal id-2, and this one is id-1"):
            check_in(reader, attrs.evolve(HEADS[2], checkpoint=other))
    assert BANK.audit(expect=map(expected, HEADS)).ok


def test_what_cannot_be_proved_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="there are 17 records, and none is a proof from 18"):
        continuation(BANK, 18, KEY)
    with pytest.raises(InvalidRequest, match="none is a proof from -1"):
        continuation(BANK, -1, KEY)
    with pytest.raises(InvalidRequest, match="there are 5 records, and none is a proof from 8"):
        continuation(BANK, 8, head=HEADS[5])
    with pytest.raises(InvalidRequest, match="a key that signs is missing"):
        continuation(BANK, 8)
    with pytest.raises(InvalidRequest, match="give keys, or a head"):
        continuation(BANK, 8, KEY, head=HEADS[9])
    with pytest.raises(InvalidRequest, match="does not sign for timebank/id-1"):
        continuation(BANK, 8, SigningKey.make("timebank/id-2"))
    with pytest.raises(NotPermitted):
        continuation(TimeBank(BANK.store, permissions=lambda ask: ask.action != "head"), 8, KEY)


@pytest.mark.parametrize("quick", [False, True])
def test_an_audit_misses_each_head_of_another_past(quick: bool) -> None:
    """Rewritten at each record, or cut there: heads from there on are missed, and none before."""
    for at in range(1, SIZE + 1):
        for names in (rewritten(HONEST, at), HONEST[: at - 1]):
            bank = bank_of(names)
            for size, head in enumerate(HEADS):
                report = bank.audit(expect=[expected(head)], quick=quick)
                assert report.ok == (size < at)
                assert {one.check for one in report.findings} <= {"published"}


# -- forks at every record -------------------------------------------------------------


@pytest.mark.parametrize("at", range(1, SIZE + 1))
@pytest.mark.parametrize("change", [rewritten, lambda names, at: forked(names, at - 1)])
def test_a_past_that_was_rewritten_is_named_with_evidence(
    change: Callable[[list[str], int], list[str]], at: int
) -> None:
    """Every head from the changed record on is denied; those before it are continued."""
    bank = bank_of(change(HONEST, at))
    newest = sign_head(bank, KEY)
    for old in range(SIZE + 1):
        if old < at:
            continuation(bank, HEADS[old], KEY).check_from(HEADS[old])
            continue
        for head, signed in ((None, False), (newest, True)):
            keys = () if signed else (KEY,)
            with pytest.raises(Forked, match=f"a head of {old} records was signed") as error:
                continuation(bank, HEADS[old], *keys, head=head)
            evidence = Evidence.of(error.value.evidence or "")
            assert (signed, False) == (evidence.is_signed, evidence.is_shorter)
            assert (HEADS[old], newest.checkpoint) == (evidence.seen, evidence.claim)
            signers, others = evidence.checked([PUBLIC])
            assert signers.signers == (PUBLIC,)
            assert (others is not None) == signed
    assert list(range(at, SIZE + 1)) == denied(bank)


@pytest.mark.parametrize("at", range(1, SIZE))
def test_who_saw_a_head_finds_the_fork_in_the_request_itself(at: int) -> None:
    """It is made without a look at the head. The root of a perfect tree is in no proof."""
    bank = bank_of(rewritten(HONEST, at))
    for old in range(at, SIZE):
        request = continuation(bank, old, KEY)
        with pytest.raises(NotProved) as error:
            request.check_from(HEADS[old])
        assert is_perfect(old) == (type(error.value) is NotProved)
        if isinstance(error.value, Forked):
            evidence = Evidence.of(error.value.evidence or "")
            assert evidence.is_signed
            evidence.checked([PUBLIC])
        else:
            assert "or the past was rewritten" in str(error.value)


def test_two_heads_of_one_size_need_no_proof() -> None:
    for size in range(1, SIZE + 1):
        other = head_of(rewritten(HONEST, 1)[:size])
        with pytest.raises(Forked) as error:
            Continuation(size, (), other).check_from(HEADS[size])
        Evidence.of(error.value.evidence or "").checked([PUBLIC])


def test_a_journal_that_was_cut_is_named() -> None:
    for size in range(SIZE):
        bank = bank_of(HONEST[:size])
        told = f"a head of 17 records was signed, this one has {size}"
        with pytest.raises(Forked, match=told) as error:
            continuation(bank, HEADS[SIZE], KEY)
        evidence = Evidence.of(error.value.evidence or "")
        evidence.checked([PUBLIC])
        assert evidence.is_shorter
        assert list(range(size + 1, SIZE + 1)) == denied(bank)


def test_two_heads_alone_do_not_tell_which_came_first() -> None:
    """The shorter may be the older one: nobody is accused by it, and no evidence is made."""
    for size in range(SIZE):
        with pytest.raises(NotProved, match="is the older of the two, or records were") as error:
            Continuation(SIZE, (), HEADS[size]).check_from(HEADS[SIZE])
        assert type(error.value) is NotProved


def test_a_head_that_another_past_signed_is_not_of_this_journal() -> None:
    for at in range(1, SIZE + 1):
        other = head_of(rewritten(HONEST, at))
        with pytest.raises(Forked):
            continuation(BANK, 0, head=other)


def test_a_tree_that_was_left_as_it_was_hides_no_change() -> None:
    """Rows of the tree may lie: where all records are read, they are not asked."""
    names = history(600)
    head = head_of(names)
    honest, other = bank_of(names), bank_of(rewritten(names, 3))
    with honest.store.reader("main") as true, other.store.reader("main") as false:

        class Lying:
            head, records, tiles = false.head, false.records, true.tiles

        check_in(Lying, head)  # type: ignore[arg-type]  # all that is asked of a reader
        for anew in (Lying, false):
            with pytest.raises(Forked) as error:
                check_in(anew, head, anew=True)  # type: ignore[arg-type]  # as above
            Evidence.of(error.value.evidence or "").checked([PUBLIC])
        check_in(true, head, anew=True)


def test_a_tree_that_was_damaged_accuses_nobody() -> None:
    """Where the records have the head, and the rows of the tree have not, these are told."""
    names = history(600)
    head = head_of(names)
    with bank_of(names).store.reader("main") as reader:

        class Damaged:
            head, records = reader.head, reader.records

            @staticmethod
            def tiles(**asked: int) -> list[TileRow]:
                return [row._replace(hash=bytes(32)) for row in reader.tiles(**asked)]

        with pytest.raises(Corrupt, match="rebuild it"):
            check_in(Damaged, head)  # type: ignore[arg-type]  # all that is asked of a reader
        check_in(Damaged, head, anew=True)  # type: ignore[arg-type]  # as above


# -- what was changed ------------------------------------------------------------------


def flipped(text: str) -> list[bytes]:
    """A text with each of its bits flipped in turn."""
    data = text.encode()
    return [
        data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]
        for place in range(len(data))
        for bit in range(8)
    ]


def test_a_request_of_which_a_bit_was_flipped_is_refused() -> None:
    """The proof, the head, or its signature does not hold; or it begins elsewhere."""
    made = continuation(BANK, 6, KEY)
    for data in flipped(str(made)):
        with pytest.raises(NotProved):
            one = Continuation.of(data)
            one.head.checked([PUBLIC])
            one.check_from(HEADS[6])


def test_evidence_of_which_a_bit_was_flipped_is_refused() -> None:
    bank = bank_of(rewritten(HONEST, 2))
    with pytest.raises(Forked) as error:
        continuation(bank, HEADS[6], head=sign_head(bank, KEY))
    for data in flipped(error.value.evidence or ""):
        with pytest.raises(NotProved):
            Evidence.of(data).checked([PUBLIC])


def test_hashes_that_are_left_out_doubled_moved_or_added_are_refused() -> None:
    for old in range(1, SIZE):
        made = continuation(BANK, old, KEY)
        hashes = made.hashes
        others = [hashes[:n] + hashes[n + 1 :] for n in range(len(hashes))]
        others += [hashes[: n + 1] + hashes[n:] for n in range(len(hashes))]
        others += [
            hashes[:n] + hashes[n + 1 : n + 2] + hashes[n : n + 1] + hashes[n + 2 :]
            for n in range(len(hashes) - 1)
        ]
        others += [(*hashes, bytes(32)), (bytes(32), *hashes)]
        for wrong in others:
            with pytest.raises(NotProved):
                attrs.evolve(made, hashes=wrong).check_from(HEADS[old])
    for old in (0, SIZE):
        made = continuation(BANK, old, KEY)
        with pytest.raises(NotProved, match="such a proof is empty"):
            attrs.evolve(made, hashes=(bytes(32),)).check_from(HEADS[old])


def test_a_proof_of_another_head_is_refused() -> None:
    made = continuation(BANK, 6, KEY)
    with pytest.raises(NotProved, match="the proof begins at 6 records, and the older head has 7"):
        made.check_from(HEADS[7])
    other = attrs.evolve(HEADS[6].checkpoint, origin="timebank/id-2")
    with pytest.raises(NotProved, match="of two journals, timebank/id-2 and timebank/id-1"):
        made.check_from(attrs.evolve(HEADS[6], checkpoint=other))


@pytest.mark.parametrize(
    "above",
    [
        "",
        "old",
        "old -1",
        "old 01",
        "old 6 ",
        "Old 6",
        "old 6\nAAAA",
        "old 6\n" + "A" * 43,
        "old 6\n" + "A" * 42 + "B=",
        "old 6\n" + ("A" * 43 + "=\n") * 63 + "A" * 43 + "=",
        "old 99999999999999999999",
    ],
)
def test_what_is_no_proof_is_told(above: str) -> None:
    with pytest.raises(NotProved, match="no proof: one begins with a line 'old N'"):
        Continuation.of(f"{above}\n\n{HEADS[9]}")


@given(
    st.text(alphabet="old 0123\n—=A/ timebank-evidence1root fewer\u2014", max_size=80) | st.binary()
)
@examples(300)
def test_any_text_is_read_or_refused(data: str | bytes) -> None:
    for form in (Continuation.of, Evidence.of):
        with contextlib.suppress(NotProved):
            assert str(form(data)).encode() == (data if isinstance(data, bytes) else data.encode())


# -- evidence that is none -------------------------------------------------------------


def test_what_excludes_nothing_is_no_evidence() -> None:
    """Nobody is accused by two heads of one past, by another's signature, or by a wrong proof."""
    true = continuation(BANK, 6, KEY)
    root = HEADS[6].checkpoint.root
    other = head_of(rewritten(HONEST, 2))
    for none in (
        Evidence(HEADS[6], HEADS[SIZE], root, true.hashes),
        Evidence(HEADS[6], HEADS[SIZE], bytes(32), true.hashes),
        Evidence(HEADS[8], HEADS[SIZE], bytes(32), continuation(BANK, 8, KEY).hashes),
        Evidence(HEADS[6], HEADS[6], root),
        Evidence(HEADS[6], HEADS[6], bytes(32)),
        Evidence(HEADS[6], HEADS[SIZE]),
        Evidence(HEADS[SIZE], HEADS[6], root),
        Evidence(HEADS[SIZE], HEADS[6], hashes=true.hashes),
        Evidence(HEADS[SIZE], other, other.checkpoint.root, true.hashes),
        Evidence(HEADS[SIZE], Checkpoint("timebank/id-2", SIZE, bytes(32)), bytes(32)),
    ):
        with pytest.raises(NotProved, match=r"the evidence does not hold|are of two journals"):
            none.checked([PUBLIC])
        with pytest.raises(NotProved, match=r"the evidence does not hold|are of two journals"):
            none.forked()
    strange = attrs.evolve(other, note=attrs.evolve(other.note, signatures=()))
    strange = strange.cosigned(STRANGER.sign(other.note.text))
    for seen, second in ((HEADS[SIZE], strange), (strange, HEADS[SIZE])):
        evidence = Evidence(seen, second, second.checkpoint.root)
        with pytest.raises(NotProved, match="is not signed by the key"):
            evidence.checked([PUBLIC])
        evidence.checked([PUBLIC, STRANGER.public])


def test_the_text_of_evidence_is_strict() -> None:
    bank = bank_of(rewritten(HONEST, 2))
    with pytest.raises(Forked) as error:
        continuation(bank, HEADS[6], KEY)
    text = error.value.evidence or ""
    assert text == str(Evidence.of(text))
    for wrong in (
        text.replace("evidence/1", "evidence/2"),
        text + "\n",
        text.rstrip("\n"),
        "\n" + text,
        text.replace("root ", ""),
        text.replace("unsigned", "Unsigned"),
        text.replace("\n\n", "\n\n\n", 1),
        text.replace("\n\nunsigned", ""),
        text + text,
    ):
        with pytest.raises(NotProved):
            Evidence.of(wrong)
