"""The kit is tested by stores that are broken on purpose: it catches each, and by which test."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import timebank

#: One run of the kit over all broken stores; they are few, and each is seen in it.
pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
#: One process, whatever the settings of the project and of the run around it are; all marks.
ALONE = ("-p", "no:cacheprovider", "-n", "0", "-m", "")

#: The store, and a test that must fail for it. Others may, too.
CAUGHT = (
    ("TestLosesTheLastRow", "test_pages_of_every_size_meet"),
    ("TestLosesTheLastRow", "test_faults_at_every_call_of_the_store"),
    ("TestForgetsTheCompare", "test_what_does_not_follow_is_a_conflict"),
    ("TestCommitsBeforeTheEnd", "test_an_exception_takes_back_everything"),
    ("TestMixesBanks", "test_two_banks_are_written_at_once"),
    ("TestMixesBanks", "test_banks_are_apart"),
    ("TestFoldsCase", "test_operations_that_look_alike_are_apart"),
    ("TestFoldsCase", "test_it_agrees_with_the_memory_store"),
    ("TestKeepsResolvedHolds", "test_a_resolved_hold_leaves_no_row"),
    ("TestKeepsResolvedHolds", "test_faults_at_every_call_of_the_store"),
    ("TestKeepsErasedTexts", "test_an_erased_text_is_gone"),
    ("TestKeepsErasedTexts", "test_what_is_not_there_need_not_be_erased"),
    ("TestErasesWholeRecords", "test_an_erased_text_is_gone"),
    ("TestEndsHoldsOfOneAccount", "test_a_resolved_hold_leaves_no_row"),
    ("TestHoldsOfTheMoment", "test_a_snapshot_does_not_move"),
    ("TestDropsBlanks", "test_texts_come_back_whole"),
    ("TestSkipsAtTheEdge", "test_a_follower_misses_no_record"),
    ("TestMovingSnapshot", "test_a_snapshot_does_not_move"),
    ("TestHeadOfItsOwn", "test_an_exception_takes_back_everything"),
    ("TestSwallowsErrors", "test_a_conflict_that_leaves_the_block_is_told"),
    ("TestReadsUncommitted", "test_nothing_uncommitted_is_seen"),
    ("TestForgetsKinds", "test_records_come_in_pages"),
    ("TestForgetsKinds", "test_faults_at_every_call_of_the_store"),
    ("TestForgetsMerges", "test_an_account_comes_back_equal"),
    ("TestForgetsClosings", "test_statutes_come_newest_first"),
    ("TestForgetsTiles", "test_tiles_come_by_their_number"),
    ("TestForgetsTiles", "test_the_tree_is_that_of_the_records"),
    ("TestForgetsTiles", "test_a_fault_while_a_tile_is_filled"),
    ("TestForgetsTiles", "test_it_agrees_with_the_memory_store"),
    ("TestKeepsOldTiles", "test_derived_rows_are_made_anew"),
    ("TestSkipsTiles", "test_pages_of_tiles_meet"),
    ("TestReplacesTiles", "test_what_does_not_follow_is_a_conflict"),
    ("TestTilesOfTheMoment", "test_a_snapshot_does_not_move"),
    ("TestConfirmsTheHead", "test_what_is_as_expected_is_confirmed"),
    ("TestFollowsNothing", "test_the_id_that_follows_is_found"),
    ("TestFindsOne", "test_many_operations_are_looked_up_at_once"),
    ("TestAddsUpNothing", "test_sums_find_what_does_not_add_up"),
    ("TestSaysNothingOfWhatItHas", "test_what_the_store_has_is_declared"),
    ("TestLacksWhatItSays", "test_what_the_store_has_is_declared"),
    ("TestLacksWhatItSays", "test_the_store_is_opened_by_its_address"),
    ("TestWipesTooMuch", "test_a_wipe_says_what_may_remain"),
    ("TestWipesNothing", "test_what_was_wiped_is_in_no_file"),
    ("TestLyingLock", "test_a_second_writer_waits_for_the_first"),
    ("TestForgetsAtTheEnd", "test_a_hot_account_is_spent_exactly_by_processes"),
    ("TestForgetsAtTheEnd", "test_a_crash_between_any_two_calls"),
)

#: Stores whose lock between processes is broken, and the tests that are about what each breaks.
UNLOCKED = (
    ("TestNoLockBetweenProcesses", "test_a_second_process_waits_for_the_first"),
    ("TestLockAfterTheHead", "test_a_second_process_waits_for_the_first"),
    ("TestLockAfterTheHead", "test_processes_take_turns"),
    ("TestReleasedBeforeTheCommit", "test_a_second_process_waits_for_the_first"),
    ("TestReleasedBeforeTheCommit", "test_processes_take_turns"),
    ("TestLockOfTheObject", "test_a_store_that_is_opened_twice_has_one_lock"),
    ("TestLockLostByARead", "test_nothing_beside_it_lets_go_of_a_lock"),
    ("TestLockLostByAnotherBank", "test_nothing_beside_it_lets_go_of_a_lock"),
    ("TestOldRowsUnderTheLock", "test_a_second_process_waits_for_the_first"),
    ("TestBanksOfTheFirstLook", "test_a_bank_that_another_made_is_there"),
    ("TestLockOfTheSpelling", "test_a_second_process_waits_for_the_first"),
    ("TestKeptByTheDead", "test_a_killed_process_leaves_no_lock"),
    ("TestReadByOthersTooEarly", "test_what_a_process_has_not_committed_is_seen_by_no_other"),
)
#: What they keep all the same, by which they were taken for sound.
KEPT = (
    ("TestNoLockBetweenProcesses", "test_a_second_writer_waits_for_the_first"),
    ("TestLockOfTheObject", "test_a_second_process_waits_for_the_first"),
    ("TestLockLostByARead", "test_a_second_process_waits_for_the_first"),
    ("TestLockLostByARead", "test_a_store_that_is_opened_twice_has_one_lock"),
    ("TestLockOfTheSpelling", "test_a_store_that_is_opened_twice_has_one_lock"),
    ("TestKeptByTheDead", "test_a_second_process_waits_for_the_first"),
    ("TestReadByOthersTooEarly", "test_nothing_uncommitted_is_seen"),
    *(
        ("TestSoundLock", test)
        for test in (
            "test_a_second_process_waits_for_the_first",
            "test_a_store_that_is_opened_twice_has_one_lock",
            "test_nothing_beside_it_lets_go_of_a_lock",
            "test_a_bank_that_another_made_is_there",
            "test_processes_take_turns",
            "test_what_a_process_has_not_committed_is_seen_by_no_other",
            "test_a_killed_process_leaves_no_lock",
        )
    ),
)


Outcomes = dict[tuple[str, str], set[str]]


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What a run of the kit says of each broken store: by class and test, the outcomes.

    Whichever process of the tests comes first runs it, for all of them.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    told = folder / "told of broken stores"
    with (folder / "lock of broken stores").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            told.write_text(run(), "utf-8")
    found: Outcomes = {}
    results = re.findall(r"::(\w+)::(\w+)\S* (PASSED|FAILED|ERROR)", told.read_text("utf-8"))
    for store, test, outcome in results:
        found.setdefault((store, test), set()).add(outcome)
    return found


def run() -> str:
    """What pytest says."""
    chosen = [f"{HERE / 'broken_stores.py'}::{store}::{test}" for store, test in CAUGHT]
    unlocked = (*UNLOCKED, *KEPT)
    chosen += [f"{HERE / 'broken_locks.py'}::{store}::{test}" for store, test in unlocked]
    chosen.append(f"{HERE / 'broken_stores.py'}::TestNothing")
    path = os.pathsep.join(map(str, (Path(timebank.__file__).parents[1], HERE.parent)))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *ALONE, "-v", "--tb=no", *chosen],
        env={
            **os.environ,
            "PYTHONPATH": path,
            "PYTEST_ADDOPTS": "",
        },
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize(("store", "test"), [*CAUGHT, *UNLOCKED])
def test_a_broken_store_is_caught(store: str, test: str, outcomes: Outcomes) -> None:
    """Whoever breaks this promise hears of it, from the test that is about it."""
    assert "FAILED" in outcomes[store, test]


@pytest.mark.parametrize(("store", "test"), KEPT)
def test_what_a_store_keeps_is_not_held_against_it(
    store: str, test: str, outcomes: Outcomes
) -> None:
    """Each test is about its own promise: a store is caught for what it breaks."""
    assert {"PASSED"} == outcomes[store, test]


def test_a_store_that_breaks_nothing_passes(outcomes: Outcomes) -> None:
    """The wrapper that the broken stores are made of keeps every promise."""
    sound = {test: told for (store, test), told in outcomes.items() if store == "TestNothing"}
    assert 40 < len(sound)
    assert {"PASSED"} == set().union(*sound.values())


def test_what_is_not_declared_is_not_collected() -> None:
    """A capability that is off takes its tests away; nothing is skipped."""
    from storage.broken_stores import OnFile, Private

    for store, test in (
        (Private, "test_a_crash_between_any_two_calls"),
        (OnFile, "test_faults_before_every_statement"),
    ):
        assert None is getattr(store, test)
    assert callable(OnFile.test_a_crash_between_any_two_calls)
