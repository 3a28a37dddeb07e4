"""What a store's URL may say, what is read from it, and that its password is shown by nobody."""

from __future__ import annotations

import contextlib
import inspect
import io
import pickle
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote, quote_plus

import psycopg
import pymysql
import pytest
import sqlalchemy
from hypothesis import assume, example, given
from hypothesis import strategies as st

import timebank
from servers import drop_database, new_database
from support import examples
from timebank.cli import main
from timebank.cli.address import BankAddress
from timebank.errors import InvalidRequest, StoreError, TimebankError
from timebank.storage import migrate_store, open_store
from timebank.storage.address import server_url, url_of, without_password
from timebank.storage.options import OPTIONS, REFUSED, Option, read_options
from timebank.storage.server.mariadb import MariaDb
from timebank.storage.server.postgres import PostgreSql
from timebank.storage.server.store import SqlStore

ROOT = Path(__file__).parents[2]
SCHEMES = ("postgresql", "postgres", "postgresql+psycopg", "mariadb", "mariadb+pymysql")
#: A part of each password, which is to be seen nowhere.
SECRET = "geheim"  # noqa: S105 - it opens nothing
#: Passwords as people have them: the secret word, and between its copies what divides a URL.
PASSWORDS = st.lists(
    st.sampled_from([*"@:/?#%&=+,;[]'\" \n\\", "..", "%40", "%", "é", "/db?sslmode=", "@host/"]),
    max_size=6,
).map(lambda parts: SECRET + SECRET.join(["", *parts, ""]))

# -- passwords -----------------------------------------------------------------------------


def told_by(error: BaseException) -> str:
    """Everything that an error says: its text, its facts, and those of what caused it."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(pickle.dumps(error))


def said_by_the_program(*arguments: str) -> str:
    """What the command line prints, on both streams."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with (
        mock.patch.object(sys, "argv", ["timebank", *arguments]),
        contextlib.redirect_stdout(stream),
        contextlib.redirect_stderr(stream),
        contextlib.suppress(SystemExit),
    ):
        main()
    return stream.buffer.getvalue().decode()


@pytest.mark.parametrize("scheme", SCHEMES)
@given(password=PASSWORDS, host=st.sampled_from(["127.0.0.1:1", "127.0.0.1:1/db", "[::1]:1/db"]))
@example(password=f"{SECRET}@{SECRET}", host="127.0.0.1:1/db")
@example(password=f"{SECRET}:a/{SECRET}?s#", host="127.0.0.1:1/db")
@example(password=f"{SECRET}", host="127.0.0.1:1/db?connect_timeout=1&password={SECRET}")
@example(password=f"{SECRET}", host="127.0.0.1:x/db")
@example(password=f"{SECRET}", host="127.0.0.1:1/db?connect_timeout=x")
@example(password=f"{SECRET}", host="h@127.0.0.1:1/db?application_name=me@home")
@example(password=f"{SECRET}\0", host="127.0.0.1:1/db")
@example(password=f"{SECRET}\ud800", host="127.0.0.1:1/db")
@examples(15)
def test_a_password_is_shown_by_nobody(scheme: str, password: str, host: str) -> None:
    """Whatever it holds: not by an error, by what caused it, by a `repr`, nor by a shown URL."""
    url = f"{scheme}://maria:{password}@{host}"
    seen = [without_password(url), repr(BankAddress(url, "main"))]
    for call in (
        lambda: timebank.open(url),
        lambda: open_store(url, create=False, read_only=True),
        lambda: migrate_store(url),
    ):
        with pytest.raises(TimebankError) as caught:
            call()
        seen.append(told_by(caught.value))
    with contextlib.suppress(InvalidRequest):
        store = SqlStore(url)
        seen += [store.url, repr(store), repr(server_url(url)), str(server_url(url))]
    assert [] == [text for text in seen if SECRET in text]


@pytest.mark.parametrize("command", ["init", "head", "audit", "migrate"])
@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://maria:{SECRET}@{SECRET}@127.0.0.1:1/db",
        f"mariadb://maria:{SECRET}:a/{SECRET}?s#@127.0.0.1:1/db",
        f"postgresql://maria:{SECRET}@h/x?a={SECRET}@127.0.0.1:1/db",
        f"postgres://127.0.0.1:1/db?password={SECRET}&sslpassword={SECRET}",
        f"mysql://maria:{SECRET}@127.0.0.1/db",
        f"maria:{SECRET}@127.0.0.1/db",
        f"nothing://a@b:{SECRET}@127.0.0.1/db",
    ],
)
def test_a_password_is_not_printed(url: str, command: str) -> None:
    """Nor by the command line, whose message is one line; what an audit finds has more."""
    said = said_by_the_program("--db", url, command)
    assert SECRET not in said
    assert command == "audit" or len(said.splitlines()) == 1, said


def test_a_url_that_is_shown_says_the_rest() -> None:
    """All but what is secret, in the URL and behind its `?`."""
    assert "postgres://a@b:***@h/d" == without_password("postgres://a@b:x@y:z@h/d")
    assert "tiny://h/d?password=***&x=1" == without_password("tiny://h/d?password=a&x=1")
    assert "tiny://h/d?password=***&x=1" == without_password("tiny://h/d?password=a&$b&x=1")
    assert "tiny://u:***@***" == without_password("tiny://u:a@h/d?password=b@c/d")
    assert "sqlite:////a:b@c.db" == without_password("sqlite:////a:b@c.db")
    assert "postgresql:/u:***@h/d" == without_password("postgresql:/u:x@h/d")
    assert "./a:b@c.db" == without_password("./a:b@c.db")
    url = "postgresql://maria%40x:p@h%2Fx:54/my%20db?sslpassword=q&application_name=a+b"
    assert (
        "postgresql://maria%40x:***@h%2Fx:54/my%20db?sslpassword=***&application_name=a+b"
    ) == str(server_url(url))
    assert "mariadb://[::1]/d" == str(server_url("mariadb://[::1]/d"))
    assert "postgresql://:***@h/d" == str(server_url("postgresql://:x@h/d"))


# -- reading ------------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(user=WORDS, password=WORDS, database=WORDS, port=st.none() | st.integers(1, 65535))
def test_a_url_is_read_as_it_was_written(
    user: str, password: str, database: str, port: int | None
) -> None:
    """By hand, with each part quoted, and by SQLAlchemy; what is shown is read as the same.

    SQLAlchemy does not quote a database in each of its versions.
    """
    by_hand = "postgresql+psycopg://" + ":".join(quote(part, safe="") for part in (user, password))
    by_hand += f"@db.example{'' if port is None else f':{port}'}/{quote(database, safe='')}"
    made = sqlalchemy.URL.create(
        "postgresql+psycopg",
        username=user,
        password=password,
        host="db.example",
        port=port,
        database="bank",
    )
    for url, name in ((by_hand, database), (made.render_as_string(hide_password=False), "bank")):
        found = server_url(url)
        assert (user, password, "db.example", port, name) == (
            found.user,
            found.password,
            found.host,
            found.port,
            found.database,
        )
        shown = server_url(str(found))
        assert (found.user, "***", found.database) == (shown.user, shown.password, shown.database)


#: Hosts as libpq takes them: names, addresses of both kinds, sockets; each with or without a port.
HOSTS = st.tuples(
    st.sampled_from(["db", "db.example", "10.0.0.7", "[::1]", "[fe80::1%25eth0]", "%2Frun%2Fpg"]),
    st.none() | st.integers(1, 65535),
).map(lambda host: host[0] if host[1] is None else f"{host[0]}:{host[1]}")
#: What may stand in a URL besides, of which libpq and we know the same.
LIBPQ = st.sampled_from(
    [
        "",
        "?target_session_attrs=read-write",
        "?target_session_attrs=prefer-standby&load_balance_hosts=random&connect_timeout=7",
        "?application_name=me%40home%20%26%20co&sslmode=verify-full",
    ]
)


def as_libpq_reads(url: str) -> dict[str, str]:
    """What libpq's own parser finds in a URL; without ports it may have the commas between."""
    found = psycopg.conninfo.conninfo_to_dict(url)
    return {
        name: str(value)
        for name, value in found.items()
        if name != "port" or value.strip(",")  # type: ignore[union-attr]  # libpq's are text
    }


def as_we_read(url: str) -> dict[str, str]:
    """What a driver of ours is given of a URL, but for what it is given of any."""
    given_to = PostgreSql().arguments(server_url(url))
    of_any = {"autocommit", *PostgreSql().arguments(server_url("postgresql:///d"))}
    options = server_url(url).options
    return {
        name: str(value)
        for name, value in given_to.items()
        if name in options or name not in of_any or name == "dbname"
    }


@given(
    user=WORDS | st.none(),
    password=WORDS | st.none(),
    hosts=st.lists(HOSTS, min_size=1, max_size=4),
    database=WORDS,
    options=LIBPQ,
)
@example("u", None, ["h1:1", "h2:2"], "db", "?target_session_attrs=read-write")
@example("u", "p@:/?#,h", ["[::1]:5433", "h2"], "d,b", "")
def test_several_hosts_are_read_as_libpq_reads_them(
    user: str | None, password: str | None, hosts: list[str], database: str, options: str
) -> None:
    """Whatever the login and the database hold, and whichever of them has a port; shown, too."""
    login = ""
    if user is not None:
        hidden = "" if password is None else f":{quote(password, safe='')}"
        login = f"{quote(user, safe='')}{hidden}@"
    url = f"postgresql://{login}{','.join(hosts)}/{quote(database, safe='')}{options}"
    assert as_libpq_reads(url) == as_we_read(url)
    shown = str(server_url(url))
    assert password is None or user is None or f":{quote(password, safe='')}@" not in shown
    given = as_we_read(url)
    assert {**given, **({"password": "***"} if "password" in given else {})} == as_we_read(shown)


#: What makes a URL, in any order: most is none, and what is one is read by both or refused by us.
PIECES = st.lists(
    st.sampled_from(
        ["u", "h", "h2", "1", "54", "@", ":", ",", "/", "?", "[::1]", "%40", "%2C", "d", "host=h3"]
    ),
    max_size=12,
).map("".join)


@given(rest=PIECES)
@example("u:p@h:1,h2:2/d")
@example("u@h,h2:2,[::1]:5/d")
@example("h%2Ch2/d")
@example("u:a@h,h2@h3/d")
@examples(400)
def test_what_is_taken_is_read_as_libpq_reads_it(rest: str) -> None:
    """Any text: unless it is refused. Of several @ libpq takes the first and we the last."""
    assume(rest.count("@") < 2)
    url = f"postgresql://{rest}"
    try:
        found = as_we_read(url)
    except InvalidRequest:
        return
    try:
        theirs = as_libpq_reads(url)
    except psycopg.Error:
        assert "@" in rest  # a password with a / in it, which libpq takes for a host
        return
    assert theirs == found or "@" in rest.partition("/")[2]


@given(password=PASSWORDS)
def test_a_password_is_read_whole_or_refused(password: str) -> None:
    """There is no URL of which a part of the password is read as something else."""
    assume("%" not in password)
    try:
        found = server_url(f"postgresql://maria:{password}@db.example:54/bank")
    except InvalidRequest as error:
        assert "two ways" in str(error)  # noqa: PT017 - what else is read is looked at below
        return
    assert ("maria", password, "db.example", 54, "bank") == (
        found.user,
        found.password,
        found.host,
        found.port,
        found.database,
    )


@pytest.mark.parametrize("password", ["p@ss", "p:a/s?s#", "@", ":", "/", "?", "#", "a@b:1"])
def test_a_password_needs_no_quoting_where_there_is_one_way_to_read_it(password: str) -> None:
    """Also with the marks that divide a URL."""
    found = server_url(f"mariadb://maria:{password}@db.example/bank?ssl_disabled=yes")
    assert (password, "db.example", {"ssl_disabled": True}) == (
        found.password,
        found.host,
        found.options,
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql:/h/d", "is named like postgresql://user"),
        ("postgresql://h:0/d", "the port is a number from 1 to 65535"),
        ("postgresql://h:65536/d", "the port is a number from 1 to 65535"),
        ("postgresql://h:٣/d", "the port is a number from 1 to 65535"),
        ("mariadb://one,two:54/d", "names one host: of several, put a proxy before them"),
        ("postgresql://one,/d", "a comma with no host"),
        ("postgresql://u@:1,two/d", "a comma with no host"),
        ("postgresql://one,two:0/d", "the port is a number from 1 to 65535"),
        ("postgresql://one%2Ctwo/d", "no name that can be looked up"),
        ("postgresql://one,two/d?hostaddr=1.2.3.4", "as many of host, hostaddr and port"),
        ("postgresql:///d?host=one,two&port=1,2,3", "as many of host, hostaddr and port"),
        ("postgresql:///d?host=one&hostaddr=1.2.3.4,5.6.7.8", "as many of host, hostaddr"),
        ("postgresql://h/d/e", "within a part written"),
        ("postgresql://h/d#x", "within a part written"),
        ("postgresql://u:p@h/d?application_name=me@home", "two ways: write an @ that divides no"),
        ("postgresql://h/d?application_name=me@home", "two ways: write an @ that divides no"),
        (f"postgresql://u:{SECRET}@x/d?sslmode={SECRET}@h,i/d", "two ways"),
        (f"postgresql://u:1/d?sslmode={SECRET}@h,i/d", "two ways"),
        (f"postgresql+psycopg:/u:{SECRET}@h/d", r"is named like postgresql\+psycopg://user"),
        ("postgresql://u/p@h/d", "within a part written"),
        ("postgresql://h\0/d", "text without NUL"),
        ("postgresql://a..b/d", "no name that can be looked up"),
        (f"mariadb://{'a' * 64}/d", "no name that can be looked up"),
        ("postgresql://:54/d", "a port and no host"),
        ("postgresql://u@h", r"names no database: postgresql://user:password@host/database"),
        ("postgresql://u@h/", "names no database"),
        ("mariadb:///d", "names no host, and no unix_socket"),
        ("mariadb://u@/d?connect_timeout=1", "names no host, and no unix_socket"),
        ("postgresql://h/d?host=x", "host says again"),
        ("postgresql://h:1/d?port=1", "port says again"),
        ("postgresql://u@h/d?user=x", "user says again"),
        ("postgresql://u:p@h/d?password=x", "password says again"),
        ("postgresql://h/d?dbname=x", "dbname says again"),
        ("mariadb://h/d?ssl_verify_identity=1", "needs ssl_ca or ssl_capath"),
        ("mariadb://h/d?read_default_group=x", "needs read_default_file"),
    ],
)
def test_a_server_that_cannot_be(url: str, message: str) -> None:
    """It is said what is missing, wrong, or said twice."""
    with pytest.raises(InvalidRequest, match=message) as caught:
        server_url(url)
    assert SECRET not in told_by(caught.value)


def test_what_an_option_may_say_instead() -> None:
    """The folder of a socket, several hosts, a service, the database."""
    assert server_url("postgresql://u@/d?host=/run/x&port=6543").options == {
        "host": "/run/x",
        "port": "6543",
    }
    several = server_url("postgresql:///d?host=one,two&port=1,2")
    assert {"host": "one,two", "port": "1,2"} == several.options
    assert "/run/x" == server_url("postgresql://%2Frun%2Fx/d").host
    assert server_url("postgresql://?service=bank").database is None
    assert {"application_name": "me@home"} == server_url(
        "postgresql://h/d?application_name=me%40home"
    ).options
    assert {"dbname": "d"} == server_url("postgresql://h?dbname=d").options


# -- options -------------------------------------------------------------------------------


def test_each_option_of_the_drivers_is_known_or_refused() -> None:
    """By the drivers that are installed: none is passed on unseen, and ours are theirs."""
    of_libpq = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    of_psycopg = {
        name
        for name, parameter in inspect.signature(psycopg.connect).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    known = {option.name for option in OPTIONS["postgresql"]}
    # The limits of reading are ours.
    assert {"read_timeout", "long_read_timeout"} == known - of_libpq - of_psycopg
    assert set() == (of_libpq | of_psycopg) - known - REFUSED["postgresql"].keys()
    of_pymysql = set(inspect.signature(pymysql.Connection).parameters)
    known = {option.name for option in OPTIONS["mariadb"]}
    # In its `ssl`; and ours.
    ours = {"long_read_timeout", "wsrep_sync_wait"}
    assert {"ssl_capath", "ssl_cipher", *ours} == known - of_pymysql
    unsaid = {"auth_plugin_map", "server_public_key"}
    assert unsaid == of_pymysql - known - REFUSED["mariadb"].keys()
    for store, options in OPTIONS.items():
        assert set() == {option.name for option in options} & REFUSED[store].keys()


def of_words(words: str) -> Iterator[tuple[str, Any]]:
    """Texts that an option of these words may be, and what they are read as."""
    here, folder = str(ROOT / "pyproject.toml"), str(ROOT)
    named: dict[str, list[tuple[str, Any]]] = {
        "text that is not empty": [("a b", "a b")],
        "a file that is there": [(here, here)],
        "a file that is there, or system": [(here, here), ("system", "system")],
        "a folder that is there": [(folder, folder)],
        "none, or a whole number": [("none", None), ("None", None), ("0", 0), ("12", 12)],
        "utf8, which it is without": [("UTF-8", None), ("utf8mb4", None)],
    }
    yield from named.get(words, [])
    if words.startswith("1 or 0"):
        yield from [("1", True), ("no", False), ("TRUE", True), ("off", False)]
    elif words.startswith("a whole number, 1 to 65535;"):
        yield from [("1", "1"), ("1,65535", "1,65535")]
    elif words.startswith("a whole number, "):
        least, most = words.removeprefix("a whole number, ").split(" to ")
        yield from [(least, int(least)), (most, int(most))]
    elif words.startswith("settings"):
        yield (
            r"-c search_path=t1,\ public --work-mem=1MB -cx.y=",
            (("search_path", "t1, public"), ("work_mem", "1MB"), ("x.y", "")),
        )
    elif " or " in words and "number" not in words and "there" not in words:
        yield from ((word, word) for word in words.replace(" or ", ", ").split(", "))


ALL = [(store, option) for store, options in OPTIONS.items() for option in options]


@pytest.mark.parametrize(("store", "option"), ALL, ids=[f"{s}-{o.name}" for s, o in ALL])
def test_an_option_has_a_type(store: str, option: Option) -> None:
    """It is read as what its words say; what they do not say is refused with them."""
    right = list(of_words(option.kind.words))
    assert right, option.kind.words
    for text, value in right:
        assert {option.name: value} == read_options(store, f"{option.name}={quote_plus(text)}")
    wrong = ["", "a\0b"]
    if not option.kind.words.startswith("text"):
        wrong += [
            "x",
            "-1",
            "1.5",
            "٣",
            "9" * 5000,
            "/" + "a" * 5000,
            "None ",
            "-cclient_encoding=x",
        ]
    for text in wrong:
        with pytest.raises(InvalidRequest) as caught:
            read_options(store, f"{option.name}={quote_plus(text)}")
        assert str(caught.value).startswith(f"the option {option.name} is {option.kind.words}")
        assert option.is_secret == (", not " not in str(caught.value))


@pytest.mark.parametrize(
    ("store", "query", "message"),
    [
        ("postgresql", "sslmod=x", "no option sslmod: is it sslmode?"),
        ("postgresql", "Connect_Timeout=1", "is it connect_timeout?"),
        ("postgresql", "autocommit=1", "no option autocommit: timebank sets it itself"),
        ("postgresql", "pool_size=1", "a pool of its own"),
        ("postgresql", "zzz=1", "no option zzz: see the list"),
        ("mariadb", "init_command=x", "timebank sets it itself"),
        ("mariadb", "host=x", "it stands before the"),
        ("mariadb", "ssl_check_hostname=1", "it is written ssl_verify_identity"),
        ("mariadb", "unix_sock=1", "is it unix_socket?"),
        ("sqlite", "mode=ro", "no option mode: the one option is synchronous"),
        ("sqlite", "synchronus=full", "is it synchronous?"),
        ("memory", "x=1", "a URL of memory has no option x$"),
        ("sqlite", "synchronous=full&synchronous=full", "synchronous is given twice"),
        ("postgresql", "sslmode", "is name=value"),
        ("postgresql", "", "is name=value"),
        ("postgresql", "connect_timeout=1&", "is name=value"),
        ("postgresql", "a b=1", "is name=value"),
        ("postgresql", "options=-clock_timeout%3D1", "but for those that timebank sets"),
        ("postgresql", "options=-ctimebank.rebuild%3Don", "but for those that timebank sets"),
        ("postgresql", "options=-cdefault-transaction-read-only%3Don", "but for those"),
        ("postgresql", "options=-csession_replication_role%3Dreplica", "but for those"),
        ("postgresql", "options=-c", "but for those"),
        ("postgresql", "options=-B+5", "but for those"),
    ],
)
def test_options_that_cannot_be(store: str, query: str, message: str) -> None:
    """Each is refused, with what is near it or where it belongs."""
    with pytest.raises(InvalidRequest, match=message):
        read_options(store, query)


#: Options of MariaDB that are not its driver's.
OURS = "read_timeout=9&long_read_timeout=99&wsrep_sync_wait=7"
#: What libpq is told unless the URL tells it.
LIMITS = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


def test_what_a_driver_is_given() -> None:
    """What was read, by its name there; what is set is set in any case."""
    given_to = PostgreSql().arguments
    assert {
        **LIMITS,
        "autocommit": True,
        "connect_timeout": 10,
        "host": "h",
        "port": 54,
        "user": "u",
        "password": "é",
        "dbname": "d",
        "client_encoding": "UTF8",
    } == given_to(server_url("postgresql://u:%C3%A9@h:54/d"))
    options = "prepare_threshold=none&connect_timeout=3&client_encoding=utf8&options=-ca%3Db"
    options += "&tcp_user_timeout=5000&read_timeout=9&long_read_timeout=99"
    assert {
        **LIMITS,
        "tcp_user_timeout": 5000,
        "autocommit": True,
        "connect_timeout": 3,
        "host": "h",
        "dbname": "d",
        "client_encoding": "UTF8",
        "prepare_threshold": None,
    } == given_to(server_url(f"postgresql://h/d?{options}"))
    here = str(ROOT / "pyproject.toml")
    given_to = MariaDb().arguments
    assert {
        "autocommit": True,
        "connect_timeout": 10,
        "host": "h",
        "user": "u",
        "password": "€".encode(),
        "database": "d",
        "charset": "utf8mb4",
    } == given_to(server_url(f"mariadb://u:€@h/d?charset=utf8mb4&{OURS}"))
    # A certificate that is named is looked at, unless the URL says that it is not.
    assert {"ca": here} == given_to(server_url(f"mariadb://h/d?ssl_ca={here}"))["ssl"]
    assert {"ca": here, "check_hostname": False, "verify_mode": True} == given_to(
        server_url(f"mariadb://h/d?ssl_ca={here}&ssl_verify_cert=1&ssl_verify_identity=0")
    )["ssl"]
    assert {"check_hostname": False} == given_to(server_url("mariadb://h/d?ssl=1"))["ssl"]
    assert "ssl" not in given_to(server_url("mariadb://h/d?ssl=0"))


def test_files_that_are_not_what_they_should_be(tmp_path: Path) -> None:
    """Whatever a driver raises for them is a `StoreError`."""
    wrong = tmp_path / "wrong"
    wrong.write_text("no certificate", "utf-8")
    for url in (
        f"mariadb://h/d?ssl_ca={wrong}",
        f"mariadb://h/d?read_default_file={wrong}",
        "mariadb://127.0.0.1:1/d?ssl=1&ssl_cipher=nothing",
    ):
        with pytest.raises(StoreError):
            timebank.open(url)


@pytest.mark.servers
def test_options_reach_the_server() -> None:
    """The name of the program, a time limit, the settings of a transaction."""
    url = new_database("postgresql")
    with timebank.open(
        f"{url}&application_name=bank+42&options=-cstatement_timeout%3D4321+-cx.y%3Da'b\\\\c%25s"
    ) as bank:
        with bank.store.reader("main") as reader:
            cursor: Any = reader.transaction().cursor  # type: ignore[attr-defined]  # that of a server
            shown = [cursor.execute(f"SHOW {name}").fetchone()[0] for name in SETTINGS]
        assert ["bank 42", "4321ms", r"a'b\c%s", "30s", "UTF8"] == shown
    drop_database(url)
    url = new_database("mariadb")
    with timebank.open(f"{url}&program_name=bank+42&connect_timeout=7&read_timeout=70") as bank:
        bank.open_account("m1")
        with bank.store.reader("main") as reader:
            cursor = reader.transaction().cursor  # type: ignore[attr-defined]  # that of a server
            assert (7, 70) == (cursor.connection.connect_timeout, cursor.connection._read_timeout)
    drop_database(url)


SETTINGS = ("application_name", "statement_timeout", "x.y", "lock_timeout", "client_encoding")


# -- paths ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ("bank.db", "sqlite:///bank.db"),
        (Path("bank.db"), "sqlite:///bank.db"),
        ("/var/lib/bank.db", "sqlite:////var/lib/bank.db"),
        (Path("/a:b@c.db"), "sqlite:////a%3Ab%40c.db"),
        ("./bank:1.db", "sqlite:///./bank%3A1.db"),
        ("street fair?#%.db", "sqlite:///street%20fair%3F%23%25.db"),
        ("C:\\banks\\a@b.db", "sqlite:///C%3A%5Cbanks%5Ca%40b.db"),
        ("C:/banks/bank.db", "sqlite:///C%3A/banks/bank.db"),
        ("me@home.db", "sqlite:///me%40home.db"),
        (":x", "sqlite:///%3Ax"),
        (Path("memory:"), "sqlite:///memory%3A"),
        ("./memory", "sqlite:///./memory"),
        ("~/bank.db", "sqlite:///~/bank.db"),
        ("memory:", "memory:"),
        ("bank:1.db", "bank:1.db"),
        ("sqlite:///x", "sqlite:///x"),
    ],
)
def test_a_path_is_a_file(place: str | Path, url: str) -> None:
    """Text that begins with a scheme and a colon is a URL, and everything else a path."""
    assert url == url_of(place)


def test_a_path_with_a_login_in_it_is_not_shown() -> None:
    """A URL that was made a `Path`, say."""
    for place in (Path(f"postgresql://u:{SECRET}@h/d"), f"u:{SECRET}@h/d", f"{SECRET}@h:1/d"):
        with pytest.raises(InvalidRequest, match="begins with its scheme") as caught:
            timebank.open(place)
        assert SECRET not in told_by(caught.value)


def test_a_bank_in_a_plain_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same file for `open`, as text and as a `Path`, for `migrate_store` and for `--db`."""
    monkeypatch.chdir(tmp_path)
    with timebank.open("street fair.db") as bank:
        bank.open_account("m1")
    for place in (tmp_path / "street fair.db", "./street fair.db", "sqlite:///street%20fair.db"):
        with timebank.open(place, create=False, read_only=True) as bank:
            assert ["m1"] == [account.id for account in bank.accounts()]
    assert [] == migrate_store(Path("street fair.db"))
    assert "timebank/1 " in said_by_the_program("--db", "street fair.db", "head")
    assert ["street fair.db"] == [path.name for path in tmp_path.glob("*.db")]


# -- the page ------------------------------------------------------------------------------


def rows(store: str) -> str:
    """The table of a store's options, an option's kind a row."""
    kinds: dict[str, list[str]] = {}
    for option in OPTIONS[store]:
        kinds.setdefault(option.kind.words, []).append(f"`{option.name}`")
    table = "| options | each is |\n| --- | --- |\n"
    return table + "".join(f"| {', '.join(names)} | {words} |\n" for words, names in kinds.items())


@pytest.mark.parametrize("store", ["postgresql", "mariadb", "sqlite"])
def test_the_page_lists_the_options(store: str) -> None:
    """Those that are in the code, and what they may be."""
    assert rows(store) in (ROOT / "docs" / "howto-servers.md").read_text("utf-8")
