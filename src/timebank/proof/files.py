"""Files that somebody else wrote: read to a limit, and named in the errors of what they say."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from timebank.errors import InvalidRequest
from timebank.proof.errors import NotProved

#: Keys, policies, what is signed, and pages with a receipt are shorter.
MOST_BYTES: Final = 1 << 24
#: Some editors begin a file with a mark of its encoding.
_MARK: Final = b"\xef\xbb\xbf"


def read_short(path: str | os.PathLike[str]) -> bytes:
    """Return what is in a file.

    :raises InvalidRequest: it is longer than `MOST_BYTES`; see `named`.
    :raises OSError: it cannot be read.
    """
    with Path(path).open("rb") as stream:
        return short_of(stream)


def short_of(stream: BinaryIO) -> bytes:
    """Return what a stream has; of a wrong file no more is read than of a right one.

    :raises InvalidRequest: it is longer than `MOST_BYTES`.
    :raises OSError: it cannot be read.
    """
    data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        msg = "it is longer than anything that is signed: was another file meant?"
        raise InvalidRequest(msg).about(key="file_too_long")
    return data


def plain(data: bytes) -> bytes:
    r"""Return the bytes of a text without what other systems add: a mark, their ends of lines.

    >>> from timebank.proof.files import plain
    >>> plain(b"\xef\xbb\xbfquorum none\r\n")
    b'quorum none\n'
    """
    return data.removeprefix(_MARK).replace(b"\r\n", b"\n")


@contextmanager
def named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Name a file in the errors of the block, which reads what the file says.

    :raises InvalidRequest: as the block, with the file before what it says.
    :raises NotProved: as above.

    >>> from timebank.proof.files import named
    >>> from timebank.proof.keys import PublicKey
    >>> with named("bank.pub"):
    ...     PublicKey.of("")
    Traceback (most recent call last):
    ...
    timebank.errors.InvalidRequest: bank.pub: a public key is a line like NAME+12345678+BASE64, \
and this is none
    """
    try:
        yield
    except (InvalidRequest, NotProved) as error:
        where = os.fspath(path)
        kind = NotProved if isinstance(error, NotProved) else InvalidRequest
        msg = f"{where}: {error}"
        raise kind(msg).about(key="in_place", where=where, reason=error) from error
