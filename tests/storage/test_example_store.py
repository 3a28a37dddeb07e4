"""The store of `docs/writing-a-store.md`: through the kit, and what is its own."""

from __future__ import annotations

import ast
import errno
import fcntl
import inspect
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import pytest

from timebank import (
    BankNotFound,
    Conflict,
    Corrupt,
    HistoryLost,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    StoreBusy,
    StoreError,
    TimeBank,
)
from timebank.storage import protocol
from timebank.storage.protocol import Batch, Store
from timebank.testing import StoreConformance
from timebank.testing.rows import account, record

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "jsonl_store.py"
PAGE = (ROOT / "docs" / "writing-a-store.md").read_text("utf-8")
MODULE: dict[str, Any] = runpy.run_path(str(EXAMPLE))


def opened(url: str, *, create: bool = True, read_only: bool = False) -> Store:
    """The example's store."""
    store: Store = MODULE["open_jsonl"](url, create=create, read_only=read_only)
    return store


class TestJsonl(StoreConformance):
    """A folder of JSON Lines keeps every promise but the guards, which files do not have."""

    shared = True
    snapshots = True
    guards = False
    wipes = True
    stride = 11
    random_histories = 4

    def new_url(self, folder: Path) -> str:
        """Implement `StoreUnderTest.new_url`."""
        return f"jsonl:{folder / 'books'}"

    def open(self, url: str) -> Store:
        """Implement `StoreUnderTest.open`."""
        return opened(url)


@pytest.mark.nightly
class TestJsonlAtLength(TestJsonl):
    """All steps of it, and more random histories."""

    stride = 1
    random_histories = 20


# -- the page and the example are one ----------------------------------------------------


def test_the_page_shows_the_whole_example_in_order() -> None:
    """Line for line: the page cannot drift from what the kit has proved."""
    blocks = re.findall(r"^```py\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    shown = [line for line in "".join(blocks).splitlines() if line.strip()]
    written = [line for line in EXAMPLE.read_text("utf-8").splitlines() if line.strip()]
    assert written == shown


def test_the_page_names_the_whole_protocol() -> None:
    """Each method of a store, a reader and a writer has its row, with all of its arguments."""
    rows = dict(re.findall(r"^\| `(\w+)\((.*?)\)` \| ", PAGE, re.MULTILINE))
    expected = {
        name: list(inspect.signature(method).parameters)[1:]
        for kind in (protocol.Store, protocol.Reader, protocol.Writer)
        for name, method in vars(kind).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }
    shown = {name: re.findall(r"(\w+)(?:=\w*)?", given) for name, given in rows.items()}
    assert expected == {name: shown.get(name) for name in expected}


def test_a_complete_store_is_small() -> None:
    """Less than 200 lines of code, as the page says: no imports, docstrings or demonstration."""
    source = EXAMPLE.read_text("utf-8")
    lines = {
        number
        for number, line in enumerate(source.splitlines(), start=1)
        if line.strip() and not line.strip().startswith("#")
    }
    module = ast.parse(source)
    for node in ast.walk(module):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        demonstration = isinstance(node, ast.If) and node in module.body
        if docstring or demonstration or isinstance(node, ast.Import | ast.ImportFrom):
            assert isinstance(node, ast.stmt)
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    assert "less than 200 lines of code" in PAGE
    assert len(lines) < 200


def test_the_example_runs() -> None:
    """Without arguments it keeps a bank in a folder of its own, and shows it."""
    done = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True, check=False)
    assert (0, "1:30 audit: True\n", "") == (done.returncode, done.stdout, done.stderr)


# -- files ---------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one bank, in which there are one account and one commit."""
    bank = TimeBank(opened(f"jsonl:{tmp_path}"))
    bank.open_account("m1", name="Maria R.")
    bank.close()
    return tmp_path


def test_it_can_be_audited_quickly(folder: Path) -> None:
    """What a reader may have is looked for, and is not there."""
    bank = TimeBank(opened(f"jsonl:{folder}"))
    assert [(), ()] == [bank.audit(quick=True).findings, bank.audit(processes=2).findings]


def file_of(folder: Path) -> Path:
    """The one bank's file."""
    (path,) = folder.glob("*.jsonl")
    return path


def test_a_torn_line_does_not_count(folder: Path) -> None:
    """Wherever a commit was cut off, even before its first byte or its newline, it was none."""
    path = file_of(folder)
    before = path.read_bytes()
    bank = TimeBank(opened(f"jsonl:{folder}"))
    bank.open_account("m2")
    after = path.read_bytes()
    assert after.startswith(before)
    for length in range(len(before), len(after)):
        path.write_bytes(after[:length])
        assert ["m1"] == [found.id for found in bank.accounts()]
    with pytest.raises(HistoryLost):  # who was told of it
        bank.open_account("m3")
    TimeBank(opened(f"jsonl:{folder}")).open_account("m3")
    assert path.read_bytes().startswith(after[:-1] + b"#\n")
    assert ["m1", "m3"] == [found.id for found in bank.accounts()]
    assert () == bank.audit().findings


def test_a_torn_first_line_is_no_bank(tmp_path: Path) -> None:
    """A bank whose making was cut off is made anew, with another journal."""
    store = opened(f"jsonl:{tmp_path}")
    store.make_bank("main", journal="j1")
    path = file_of(tmp_path)
    for line in (b"", b"[", path.read_bytes().rstrip(b"\n")):
        path.write_bytes(line)
        assert [] == list(store.banks())
        with store.reader("main") as reader, pytest.raises(BankNotFound):
            reader.head()
    store.make_bank("main", journal="j2")
    assert ["main"] == list(store.banks())
    with store.reader("main") as reader:
        assert "j2" == reader.head().journal


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff",
        b"{}",
        b"[]",
        b"3",
        b"null",
        b"[false,[[1]],[],[],[],[],[],[]]",
        b'{"hex":"0g"}',
        b"\0",
    ],
)
def test_a_line_that_cannot_be_is_damage(folder: Path, line: bytes) -> None:
    """It is `Corrupt` to whoever reads, and a finding to the audit, which does not raise."""
    path = file_of(folder)
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(Corrupt, match="cannot be read"):
        opened(f"jsonl:{folder}").reader("main")
    bank = TimeBank(opened(f"jsonl:{folder}"))
    assert not bank.audit().ok
    with pytest.raises(Corrupt):
        bank.freeze("m1")


def test_a_full_disk_writes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a line is left without its newline, and the next commit passes."""
    bank = TimeBank(opened(f"jsonl:{folder}"))
    head = bank.head()
    real = Path.open

    class HalfFull:
        """A file that takes ten bytes."""

        def __init__(self, file: Any) -> None:
            self.file, self.left = file, 10

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *error: object) -> None:
            self.file.close()

        def tell(self) -> int:
            return int(self.file.tell())

        def write(self, data: bytes) -> int:
            if not self.left:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.left = 0
            return int(self.file.write(data[:10]))

    def half_full(path: Path, *arguments: Any, **named: Any) -> Any:
        file = real(path, *arguments, **named)
        return HalfFull(file) if path.suffix == ".jsonl" and arguments == ("ab",) else file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", half_full)
        with pytest.raises(StoreError, match="No space left") as caught:
            bank.open_account("m2")
    assert isinstance(caught.value.__cause__, OSError)
    assert head == bank.head()
    bank.open_account("m3")
    assert ["m1", "m3"] == [found.id for found in bank.accounts()]


def test_a_disk_that_does_not_answer_leaves_the_outcome_unknown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the id of the call, and the same call again tells."""
    bank = TimeBank(opened(f"jsonl:{folder}"))
    bank.open_account("f1", kind="group")

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OutcomeUnknown) as caught:
            bank.transfer(earner="m1", spender="f1", hours=1, id="t1")
    assert "t1" == caught.value.id
    sequence = bank.head().sequence
    assert "t1" == bank.transfer(earner="m1", spender="f1", hours=1, id="t1").id
    assert sequence == bank.head().sequence


def test_a_repeat_is_durable_before_it_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it finds may be on no disk yet: as long as that does not answer it is unknown."""
    bank = TimeBank(opened(f"jsonl:{folder}"))
    bank.open_account("f1", kind="group")
    bank.transfer(earner="m1", spender="f1", hours=1, id="t1")

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OutcomeUnknown) as caught:
            bank.transfer(earner="m1", spender="f1", hours=1, id="t1")
    assert ("t1", ("t1",)) == (caught.value.id, caught.value.ids)
    assert bank.transfer(earner="m1", spender="f1", hours=1, id="t1").repeated


def test_a_lock_of_another_process_is_waited_for_no_longer_than_the_time_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is `StoreBusy`, and readers do not mind the lock at all."""
    monkeypatch.setitem(MODULE["wait_for"].__globals__, "BUSY_TIMEOUT_SECONDS", 0.0)
    bank = TimeBank(opened(f"jsonl:{folder}"))
    with (folder / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StoreBusy):
            bank.open_account("m2")
        assert "Maria R." == bank.account("m1").name
    bank.open_account("m2")


def test_a_lock_that_lies_gives_a_conflict(folder: Path) -> None:
    """What another wrote although the lock was held is seen before anything is written."""
    store = opened(f"jsonl:{folder}")
    path = file_of(folder)
    with pytest.raises(Conflict), store.writer("main") as writer:
        writer.append(Batch([record(2)]))
        path.write_bytes(path.read_bytes() + b"[false,[],[],[],[],[],[],[],[],[]]\n")
    with store.reader("main") as reader:
        assert 1 == reader.head().sequence


def test_rows_of_no_bank_are_refused(tmp_path: Path) -> None:
    """Even where there is no record among them."""
    store = opened(f"jsonl:{tmp_path}")
    with pytest.raises(BankNotFound), store.writer("none") as writer:
        writer.append(Batch(accounts={"m1": account("m1")}))
    with pytest.raises(BankNotFound), store.writer("none") as writer:
        writer.append(Batch([record(1)]))
    assert [] == list(tmp_path.glob("*.jsonl"))


def test_what_is_opened_to_be_read_changes_nothing(folder: Path) -> None:
    """No file is made or changed, not even the lock."""
    (folder / "lock").unlink()
    before = {path: path.read_bytes() for path in folder.iterdir()}
    bank = TimeBank(opened(f"jsonl:{folder}", create=False, read_only=True), create=False)
    assert "Maria R." == bank.account("m1").name
    with pytest.raises(StoreError, match="read only"):
        bank.open_account("m2")
    assert before == {path: path.read_bytes() for path in folder.iterdir()}


def test_a_place_that_cannot_be(tmp_path: Path) -> None:
    """What is no folder's name, what is not there, and what is a file."""
    for url in ("jsonl:", "jsonl:a\0b"):
        with pytest.raises(InvalidRequest):
            opened(url)
    with pytest.raises(NotFound):
        opened(f"jsonl:{tmp_path}/none", create=False)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError) as caught:
        opened(f"jsonl:{tmp_path}/file")
    assert isinstance(caught.value.__cause__, FileExistsError)
