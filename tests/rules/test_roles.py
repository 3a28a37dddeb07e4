"""Each role of an account is judged for itself: by the writer, and by the audit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from audit.forgeries import Forgery, found, small
from support import sources
from timebank import AccountNotOpen, Dues, Fee, Statute, TimeBank, Welcome
from timebank.journal.fold import Fold

ROLES = ("earner", "spender", "via", "fund of the fee")
PEOPLE = ("a", "b", "c", "d")
#: The order in which roles are judged, which is that of their names' places here.
WORDS = {
    "earner": "take part as the earner",
    "spender": "take part as the spender",
    "fund of the fee": "take part as the fund of the fee",
    "via": "take part as the intermediary (via)",
}
ALLOWED = {"open": set(WORDS), "frozen": {"via"}, "closed": set[str]()}


def bank_with(fund: str | None) -> TimeBank:
    """Four accounts that may be a fund as well, and a statute whose fee one of them gets."""
    bank = timebank.open("memory:", **sources())
    for id in PEOPLE:
        bank.open_account(id, kind="organisation")
    if fund is not None:
        bank.adopt(Statute(version="v1", fee=Fee(fund=fund, fixed="0:10")))
    return bank


def ended(bank: TimeBank, id: str, status: str) -> None:
    """Freeze or close an account; one that a statute names is no longer named then."""
    if status == "frozen":
        bank.freeze(id)
    elif status == "closed":
        bank.close_account(id)


def refusal_of(call: Callable[[], object]) -> AccountNotOpen | None:
    """How a call is refused, if it is."""
    try:
        call()
    except AccountNotOpen as error:
        return error
    return None


def expected_refusal(
    parts: dict[str, list[str]], statuses: dict[str, str]
) -> tuple[str, str] | None:
    """The first role, and its account, that its status does not allow."""
    for role in WORDS:
        for id in sorted(parts.get(role, [])):
            if role not in ALLOWED[statuses.get(id, "open")]:
                return role, id
    return None


@given(
    earners=st.sets(st.sampled_from(PEOPLE), min_size=1, max_size=2),
    spenders=st.sets(st.sampled_from(PEOPLE), min_size=1, max_size=2),
    via=st.none() | st.sampled_from(PEOPLE),
    fund=st.none() | st.sampled_from(PEOPLE),
    statuses=st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(["frozen", "closed"])),
    holds=st.booleans(),
)
def test_each_role_is_judged_for_itself(
    earners: set[str],
    spenders: set[str],
    via: str | None,
    fund: str | None,
    statuses: dict[str, str],
    *,
    holds: bool,
) -> None:
    """Whatever roles an account has beside: a role that is open to it opens no other."""
    if earners == spenders and len(earners) == 1:
        return
    statuses = {id: one for id, one in statuses.items() if (id, one) != (fund, "closed")}
    bank = bank_with(fund)
    for id, status in statuses.items():
        ended(bank, id, status)
    sides = {"earner": dict.fromkeys(earners, len(spenders))}
    sides["spender"] = dict.fromkeys(spenders, len(earners))
    parts = {"earner": [*earners], "spender": [*spenders]}
    parts["via"] = [] if via is None else [via]
    parts["fund of the fee"] = [] if fund is None else [fund]
    refusal = expected_refusal(parts, statuses)
    call: Callable[..., Any] = bank.hold if holds else bank.transfer
    before = bank.head()
    error = refusal_of(lambda: call(**sides, via=via))
    assert refusal == (None if error is None else (error.role, error.account))
    if error is not None:
        assert statuses[error.account] == error.status
        assert WORDS[error.role] in str(error)
        assert before == bank.head()
    assert () == bank.audit().findings


@given(
    side=st.sampled_from(["earner", "spender"]),
    via=st.none() | st.sampled_from(PEOPLE),
    frozen=st.sets(st.sampled_from(PEOPLE)),
    fund=st.none() | st.sampled_from(PEOPLE),
)
def test_what_is_settled_is_judged_role_by_role(
    side: str, via: str | None, frozen: set[str], fund: str | None
) -> None:
    """A hold was made while all were open; who is frozen since can arrange it, and no more."""
    bank = bank_with(fund)
    other = "spender" if side == "earner" else "earner"
    sides: dict[str, Any] = {side: "a", other: "b"}
    bank.hold(**sides, hours=1, id="h", via=via)
    for id in frozen:
        bank.freeze(id)
    charged = fund is not None and sides["spender"] != fund
    parts = {side: ["a"], other: ["b"], "fund of the fee": [fund] if fund and charged else []}
    refusal = expected_refusal(parts, dict.fromkeys(frozen, "frozen"))
    error = refusal_of(lambda: bank.settle("h"))
    assert refusal == (None if error is None else (error.role, error.account))
    if error is not None:
        assert "thaw it first, or void the hold" == error.remedy
    assert () == bank.audit().findings


@pytest.fixture
def street() -> Iterator[TimeBank]:
    """A fund, and two members."""
    with timebank.open("memory:", **sources()) as bank:
        bank.open_account("pot", kind="fund")
        bank.open_account("a")
        bank.open_account("b")
        yield bank


def role_of(call: Callable[[], object]) -> tuple[str, str]:
    """The account that a call is refused for, and its role."""
    with pytest.raises(AccountNotOpen) as caught:
        call()
    return caught.value.account, caught.value.role


def test_a_reversal_says_whose_part_was_what(street: TimeBank) -> None:
    """Frozen accounts take part in it; a closed one is named with the role that it had."""
    street.adopt(Statute(version="v1", fee=Fee(fund="pot", fixed="0:10")))
    street.transfer(earner="a", spender="b", hours=1, id="t")
    for id in ("a", "b", "pot"):
        street.freeze(id)
    street.reverse("t", reason="twice", hours="0:30")
    for id in ("a", "b", "pot"):
        street.thaw(id)
    street.transfer(earner="pot", spender="a", hours="0:30", kind="gift")
    street.close_account("a")
    assert ("a", "earner") == role_of(lambda: street.reverse("t", reason="twice"))
    with pytest.raises(AccountNotOpen, match="as the earner of what is reversed"):
        street.reverse("t", reason="twice")


def test_who_gives_what_is_due_is_told_from_the_fund(street: TimeBank) -> None:
    """The fund by its rule, who gets welcome credit as an earner."""
    welcome = Welcome(hours=1, fund="pot", given="when asked")
    street.adopt(
        Statute(version="v1", welcome=welcome, dues=Dues(hours=1, fund="pot", name="club"))
    )
    street.freeze("pot")
    assert ("pot", "fund of welcome") == role_of(lambda: street.welcome("a"))
    assert ("pot", "fund of club") == role_of(street.run_due)
    street.thaw("pot")
    street.freeze("a")
    assert ("a", "earner") == role_of(lambda: street.welcome("a"))
    on_joining = Welcome(hours=1, fund="pot")
    street.adopt(Statute(version="v2", welcome=on_joining))
    street.freeze("pot")
    assert ("pot", "fund of welcome") == role_of(lambda: street.open_account("c"))


@pytest.mark.parametrize(
    ("role", "rules"),
    [
        ("fund of the fee", {"fee": Fee(fund="pot", fixed=1)}),
        ("fund of welcome", {"welcome": Welcome(hours=1, fund="pot")}),
        ("fund of dues", {"dues": Dues(hours=1, fund="pot")}),
        ("fund of demurrage", {"demurrage": timebank.Demurrage(share=1, above=1, fund="pot")}),
    ],
)
def test_a_statute_says_of_what_an_account_is_the_fund(
    street: TimeBank, role: str, rules: dict[str, Any]
) -> None:
    """A closed one is no fund; of several rules the first is named."""
    street.close_account("pot")
    assert ("pot", role) == role_of(lambda: street.adopt(Statute(version="v1", **rules)))


def test_a_call_about_an_account_itself_says_so(street: TimeBank) -> None:
    """To change what is closed, or to let somebody act for it."""
    street.close_account("a")
    calls: list[Callable[[], object]] = [
        lambda: street.freeze("a"),
        lambda: street.set_limits("a", floor=-1),
        lambda: street.name_delegate("a", "b"),
    ]
    for call in calls:
        assert ("a", "account") == role_of(call)


# -- the audit ------------------------------------------------------------------------------


def frozen_in(forgery: Forgery, account: str) -> None:
    """Freeze it, by a record."""
    sets = {"account": account, "sets": {"status": "frozen"}}
    forgery.add("freeze", {"account": account}, sets)


def earns(forgery: Forgery) -> None:
    forgery.transfer("m3", "m1", 60, via="m3")


def spends(forgery: Forgery) -> None:
    forgery.transfer("m1", "m3", 60, via="m3")


def earns_and_spends(forgery: Forgery) -> None:
    """It comes out even, and it is its own intermediary."""
    made = forgery.transfer("m1", "m3", 60, via="m3")
    made["request"]["earners"] = [["m1", 60], ["m3", 60]]
    made["request"]["spenders"] = [["m2", 60], ["m3", 60]]
    made["effects"]["postings"] = [["m1", 60], ["m3", 60], ["m2", -60], ["m3", -60]]


def is_held(forgery: Forgery) -> None:
    request: Any = {"id": "h", "kind": "exchange", "via": "m3"}
    request |= {"earners": [["m1", 60]], "spenders": [["m3", 60]]}
    effects = {"lines": [["m1", 60], ["m3", -60]], "statute": "default/1"}
    forgery.add("hold", request, effects | {"reserves": [["m1", 0, 60], ["m3", 60, 0]]})


def unchecked(forgery: Forgery) -> None:
    forgery.transfer("m1", "m3", 60, via="m3", limits="unchecked")


@pytest.mark.parametrize("forge", [earns, spends, earns_and_spends, is_held, unchecked])
def test_the_audit_finds_hours_of_who_is_frozen(forge: Callable[[Forgery], None]) -> None:
    """Though it is its own intermediary; while it only arranges it is well."""
    forgery = small()
    frozen_in(forgery, "m3")
    forgery.transfer("m1", "m2", 60, via="m3")
    assert set() == found(forgery.audited())
    forge(forgery)
    report = forgery.audited()
    assert {"limits"} == found(report)
    assert {"record 8, account 'm3'"} == {finding.place for finding in report.findings}
    assert {"it was frozen"} == {finding.found for finding in report.findings}


def test_the_audit_finds_a_settlement_of_who_is_frozen_since() -> None:
    """The hold was made while it was open."""
    forgery = small()
    is_held(forgery)
    frozen_in(forgery, "m3")
    request = {"id": "s", "hold": "h"}
    effects = {"occurred_on": "2026-03-02", "postings": [["m1", 60], ["m3", -60]]}
    forgery.add("settle", request, effects | {"resolves": 6, "statute": "default/1"})
    assert {"limits"} == found(forgery.audited())


def test_the_audit_finds_a_fee_that_a_frozen_fund_gets() -> None:
    """Though the fund arranged the exchange itself."""
    forgery = small()
    fund = {"kind": "fund", "status": "open", "joined_on": None, "named": False}
    sets = {"account": "pot", "sets": fund | {"floor": "inherit", "ceiling": "inherit"}}
    forgery.add("open_account", {"account": "pot", "kind": "fund"}, sets)
    statute = {"version": "v1", "fee": {"fund": "pot", "fixed": 60}}
    forgery.add("adopt", {"statute": statute}, {"adopts": "v1"})
    frozen_in(forgery, "pot")
    made = forgery.transfer("m1", "m2", 600, via="pot")
    made["effects"]["statute"] = "v1"
    made["effects"]["fee"] = [["pot", 60], ["m2", -60]]
    made["effects"]["postings"] += made["effects"]["fee"]
    report = forgery.audited()
    assert {"limits"} == found(report)
    assert ["record 9, account 'pot'"] == [finding.place for finding in report.findings]


def test_the_fold_keeps_both_roles_of_an_account() -> None:
    """Lines of one account that come out even are two postings, so the audit sees them."""
    fold = Fold()
    for sequence, id in enumerate(("a", "b"), start=1):
        sets = {"kind": "member", "status": "open", "joined_on": None, "named": False}
        effects: Any = {"account": id, "sets": sets | {"floor": None, "ceiling": None}}
        fold.apply(sequence, "open_account", effects)
    lines = [["a", 1], ["a", -1], ["b", 1], ["b", -1]]
    effects = {"occurred_on": "2026-03-02", "postings": lines, "statute": "default/1"}
    derived = fold.apply(3, "transfer", effects)
    assert ["a", "a", "b", "b"] == [posting.account for posting in derived.postings]
