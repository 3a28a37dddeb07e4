"""What a witness answers: by tlog-witness's rules of `add-checkpoint`, and what it keeps."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from proof.histories import KEY, PUBLIC, STRANGER, bank_of, head_of, history, is_perfect, rewritten
from timebank import Corrupt, InvalidRequest, StoreBusy
from timebank.proof import (
    Continuation,
    Evidence,
    Forked,
    NotProved,
    OtherSize,
    SignedHead,
    SigningKey,
    Witness,
    continuation,
    folders,
)

HONEST = history(12)
OWN = SigningKey(name="anna.example", kind="cosignature", seed=bytes(range(1, 33)))


def request(names: list[str], old: int) -> Continuation:
    """What a bank of a history asks a witness with."""
    return continuation(bank_of(names), old, KEY)


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    """A witness that trusts the bank, and has seen nothing."""
    OWN.write(tmp_path / "key")
    seconds = itertools.count(1_800_000_000)
    made = Witness(tmp_path, clock=lambda: next(seconds))
    made.trust(PUBLIC)
    return made


def seen(witness: Witness) -> SignedHead:
    """The head that it saw last."""
    found = witness.seen(KEY.name)
    assert found is not None
    return found


def kept(witness: Witness) -> dict[str, bytes]:
    """All that is in its folder, but the lock."""
    files = (one for one in witness.folder.rglob("*") if one.is_file() and one.name != "lock")
    return {str(one.relative_to(witness.folder)): one.read_bytes() for one in files}


# -- what it cosigns -------------------------------------------------------------------


def test_it_cosigns_what_continues_what_it_saw(witness: Witness) -> None:
    """What it keeps is signed by the bank and by itself, at each size, and the last is known."""
    sizes = [0, 1, 2, 3, 5, 8, 12]
    for old, new in itertools.pairwise([0, *sizes]):
        asked = request(HONEST[:new], old)
        cosignature = witness.add(asked)
        head = asked.head.cosigned(cosignature)
        checked = head.checked([PUBLIC], [OWN.public])
        assert [one.key for one in checked.cosigners] == [OWN.public]
        assert seen(witness) == head
    assert witness.heads(KEY.name)[-1] == seen(witness)
    assert [one.checkpoint.size for one in witness.heads(KEY.name)] == sizes
    assert witness.evidence(KEY.name) == []


def test_the_same_head_again_is_cosigned_anew(witness: Witness) -> None:
    """A bank that lost the answer asks from the size that the witness tells."""
    first = witness.add(request(HONEST[:5], 0))
    with pytest.raises(OtherSize) as error:
        witness.add(request(HONEST[:5], 0))
    assert error.value.size == 5
    again = witness.add(request(HONEST[:5], 5))
    assert OWN.public.time_of(first) < OWN.public.time_of(again)
    assert (
        seen(witness).note.signatures[-1] == again == witness.heads(KEY.name)[0].note.signatures[-1]
    )


def test_signatures_of_others_are_neither_checked_nor_kept(witness: Witness) -> None:
    strange = SigningKey.make("example.com/other")
    text = head_of(HONEST[:5]).note.text
    head = head_of(HONEST[:5]).cosigned(
        strange.sign(text), STRANGER.sign(text), attrs.evolve(strange.sign(text), value=bytes(64))
    )
    cosignature = witness.add(Continuation(0, (), head))
    assert [one.name for one in seen(witness).note.signatures] == [KEY.name, OWN.name]
    assert seen(witness).note.signatures[-1] == cosignature


def test_each_bank_has_a_past_of_its_own(witness: Witness) -> None:
    other = SigningKey.make("timebank/id-2")
    witness.trust(other.public)
    witness.add(request(HONEST[:5], 0))
    checkpoint = attrs.evolve(head_of(HONEST[:3]).checkpoint, origin=other.name)
    note = attrs.evolve(head_of([]).note, text=str(checkpoint), signatures=())
    head = SignedHead(checkpoint, note.signed_by(other.sign(str(checkpoint))))
    witness.add(Continuation(0, (), head))
    assert (5, 3) == (seen(witness).checkpoint.size, witness.seen(other.name).checkpoint.size)  # type: ignore[union-attr]  # it was seen


# -- what it refuses -------------------------------------------------------------------


def cases() -> Iterator[tuple[str, Continuation, str]]:
    """Requests to a witness that saw five records, and what it says of them."""
    head = head_of(HONEST)
    text = head.note.text
    good = request(HONEST, 5)
    unsigned = attrs.evolve(head, note=attrs.evolve(head.note, signatures=()))
    wrong = attrs.evolve(KEY.sign(text), value=bytes(64))

    def of(head: SignedHead) -> Continuation:
        return attrs.evolve(good, head=head)

    other = SigningKey.make("timebank/id-2")
    elsewhere = text.replace(KEY.name, other.name)
    foreign = SignedHead.of(f"{elsewhere}\n{other.sign(elsewhere)}\n")
    yield "a bank it does not know", of(foreign), "trusts no key of timebank/id-2"
    yield "no signature", of(unsigned), "is not signed by the key"
    yield "a stranger's", of(unsigned.cosigned(STRANGER.sign(text))), "is not signed by the key"
    yield "a wrong one", of(unsigned.cosigned(wrong)), "does not hold"
    two = attrs.evolve(head, note=attrs.evolve(head.note, signatures=(KEY.sign(text), wrong)))
    yield "a wrong one beside a good one", of(two), "does not hold"
    yield "beyond the head", attrs.evolve(good, old=13), "begins at 13 records, and the head has 12"
    yield "from another size", request(HONEST, 4), "saw 5 last: make it again with --since 5"
    yield "from nothing", request(HONEST, 0), "saw 5 last"
    yield "shorter", request(HONEST[:4], 0), "saw 5 last"
    yield "no proof", attrs.evolve(good, hashes=()), "does not lead from the head of 5"
    yield "another's", attrs.evolve(good, hashes=good.hashes[::-1]), "does not lead"
    yield "rewritten", request(rewritten(HONEST, 2), 5), "the past was rewritten"
    yield "another of that size", request(rewritten(HONEST, 2)[:5], 5), "the past was rewritten"
    yield "another, asked from nothing", request(rewritten(HONEST, 2)[:5], 0), "was rewritten"
    more = attrs.evolve(request(HONEST[:5], 5), hashes=(bytes(32),))
    yield "hashes too many", more, "such a proof is empty"


@pytest.mark.parametrize(
    ("asked", "told"), [pytest.param(*case[1:], id=case[0]) for case in cases()]
)
def test_what_does_not_continue_is_refused_and_changes_nothing(
    witness: Witness, asked: Continuation, told: str
) -> None:
    witness.add(request(HONEST[:5], 0))
    before = kept(witness)
    with pytest.raises(NotProved, match=told) as error:
        witness.add(asked)
    after = kept(witness)
    found = {name: data.decode() for name, data in after.items() if name not in before}
    assert before == {name: data for name, data in after.items() if name not in found}
    if isinstance(error.value, Forked):
        [(name, text)] = found.items()
        assert ("evidence", text) == (name.split("/")[-2], error.value.evidence)
        Evidence.of(text).checked([PUBLIC])
    elif told.startswith("does not lead"):
        [(name, text)] = found.items()
        assert ("refused", str(head_of(HONEST))) == (name.split("/")[-2], text)
    else:
        assert found == {}
    witness.add(request(HONEST, 5))  # it goes on
    assert seen(witness).checkpoint == head_of(HONEST).checkpoint


def test_a_first_request_has_no_proof(witness: Witness) -> None:
    with pytest.raises(NotProved, match="such a proof is empty"):
        witness.add(Continuation(0, (bytes(32),), head_of(HONEST)))
    with pytest.raises(OtherSize, match="saw 0 last"):
        witness.add(request(HONEST, 5))
    assert witness.seen(KEY.name) is None


@pytest.mark.parametrize("at", range(1, 12))
def test_a_fork_at_any_record_is_refused(witness: Witness, at: int) -> None:
    """With evidence, wherever the root of the head that was seen can be had from a proof."""
    for size in range(at, 12):
        known = witness.seen(KEY.name)
        old = 0 if known is None else known.checkpoint.size
        witness.add(request(HONEST[:size], old))
        with pytest.raises(NotProved) as error:
            witness.add(request(rewritten(HONEST, at), size))
        assert is_perfect(size) == (type(error.value) is NotProved)
    assert seen(witness).checkpoint == head_of(HONEST[:11]).checkpoint
    assert len(witness.evidence(KEY.name)) == sum(not is_perfect(one) for one in range(at, 12))


def test_a_head_that_was_refused_for_want_of_a_proof_is_kept(witness: Witness) -> None:
    """With the journal it came from it makes evidence: there, a perfect tree has its root."""
    witness.add(request(HONEST[:8], 0))
    other = rewritten(HONEST, 3)
    with pytest.raises(NotProved, match="does not lead"):
        witness.add(request(other, 8))
    [refused] = (one for name, one in kept(witness).items() if "/refused/" in name)
    with pytest.raises(Forked) as error:
        continuation(bank_of(other), seen(witness), head=SignedHead.of(refused))
    evidence = Evidence.of(error.value.evidence or "")
    assert evidence.is_signed
    evidence.checked([PUBLIC])


# -- its folder ------------------------------------------------------------------------


def test_it_trusts_keys_that_lie_in_its_folder(witness: Witness) -> None:
    [file] = (witness.folder / "banks").iterdir()
    assert f"{PUBLIC}\n" == file.read_text("utf-8")
    assert witness.trust(PUBLIC) == file
    file.unlink()
    with pytest.raises(NotProved, match="trusts no key of timebank/id-1"):
        witness.add(request(HONEST, 0))
    (witness.folder / "banks" / "any name").write_text(f"{STRANGER.public}\n{PUBLIC}\n", "utf-8")
    witness.add(request(HONEST, 0))
    with pytest.raises(InvalidRequest, match="witness"):
        witness.trust(OWN.public)
    (witness.folder / "banks" / "own").write_text(str(OWN.public), "utf-8")
    with pytest.raises(InvalidRequest):
        witness.banks()


def test_it_needs_a_key_of_a_witness(tmp_path: Path) -> None:
    witness = Witness(tmp_path / "new" / "folder")
    witness.trust(PUBLIC)
    with pytest.raises(InvalidRequest, match="there is no key of a witness in"):
        witness.add(request(HONEST, 0))
    KEY.write(witness.folder / "key")
    with pytest.raises(InvalidRequest, match="is of no witness"):
        witness.add(request(HONEST, 0))


def _with(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda file: file.write_bytes(change(file.read_bytes()))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "gone": lambda file: file.unlink(),
    "empty": _with(lambda _: b""),
    "cut": _with(lambda data: data[:-10]),
    "another root": _with(lambda data: data.replace(b"\n12\n", b"\n11\n")),
    "without its signature": _with(lambda data: data[: data.rindex("—".encode())]),
    "another bank's": _with(lambda data: data.replace(b"id-1", b"id-2")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_was_damaged_is_never_taken_for_nothing_seen(witness: Witness, damage: str) -> None:
    witness.add(request(HONEST, 0))
    [place] = witness.folder.glob("seen/*/checkpoint")
    DAMAGE[damage](place)
    for asked in (request(HONEST, 0), request(HONEST, 12), request(rewritten(HONEST, 2), 0)):
        with pytest.raises(Corrupt, match=r"is missing, by which|is not as the witness wrote it"):
            witness.add(asked)


def test_another_key_needs_another_folder(witness: Witness) -> None:
    witness.add(request(HONEST[:5], 0))
    (witness.folder / "key").unlink()
    SigningKey.make(OWN.name, witness=True).write(witness.folder / "key")
    with pytest.raises(Corrupt, match="a key has a folder of its own"):
        witness.add(request(HONEST, 5))


def test_who_waits_too_long_for_the_folder_is_told(
    witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "WAITS_SECONDS", 0.05)
    with (
        folders.alone_in(witness.folder / "lock"),
        pytest.raises(StoreBusy, match="another process uses"),
    ):
        witness.add(request(HONEST, 0))
    witness.add(request(HONEST, 0))


def test_threads_take_turns(witness: Witness) -> None:
    """Of twelve pasts of one size one is cosigned, whoever comes first."""
    asked = [request(rewritten(HONEST, at), 0) for at in range(1, 13)]
    told: list[Any] = []

    def ask(one: Continuation) -> None:
        try:
            told.append(witness.add(one))
        except Forked as error:
            told.append(error)

    threads = [threading.Thread(target=ask, args=(one,)) for one in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (12, 11) == (len(told), sum(isinstance(one, Forked) for one in told))
    assert len(witness.evidence(KEY.name)) == 11


def test_nothing_is_answered_before_it_has_reached_the_disk(
    witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File, then name, then folder: each in this order, of each file, before the answer."""
    did: list[tuple[str, str]] = []
    names: dict[int, str] = {}
    open_, fsync, replace = os.open, os.fsync, os.replace

    def opened(path: Any, *args: Any, **more: Any) -> int:
        number = open_(path, *args, **more)
        names[number] = os.fspath(path)
        return number

    def synced(number: int) -> None:
        did.append(("sync", Path(names[number]).name))
        fsync(number)

    def replaced(source: Any, target: Any, **more: Any) -> None:
        did.append(("replace", Path(target).name))
        replace(source, target, **more)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    witness.add(request(HONEST[:5], 0))
    origin = next((witness.folder / "seen").iterdir()).name
    head = str(5).zfill(19)
    assert did == [
        ("sync", "seen"),  # that of the origin
        ("sync", witness.folder.name),  # that of `seen`
        ("sync", ".checkpoint.new"),
        ("replace", "checkpoint"),
        ("sync", origin),
        ("sync", origin),  # that of `heads`
        ("sync", f".{head}.new"),
        ("replace", head),
        ("sync", "heads"),
        ("sync", f"..{origin}.new"),
        ("replace", f".{origin}"),
        ("sync", "banks"),
    ]


@pytest.mark.parametrize("gone", ["seen", "seen/*", "seen/*/*"])
def test_a_folder_of_which_a_part_was_copied_cosigns_nothing(witness: Witness, gone: str) -> None:
    """Without what it saw, it knows that it saw something."""
    witness.add(request(HONEST[:5], 0))
    for place in list(witness.folder.glob(gone)):
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    for asked in (request(HONEST, 0), request(rewritten(HONEST, 2), 0), request(HONEST, 5)):
        with pytest.raises(Corrupt, match="is missing, by which the witness knows"):
            witness.add(asked)


def test_a_folder_of_which_a_part_was_put_back_cosigns_nothing(witness: Witness) -> None:
    """The last head of a copy, beside heads that were cosigned later, is no last head."""
    witness.add(request(HONEST[:5], 0))
    [place] = witness.folder.glob("seen/*/checkpoint")
    copy = place.read_bytes()
    witness.add(request(HONEST[:9], 5))
    newest = place.read_bytes()
    place.write_bytes(copy)
    other = request(rewritten(HONEST, 7), 5)
    for asked in (other, request(HONEST, 5), request(HONEST, 9), request(HONEST[:5], 5)):
        with pytest.raises(Corrupt, match="which the witness cosigned after it"):
            witness.add(asked)
    place.write_bytes(newest)
    with pytest.raises(OtherSize):
        witness.add(other)
    witness.add(request(HONEST, 9))


@pytest.mark.parametrize(("name", "source", "asked"), [(8, 5, 8), (5, 3, 5), (3, 5, 12)])
def test_heads_under_names_of_others_accuse_nobody(
    witness: Witness, name: int, source: int, asked: int
) -> None:
    """Files that were copied, renamed or swapped are told as such, not as a fork."""
    witness.add(request(HONEST[:3], 0))
    witness.add(request(HONEST[:5], 3))
    [folder] = witness.folder.glob("seen/*/heads")
    data = (folder / str(source).zfill(19)).read_bytes()
    (folder / str(name).zfill(19)).write_bytes(data)
    with pytest.raises(Corrupt, match=f"that was the head of {name} records"):
        witness.heads(KEY.name)
    if name == 3:
        witness.add(request(HONEST[:asked], 5))  # it was not asked for that one
    else:
        with pytest.raises(Corrupt, match=f"that was the head of {name} records"):
            witness.add(request(HONEST[:asked], 5))
    assert witness.evidence(KEY.name) == []


def test_a_head_that_was_cosigned_is_never_written_over_by_another(witness: Witness) -> None:
    """Where two that it cosigned exclude each other, for a folder was put back, both stay."""
    witness.add(request(HONEST[:5], 0))
    other = Witness(witness.folder / "other", clock=witness.clock)
    other.trust(PUBLIC)
    OWN.write(other.folder / "key")
    other.add(request(rewritten(HONEST, 2)[:5], 0))
    [ours], [theirs] = (list(one.folder.glob("seen/*/checkpoint")) for one in (witness, other))
    before = kept(witness)
    ours.write_bytes(theirs.read_bytes())
    with pytest.raises(Corrupt, match="is not the head of 5 records that the witness saw last"):
        witness.add(request(HONEST, 5))
    ours.write_bytes(before[str(ours.relative_to(witness.folder))])
    assert before == kept(witness)


def test_a_fork_is_told_where_its_evidence_cannot_be_kept(
    witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, or what lies in the place, hides it from nobody: the error has it."""
    witness.add(request(HONEST[:5], 0))
    other = request(rewritten(HONEST, 2), 5)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    for call in ("fsync", "link"):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, full)
            with pytest.raises(Forked) as error:
                witness.add(other)
        text = error.value.evidence or ""
        Evidence.of(text).checked([PUBLIC])
        assert witness.evidence_file(KEY.name, text) is None
    [place] = witness.folder.glob("seen/*")
    (place / "evidence" / "folder").mkdir(parents=True)
    (place / "evidence" / "thumbs").write_bytes(b"\xff")
    with pytest.raises(Forked) as error:
        witness.add(other)
    assert witness.evidence_file(KEY.name, error.value.evidence or "") is not None


def test_who_waits_for_a_lock_that_was_taken_away_waits_for_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two would be alone: one with the old file, one with the new."""
    lock, locked = tmp_path / "lock", folders._locked
    is_waiting, is_inside = threading.Event(), threading.Event()

    def told(number: int) -> bool:
        was_free = locked(number)
        if not was_free:
            is_waiting.set()
        return was_free

    def wait() -> None:
        with folders.alone_in(lock):
            is_inside.set()

    monkeypatch.setattr(folders, "_locked", told)
    thread = threading.Thread(target=wait)
    with folders.alone_in(lock):
        thread.start()
        assert is_waiting.wait(10)
        lock.unlink()
        other = os.open(lock, os.O_CREAT | os.O_RDWR)
        assert locked(other)
    assert not is_inside.wait(0.2)
    os.close(other)
    thread.join()
    assert is_inside.is_set()


def test_two_who_keep_something_under_one_name_keep_both(tmp_path: Path) -> None:
    """At the same time, of the same name: nothing is written over, nothing is left beside."""
    texts = [f"evidence {number}\n" for number in range(8)]
    start = threading.Barrier(len(texts))

    def keep(text: str) -> None:
        start.wait()
        folders.keep_new(tmp_path / "evidence", text)

    threads = [threading.Thread(target=keep, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(texts) == sorted(one.read_text("utf-8") for one in tmp_path.iterdir())


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
def test_a_file_system_without_links_keeps_files_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def cannot(*_: Any) -> None:
        raise OSError(number, "cannot")

    monkeypatch.setattr(os, "link", cannot)
    names = [folders.keep_new(tmp_path / "e", text).name for text in ("a", "b", "a")]
    assert ["e", "e.2", "e"] == names
    assert {"e", "e.2"} == {one.name for one in tmp_path.iterdir()}


def test_folders_that_cannot_be_synced_are_used_and_a_disk_that_fails_is_told(
    witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems of a network do it for files alone."""
    fsync = os.fsync

    def failing(number: int) -> Any:
        def sync(file: int) -> None:
            if stat.S_ISDIR(os.fstat(file).st_mode):
                raise OSError(number, "not for a folder")
            fsync(file)

        return sync

    monkeypatch.setattr(os, "fsync", failing(errno.EINVAL))
    witness.add(request(HONEST[:5], 0))
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(OSError, match="not for a folder"):
        witness.add(request(HONEST, 5))
    assert seen(witness).checkpoint.size == 5


@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
def test_a_disk_that_fails_gives_no_cosignature_to_two_pasts(
    witness: Witness, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """At whichever call: either past may be cosigned afterwards, never both."""
    true = getattr(os, call)
    for failing in itertools.count():
        calls = itertools.count()

        def broken(*args: Any, failing: int = failing, calls: Any = calls, **more: Any) -> Any:
            if next(calls) == failing:
                raise OSError(28, "No space left on device")
            return true(*args, **more)

        one = Witness(witness.folder / f"{call}{failing}", clock=witness.clock)
        one.trust(PUBLIC)
        OWN.write(one.folder / "key")
        monkeypatch.setattr(os, call, broken)
        first: set[bytes] = set()
        try:
            one.add(request(HONEST, 0))
            first.add(head_of(HONEST).checkpoint.root)
        except OSError:
            pass
        finally:
            monkeypatch.setattr(os, call, true)
        was_whole = next(calls) <= failing
        other = request(rewritten(HONEST, 2), 0)
        try:
            one.add(other)
            first.add(other.head.checkpoint.root)
        except Forked:
            assert seen(one).checkpoint == head_of(HONEST).checkpoint
        assert len(first) <= 1
        assert not list(one.folder.rglob("*.new"))
        if was_whole:
            assert failing > 1
            return
