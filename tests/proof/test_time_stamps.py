"""The commands of the page that stamp a signed head, with an authority of the test's own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import timebank
from support import sources
from timebank.proof import SigningKey, origin_of, receipt, sign_head, verify_receipt

PAGE = Path(__file__).parents[2] / "docs" / "proof.md"
#: An authority that stamps whatever it is asked to, as those of the trade do.
AUTHORITY = """
[tsa]
default_tsa = here
[here]
serial = serial
signer_cert = stamper.pem
signer_key = stamper.key
certs = authority.pem
default_policy = 1.2.3.4
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
[stamper]
extendedKeyUsage = critical, timeStamping
basicConstraints = CA:FALSE
"""
_NEW_KEY = "req -newkey rsa:2048 -nodes -sha256"


def openssl(folder: Path, *words: str, code: int = 0) -> str:
    """Run openssl in a folder, which must end with a code; what it says."""
    program = shutil.which("openssl")
    if program is None:
        assert os.environ.get("TIMEBANK_OPENSSL") != "required", "openssl is not installed"
        pytest.skip("OpenSSL is not installed: the package openssl has it")
    done = subprocess.run(
        [program, *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert code == done.returncode, done.stdout + done.stderr
    return done.stdout + done.stderr


def commands() -> list[list[str]]:
    """The words of the page's commands, without the name of the program."""
    block = re.findall(r"```sh\n((?:openssl ts .*\n)+)```", PAGE.read_text("utf-8"))
    assert 1 == len(block)
    return [shlex.split(line)[1:] for line in block[0].splitlines()]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an authority that stamps: `authority.pem` is the certificate of its root."""
    folder = tmp_path_factory.mktemp("authority")
    (folder / "tsa.cnf").write_text(AUTHORITY, "utf-8")
    (folder / "serial").write_text("01\n", "utf-8")
    root = "-x509 -keyout authority.key -out authority.pem -subj /CN=Authority -days 2"
    openssl(folder, *_NEW_KEY.split(), *root.split())
    stamper = "-keyout stamper.key -out stamper.csr -subj /CN=Stamper"
    openssl(folder, *_NEW_KEY.split(), *stamper.split())
    signed = "x509 -req -in stamper.csr -CA authority.pem -CAkey authority.key -CAcreateserial"
    made = "-sha256 -days 2 -extfile tsa.cnf -extensions stamper -out stamper.pem"
    openssl(folder, *signed.split(), *made.split())
    return folder


@pytest.fixture
def stamped(authority: Path, tmp_path: Path) -> Path:
    """A folder with a head, its question and its stamp, and the certificate."""
    with timebank.open("memory:", **sources()) as bank:
        bank.open_account("m1")
        bank.open_account("f1")
        bank.transfer(earner="m1", spender="f1", hours="1:30", id="visit")
        key = SigningKey.make(origin_of(bank.head().journal))
        head = sign_head(bank, key)
        (tmp_path / "march.head").write_text(str(head), "utf-8")
        (tmp_path / "key").write_text(f"{key.public}\n", "utf-8")
        made = receipt(bank, "visit", key=key, head=head)
        (tmp_path / "visit.tlog-proof").write_text(str(made), "utf-8")
    ask, _ = commands()
    openssl(tmp_path, *ask)
    reply = "ts -reply -config tsa.cnf -queryfile"
    answer = tmp_path / "march.tsr"
    openssl(authority, *reply.split(), str(tmp_path / "march.tsq"), "-out", str(answer))
    shutil.copy(authority / "authority.pem", tmp_path)
    return tmp_path


def test_a_head_is_stamped_and_the_stamp_holds(stamped: Path) -> None:
    """By the page's two commands; the stamp says the instant, and nothing of the head is sent."""
    _, verify = commands()
    assert "Verification: OK" in openssl(stamped, *verify)
    said = openssl(stamped, "ts", "-reply", "-in", "march.tsr", "-text")
    found = re.search(r"Time stamp: (.*) GMT", said)
    assert found is not None
    at = datetime.strptime(found[1], "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - at) < timedelta(days=1)
    root = (stamped / "march.head").read_text("utf-8").splitlines()[2]
    assert root.encode() not in (stamped / "march.tsq").read_bytes()


def test_a_receipt_up_to_the_stamped_head_has_the_same_head(stamped: Path) -> None:
    """So it proves its exchange to be as old as the stamp."""
    made = (stamped / "visit.tlog-proof").read_text("utf-8")
    assert made.endswith("\n\n" + (stamped / "march.head").read_text("utf-8"))
    assert verify_receipt(made, stamped / "key").exchange.id == "visit"


@pytest.mark.parametrize("name", ["march.head", "march.tsr", "authority.pem"])
def test_a_stamp_of_something_else_is_refused(stamped: Path, authority: Path, name: str) -> None:
    """A head that was changed, a stamp that was, or another authority."""
    _, verify = commands()
    file = stamped / name
    data = bytearray(file.read_bytes())
    if name == "authority.pem":
        words = "-x509 -keyout other.key -out authority.pem -subj /CN=Authority -days 2"
        openssl(stamped, *_NEW_KEY.split(), *words.split())
    else:
        data[-20] ^= 1  # of a stamp this is in the signature
        file.write_bytes(data)
    assert "Verification: FAILED" in openssl(stamped, *verify, code=1)
