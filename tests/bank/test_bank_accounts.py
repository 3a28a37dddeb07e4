"""The life of an account, batches, previews and what is read back, on every store."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

import timebank
from support import BEGINNING, fill, sources, url_of
from timebank import INHERIT, Hours, TimeBank
from timebank.errors import (
    AccountNotEmpty,
    AccountNotFound,
    AccountNotOpen,
    BankNotFound,
    IdempotencyMismatch,
    InvalidRequest,
    LimitExceeded,
    Rejected,
    TransferNotFound,
    WrongType,
)


def test_opening_repeated_alike_is_the_same_account(bank: TimeBank) -> None:
    """Nothing is appended; a different request is a mismatch."""
    first = bank.open_account("m1", name="Maria", joined_on=date(2020, 1, 1), floor="-5")
    assert first == bank.open_account("m1", name="Maria", joined_on=date(2020, 1, 1), floor="-5")
    assert 1 == bank.head().sequence
    for other in ({"name": "Mario"}, {"kind": "fund"}, {"floor": None}, {}):
        with pytest.raises(IdempotencyMismatch) as caught:
            bank.open_account("m1", **other)
        assert first == caught.value.original


def test_ids_are_compared_by_code_point(bank: TimeBank) -> None:
    """Ids that differ only by case, accent or a blank inside are different accounts."""
    ids = ["M1", "m 1", "m1", "m\u00e91", "me1", "\U0001f600"]
    for id in reversed(ids):
        bank.open_account(id)
    assert sorted(ids) == [account.id for account in bank.accounts()]


def test_limits_are_inherited_unlimited_or_a_value(bank: TimeBank) -> None:
    """One meaning each: INHERIT, None and hours; what is left out stays."""
    opened = bank.open_account("m1")
    assert (INHERIT, INHERIT) == (opened.floor, opened.ceiling)
    own = bank.set_limits("m1", floor=None, ceiling=9)
    assert (None, Hours(9)) == (own.floor, own.ceiling)
    changed = bank.set_limits("m1", floor=INHERIT)
    assert (INHERIT, Hours(9)) == (changed.floor, changed.ceiling)
    before = bank.head()
    bank.set_limits("m1", ceiling="9:00")
    assert before == bank.head()
    with pytest.raises(InvalidRequest):
        bank.set_limits("m1")
    with pytest.raises(InvalidRequest, match="above the ceiling"):
        bank.set_limits("m1", floor=10)
    with pytest.raises(InvalidRequest, match="above the ceiling"):
        bank.open_account("m2", ceiling=-30)


def test_names_come_and_go(bank: TimeBank) -> None:
    """The last name counts; the same name again appends nothing; None takes it away."""
    bank.open_account("m1", name="Maria")
    assert "Maria Rossi" == bank.rename("m1", "Maria Rossi").name
    before = bank.head()
    bank.rename("m1", "Maria Rossi")
    assert before == bank.head()
    assert None is bank.rename("m1", None).name
    bank.rename("m1", None)
    assert ["open_account", "rename", "rename"] == [record.kind for record in bank.records()]


def test_the_life_of_an_account(street: TimeBank) -> None:
    """Open, frozen, closed at zero, open again; what is so already appends nothing."""
    assert "frozen" == street.freeze("f1", reason="abroad").status
    with pytest.raises(AccountNotOpen) as caught:
        street.transfer(earner="m1", spender="f1", hours=1)
    assert ("f1", "frozen") == (caught.value.account, caught.value.status)
    street.transfer(earner="m1", spender="f2", hours=1, via="f1")
    before = street.head()
    street.freeze("f1")
    assert before == street.head()
    with pytest.raises(AccountNotOpen):
        street.reopen("f1")
    assert "open" == street.thaw("f1").status
    with pytest.raises(AccountNotEmpty) as holding:
        street.close_account("f2")
    assert ("f2", Hours(-1)) == (holding.value.account, holding.value.balance)
    assert "closed" == street.close_account("f1").status
    for call in (street.freeze, street.thaw):
        with pytest.raises(AccountNotOpen):
            call("f1")
    with pytest.raises(AccountNotOpen):
        street.set_limits("f1", floor=0)
    with pytest.raises(AccountNotOpen):
        street.transfer(earner="f1", spender="m2", hours=1, limits="unchecked")
    with pytest.raises(AccountNotOpen):
        street.transfer(earner="m1", spender="m2", hours=1, via="f1")
    assert "open" == street.reopen("f1").status


def test_unknown_accounts_are_not_found(street: TimeBank) -> None:
    """Every call that names an account says which one is missing."""
    for call in (
        lambda: street.account("x"),
        lambda: street.balance("x"),
        lambda: street.statement("x"),
        lambda: street.transfers(account="x"),
        lambda: street.freeze("x"),
        lambda: street.rename("x", "y"),
        lambda: street.set_limits("x", floor=0),
        lambda: street.close_account("x"),
    ):
        with pytest.raises(AccountNotFound) as caught:
            call()
        assert "x" == caught.value.account
    with pytest.raises(TransferNotFound):
        street.transfer_by_id("x")


def test_a_batch_is_all_or_nothing(street: TimeBank) -> None:
    """An exception out of the block undoes all of it; a caught refusal undoes nothing."""
    before = street.head()
    with pytest.raises(RuntimeError), street.batch() as b:
        b.transfer(earner="m1", spender="f1", hours=1)
        raise RuntimeError
    assert before == street.head()
    with street.batch() as b:
        b.transfer(earner="m1", spender="f1", hours=20, id="t", note="n")
        with pytest.raises(Rejected):
            b.transfer(earner="m1", spender="f1", hours=1)
        assert "n" == b.transfer(earner="m1", spender="f1", hours=20, id="t", note="n").note
        assert Hours(-20) == b.balance("f1").posted
        b.reverse("t", reason="less", hours=1)
        b.acting_as("desk").open_account("m9", name="Nina")
        assert "Nina" == b.open_account("m9", name="Nina").name
        b.rename("m9", "Nino")
        assert "Nino" == b.freeze("m9").name
    assert (before.sequence + 5, Hours(-19)) == (
        street.head().sequence,
        street.balance("f1").posted,
    )
    with pytest.raises(InvalidRequest, match="ended"):
        b.open_account("m10")


def test_writing_past_an_open_batch_raises_at_once(street: TimeBank) -> None:
    """The bank itself, inside its own batch, neither waits nor writes; others wait."""
    done: list[str] = []
    with street.batch() as b:
        with pytest.raises(InvalidRequest):
            street.transfer(earner="m1", spender="f1", hours=1)
        other = threading.Thread(
            target=lambda: done.append(street.transfer(earner="m2", spender="f2", hours=1).id)
        )
        other.start()
        b.transfer(earner="m1", spender="f1", hours=2)
        assert [] == done
    other.join()
    assert 1 == len(done)
    assert Hours(-2) == street.balance("f1").posted


def test_a_batch_longer_than_a_flush(street: TimeBank) -> None:
    """Rows appended on the way are seen by later calls, and undone with the rest."""
    with street.batch() as b:
        for n in range(1100):
            b.transfer(earner="m1", spender="fund", hours="0:01", id=f"t{n}")
        assert "t0" == b.transfer(earner="m1", spender="fund", hours="0:01", id="t0").id
    assert Hours("18:20") == street.balance("m1").posted
    before = street.head()
    with pytest.raises(RuntimeError), street.batch() as b:
        for _ in range(1100):
            b.transfer(earner="m1", spender="fund", hours="0:01")
        raise RuntimeError
    assert before == street.head()
    assert 1100 == len(list(street.transfers(account="m1")))


def test_a_preview_decides_and_writes_nothing(street: TimeBank) -> None:
    """The same answers and refusals as the real calls; the journal is as it was."""
    before = street.head()
    with street.preview() as p:
        p.transfer(earner="m1", spender="f1", hours=20, id="t", note="n")
        with pytest.raises(LimitExceeded):
            p.transfer(earner="m1", spender="f1", hours=1)
        assert "n" == p.transfer_by_id("t").note
        assert Hours(20) == p.balance("m1").posted
        assert [Hours(20)] == [line.balance for line in p.statement("m1").lines]
        p.reverse("t", reason="x")
        street.open_account("m8")
    assert before.sequence + 1 == street.head().sequence
    with pytest.raises(TransferNotFound):
        street.transfer_by_id("t")


def test_two_clocks(street: TimeBank) -> None:
    """`on` asks by day of service, `at` by the record; a late entry tells them apart."""
    first = street.transfer(earner="m1", spender="f1", hours=1, occurred_on=date(2026, 1, 10))
    late = street.transfer(earner="m1", spender="f1", hours=2, occurred_on=date(2025, 12, 1))
    assert Hours(2) == street.balance("m1", on=date(2025, 12, 31)).posted
    assert Hours(3) == street.balance("m1", on=date(2026, 1, 10)).posted
    assert Hours(1) == street.balance("m1", at=first.sequence).posted
    assert Hours(1) == street.balance("m1", at=first.recorded_at).posted
    assert Hours(3) == street.balance("m1", at=late.recorded_at).posted
    assert Hours(0) == street.balance("m1", at=BEGINNING - timedelta(days=1)).posted
    assert Hours(0) == street.balance("m1", at=0).posted
    for wrong in (
        {"on": date(2026, 1, 1), "at": 1},
        {"on": datetime(2026, 1, 1, tzinfo=UTC)},
        {"at": date(2026, 1, 1)},
        {"at": -1},
    ):
        with pytest.raises(InvalidRequest):
            street.balance("m1", **wrong)


def test_a_statement_is_ordered_by_the_day_of_service(street: TimeBank) -> None:
    """Opening, lines, totals earned and spent apart, closing: all from the same postings."""
    for hours, day in ((1, 10), (2, 5), (4, 20), (8, 10)):
        street.transfer(earner="m1", spender="f1", hours=hours, occurred_on=date(2026, 1, day))
    street.transfer(earner="f1", spender="m1", hours=3, occurred_on=date(2026, 1, 15), note="n")
    statement = street.statement("m1", since=date(2026, 1, 6), until=date(2026, 1, 15))
    assert (["1:00", "8:00", "-3:00"], ["3:00", "11:00", "8:00"]) == (
        [str(line.hours) for line in statement.lines],
        [str(line.balance) for line in statement.lines],
    )
    assert (Hours(2), Hours(9), Hours(3), Hours(8)) == (
        statement.opening,
        statement.earned,
        statement.spent,
        statement.closing,
    )
    assert (("f1",), "n", Hours(3), None) == (
        statement.lines[-1].others,
        statement.lines[-1].note,
        statement.lines[-1].spent,
        statement.lines[-1].earned,
    )
    empty = street.statement("m1", until=date(2026, 1, 1))
    assert ((), Hours(0), "m1") == (empty.lines, empty.closing, empty.id)
    with pytest.raises(InvalidRequest, match="after until"):
        street.statement("m1", since=date(2026, 1, 2), until=date(2026, 1, 1))


def test_a_reversal_on_a_statement_says_what_it_undoes(street: TimeBank) -> None:
    """Its line has the category of the original and the reason."""
    street.open_account("m7", name="Nina")
    street.transfer(earner="m7", spender="f1", hours=1, id="t", category="care")
    street.reverse("t", reason="entered twice")
    statement = street.statement("f1")
    assert [("care", None, False), ("care", "entered twice", True)] == [
        (line.category, line.reason, line.reverses) for line in statement.lines
    ]
    assert {"m7": "Nina"} == statement.names


def test_the_trial_balance_sums_to_zero(street: TimeBank) -> None:
    """Each account with what it earned and spent; both figures, not only their difference."""
    street.transfer(earner="m1", spender="f1", hours=3, occurred_on=date(2026, 1, 1))
    street.transfer(earner="f1", spender="m1", hours=1, occurred_on=date(2026, 2, 1))
    trial = street.trial_balance()
    line = next(line for line in trial.lines if line.account == "m1")
    assert (Hours(3), Hours(1), Hours(2)) == (line.earned, line.spent, line.balance)
    assert (Hours(4), Hours(4), Hours(0)) == (trial.earned, trial.spent, trial.total)
    assert Hours(3) == street.trial_balance(date(2026, 1, 1)).earned


def test_transfers_are_paged_both_ways(street: TimeBank) -> None:
    """In the order of the journal or backwards, of all or of one account, from any point."""
    with street.batch() as b:
        for n in range(1203):
            b.transfer(
                earner="m1",
                spender="fund" if n % 2 else "f1",
                hours="0:00:01",
                id=f"t{n:04}",
                occurred_on=date(2026, 1, 1 + n % 20),
            )
    every = [f"t{n:04}" for n in range(1203)]
    assert every == [t.id for t in street.transfers()]
    assert every[::-1] == [t.id for t in street.transfers(newest_first=True)]
    assert every[::-1] == [t.id for t in street.transfers(account="m1", newest_first=True)]
    assert every[1::2] == [t.id for t in street.transfers(account="fund")]
    assert every[601:] == [t.id for t in street.transfers(after="t0600")]
    assert every[601:] == [t.id for t in street.transfers(account="m1", after="t0600")]
    assert every[599::-1] == [
        t.id for t in street.transfers(account="m1", after="t0600", newest_first=True)
    ]
    assert every[2::20] == [
        t.id for t in street.transfers(since=date(2026, 1, 3), until=date(2026, 1, 3))
    ]
    with pytest.raises(WrongType):
        street.transfers(after=1.5)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(TransferNotFound):
        street.transfers(after="x")
    with pytest.raises(InvalidRequest):
        street.records(after=-1)


def test_an_account_on_both_sides_is_one_transfer(street: TimeBank) -> None:
    """It has two postings, and comes once."""
    street.transfer(earner={"m1": 1, "m2": 1}, spender={"m1": 1, "m3": 1}, id="t")
    assert ["t"] == [t.id for t in street.transfers(account="m1")]
    assert ["t"] == [t.id for t in street.transfers(account="m1", newest_first=True)]


def test_rebuild_makes_the_same_rows(bank: TimeBank) -> None:
    """What is derived can be thrown away."""
    bank.rebuild()
    fill(bank)
    before = bank.trial_balance(), list(bank.accounts()), bank.head()
    done: list[tuple[int, int]] = []
    bank.rebuild(lambda *progress: done.append(progress))
    assert before == (bank.trial_balance(), list(bank.accounts()), bank.head())
    assert [(bank.head().sequence,) * 2] == done
    bank.transfer(earner="m1", spender="f1", hours=1)


def test_the_same_doors_and_calls_have_the_same_head(tmp_path: Path) -> None:
    """Two stores given the same clock, ids, salts and calls agree to the last bit."""
    heads = set()
    for store in ("memory", "sqlite"):
        with timebank.open(url_of(store, tmp_path), **sources()) as bank:
            fill(bank)
            heads.add(str(bank.head()))
    assert 1 == len(heads)


def test_banks_of_one_store_do_not_see_each_other(bank: TimeBank) -> None:
    """Two banks in one store have a journal each."""
    other = TimeBank(bank.store, bank="other")
    other.open_account("m1")
    assert ["main", "other"] == list(bank.store.banks())
    assert 0 == bank.head().sequence
    with pytest.raises(BankNotFound):
        TimeBank(bank.store, bank="third", create=False)
    assert "main" in repr(bank)


def test_a_bank_is_opened_again(tmp_path: Path) -> None:
    """What was recorded is there at the next opening, and opening appends nothing."""
    url = url_of("sqlite", tmp_path)
    with timebank.open(url, **sources()) as bank:
        fill(bank)
        head = bank.head()
    with timebank.open(url, create=False) as bank:
        assert head == bank.head()
        assert bank.audit().ok
    with timebank.open(url, read_only=True) as bank:
        assert head == bank.head()


def test_every_public_name_is_there() -> None:
    """Each name of `__all__` can be had, and nothing else."""
    assert all(getattr(timebank, name) is not None for name in timebank.__all__)
    assert set(timebank.__all__) <= set(dir(timebank))
    with pytest.raises(AttributeError):
        timebank.nothing  # noqa: B018  # asking is the test


def test_limits_that_are_not_given_are_asked_for() -> None:
    """A floor, a ceiling or both."""
    with timebank.open("memory:") as bank:
        bank.open_account("m1")
        with pytest.raises(InvalidRequest, match="a floor, a ceiling or both"):
            bank.set_limits("m1")
