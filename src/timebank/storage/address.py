"""Where a store is: a path or a URL, the parts of a server's URL, and what of it may be shown.

A password is shown by nobody. It may hold any character: where a URL can be read in two ways it
is refused, for by the wrong one a part of the password would be a host, or a database.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote

import attrs

from timebank.errors import InvalidRequest, WrongType
from timebank.storage.options import OPTIONS, SECRETS, read_options, split_query

#: A scheme has at least two letters: one is a drive of Windows.
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_DRIVE: Final = re.compile(r"[A-Za-z]:(?=[/\\])")
#: How a path begins that nobody takes for the rest of a URL.
_PLAIN: Final = ("/", "\\", "./", ".\\", "../", "..\\", "~")
#: The scheme of a URL without its colon.
_BARE: Final = re.compile(rf"(?:{'|'.join(OPTIONS)}|postgres|mysql)(?:\+[a-z0-9]+)?(?://[^@]*)?")
_LOGIN: Final = re.compile(r":.*@|@.*:", re.DOTALL)
#: A name, an address of IPv4, the folder of a socket, or an address of IPv6; and a port.
_ONE_HOST: Final = r"(?:\[[0-9A-Fa-f:.]+(?:%[0-9A-Za-z%._~-]+)?\]|[^\s@:/?#,\[\]]*)(?::[0-9]{1,5})?"
_HOST: Final = re.compile(
    rf"(?P<hosts>{_ONE_HOST}(?:,{_ONE_HOST})*)"
    r"(?:/(?P<database>[^@/?#]*))?(?:\?(?P<query>.*))?",
    re.DOTALL | re.ASCII,
)
_PORT: Final = re.compile(r":([0-9]{1,5})\Z")
#: The stores that are on a server.
SERVERS: Final = ("postgresql", "mariadb")
_PORTS: Final = range(1, 65536)
#: A scheme and its slashes, be they too few, a user, and what is hidden.
_PASSWORD: Final = re.compile(r"\A([A-Za-z][A-Za-z0-9+.-]+:/*)([^:]*):.*@", re.DOTALL)
#: A secret option, to where the next one begins: its value may have an & that should be a %26.
_SECRET: Final = re.compile(
    rf"(?<=[?&])({'|'.join(sorted(SECRETS))})=.*?(?=&[A-Za-z_]+=|\Z)", re.DOTALL
)


def url_of(place: str | os.PathLike[str]) -> str:
    """Return a URL as it is, and a path as the URL of a SQLite file.

    What begins with a scheme of two letters or more and a colon is a URL: the file `bank:1.db` is
    `./bank:1.db`. A `Path` is always a path.

    :raises WrongType: neither text nor a path of text.
    :raises InvalidRequest: an empty path, one that can name no file, or one that looks like a URL
        without its scheme, which nobody may see.

    >>> from timebank.storage.address import url_of
    >>> url_of("memory:"), url_of("street fair.db")
    ('memory:', 'sqlite:///street%20fair.db')
    """
    path = place
    if isinstance(place, os.PathLike):
        path = os.fspath(place)
    if type(path) is not str:
        msg = f"a store is named by a URL or by the path of a file, not by a {_kind(place)}"
        raise WrongType(msg)
    if path is place and _URL.match(path):
        return path
    if not path:
        msg = "a store is named by a URL like memory: or sqlite:///bank.db, or by a file's path"
        raise InvalidRequest(msg)
    if _BARE.fullmatch(path):
        msg = f"a scheme has a colon behind it: {path.partition('/')[0]}: (a file is ./{path})"
        raise InvalidRequest(msg)
    rest = _DRIVE.sub("", path)
    if not rest.startswith(_PLAIN) and _LOGIN.search(rest):
        msg = (
            "a server is named by text that begins with its scheme, as in postgresql+psycopg://; "
            "a file with : and @ in its name by a path that begins with / or ./"
        )
        raise InvalidRequest(msg)
    try:
        return f"sqlite:///{quote(os.fsencode(path))}"
    except UnicodeError:
        msg = f"{path!r} can name no file"
        raise InvalidRequest(msg) from None


def _kind(place: object) -> str:
    return type(place).__name__


def without_password(url: str) -> str:
    """Return a URL as a message may show it.

    >>> from timebank.storage.address import without_password
    >>> without_password("postgresql://maria:hush@localhost/bank")
    'postgresql://maria:***@localhost/bank'
    """
    if not _URL.match(url) or url.startswith("sqlite:///"):
        return url  # a path, in which nobody logs in
    login = _PASSWORD.match(url)
    if login and _SECRET.search(login[0]):  # the last @ may be within that option
        return f"{login[1]}{login[2]}:***@***"
    return _SECRET.sub(r"\1=***", _PASSWORD.sub(r"\1\2:***@", url))


@attrs.frozen
class Host:
    """One host of a URL: a name, an address, or the folder of a socket; and a port."""

    name: str | None
    port: int | None = None

    def __str__(self) -> str:
        """Return it as it is written in a URL."""
        name = self.name or ""
        shown = f"[{quote(name, safe=':')}]" if ":" in name else quote(name, safe="")
        return shown if self.port is None else f"{shown}:{self.port}"


@attrs.frozen
class ServerUrl:
    """The parts of the URL of a server. `options` are typed; `query` is what they were read from.

    There is one host, of no name where the URL says none, or there are several, of PostgreSQL.

    >>> from timebank.storage.address import server_url
    >>> found = server_url("mariadb+pymysql://maria:p@ss:/w@db.example/bank?connect_timeout=5")
    >>> found.host, found.database, found.options
    ('db.example', 'bank', {'connect_timeout': 5})
    >>> str(found)
    'mariadb+pymysql://maria:***@db.example/bank?connect_timeout=5'
    """

    scheme: str
    user: str | None
    password: str | None = attrs.field(repr=False)
    hosts: tuple[Host, ...]
    database: str | None
    query: str = attrs.field(repr=False)
    options: dict[str, Any] = attrs.field(repr=False)

    @property
    def host(self) -> str | None:
        """The host, or the hosts with commas between, as libpq takes them."""
        return ",".join(host.name or "" for host in self.hosts) or None

    @property
    def port(self) -> int | str | None:
        """The port; of several hosts one for each, with commas between, and empty where none is."""
        if len(self.hosts) == 1:
            return self.hosts[0].port
        ports = ["" if host.port is None else str(host.port) for host in self.hosts]
        return ",".join(ports) if any(ports) else None

    @property
    def store(self) -> str:
        """The name of the store: `postgresql` or `mariadb`."""
        return self.scheme.partition("+")[0]

    def __str__(self) -> str:
        """Return the URL without what is secret in it."""
        text = f"{self.scheme}://"
        if self.user is not None or self.password is not None:
            hidden = "" if self.password is None else ":***"
            text += f"{quote(self.user or '', safe='')}{hidden}@"
        text += ",".join(map(str, self.hosts))
        if self.database is not None:
            text += f"/{quote(self.database, safe='')}"
        shown = [
            f"{name}={'***' if name in SECRETS else quote_plus(value, safe='/,')}"
            for name, value in (split_query(self.query) if self.query else ())
        ]
        return f"{text}?{'&'.join(shown)}" if shown else text


def server_url(url: str) -> ServerUrl:
    """Return the parts of the URL of a server, whatever its password holds.

    The user and the password end at the last `@`, behind which a host, a port, a database and
    options stand as they should. Where they could end at an earlier one too, the URL is refused.

    :raises InvalidRequest: such a URL, an option that cannot be, or no host or no database where
        no option says which.
    """
    scheme, _, rest = url.partition(":")
    store = scheme.partition("+")[0]
    if "\0" in url or not _is_text(url):
        raise _unlike(scheme, "; it is text without NUL")
    slashes, rest = rest[:2], rest[2:]
    readings = list(_readings(rest)) if slashes == "//" and store in SERVERS else []
    if len(readings) != 1 or "@" in readings[0][1][0]:
        raise _unlike(scheme, _hint(rest, is_read=bool(readings)))
    login, found = readings[0]
    user, password = None, None
    if login is not None:
        name, colon, secret = login.partition(":")
        user, password = unquote(name) or None, unquote(secret) if colon else None
    query = found["query"]
    made = ServerUrl(
        scheme=scheme,
        user=user,
        password=password,
        hosts=tuple(map(_host, found["hosts"].split(","))),
        database=unquote(found["database"] or "") or None,
        query=query or "",
        options={} if query is None else read_options(store, query),
    )
    _check(made)
    return made


def _host(text: str) -> Host:
    """Return one host of a URL that was found to be plain."""
    port = _PORT.search(text)
    name = text[: port.start()] if port else text
    return Host(unquote(name.strip("[]")) or None, int(port[1]) if port else None)


def _readings(rest: str) -> Iterator[tuple[str | None, re.Match[str]]]:
    """Give each way to divide what is behind the `//`: the login, and what was found behind it."""
    if (found := _HOST.fullmatch(rest)) and _is_plain(found):
        yield None, found
    for at in re.finditer("@", rest):
        login, found = rest[: at.start()], _HOST.fullmatch(rest, at.end())
        user = login.partition(":")[0]
        if found and _is_plain(found) and not re.search(r"[/?#]", user):
            yield login, found


def _is_plain(found: re.Match[str]) -> bool:
    """Return whether options with an `@` in them can be options, and a port can be one."""
    ports = (host.port for host in map(_host, found["hosts"].split(",")))
    if any(port is not None and port not in _PORTS for port in ports):
        return False
    query = found["query"]
    if query is None or "@" not in query:
        return True
    try:
        split_query(query)
    except InvalidRequest:
        return False
    return True


def _is_text(url: str) -> bool:
    try:
        url.encode()
    except UnicodeEncodeError:
        return False
    return True


def _hint(rest: str, *, is_read: bool) -> str:
    if is_read:
        return "; this one can be read in two ways: write an @ that divides nothing as %40"
    tail = rest.rpartition("@")[2]
    if re.match(r"[^:/?]*:[^/?]", tail):
        return "; the port is a number from 1 to 65535"
    return ""


def _unlike(scheme: str, hint: str) -> InvalidRequest:
    store = scheme.partition("+")[0]
    spelled = scheme if store in SERVERS else "postgresql+psycopg"
    return InvalidRequest(
        f"a server is named like {spelled}://user:password@host:5432/database, with @ / ? # % "
        f"within a part written %40 %2F %3F %23 %25{hint}"
    )


def _check(found: ServerUrl) -> None:
    """Check what must be there, and that no part is given twice.

    :raises InvalidRequest: it is not, or is.
    """
    options = found.options
    for option, part in (
        ("host", found.host),
        ("port", found.port),
        ("user", found.user),
        ("password", found.password),
        ("dbname", found.database),
    ):
        if option in options and part is not None:
            msg = f"the option {option} says again what stands before the ?"
            raise InvalidRequest(msg)
    for host in found.hosts:
        if host.name is None and (host.port is not None or len(found.hosts) > 1):
            msg = "the URL has a port and no host, or a comma with no host before or behind it"
            raise InvalidRequest(msg)
        if host.name is not None and not _is_name(host.name):
            raise _unlike(found.scheme, "; the host is no name that can be looked up")
    if found.database is None and options.keys().isdisjoint(("dbname", "service")):
        msg = f"the URL names no database: {found.scheme}://user:password@host/database"
        raise InvalidRequest(msg)
    if found.store == "mariadb":
        _check_mariadb(found)
    else:
        _check_counts(found)


def _check_counts(found: ServerUrl) -> None:
    """Check that there are as many ports and addresses as hosts, or one port for all of them."""
    given: dict[str, Any] = {"host": found.host, "port": found.port, **found.options}
    count = {
        name: len(str(given[name]).split(","))
        for name in ("host", "hostaddr", "port")
        if given.get(name) is not None
    }
    hosts = {count[name] for name in ("host", "hostaddr") if name in count}
    if len(hosts) > 1 or count.get("port", 1) not in {1, *hosts}:
        msg = "there are as many of host, hostaddr and port as hosts, or one port for all"
        raise InvalidRequest(msg)


def _check_mariadb(found: ServerUrl) -> None:
    options = found.options
    if len(found.hosts) > 1:
        msg = "a URL of mariadb names one host: of several, put a proxy before them, and name that"
        raise InvalidRequest(msg)
    if found.host is None and options.keys().isdisjoint(("unix_socket", "read_default_file")):
        msg = "the URL names no host, and no unix_socket behind a ?"
        raise InvalidRequest(msg)
    for name, needed in (
        ("ssl_verify_identity", ("ssl_ca", "ssl_capath")),
        ("ssl_verify_cert", ("ssl_ca", "ssl_capath")),
        ("ssl_key", ("ssl_cert",)),
        ("ssl_key_password", ("ssl_key", "ssl_cert")),
        ("read_default_group", ("read_default_file",)),
    ):
        if options.get(name) and options.keys().isdisjoint(needed):
            msg = f"the option {name} needs {' or '.join(needed)}"
            raise InvalidRequest(msg)


def _is_name(host: str) -> bool:
    """Return whether a host can be looked up: a driver would end in an error of its own."""
    if "," in host:
        return False  # it would be two
    if host.startswith("/"):
        return True  # the folder of a socket
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True
