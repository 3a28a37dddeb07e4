"""What a bank publishes: cosigned as its board asks, and continuing what it published before."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from proof.histories import KEY, PUBLIC, bank_of, head_of, history, rewritten
from timebank import InvalidRequest, NotPermitted, StoreBusy, TimeBank
from timebank.proof import (
    Evidence,
    Forked,
    NotProved,
    Policy,
    SignedHead,
    SigningKey,
    folders,
    publish,
    sign_head,
)

HONEST = history(9)
ANNA, BRUNO = (SigningKey.make(name, witness=True) for name in ("anna", "bruno"))
WITNESSES = f"witness anna {ANNA.public}\nwitness bruno {BRUNO.public}\n"
EITHER = Policy.of(f"log {PUBLIC}\n{WITNESSES}group either any anna bruno\nquorum either\n")


def answers(head: SignedHead, *witnesses: SigningKey) -> list[Any]:
    """What neighbours answer."""
    return [one.cosign(head.note.text, 1_800_000_000) for one in witnesses]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the bank publishes."""
    return tmp_path / "published"


def published(place: Path, names: list[str], size: int, *witnesses: SigningKey) -> SignedHead:
    """Publish a head of a history."""
    head = head_of(names[:size])
    made, _ = publish(bank_of(names), place, head, answers(head, *witnesses), policy=EITHER)
    return made


def test_heads_that_continue_are_published_one_after_the_other(place: Path) -> None:
    for size in (0, 1, 4, 9):
        made = published(place, HONEST, size, ANNA)
        assert made == SignedHead.read(place)
        assert (size, ["timebank/id-1", "anna"]) == (
            made.checkpoint.size,
            [one.name for one in made.note.signatures],
        )
    assert ["published", ".published.lock"] == sorted(
        (one.name for one in place.parent.iterdir()), reverse=True
    )


def test_cosignatures_that_come_later_are_added(place: Path) -> None:
    published(place, HONEST, 4, ANNA)
    made = published(place, HONEST, 4, BRUNO)
    assert ["timebank/id-1", "anna", "bruno"] == [one.name for one in made.note.signatures]
    assert made == published(place, HONEST, 4)


def test_signatures_of_whom_the_policy_does_not_name_are_left_out(place: Path) -> None:
    strange = SigningKey.make("carla", witness=True)
    made = published(place, HONEST, 4, strange, ANNA)
    assert ["timebank/id-1", "anna"] == [one.name for one in made.note.signatures]


def test_what_is_not_as_the_board_asks_is_not_published(place: Path) -> None:
    head = head_of(HONEST[:4])
    wrong = answers(head_of(HONEST[:5]), ANNA)
    published(place, HONEST, 3, ANNA)
    before = place.read_bytes()
    for cosignatures, told in (
        ([], "not cosigned by as many witnesses"),
        (answers(head, SigningKey.make("anna", witness=True)), "not cosigned by as many"),
        (wrong, "the signature of anna does not hold"),
    ):
        with pytest.raises(NotProved, match=told):
            publish(bank_of(HONEST), place, head, cosignatures, policy=EITHER)
    for policy, kind, told in (
        (f"{WITNESSES}quorum anna\n", InvalidRequest, "names no key of the bank"),
        (f"log {SigningKey.make(KEY.name).public}\nquorum none\n", NotProved, "is not signed by"),
        (f"log {SigningKey.make('timebank/id-2').public}\nquorum none\n", NotProved, "id-2"),
    ):
        with pytest.raises(kind, match=told):
            publish(bank_of(HONEST), place, head, answers(head, ANNA), policy=Policy.of(policy))
    with pytest.raises(NotPermitted):
        other = TimeBank(bank_of(HONEST).store, permissions=lambda ask: ask.action != "head")
        publish(other, place, head, answers(head, ANNA), policy=EITHER)
    assert before == place.read_bytes()


@pytest.mark.parametrize("at", range(1, 10))
def test_a_past_that_was_rewritten_is_not_published(place: Path, at: int) -> None:
    """Neither where the file has a head of before, nor where the head is of another past."""
    other = rewritten(HONEST, at)
    for size in range(at, 10):
        published(place, HONEST, size, ANNA)
        for names, head in ((other, head_of(other)), (HONEST, head_of(other))):
            with pytest.raises(Forked) as error:
                publish(bank_of(names), place, head, answers(head, ANNA), policy=EITHER)
            Evidence.of(error.value.evidence or "").checked([PUBLIC])
        assert SignedHead.read(place).checkpoint == head_of(HONEST[:size]).checkpoint


def test_an_older_head_does_not_take_the_place_of_a_newer_one(place: Path) -> None:
    published(place, HONEST, 9, ANNA)
    with pytest.raises(NotProved, match="a head of 9 records is published, and this one has 4"):
        published(place, HONEST, 4, ANNA)
    head = head_of(HONEST[:4])
    with pytest.raises(Forked, match="a head of 9 records was signed, this one has 4"):
        publish(bank_of(HONEST[:4]), place, head, answers(head, ANNA), policy=EITHER)


def test_what_is_no_signed_head_is_not_written_over(place: Path) -> None:
    place.write_text("the minutes of the assembly\n", "utf-8")
    with pytest.raises(NotProved):
        published(place, HONEST, 4, ANNA)
    assert "the minutes of the assembly\n" == place.read_text("utf-8")


@pytest.mark.parametrize("size", [4, 5, 9999])
def test_a_file_that_was_changed_accuses_nobody(place: Path, size: int) -> None:
    """Where the journal has not what is in it, and the bank did not sign that, it says so."""
    published(place, HONEST, 4, ANNA)
    text = str(head_of(HONEST[:4]).cosigned(*answers(head_of(HONEST[:4]), ANNA)))
    changed = text.replace("\n4\n", f"\n{size}\n").replace(text.split("\n")[2], "A" * 43 + "=")
    place.write_text(changed, "utf-8")
    with pytest.raises(NotProved, match=r"the signature of .* does not hold") as error:
        published(place, HONEST, 9, ANNA)
    assert not isinstance(error.value, Forked)
    assert str(error.value).startswith(f"{place}: ")
    assert changed == place.read_text("utf-8")


def test_a_key_that_is_not_in_use_any_more_holds_nothing_up(place: Path) -> None:
    """What it signed is compared with the journal: its own key is not asked for."""
    published(place, HONEST, 4, ANNA)
    new = SigningKey.make(KEY.name)
    policy = Policy.of(f"log {new.public}\nquorum none\n")
    made, _ = publish(bank_of(HONEST), place, sign_head(bank_of(HONEST), new), policy=policy)
    assert made == SignedHead.read(place)


def test_a_folder_that_is_not_there_is_named(place: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        published(place / "nowhere" / "head", HONEST, 4, ANNA)
    assert str(place / "nowhere") == error.value.filename


def test_a_link_stays_a_link(place: Path, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    place.symlink_to(tmp_path / "site" / "head")
    published(place, HONEST, 4, ANNA)
    assert place.is_symlink()
    assert (tmp_path / "site" / "head").is_file()


def test_two_do_not_publish_at_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "WAITS_SECONDS", 0.05)
    with folders.alone_in(place.with_name(".published.lock")), pytest.raises(StoreBusy):
        published(place, HONEST, 4, ANNA)
    assert not place.exists()


def test_a_disk_that_is_full_leaves_what_was_published(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(place, HONEST, 4, ANNA)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    for call in ("fsync", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(os, call, full)
            with pytest.raises(OSError, match="No space"):
                published(place, HONEST, 9, ANNA)
        assert SignedHead.read(place).checkpoint == head_of(HONEST[:4]).checkpoint
        assert {"published", ".published.lock"} == {one.name for one in place.parent.iterdir()}
