"""The options behind the `?` of a URL: which there are, and what each may be.

This table is the only one. What it does not name is refused before anything is connected to, so
that no driver is asked for what it does not know, or for what a ledger cannot be kept with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote_plus

import attrs

from timebank.errors import InvalidRequest, shown

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}", re.ASCII)
_WHOLE: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_TRUTHS: Final = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
#: What is set for every transaction of a ledger, or would let its guards be passed.
_KEPT_SETTINGS: Final = re.compile(
    r"client_encoding|lock_timeout|session_replication_role|"
    r"(default_)?transaction_.*|timebank\..*",
    re.IGNORECASE,
)


@attrs.frozen
class Kind:
    """What an option may be: in words, and read from text. `read` raises `ValueError`."""

    words: str
    read: Callable[[str], Any]


@attrs.frozen
class Option:
    """An option that a URL may have."""

    name: str
    kind: Kind
    is_secret: bool = False


def whole(least: int, most: int = 2**31 - 1) -> Kind:
    """Return the kind of a whole number within bounds."""

    def read(text: str) -> int:
        number = int(text) if _WHOLE.fullmatch(text) else -1
        if not least <= number <= most:
            raise ValueError
        return number

    return Kind(f"a whole number, {least} to {most}", read)


def one_of(*words: str) -> Kind:
    """Return the kind of one of these words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError
        return text

    return Kind(" or ".join((", ".join(words[:-1]), words[-1])), read)


def _flag(text: str) -> bool:
    if text.lower() not in _TRUTHS:
        raise ValueError
    return _TRUTHS[text.lower()]


def _file(text: str) -> str:
    if not Path(text).expanduser().is_file():
        raise ValueError
    return str(Path(text).expanduser())


def _file_or_system(text: str) -> str:
    return text if text == "system" else _file(text)


def _folder(text: str) -> str:
    if not Path(text).expanduser().is_dir():
        raise ValueError
    return str(Path(text).expanduser())


def _ports(text: str) -> str:
    for port in text.split(","):
        PORT.read(port)
    return text


def _threshold(text: str) -> int | None:
    return None if text.lower() == "none" else int(whole(0).read(text))


def _settings(text: str) -> tuple[tuple[str, str], ...]:
    """Return the names and values of `-c name=value` and `--name=value`."""
    words = [re.sub(r"\\(.)", r"\1", word) for word in re.findall(r"(?:\\.|\S)+", text)]
    found, rest = [], iter(words)
    for word in rest:
        setting = next(rest, "") if word == "-c" else word.removeprefix("-c")
        if word.startswith("--"):
            setting = word.removeprefix("--")
        elif not word.startswith("-c"):
            raise ValueError
        name, equals, value = setting.partition("=")
        name = name.replace("-", "_")
        if not name or not equals or _KEPT_SETTINGS.fullmatch(name):
            raise ValueError
        found.append((name, value))
    return tuple(found)


def _unicode(text: str) -> None:
    if text.lower() not in ("utf8", "utf-8", "utf8mb4"):
        raise ValueError


TEXT: Final = Kind("text that is not empty", str)
FLAG: Final = Kind("1 or 0, true or false, yes or no, on or off", _flag)
NUMBERED_FLAG: Final = Kind(FLAG.words, lambda text: int(_flag(text)))
FILE: Final = Kind("a file that is there", _file)
FILE_OR_SYSTEM: Final = Kind("a file that is there, or system", _file_or_system)
FOLDER: Final = Kind("a folder that is there", _folder)
PORT: Final = whole(1, 65535)
PORTS: Final = Kind(f"{PORT.words}; one for each host, with commas between", _ports)
THRESHOLD: Final = Kind("none, or a whole number", _threshold)
SETTINGS: Final = Kind(
    "settings of the server, like -csearch_path=tenant, but for those that timebank sets", _settings
)
#: Spelled out by who wants to be sure; it is so in any case.
UNICODE: Final = Kind("utf8, which it is without", _unicode)
_VERSIONS: Final = one_of("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")


def _of(kind: Kind, *names: str, secret: bool = False) -> Iterator[Option]:
    for name in names:
        yield Option(name, kind, is_secret=secret)


#: By the name of the store. Those of PostgreSQL are libpq's, but for `prepare_threshold` and the
#: time limits of reading; those of MariaDB are PyMySQL's, but for `long_read_timeout` and
#: `wsrep_sync_wait`.
OPTIONS: Final[dict[str, tuple[Option, ...]]] = {
    "memory": (),
    "sqlite": (Option("synchronous", one_of("normal", "full")),),
    "postgresql": (
        *_of(THRESHOLD, "prepare_threshold"),
        *_of(SETTINGS, "options"),
        *_of(TEXT, "host", "hostaddr", "user", "dbname", "service", "passfile"),
        *_of(PORTS, "port"),
        *_of(TEXT, "password", "sslpassword", "oauth_client_secret", secret=True),
        *_of(TEXT, "scram_client_key", "scram_server_key", secret=True),
        *_of(TEXT, "application_name", "fallback_application_name"),
        *_of(whole(0), "connect_timeout", "tcp_user_timeout"),
        *_of(whole(1, 31536000), "read_timeout", "long_read_timeout"),
        *_of(NUMBERED_FLAG, "keepalives", "sslcompression", "sslsni", "gssdelegation"),
        *_of(whole(0), "keepalives_idle", "keepalives_interval", "keepalives_count"),
        *_of(
            one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"), "sslmode"
        ),
        *_of(one_of("disable", "prefer", "require"), "channel_binding", "gssencmode"),
        *_of(one_of("disable", "allow", "require"), "sslcertmode"),
        *_of(one_of("postgres", "direct"), "sslnegotiation"),
        *_of(FILE, "sslcert", "sslkey", "sslcrl"),
        *_of(FILE_OR_SYSTEM, "sslrootcert"),
        *_of(FOLDER, "sslcrldir"),
        *_of(_VERSIONS, "ssl_min_protocol_version", "ssl_max_protocol_version"),
        *_of(TEXT, "min_protocol_version", "max_protocol_version", "require_auth", "requirepeer"),
        *_of(TEXT, "krbsrvname", "oauth_issuer", "oauth_client_id", "oauth_scope"),
        *_of(one_of("gssapi", "sspi"), "gsslib"),
        *_of(
            one_of("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
            "target_session_attrs",
        ),
        *_of(one_of("disable", "random"), "load_balance_hosts"),
        *_of(UNICODE, "client_encoding"),
    ),
    "mariadb": (
        *_of(TEXT, "unix_socket", "bind_address", "program_name"),
        *_of(whole(1, 31536000), "connect_timeout", "read_timeout", "write_timeout"),
        *_of(whole(1, 31536000), "long_read_timeout"),
        *_of(whole(0, 15), "wsrep_sync_wait"),
        *_of(whole(1024), "max_allowed_packet"),
        *_of(FILE, "read_default_file"),
        *_of(TEXT, "read_default_group"),
        *_of(FLAG, "ssl", "ssl_disabled", "ssl_verify_cert", "ssl_verify_identity"),
        *_of(FILE, "ssl_ca", "ssl_cert", "ssl_key"),
        *_of(FOLDER, "ssl_capath"),
        *_of(TEXT, "ssl_cipher"),
        *_of(TEXT, "ssl_key_password", secret=True),
        *_of(UNICODE, "charset"),
    ),
}
_BEFORE: Final = "it stands before the ?, as in mariadb+pymysql://user:password@host:3306/database"
_SET: Final = "timebank sets it itself"
_POOL: Final = "timebank has a pool of its own, of as many connections as it needs"
#: What is asked for elsewhere, and why it is no option here.
REFUSED: Final[dict[str, dict[str, str]]] = {
    "memory": {},
    "sqlite": {},
    "postgresql": {
        **dict.fromkeys(("autocommit", "row_factory", "cursor_factory", "context"), _SET),
        **dict.fromkeys(("pool_size", "max_overflow", "pool_timeout", "pool_recycle"), _POOL),
        "replication": "a ledger is not kept on such a connection",
        "sslkeylogfile": "it writes the keys of the connection into a file",
        "requiressl": "it is written sslmode=require",
    },
    "mariadb": {
        **dict.fromkeys(
            (
                *("autocommit", "cursorclass", "use_unicode", "binary_prefix", "client_flag"),
                *("conv", "init_command", "sql_mode", "collation", "defer_connect", "local_infile"),
            ),
            _SET,
        ),
        **dict.fromkeys(("pool_size", "max_overflow", "pool_timeout", "pool_recycle"), _POOL),
        **dict.fromkeys(
            ("user", "password", "passwd", "host", "port", "database", "db", "dbname"), _BEFORE
        ),
        "ssl_check_hostname": "it is written ssl_verify_identity",
        **dict.fromkeys(("compress", "named_pipe"), "PyMySQL has it not"),
    },
}
#: The names of all options whose value nobody may see.
SECRETS: Final = frozenset(
    option.name for options in OPTIONS.values() for option in options if option.is_secret
)


def read_options(store: str, query: str) -> dict[str, Any]:
    """Return the values of what stands behind the `?` of a URL, in the order of the URL.

    :raises InvalidRequest: an option that is unknown, timebank's own, given twice, or whose value
        cannot be.

    >>> from timebank.storage.options import read_options
    >>> read_options("postgresql", "prepare_threshold=none&connect_timeout=5")
    {'prepare_threshold': None, 'connect_timeout': 5}
    """
    known = {option.name: option for option in OPTIONS[store]}
    found: dict[str, Any] = {}
    for name, text in split_query(query):
        option = known.get(name)
        if option is None:
            raise InvalidRequest(_unknown(store, name, known))
        if name in found:
            msg = f"the option {name} is given twice"
            raise InvalidRequest(msg)
        try:
            if not text or "\0" in text:
                raise ValueError
            found[name] = option.kind.read(text)
        except (ValueError, OSError):
            given = "" if option.is_secret else f", not {shown(text)}"
            msg = f"the option {name} is {option.kind.words}{given}"
            raise InvalidRequest(msg) from None
    return found


def split_query(query: str) -> list[tuple[str, str]]:
    """Return the names and texts of a query.

    :raises InvalidRequest: no `name=value`.
    """
    found = []
    for part in query.split("&"):
        name, equals, text = part.partition("=")
        if not equals or not _NAME.fullmatch(name):
            msg = "what stands behind the ? of a URL is name=value, with & between two of them"
            raise InvalidRequest(msg)
        found.append((name, unquote_plus(text)))
    return found


def _unknown(store: str, name: str, known: Mapping[str, Option]) -> str:
    if (why := REFUSED[store].get(name)) is not None:
        return f"a URL of {store} has no option {name}: {why}"
    from difflib import get_close_matches  # which takes longer to import than all the rest

    near = get_close_matches(name.lower(), known, n=1, cutoff=0.7)
    if near:
        return f"a URL of {store} has no option {name}: is it {near[0]}?"
    if len(known) > 1:
        return f"a URL of {store} has no option {name}: see the list in its documentation"
    only = "".join(f": the one option is {option.name}" for option in known.values())
    return f"a URL of {store} has no option {name}{only}"
