"""Keys: who signs heads and words, and who cosigns them as a witness.

A key has a name and a number; its public half is a line, as C2SP *signed-note* has it, and its
private half a file of one line, as Go's `sumdb/note` has it. Two kinds are known: `ed25519` signs
a bank's heads and words, `cosignature` (C2SP *tlog-cosignature*, version 1) says that a witness saw
a head at an instant.

>>> from timebank.proof.keys import PublicKey
>>> key = PublicKey.of("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
>>> key.name, key.kind, key.key_id.hex()
('example.com/foo', 'ed25519', '530d903a')
"""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from timebank.errors import InvalidRequest, StoreError, WrongType, shown
from timebank.proof.errors import NotProved
from timebank.proof.files import named, plain, read_short
from timebank.proof.folders import sync_folder
from timebank.proof.notes import (
    KEY_ID_BYTES,
    Note,
    Signature,
    base64_of,
    bytes_of,
    is_key_name,
    text_of,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

#: The kind of keys that sign heads and words.
ED25519: Final = "ed25519"
#: The kind of the keys of witnesses.
COSIGNATURE: Final = "cosignature"

_BYTE_OF: Final = {ED25519: b"\x01", COSIGNATURE: b"\x04"}
_KIND_OF: Final = {byte[0]: kind for kind, byte in _BYTE_OF.items()}
_PRIVATE: Final = "PRIVATE+KEY+"
_KEY_ID: Final = re.compile("[0-9a-f]{8}")
#: Bytes of a key, public or private.
_BYTES: Final = 32
#: Public keys are points of a curve: the numbers of those (the lower 255 bits of a key) with which
#: anybody can sign, for a multiple by 8 is nothing; and the prime below which such numbers are.
_PRIME: Final = 2**255 - 19
_OF_ANYBODY: Final = frozenset(
    {
        *(0, 1, _PRIME - 1),
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    }
)
#: The time of a cosignature is so many bytes in front of the signature itself.
_TIME_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 64
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: The last second that a time can say.
_LAST_SECOND: Final = (datetime.max.replace(tzinfo=UTC, microsecond=0) - _EPOCH) // timedelta(
    seconds=1
)
_MODE: Final = 0o600


def _private(seed: bytes) -> Ed25519PrivateKey:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError as error:
        raise _missing() from error
    return Ed25519PrivateKey.from_private_bytes(seed)


def _public(raw: bytes) -> Ed25519PublicKey:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise _missing() from error
    return Ed25519PublicKey.from_public_bytes(raw)


def _missing() -> StoreError:
    msg = "signatures need timebank[proof]: pip install 'timebank[proof]'"
    return StoreError(msg).about(key="proof_package")


def _cosigned(text: str, seconds: int) -> bytes:
    """Return what a witness signs of a head's text."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


@attrs.frozen
class PublicKey:
    """The public half of a key: its name, its kind (`ed25519` or `cosignature`), and 32 bytes.

    `str()` is the line by which it is given to others (C2SP calls it a *vkey*).
    """

    name: str
    kind: str
    raw: bytes

    @classmethod
    def of(cls, vkey: object) -> PublicKey:
        """Return the key that a line says.

        :raises InvalidRequest: it is no line of a key, of another kind, or was changed.

        >>> from timebank.proof.keys import PublicKey
        >>> PublicKey.of("example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
        Traceback (most recent call last):
        ...
        timebank.errors.InvalidRequest: the key of 'example.com/foo' is not the one that its \
number 530d903b says: it was changed
        """
        line = vkey.strip() if isinstance(vkey, str) else ""
        if line.startswith(_PRIVATE):
            msg = "this is a private key: it belongs in a file of its own, and to nobody else"
            raise InvalidRequest(msg).about(key="key_private")
        name, id, data = _parts(line)
        if data is None or not is_key_name(name):
            # It is not shown, for it may be a part of a private one.
            msg = "a public key is a line like NAME+12345678+BASE64, and this is none"
            raise InvalidRequest(msg).about(key="key_unreadable")
        given = shown(name)
        if data[0] not in _KIND_OF or len(data) != 1 + _BYTES:
            msg = f"the key of {given} is of another kind: Ed25519 alone is known here"
            raise InvalidRequest(msg).about(key="key_kind_unknown", given=given)
        key = cls(name, _KIND_OF[data[0]], data[1:])
        if key.key_id.hex() != id:
            msg = f"the key of {given} is not the one that its number {id} says: it was changed"
            raise InvalidRequest(msg).about(key="key_changed", id=id, given=given)
        number = int.from_bytes(key.raw, "little") & (1 << 255) - 1
        if number >= _PRIME or number in _OF_ANYBODY:
            msg = f"the key of {given} is nobody's own: anybody could sign with it"
            raise InvalidRequest(msg).about(key="key_of_anybody", given=given)
        return key

    @property
    def key_id(self) -> bytes:
        """The key's number: four bytes, which follow from its name, its kind and the key."""
        typed = _BYTE_OF[self.kind] + self.raw
        return sha256(self.name.encode() + b"\n" + typed).digest()[:KEY_ID_BYTES]

    @property
    def is_witness(self) -> bool:
        """Whether it cosigns, as a witness."""
        return self.kind == COSIGNATURE

    def check(self, note: Note) -> Signature | None:
        """Return the signature of this key under a note, which is checked; `None`: there is none.

        Of more than one each is checked, and the first is returned.

        :raises NotProved: a signature with the name and the number of this key is not its own.
        :raises StoreError: the package `cryptography` is missing.
        """
        found = [one for one in note.signatures if one.key == (self.name, self.key_id)]
        for one in found:
            self._check(note.text, one)
        return found[0] if found else None

    def _check(self, text: str, signature: Signature) -> None:
        signed, value = text.encode(), signature.value
        if self.kind == COSIGNATURE:
            seconds = int.from_bytes(value[:_TIME_BYTES], "big")
            is_time = 0 < seconds <= _LAST_SECOND
            signed, value = _cosigned(text, seconds), value[_TIME_BYTES:] if is_time else b""
        if len(value) != _SIGNATURE_BYTES or not self._verifies(signed, value):
            msg = f"the signature of {self.name} does not hold: it is not of this text"
            raise NotProved(msg).about(key="signature_wrong", name=self.name)

    def _verifies(self, signed: bytes, value: bytes) -> bool:
        public = _public(self.raw)
        from cryptography.exceptions import InvalidSignature

        try:
            public.verify(value, signed)
        except InvalidSignature:
            return False
        return True

    def time_of(self, signature: Signature) -> datetime:
        """Return when a witness cosigned, by its own clock, to the second.

        :raises InvalidRequest: the key is of no witness.
        :raises NotProved: the signature says no time.
        """
        check_kind(self, COSIGNATURE)
        seconds = int.from_bytes(signature.value[:_TIME_BYTES], "big")
        if len(signature.value) < _TIME_BYTES or not 0 < seconds <= _LAST_SECOND:
            msg = f"the signature of {self.name} does not hold: it says no time"
            raise NotProved(msg).about(key="signature_wrong", name=self.name)
        return _EPOCH + timedelta(seconds=seconds)

    def __str__(self) -> str:
        typed = _BYTE_OF[self.kind] + self.raw
        return f"{self.name}+{self.key_id.hex()}+{base64_of(typed)}"


def _parts(line: str) -> tuple[str, str, bytes | None]:
    """Return a key's name, its number in hex and its bytes; `None` where it is no line of a key."""
    name, _, rest = line.partition("+")
    id, _, text = rest.partition("+")
    data = bytes_of(text) if _KEY_ID.fullmatch(id) else None
    return name, id, data or None


@attrs.frozen
class SigningKey:
    r"""A key that signs, with its private half, which neither `str()` nor `repr()` shows.

    >>> from timebank.proof.keys import SigningKey
    >>> from timebank.proof.notes import Note
    >>> key = SigningKey.make("timebank/8a1e")
    >>> note = Note("It snows.\n").signed_by(key.sign("It snows.\n"))
    >>> key.public.check(note) == note.signatures[0]
    True
    """

    name: str
    kind: str
    seed: bytes = attrs.field(repr=False)
    public: PublicKey = attrs.field(init=False, eq=False, repr=False)

    @public.default
    def _find_public(self) -> PublicKey:
        raw = _private(self.seed).public_key().public_bytes_raw()
        return PublicKey(self.name, self.kind, raw)

    @classmethod
    def make(cls, name: str, *, witness: bool = False) -> SigningKey:
        """Return a new key: of a bank, whose origin is its name, or of a witness.

        :raises InvalidRequest: no key can have this name.
        :raises StoreError: the package `cryptography` is missing.
        """
        if not is_key_name(name):
            msg = f"the name of a key is one word without a plus, like anna-rossi: {shown(name)}"
            raise InvalidRequest(msg).about(key="key_name", name=shown(name))
        return cls(name, COSIGNATURE if witness else ED25519, secrets.token_bytes(_BYTES))

    @classmethod
    def of(cls, line: str) -> SigningKey:
        """Return the key that the line of a key file says. No error shows any of it.

        :raises InvalidRequest: it is none.
        :raises StoreError: the package `cryptography` is missing.
        """
        text = line.strip()
        name, id, data = _parts(text.removeprefix(_PRIVATE))
        if (
            not (text.startswith(_PRIVATE) and is_key_name(name))
            or data is None
            or data[0] not in _KIND_OF
            or len(data) != 1 + _BYTES
        ):
            msg = "this is no private key"
            raise InvalidRequest(msg).about(key="key_not_private")
        key = cls(name, _KIND_OF[data[0]], data[1:])
        if key.public.key_id.hex() != id:
            msg = f"this private key is not the one that its number {shown(id)} says"
            raise InvalidRequest(msg).about(key="key_private_changed", id=id)
        return key

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> SigningKey:
        """Return the key of a file.

        :raises InvalidRequest: there is no private key in it.
        :raises OSError: it cannot be read.
        :raises StoreError: the package `cryptography` is missing.
        """
        with named(path):
            return cls.of(_text_in(path))

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the key into a new file, which only its owner can read. None is written over.

        When it returns, the file has reached the disk.

        :raises InvalidRequest: there is a file.
        :raises OSError: it cannot be written; then there is none.
        """
        data = f"{_PRIVATE}{self.name}+{self.public.key_id.hex()}+"
        data += f"{base64_of(_BYTE_OF[self.kind] + self.seed)}\n"
        try:
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE)
        except FileExistsError as error:
            msg = f"there is a file {os.fspath(path)} already, and a key is never written over one"
            raise InvalidRequest(msg).about(key="key_there", file=os.fspath(path)) from error
        try:
            with os.fdopen(file, "wb") as stream:
                stream.write(data.encode())
                stream.flush()
                os.fsync(stream.fileno())
            with suppress(OSError):  # there are file systems that cannot do it for a folder
                sync_folder(Path(path).parent)
        except BaseException:
            with suppress(OSError):
                Path(path).unlink()
            raise

    def sign(self, text: str) -> Signature:
        """Return the signature of a text that ends in a newline.

        :raises InvalidRequest: the key is a witness's, or the text is none that can be signed.
        """
        check_kind(self, ED25519)
        return self._signature(_signable(text).encode(), b"")

    def cosign(self, text: str, at_seconds: int) -> Signature:
        """Return a witness's signature of a head's text, with the second since 1970 in which it is.

        :raises InvalidRequest: the key is no witness's, the text is none that can be signed, or
            the second is not from 1 to the last of the year 9999.
        """
        check_kind(self, COSIGNATURE)
        if type(at_seconds) is not int or not 0 < at_seconds <= _LAST_SECOND:
            msg = f"a witness signs at a second after that of 1970, not at {shown(at_seconds)}"
            raise InvalidRequest(msg).about(key="cosigned_when", given=shown(at_seconds))
        signed = _cosigned(_signable(text), at_seconds)
        return self._signature(signed, at_seconds.to_bytes(_TIME_BYTES, "big"))

    def _signature(self, signed: bytes, before: bytes) -> Signature:
        value = before + _private(self.seed).sign(signed)
        return Signature(self.name, self.public.key_id, value)


def check_kind(key: PublicKey | SigningKey, kind: str) -> None:
    """Check that a key is of a kind: `ed25519`, which signs for a bank, or `cosignature`.

    :raises InvalidRequest: it is of the other.
    """
    if key.kind == kind:
        return
    if kind == COSIGNATURE:
        msg = f"the key {key.name} is of no witness: it does not cosign"
        raise InvalidRequest(msg).about(key="key_not_witness", name=key.name)
    msg = f"the key {key.name} is a witness's: it signs for no bank"
    raise InvalidRequest(msg).about(key="key_of_witness", name=key.name)


def _signable(text: str) -> str:
    """Return a text that a note can have."""
    try:
        is_signable = text_of(text).endswith("\n")
    except NotProved:
        is_signable = False
    if not is_signable:
        msg = f"what is signed are lines without control characters, not {shown(text)}"
        raise InvalidRequest(msg).about(key="not_signable", text=shown(text))
    return text


# -- keys that are given -------------------------------------------------------------------


def keys_of(*given: str | os.PathLike[str] | PublicKey | SigningKey) -> tuple[PublicKey, ...]:
    """Return public keys: given as such, by their lines, or by files with lines of either half.

    A text with two plus signs whose middle is the number of a key is a line; any other is the path
    of a file, in which there is one key a line. A key that is given twice is there once.

    :raises InvalidRequest: a line, or a file, is none of a key.
    :raises OSError: a file cannot be read.
    :raises StoreError: the package `cryptography` is missing, which a private key needs.

    >>> from timebank.proof.keys import SigningKey, keys_of
    >>> key = SigningKey.make("timebank/8a1e")
    >>> keys_of(key, str(key.public)) == (key.public,)
    True
    """
    return tuple(dict.fromkeys(key for one in given for key in _keys_of(one)))


def _keys_of(one: object) -> tuple[PublicKey, ...]:
    match one:
        case PublicKey():
            return (one,)
        case SigningKey():
            return (one.public,)
        case str() if one.startswith(_PRIVATE) or _KEY_ID.fullmatch(f"{one}++".split("+")[1]):
            return (PublicKey.of(one),)
        case str() | os.PathLike():
            return _keys_in(one)
    msg = f"a key is a line, a path or a key, not {shown(one)}"
    raise WrongType(msg).about(key="wanted_other", expected="a text", given=shown(one))


def _keys_in(path: str | os.PathLike[str]) -> tuple[PublicKey, ...]:
    with named(path):
        lines = [line for line in _text_in(path).split("\n") if line.strip()]
        if not lines:
            raise _keyless()
        return tuple(map(_public_of, lines))


def _public_of(line: str) -> PublicKey:
    is_private = line.lstrip().startswith(_PRIVATE)
    return SigningKey.of(line).public if is_private else PublicKey.of(line)


def _text_in(path: str | os.PathLike[str]) -> str:
    """Return what a file of keys says."""
    data = plain(read_short(path))
    try:
        return text_of(data)
    except NotProved as error:
        raise _keyless() from error


def _keyless() -> InvalidRequest:
    return InvalidRequest("there is no key in it").about(key="key_file_empty")


def signing_keys_of(*given: str | os.PathLike[str] | SigningKey) -> tuple[SigningKey, ...]:
    """Return keys that sign: given as such, or by the paths of their files.

    :raises InvalidRequest: a file has no private key, or none was given.
    :raises OSError: a file cannot be read.
    :raises StoreError: the package `cryptography` is missing.
    """
    if not given:
        msg = "a key that signs is missing"
        raise InvalidRequest(msg).about(key="key_needed")
    return tuple(one if isinstance(one, SigningKey) else SigningKey.read(one) for one in given)
