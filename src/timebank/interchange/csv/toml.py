"""Read mappings from TOML. What is not understood is one line that names the file and the key."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from timebank.errors import InvalidRequest, NotFound, shown
from timebank.interchange.csv.mapping import Mapping
from timebank.structure import Structurer, Value

#: Mappings are written by hand; a larger file is something else.
MAX_MAPPING_BYTES: Final = 100_000
_SUFFIX: Final = ".toml"


def shipped() -> dict[str, str]:
    """Return the mappings that come with the library, by name, with their titles.

    >>> from timebank.interchange.csv.toml import shipped
    >>> sorted(shipped())
    ['ces', 'cyclos3', 'local_exchange_uk', 'mutual_credit', 'timebank_cc']
    """
    names = (one.name for one in _folder().iterdir() if one.name.endswith(_SUFFIX))
    return {(name := file.removesuffix(_SUFFIX)): mapping_of(name).title for file in sorted(names)}


def mapping_of(name: str | Path) -> Mapping:
    """Return the mapping that is shipped under a name, or that a file says.

    A name that ends in `.toml` or has a folder before it is that of a file.

    :raises NotFound: no mapping of this name.
    :raises InvalidRequest: the file is no mapping; the message names the file and the key.
    :raises OSError: the file cannot be read.

    >>> from timebank.interchange.csv.toml import mapping_of
    >>> mapping_of("local_exchange_uk").amounts.unit
    'hours'
    """
    path = Path(name)
    if isinstance(name, Path) or path.suffix == _SUFFIX or len(path.parts) != 1:
        with path.open("rb") as file:
            return parsed(file.read(MAX_MAPPING_BYTES + 1), path.name)
    found = _folder() / f"{name}{_SUFFIX}"
    if not found.is_file():
        msg = (
            f"no mapping {shown(name)}: there are {', '.join(_names())}, or the path of a file.toml"
        )
        raise NotFound(msg).about(
            key="mapping_missing", name=shown(name), known=", ".join(_names())
        )
    return parsed(found.read_bytes(), found.name)


def parsed(raw: bytes, file: str = "mapping") -> Mapping:
    r"""Return the mapping that the bytes of a file say.

    :raises InvalidRequest: they say none; the message names the file and the key.

    >>> from timebank.interchange.csv.toml import parsed
    >>> parsed(b'name = "ours"\ntitle = "Our sheet"\n[transfers]\nearner = "who"\n')
    Traceback (most recent call last):
    ...
    timebank.errors.InvalidRequest: mapping: transfers: the key 'amount' is missing, or in and out
    """
    if len(raw) > MAX_MAPPING_BYTES:
        msg = f"{file}: a mapping has at most {MAX_MAPPING_BYTES:,} bytes"
        raise InvalidRequest(msg)
    try:
        data = tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        msg = f"{file}: no TOML in UTF-8: {error}"
        raise InvalidRequest(msg).about(key="mapping_no_toml", file=file, why=str(error)) from error
    try:
        return STRUCTURER.make(Mapping, data)
    except InvalidRequest as error:
        msg = f"{file}: {error}"
        if (open_one := _unanswered(file, data, error)) is not None:
            raise open_one from error
        raise InvalidRequest(msg).about(key="mapping_wrong", file=file, reason=error) from error


def _unanswered(file: str, data: dict[str, Any], error: InvalidRequest) -> InvalidRequest | None:
    """Return the refusal of a mapping in which what is asked was not answered, if that is why."""
    questions = data.get("questions")
    if type(questions) is not list or not questions:
        return None
    asked = " ".join(map(str, questions))
    msg = (
        f"{file}: {error}. It has open questions: {asked} Answer each in the file and take the "
        "line 'questions' out, or propose it again with --set"
    )
    return InvalidRequest(msg).about(key="mapping_questions", name=file, questions=asked)


def _names() -> list[str]:
    """Return the names of those that are shipped, sorted."""
    files = (one.name for one in _folder().iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in files if name.endswith(_SUFFIX))


def _folder() -> Any:
    return files("timebank") / "data" / "mappings"


def _simple(value: Any) -> Any:
    """Return a text, a number or a list of texts, which the class looks at itself."""
    if type(value) is list and value and all(type(one) is str for one in value):
        return tuple(value)
    if type(value) in {str, int}:
        return value
    msg = f"a text, a whole number or a list of texts, not {shown(value)}"
    raise InvalidRequest(msg)


_SIMPLE: Final = Value(_simple)
STRUCTURER: Final = Structurer(
    key=lambda field: field.metadata.get("key", _SIMPLE), table="a table", first=1
)
