"""The table of kinds of record agrees with the commands, the fold and the format page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from timebank.bank.look_ups import LOOK_UPS
from timebank.bank.results import RESULTS
from timebank.bank.session import RESULT_OF
from timebank.journal import fold
from timebank.journal.kinds import KINDS, MOVES_HOURS, ON_ACCOUNT, PLANS_DUES
from timebank.queries.views import OPERATIONS
from timebank.rules import COMMANDS, JUDGES
from timebank.rules.amendments import _NOT_DESCRIBED
from timebank.rules.state import AnyCommand, Command

PAGE = (Path(__file__).parents[2] / "docs" / "journal-format.md").read_text("utf-8")


def test_each_command_is_of_its_kind() -> None:
    """What the table names is there, and a command's own kind is that of its line."""
    assert {name: name for name in KINDS} == {name: one.kind for name, one in COMMANDS.items()}
    assert {one.__module__ for one in COMMANDS.values()} == {
        JUDGES[name].__module__ for name in COMMANDS
    }


def every_command(of: type[AnyCommand] = Command) -> Iterator[type[AnyCommand]]:
    """Every class of command that a call may become."""
    for one in of.__subclasses__():
        if "judged_as" in vars(one):
            yield one
        yield from every_command(one)


def test_each_command_has_a_judge_of_its_own() -> None:
    """Beside it, and no judge is nobody's; others are records of known kinds, judged otherwise."""
    found = {one.judged_as: one for one in every_command()}
    assert set(found) == set(JUDGES)
    assert {name: one.__module__ for name, one in found.items()} == {
        name: judge.__module__ for name, judge in JUDGES.items()
    }
    assert {one.kind for one in found.values()} == set(KINDS)
    assert {one for one in found if found[one].kind != one} == {
        *("offer", "accept_offer", "accept_reversal", "settle_offer", "void_offer"),
        *("bring_in", "write_off", "enter_cheque"),
    }


def test_the_fold_executes_every_kind() -> None:
    """The fold's own table has the same kinds, no more and no fewer."""
    assert set(KINDS) == set(fold._STEPS)


def test_every_view_can_be_made() -> None:
    """There is a way to make each view, for each kind, and each operation has one."""
    assert {kind.view for kind in KINDS.values()} == {"transfer", *RESULTS}
    assert set(KINDS) == set(RESULT_OF)
    made = {name for name, kind in KINDS.items() if kind.view in {"transfer", "hold"}}
    assert made == set(OPERATIONS)
    assert set(LOOK_UPS) <= set(JUDGES)


def test_every_operation_is_described_or_is_said_not_to_be() -> None:
    """Whatever has an id is amended, or who asks is told why not."""
    views = {"transfer", "hold", "refusal", "booklet", "voided_cheque"}
    operations = {name for name, kind in KINDS.items() if kind.view in views}
    assert operations == {"transfer", "hold", "settle"} | set(_NOT_DESCRIBED)


def test_groups_are_what_the_fold_does() -> None:
    """Those that move hours are those whose effects are postings; the others set an account.

    A merge posts too, and is no transfer: it has no id, and nothing takes it back.
    """
    steps = fold._STEPS
    posting = {name for name, step in steps.items() if step in {fold._post, fold._settle}}
    assert posting == MOVES_HOURS
    on_account = {
        *(fold._set_account, fold._amend_account, fold._delegate, fold._merge),
        *(fold._agree, fold._on_an_account),
    }
    assert {name for name, step in steps.items() if step in on_account} == ON_ACCOUNT
    assert {
        "open_account",
        "adopt",
        "due",
        "freeze",
        "thaw",
        "close_account",
        "reopen",
        "restart_clock",
        "amend_account",
        "merge",
        "agree",
        "end_agreement",
    } == PLANS_DUES


def test_every_kind_is_on_the_page() -> None:
    """The format page names each kind of record."""
    assert set(KINDS) <= set(re.findall(r"`([a-z_]+)`", PAGE))
