"""Key files: private, never over a file, and never shown; public keys in any form."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import examples
from timebank import explain
from timebank.errors import InvalidRequest, TimebankError, WrongType
from timebank.proof import (
    Checkpoint,
    Note,
    Policy,
    PublicKey,
    Signature,
    SignedHead,
    SigningKey,
    files,
    keys_of,
)
from timebank.proof.notes import base64_of

NAME = "timebank/8a1e"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a key is to be."""
    return tmp_path / "key"


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777])
def test_only_its_owner_reads_a_key_file(file: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        SigningKey.make(NAME).write(file)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) & 0o177 == 0


@pytest.mark.parametrize("witness", [False, True])
def test_a_key_is_read_as_it_was_written(file: Path, witness: bool) -> None:
    key = SigningKey.make(NAME, witness=witness)
    key.write(file)
    assert SigningKey.read(file) == key == SigningKey.read(str(file))
    assert SigningKey.read(file).public == key.public
    line = file.read_text("ascii")
    assert line.startswith(f"PRIVATE+KEY+{NAME}+{key.public.key_id.hex()}+")
    assert line.count("\n") == 1


def test_a_key_file_that_an_editor_saved_is_read(file: Path) -> None:
    key = SigningKey.make(NAME)
    key.write(file)
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n\r\n"))
    assert SigningKey.read(file) == key
    assert keys_of(file) == (key.public,)


def test_a_key_is_never_written_over_anything(file: Path) -> None:
    key = SigningKey.make(NAME)
    link = file.with_name("link")
    link.symlink_to(file)  # which is not there
    folder = file.with_name("folder")
    folder.mkdir()
    first = file.with_name("first")
    SigningKey.make(NAME).write(first)
    before = first.read_bytes()
    for path in (link, folder, first):
        with pytest.raises(InvalidRequest, match="never written over"):
            key.write(path)
    assert not file.exists()
    assert before == first.read_bytes()


def test_a_key_that_does_not_reach_the_disk_leaves_no_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        SigningKey.make(NAME).write(file)
    assert not file.exists()


def test_a_folder_that_cannot_be_synchronized_may_have_a_key(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems of networks do so for files alone."""
    sync = os.fsync

    def only_files(number: int) -> None:
        if stat.S_ISDIR(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(number)

    monkeypatch.setattr(os, "fsync", only_files)
    key = SigningKey.make(NAME)
    key.write(file)
    assert SigningKey.read(file) == key


def test_a_file_that_is_missing_is_told_by_the_system(file: Path) -> None:
    for read in (SigningKey.read, keys_of):
        with pytest.raises(FileNotFoundError):
            read(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no key"),
        (b"\n\n", "no key"),
        (b"\xff\xfe", "no key in it"),
        (b"SQLite format 3\0", "no key in it"),
        (b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n", "a public key is a line"),
        (b"PRIVATE+KEY+x+00000000+AAAA\n", "no private key"),
    ],
)
def test_other_files_are_no_keys(file: Path, content: bytes, message: str) -> None:
    file.write_bytes(content)
    with pytest.raises(InvalidRequest, match=message) as told:
        keys_of(file)
    assert str(file) in str(told.value)
    with pytest.raises(InvalidRequest):
        SigningKey.read(file)


def readings() -> list[tuple[str, Callable[[Path], object]]]:
    """Texts that others write or send, and what reads their files."""
    key = SigningKey("timebank/8a1e", "ed25519", bytes(32))
    text = str(Checkpoint(NAME, 1, bytes(32)))
    private = "PRIVATE+KEY+timebank/8a1e+5c920f63+" + base64_of(b"\x01" + key.seed)
    return [
        (f"{key.public}\n" * 3, keys_of),
        (f"{private}\n", SigningKey.read),
        (str(Note(text).signed_by(key.sign(text))), SignedHead.read),
        (f"log {key.public}\nquorum none\n", Policy.read),
    ]


@pytest.mark.parametrize(("content", "read"), readings())
def test_a_file_that_is_too_long_is_refused(
    file: Path, content: str, read: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, and not as one that was cut where the limit is."""
    monkeypatch.setattr(files, "MOST_BYTES", len(content.encode()))
    file.write_text(content, "utf-8")
    read(file)
    file.write_text(f"{content}\n", "utf-8")
    with pytest.raises(InvalidRequest, match="is longer than anything that is signed"):
        read(file)


@pytest.mark.parametrize(("content", "read"), readings())
def test_files_of_other_systems_are_read(
    file: Path, content: str, read: Callable[[Path], object]
) -> None:
    """With a mark of their encoding, and their ends of lines."""
    file.write_text(content, "utf-8", newline="\n")
    found = read(file)
    file.write_text(content, "utf-8-sig", newline="\r\n")
    assert found == read(file)


@pytest.mark.parametrize(("content", "read"), readings())
def test_what_is_wrong_with_a_file_is_told_with_its_name(
    file: Path, content: str, read: Callable[[Path], object]
) -> None:
    file.write_text(f"\a{content}", "utf-8")
    for said in (str, lambda error: explain(error, lang="it")):
        with pytest.raises(TimebankError) as told:
            read(file)
        assert said(told.value).startswith(f"{file}: ")


def test_a_public_key_signs_nothing(file: Path) -> None:
    file.write_text(f"{SigningKey.make(NAME).public}\n")
    with pytest.raises(InvalidRequest, match="this is no private key"):
        SigningKey.read(file)


def test_public_keys_are_given_in_any_form(file: Path) -> None:
    keys = [SigningKey.make(NAME, witness=bool(n % 2)) for n in range(5)]
    keys[0].write(file)
    several = file.with_name("several+x+y")
    several.write_text(f"{keys[1].public}\n\n{keys[2].public}\n{keys[1].public}\n")
    found = keys_of(file, str(file), str(keys[3].public), keys[4], keys[4].public, several)
    assert found == tuple(keys[n].public for n in (0, 3, 4, 1, 2))
    assert keys_of() == ()


def test_what_is_no_key_is_refused() -> None:
    for wrong in (None, 3, b"timebank/8a1e"):
        with pytest.raises(WrongType, match="a key is a line, a path or a key"):
            keys_of(wrong)  # type: ignore[arg-type]  # that is what is refused
    for line in ("x+12345678+AAAA", f"x+00000000+{base64_of(bytes([1, *bytes(32)]))}", 3):
        with pytest.raises(InvalidRequest):
            PublicKey.of(line)


def points_of_order_8() -> set[int]:
    """The second coordinates of the points of the curve whose multiple by 8 is nothing.

    They are found by doubling and halving, in affine coordinates: not from a list.
    """
    prime = 2**255 - 19
    d = -121665 * pow(121666, -1, prime) % prime
    root = pow(2, (prime - 1) // 4, prime)  # of -1

    def first_of(y: int) -> int | None:
        square = (y * y - 1) * pow(d * y * y + 1, -1, prime) % prime
        x = pow(square, (prime + 3) // 8, prime)
        x = x if x * x % prime == square else x * root % prime
        return x if x * x % prime == square else None

    def is_nothing_by_8(x: int, y: int) -> bool:
        for _ in range(3):
            product = d * x * x * y * y % prime
            x, y = (
                2 * x * y * pow(1 + product, -1, prime) % prime,
                (y * y + x * x) * pow(1 - product, -1, prime) % prime,
            )
        return (x, y) == (0, 1)

    # The double of a point of order 8 has y = 0, so x² = -y²; in the equation of the curve,
    # -x² + y² = 1 + d·x²·y², that is d·z² + 2·z - 1 = 0 with z = y².
    under = pow(1 + d, (prime + 3) // 8, prime)
    under = under if under * under % prime == (1 + d) % prime else under * root % prime
    found = {0, 1, prime - 1}
    for sign in (under, -under):
        z = (sign - 1) * pow(d, -1, prime) % prime
        y = pow(z, (prime + 3) // 8, prime)
        y = y if y * y % prime == z else y * root % prime
        if y * y % prime == z:
            found |= {y, prime - y}
    for y in found:
        x = first_of(y)
        assert x is not None
        assert is_nothing_by_8(x, y)
    return found


def test_a_key_with_which_anybody_can_sign_is_refused() -> None:
    prime, points = 2**255 - 19, points_of_order_8()
    assert len(points) == 5
    wrong = {*points, *(one + prime for one in points if one + prime < 2**255), prime + 2}
    for number in wrong | {one | 1 << 255 for one in wrong}:
        key = PublicKey("x", "ed25519", number.to_bytes(32, "little"))
        with pytest.raises(InvalidRequest, match="anybody could sign with it"):
            PublicKey.of(str(key))


def test_a_signature_of_nothing_would_hold_under_such_a_key() -> None:
    """Why they are refused: nobody's key, and a signature that nobody made."""
    key = PublicKey("x", "ed25519", (1).to_bytes(32, "little"))
    signature = Signature("x", key.key_id, (1).to_bytes(64, "little"))
    for text in ("It snows.\n", "It rains.\n"):
        assert key.check(Note(text, (signature,))) == signature


# -- what is private -----------------------------------------------------------------------


def told(error: TimebankError) -> str:
    """All that an error says, in any place."""
    spoken = [explain(error, lang=code) for code in ("en", "it")]
    return " ".join([str(error), repr(error), repr(error.gaps), *spoken])


@given(st.data(), st.binary(min_size=32, max_size=32))
@examples(300)
def test_no_error_shows_a_part_of_a_private_key(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, seed: bytes
) -> None:
    """Of a key file that was cut or changed, or of one that was given as a public key."""
    key = SigningKey("n", "ed25519", seed)
    private = base64_of(b"\x01" + seed)
    line = f"PRIVATE+KEY+n+{key.public.key_id.hex()}+{private}"
    first = data.draw(st.integers(0, 24))
    last = data.draw(st.integers(0, 6))
    line = line[first : len(line) - last] + data.draw(st.sampled_from(["", "\n", "=", " x", "\n?"]))
    file = tmp_path_factory.getbasetemp() / "cut"
    file.write_text(line)
    reads = (SigningKey.read, keys_of, lambda _: PublicKey.of(line), lambda _: SigningKey.of(line))
    for read in reads:
        try:
            read(file)
        except InvalidRequest as error:
            shown = told(error)
            parts = {private[n : n + 12] for n in range(8, len(private) - 12)}
            assert not [one for one in parts if one in shown], shown


def test_a_private_key_shows_no_private_half() -> None:
    key = SigningKey.make(NAME)
    for shown in (repr(key), str(key)):
        assert "seed" not in shown
        assert base64_of(key.seed)[:10] not in shown


def test_a_private_key_on_a_command_line_is_refused() -> None:
    key = SigningKey.make(NAME)
    private = base64_of(b"\x01" + key.seed)
    line = f"PRIVATE+KEY+{NAME}+{key.public.key_id.hex()}+{private}"
    with pytest.raises(InvalidRequest, match="this is a private key"):
        keys_of(line)


# -- the extra -----------------------------------------------------------------------------


def run(code: str) -> str:
    """What a program prints that has no `cryptography`."""
    before = "import sys; sys.modules['cryptography'] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", before + code], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_without_the_package_it_is_said_how_to_have_it() -> None:
    vkey = str(SigningKey.make(NAME).public)
    code = f"""
import timebank, timebank.proof
from timebank.proof import Note, PublicKey, Signature, SigningKey
key = PublicKey.of({vkey!r})
for call in (
    lambda: SigningKey.make("x"),
    lambda: key.check(Note("a\\n", (Signature(key.name, key.key_id, bytes(64)),))),
):
    try:
        call()
    except timebank.StoreError as error:
        print(error)
        print(timebank.explain(error, lang="it"))
"""
    told = run(code)
    assert told.count("pip install 'timebank[proof]'") == 4
    assert told.count("Per firmare") == 2


def test_timebank_itself_needs_neither_the_package_nor_this_part() -> None:
    code = """
import timebank
timebank.open("memory:").head()
print([name for name in sys.modules if name.startswith("timebank.proof")])
import timebank.proof
print([name for name in sys.modules if name.startswith("cryptography.")])
"""
    assert run(code).split("\n")[:2] == ["[]", "[]"]
