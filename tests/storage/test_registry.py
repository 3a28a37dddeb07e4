"""The registry: which store a URL names, and who may claim a scheme."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import timebank
from timebank.errors import InvalidRequest, StoreError, TimebankError, WrongType
from timebank.storage import Store, open_store
from timebank.storage.memory import MemoryStore
from timebank.storage.registry import BUILT_IN

ROOT = Path(__file__).parents[2]


class Bytes:
    """A path in bytes."""

    def __fspath__(self) -> bytes:
        """A path that is no text."""
        return b"secret"


# -- URLs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "named by a URL"),
        ("a\0b", "names no file"),
        ("\ud800", "can name no file"),
        ("u:secret@h", "begins with its scheme"),
        ("user:secret@h", "no store for the scheme 'user'"),
        ("1secret@h:5432/d", "begins with its scheme"),
        ("postgresql//u:secret@h/d", "begins with its scheme"),
        ("C:/x", "no folder"),
        ("memory", "a colon behind it: memory:"),
        ("postgresql", "a colon behind it: postgresql:"),
        ("mariadb+pymysql//h/d", r"a colon behind it: mariadb\+pymysql:"),
        ("bank:1.db", r"no store for the scheme 'bank'.*is written \./ and its name"),
        ("postgres:x", "a server is named like"),
        ("postgresql:///", "names no database"),
        ("sqlite:/x", "SQLite is sqlite:///"),
        ("memory:x", "nothing behind it"),
        ("memory://u:secret@h", "no user and no password"),
        ("redis://u:secret@x", "known are mariadb, memory, postgresql, sqlite"),
        ("Sqlite:///x.db", "no store for the scheme 'Sqlite'.*; here that is sqlite:///bank.db"),
        ("sqlite3:///x.db", "; here that is sqlite:///bank.db"),
        ("mem:", "no store for the scheme 'mem'"),
        ("memry:", "; here that is memory:"),
        ("mysql://u:secret@h/d", r"; here that is mariadb\+pymysql://user:password@host/database"),
        ("mysql+pymysql://u:secret@h/d", r"; here that is mariadb\+pymysql://"),
        ("postgress://u:secret@h/d", r"; here that is postgresql\+psycopg://user:password@"),
        ("sqlite+x:///x.db", "such a URL begins with sqlite:"),
        ("memory+x:", "such a URL begins with memory:"),
        ("postgresql+psycopg2://u:secret@h/d", r"such a URL begins with postgresql\+psycopg:"),
        ("postgresql+://u:secret@h/d", r"such a URL begins with postgresql\+psycopg:"),
        ("mariadb+mysqldb://u:secret@h/d", r"such a URL begins with mariadb\+pymysql:"),
        ("postgres+psycopg2://u:secret@h/d", r"such a URL begins with postgresql\+psycopg:"),
        ("postgres://u:secret@h:port/d", "a server is named like"),
        ("postgresql://u:secret@h:port/d", "a server is named like"),
        ("mariadb://u:secret@h:port/d", "a server is named like"),
        ("sqlite:bank.db", "SQLite is sqlite:///"),
        ("sqlite://host/bank.db", "SQLite is sqlite:///"),
        ("sqlite://u:secret@host/bank.db", "no user and no password"),
        ("sqlite:u:secret@host/bank.db", "no user and no password"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///a%00b", "names no file"),
        ("sqlite:///\ud800", "no text"),
        ("sqlite:///a.db?synchronous=off", "is normal or full, not 'off'"),
        ("sqlite:///a.db?full", "is name=value"),
        ("sqlite:///a.db?mode=ro", "no option mode: the one option is synchronous"),
        ("sqlite://?", "is name=value"),
    ],
)
def test_a_url_that_cannot_be(
    url: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL is refused with what it should be, and no password in the message."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TimebankError, match=message) as caught:
        open_store(url, create=True)
    assert isinstance(caught.value, InvalidRequest) == (url != "C:/x")
    assert "secret" not in str(caught.value)
    assert [] == [*tmp_path.iterdir()]


@pytest.mark.parametrize("url", [b"postgresql://u:secret@h/d", None, Bytes()])
def test_a_url_is_text(url: Any) -> None:
    """Nothing else is one, and what it says is not shown."""
    with pytest.raises(WrongType, match="by a URL or by the path of a file, not by a ") as caught:
        open_store(url, create=True)
    assert "secret" not in str(caught.value)


def test_a_file_may_have_an_at_in_its_name(tmp_path: Path) -> None:
    """Only what stands where a host would be is taken for a login."""
    open_store(f"sqlite:///{tmp_path}/a:b@c.db", create=True).close()
    assert ["a:b@c.db"] == [path.name for path in tmp_path.glob("*.db")]


# -- our own, which need an extra -----------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "missing", "hint"),
    [
        ("postgresql", "sqlalchemy", "pip install 'timebank[postgres]'"),
        ("postgresql+psycopg", "psycopg", "pip install 'timebank[postgres]'"),
        ("mariadb", "sqlalchemy", "pip install 'timebank[mariadb]'"),
        ("mariadb+pymysql", "pymysql", "pip install 'timebank[mariadb]'"),
    ],
)
def test_an_extra_that_is_missing_is_named(
    scheme: str, missing: str, hint: str, tmp_path: Path
) -> None:
    """In a process that cannot import it: what to install, the cause, and no password."""
    program = """
import sys
sys.modules[sys.argv[2]] = None
import timebank
try:
    timebank.open(sys.argv[1])
except timebank.StoreError as error:
    print(type(error.__cause__).__name__, error)
"""
    done = python(program, f"{scheme}://u:secret@127.0.0.1:1/d", missing, folder=tmp_path)
    assert done.stdout.startswith("ModuleNotFoundError ")
    assert hint in done.stdout
    assert missing in done.stdout
    assert "secret" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
def test_a_server_is_opened_through_the_driver_that_is_supported(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With or without it in the URL, and with both flags."""
    calls: list[tuple[str, bool, bool]] = []

    def open_sql(url: str, *, create: bool, read_only: bool) -> MemoryStore:
        calls.append((url, create, read_only))
        return MemoryStore()

    monkeypatch.setattr("timebank.storage.server.store.open_sql", open_sql)
    spelled = f"{name}+{BUILT_IN[name].driver}"
    open_store(f"{name}://h/d", create=True)
    open_store(f"{spelled}://h/d?x=y:z", create=True, read_only=True)
    if name == "postgresql":
        open_store("postgres://h/d", create=True)
        open_store("postgres+psycopg://h/d", create=True)
        assert [(f"{spelled}://h/d", True, False)] * 2 == calls[2:]
        del calls[2:]
    assert [(f"{spelled}://h/d", True, False), (f"{spelled}://h/d?x=y:z", False, True)] == calls


def test_an_import_that_fails_in_a_store_without_extras_is_no_hint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A broken installation of SQLite is shown as what it is."""
    monkeypatch.setitem(sys.modules, "timebank.storage.sqlite", None)
    with pytest.raises(ImportError):
        open_store("sqlite://", create=True)


# -- those of other packages, by entry points made by hand ----------------------------------------

Claim = Callable[..., None]


@pytest.fixture
def claim(monkeypatch: pytest.MonkeyPatch) -> Claim:
    """Claims schemes, as `name=module:function`."""

    def claimed(*claims: str) -> None:
        pairs = [one.split("=") for one in claims]
        points = [EntryPoint(name, value, "timebank.stores") for name, value in pairs]
        groups = {"timebank.stores": points}
        monkeypatch.setattr("importlib.metadata.entry_points", lambda *, group: groups[group])

    return claimed


def opened_with(url: str, *, create: bool, read_only: bool) -> Store:
    """A store of another package, which says how it was opened."""
    store = MemoryStore()
    store.url = f"{url} {create} {read_only}"
    return store


def missing_driver(url: str, *, create: bool, read_only: bool) -> Store:
    """A store whose driver is loaded when it is opened."""
    raise ModuleNotFoundError(name="redis")


NOT_AN_OPENER = "text"


def test_an_installed_package_registers_a_scheme(claim: Claim) -> None:
    """Its callable gets the URL and both flags, for the scheme with or without a driver."""
    mine = "mine=storage.test_registry:opened_with"
    claim(mine, mine, "mine+own=storage.test_registry:opened_with", "lost=timebank:absent")
    assert "mine+x:y True False" == open_store("mine+x:y", create=True).url
    assert "mine:y False False" == open_store("mine:y", create=False).url
    assert "mine+own:y False True" == open_store("mine+own:y", create=True, read_only=True).url
    with pytest.raises(
        InvalidRequest, match=r"lost, mariadb, memory, mine, mine\+own, postgresql, sqlite"
    ):
        open_store("none:x", create=True)


def test_a_scheme_claimed_twice_is_refused(claim: Claim) -> None:
    """Both claimants are named, and other schemes are open to all."""
    claim("two=b:open", "two=a:open", "mine=storage.test_registry:opened_with")
    with pytest.raises(InvalidRequest, match="'two' is claimed twice: by a:open and by b:open"):
        open_store("two:x", create=True)
    with pytest.raises(InvalidRequest, match="claimed twice"):
        open_store("two+driver:x", create=True)
    open_store("mine:x", create=True)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("memory", "memory:"),
        ("sqlite", "sqlite://"),
        ("postgresql", "postgresql+psycopg://h/d"),
        ("postgresql+psycopg", "postgresql://h/d"),
        ("mariadb", "mariadb://h/d"),
        ("postgres", "postgres://h/d"),
        ("postgresql", "postgres://h/d"),
    ],
)
def test_a_scheme_of_ours_cannot_be_claimed(claim: Claim, name: str, url: str) -> None:
    """It is told when that scheme is asked for, and by nothing else."""
    claim(f"{name}=a:open")
    with pytest.raises(InvalidRequest, match="claimed twice: by timebank and by a:open"):
        open_store(url, create=True)
    other = "memory:" if name == "sqlite" else "sqlite://"
    open_store(other, create=True).close()


def test_a_store_that_cannot_be_loaded(claim: Claim) -> None:
    """What is missing is said, and is the cause."""
    claim(
        "lost=timebank:absent",
        "gone=no_such_module.at_all:open",
        "late=storage.test_registry:missing_driver",
        "text=storage.test_registry:NOT_AN_OPENER",
    )
    for scheme, cause in (("lost", AttributeError), ("gone", ImportError), ("late", ImportError)):
        with pytest.raises(StoreError, match=f"'{scheme}', at .*cannot be loaded: ") as caught:
            open_store(f"{scheme}://u:secret@h", create=True)
        assert isinstance(caught.value.__cause__, cause)
        assert "secret" not in str(caught.value)
    message = r"at storage\.test_registry:NOT_AN_OPENER, cannot be called"
    with pytest.raises(StoreError, match=message):
        open_store("text:x", create=True)


# -- those of other packages, installed ------------------------------------------------------

TINY = '''"""A tiny store: SQLite under another name."""

from timebank.storage.sqlite import open_sqlite


def open_tiny(url, *, create, read_only):
    """The store of `tiny:path`."""
    path = url.partition(":")[2]
    return open_sqlite(f"sqlite:///{path}", create=create, read_only=read_only)
'''


def install(folder: Path, name: str, *, module: str, source: str | None) -> Path:
    """A distribution, as an installer leaves it, that claims the scheme `tiny`."""
    place = folder / name
    place.mkdir()
    if source is not None:
        (place / f"{module}.py").write_text(source, "utf-8")
    info = place / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
    entry = f"[timebank.stores]\ntiny = {module}:open_tiny\n"
    (info / "entry_points.txt").write_text(entry, "utf-8")
    return place


def python(*arguments: str, folder: Path, path: tuple[Path, ...] = ()) -> Any:
    """What Python says to a program (`-c`), with distributions on its path."""
    return subprocess.run(
        [sys.executable, "-c", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "PYTHONPATH": os.pathsep.join(map(str, (*path, Path(timebank.__file__).parent.parent))),
        },
        check=False,
    )


COMMAND = "from timebank.cli import main; main()"


def test_an_installed_distribution_is_opened(tmp_path: Path) -> None:
    """Through `timebank.open`, and through the command line, by its scheme alone."""
    path = (install(tmp_path, "tiny-store", module="tiny_store", source=TINY),)
    program = """
import sys, timebank
with timebank.open("tiny:bank.db") as bank:
    bank.open_account("m1")
    print(bank.head().with_root())
"""
    opened = python(program, folder=tmp_path, path=path)
    assert (0, "") == (opened.returncode, opened.stderr)
    shown = python(COMMAND, "--db", "tiny:bank.db", "head", folder=tmp_path, path=path)
    assert (0, opened.stdout, "") == (shown.returncode, shown.stdout, shown.stderr)
    audited = python(COMMAND, "--db", "tiny:bank.db", "audit", folder=tmp_path, path=path)
    assert 0 == audited.returncode


def test_a_distribution_is_not_imported_for_another_scheme(tmp_path: Path) -> None:
    """Loaded on first use: whatever it does at import, others do not notice."""
    source = "raise SystemExit('imported')"
    path = (install(tmp_path, "tiny-store", module="tiny_store", source=source),)
    program = "import timebank; timebank.open('sqlite://'); timebank.open('memory:'); print('well')"
    assert "well\n" == python(program, folder=tmp_path, path=path).stdout


def test_two_distributions_that_claim_one_scheme(tmp_path: Path) -> None:
    """Both are named, even where they point at modules of one name."""
    path = tuple(
        install(tmp_path, name, module="tiny_store", source=TINY) for name in ("tiny-b", "tiny-a")
    )
    shown = python(COMMAND, "--db", "tiny:bank.db", "head", folder=tmp_path, path=path)
    assert 2 == shown.returncode
    assert (
        "the scheme 'tiny' is claimed twice: "
        "by tiny_store:open_tiny of tiny-a and by tiny_store:open_tiny of tiny-b" in shown.stderr
    )


@pytest.mark.parametrize(
    ("source", "missing"),
    [(None, "No module named 'tiny_store'"), ("import no_driver", "No module named 'no_driver'")],
)
def test_a_distribution_whose_module_is_missing(
    tmp_path: Path, source: str | None, missing: str
) -> None:
    """The error is a line that names the distribution and what is missing."""
    path = (install(tmp_path, "tiny-store", module="tiny_store", source=source),)
    shown = python(COMMAND, "--db", "tiny://u:secret@h", "head", folder=tmp_path, path=path)
    assert 2 == shown.returncode
    assert f"tiny_store:open_tiny of tiny-store, cannot be loaded: {missing}" in shown.stderr
    assert "secret" not in shown.stderr
    assert 1 == len(shown.stderr.splitlines())


def test_the_example_store_can_be_installed(tmp_path: Path) -> None:
    """As its page says: the lines of its `pyproject.toml` are those that are registered here."""
    page = (ROOT / "docs" / "writing-a-store.md").read_text("utf-8")
    assert '[project.entry-points."timebank.stores"]\njsonl = "jsonl_store:open_jsonl"' in page
    example = (ROOT / "examples" / "jsonl_store.py").read_text("utf-8")
    place = install(tmp_path, "timebank-jsonl", module="jsonl_store", source=example)
    (entry,) = place.glob("*.dist-info/entry_points.txt")
    entry.write_text("[timebank.stores]\njsonl = jsonl_store:open_jsonl\n", "utf-8")
    made = python(COMMAND, "--db", "jsonl:books", "init", folder=tmp_path, path=(place,))
    assert (0, "") == (made.returncode, made.stderr)
    shown = python(COMMAND, "--db", "jsonl:books", "head", folder=tmp_path, path=(place,))
    assert (0, "") == (shown.returncode, shown.stderr)
    assert shown.stdout.startswith("timebank/1 ")
