"""The command line as a process: streams that close, encodings, signals, no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import timebank
from timebank.cli import output, program
from timebank.cli.demo import _program
from timebank.cli.progress import Progress

SOURCE = str(Path(timebank.__file__).parent.parent)


def start(folder: Path, *words: str, **variables: str) -> subprocess.Popen[bytes]:
    """`python -m timebank` with these words, in this folder."""
    environment = {**os.environ, "PYTHONPATH": SOURCE, "TIMEBANK_DB": "bank.db", **variables}
    return subprocess.Popen(
        [sys.executable, "-m", "timebank", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finished(folder: Path, *words: str, **variables: str) -> tuple[int, bytes, bytes]:
    """Exit code, standard output, standard error."""
    process = start(folder, *words, **variables)
    out, err = process.communicate()
    return process.returncode, out, err


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo's bank in it."""
    made = tmp_path_factory.mktemp("demo")
    code, _, err = finished(made, "demo", "bank.db")
    assert (0, b"") == (code, err)
    return made


def test_exit_codes(folder: Path) -> None:
    """0 well, 1 a rule said no, 2 wrong use; errors are one line."""
    assert 0 == finished(folder, "head")[0]
    words = ("transfer", "--earner", "1", "--spender", "26", "--hours", "1000")
    code, out, err = finished(folder, *words)
    assert (1, b"", 1) == (code, out, err.count(b"\n"))
    code, out, err = finished(folder, "balance", "nobody")
    told = b"timebank: no account 'nobody' in this bank (see timebank account list)\n"
    assert (2, b"", told) == (code, out, err)


def test_a_pipe_that_closes_early_is_no_error(folder: Path) -> None:
    """The reader has seen enough: no traceback, and the exit code is that of the work."""
    process = start(folder, "journal")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b'{"sequence":1,')
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (0, b"") == (process.wait(), err)


def test_a_full_disk_is_one_line(folder: Path) -> None:
    """Output that has no place to go is an error."""
    if not Path("/dev/full").exists():
        assert sys.platform != "linux"  # other systems have no such device
        return
    for words in (("head",), ("journal",)):
        with Path("/dev/full").open("wb") as full:
            process = subprocess.run(
                [sys.executable, "-m", "timebank", *words],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": SOURCE, "TIMEBANK_DB": "bank.db"},
                stdout=full,
                stderr=subprocess.PIPE,
                check=False,
            )
        assert (2, b"timebank: No space left on device\n") == (process.returncode, process.stderr)


@pytest.mark.parametrize(
    "variables",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
)
def test_output_is_utf8_in_every_locale(folder: Path, variables: dict[str, str]) -> None:
    """The same bytes, whatever the machine's language."""
    usual = finished(folder, "statement", "189")
    assert usual == finished(folder, "statement", "189", **variables)
    assert "Íñigo".encode() in usual[1]


def test_bytes_that_are_no_utf8_are_refused(folder: Path) -> None:
    """An argument in another encoding is bad input."""
    words = [sys.executable.encode(), b"-m", b"timebank", b"account", b"open", b"caff\xe8"]
    process = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": SOURCE, "TIMEBANK_DB": "bank.db"},
        capture_output=True,
        check=False,
    )
    assert (2, b"", 1) == (process.returncode, process.stdout, process.stderr.count(b"\n"))


def test_the_keyboard_ends_it_without_traceback(folder: Path, tmp_path: Path) -> None:
    """Interrupted while it waits for a file: one line, and the code that shells use."""
    pipe = tmp_path / "users.csv"
    os.mkfifo(pipe)
    words = ("import", "timeoverflow", "--users", str(pipe), "--transfers", str(pipe))
    # What starts in a shell's background is born deaf to the keyboard: here, nothing is.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = start(tmp_path, *words)
    signal.signal(signal.SIGINT, before)
    with pipe.open("wb"):  # opens once the process reads, which then waits for the second file
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (130, b"timebank: interrupted\n") == (process.returncode, err)


def test_help_loads_no_more_than_click(tmp_path: Path) -> None:
    """`--help` is quick, for what a command needs is imported when it runs."""
    probe = (
        "import sys; from timebank.cli import main; "
        "print(sorted({'attrs', 'sqlite3', 'sqlite_utils', 'timebank.bank'} & set(sys.modules)))"
    )
    process = subprocess.run(
        [sys.executable, "-c", probe],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": SOURCE},
        capture_output=True,
        check=True,
    )
    assert b"[]" == process.stdout.strip().replace(b"'attrs'", b"")


class Terminal:
    """A standard error that is a terminal, and keeps what is written."""

    def __init__(self) -> None:
        self.written = ""

    def isatty(self) -> bool:
        """It is one."""
        return True

    def write(self, text: str) -> int:
        """Keep the text."""
        self.written += text
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""


def test_progress_is_shown_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each percent once, and the line is taken away at the end; elsewhere nothing."""
    with Progress("audit") as progress:
        progress(1, 2)
    assert "" == capsys.readouterr().err
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress("audit") as progress:
        for done in (0, 1, 500, 501, 1_000):
            progress(done, 1_000)
        progress(0, 0)
    assert terminal.written == ("\r\x1b[Kaudit: 0 %\r\x1b[Kaudit: 50 %\r\x1b[Kaudit: 100 %\r\x1b[K")


@pytest.mark.parametrize(
    ("called", "shown"),
    [
        ("/x/timebank/__main__.py", f"{sys.executable} -m timebank"),
        ("/usr/bin/pytest", "timebank"),
        (".venv/bin/timebank", ".venv/bin/timebank"),
        ("my venv/bin/timebank", "'my venv/bin/timebank'"),
    ],
)
def test_commands_to_try_are_those_that_work(
    monkeypatch: pytest.MonkeyPatch, called: str, shown: str
) -> None:
    """The program is named as it was called, where its short name would not be found."""
    monkeypatch.setattr(sys, "argv", [called])
    monkeypatch.setenv("PATH", "")
    assert shown == _program()


def test_the_short_name_serves_where_it_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On the path, `timebank` is enough."""
    tool = tmp_path / "timebank"
    tool.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(tool)])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "timebank" == _program()


def test_closed_streams_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program started without standard streams runs all the same."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    output.prepare()
    output.show(["nowhere"])
    output.complain("nowhere")
    output.finish()
    sys.stdout.close()
    sys.stderr.close()


def test_memory_errors_are_one_line() -> None:
    """What cannot be held is said, without a traceback."""
    assert "there is not enough memory" == program.message_of(MemoryError())
