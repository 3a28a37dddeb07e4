"""The verifiers of receipts that know no code of ours, and receipts made by hand for them."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import attrs
import pytest

from timebank.journal import canonical, commitment
from timebank.journal.tree import Tree, leaf_hash
from timebank.proof import Note, SigningKey

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
SOURCE, PAGE = EXAMPLES / "verify_receipt.py", EXAMPLES / "verify_receipt.html"
JOURNAL: Final = "8a1e"
ORIGIN: Final = f"timebank/{JOURNAL}"
KEY: Final = SigningKey.make(ORIGIN)
WITNESS: Final = SigningKey.make("neighbours.example/w1", witness=True)
SECONDS: Final = 1_772_530_000
SALT: Final = bytes(range(16))
NOTE: Final = "to the clinic, è"

#: What a verifier says of one receipt: its lines where it holds, `None` where it is refused.
Told = list[str] | None


def record() -> dict[str, Any]:
    """A small record of an exchange."""
    return {
        "effects": {
            "occurred_on": "2026-03-02",
            "postings": [["m1", 5400], ["f1", -5400]],
            "statute": "default/1",
        },
        "format": "timebank/1",
        "journal": JOURNAL,
        "kind": "transfer",
        "recorded_at": 1772528400000000,
        "recorded_on": "2026-03-03",
        "request": {
            "earners": [["m1", 5400]],
            "id": "visit",
            "kind": "exchange",
            "note": commitment(SALT, NOTE),
            "spenders": [["f1", 5400]],
        },
        "sequence": 3,
    }


def word() -> dict[str, Any]:
    """What the bank says besides."""
    return {
        "amendments": [],
        "merged": {},
        "names": {"m1": "Maria R."},
        "reversals": [],
        "status": "stands",
    }


def written(value: Any) -> str:
    """JSON in the canonical form."""
    return canonical(value).decode()


@attrs.frozen(kw_only=True)
class Made:
    """A receipt made by hand: each part as it is, or changed before it is signed.

    `leaves` are what the tree has beside the record; the parts that are functions change a text.
    """

    record: str = attrs.Factory(lambda: written(record()))
    word: str = attrs.Factory(lambda: written(word()))
    texts: dict[str, Any] = attrs.Factory(lambda: {"note": [SALT.hex(), NOTE]})
    before: int = 2
    after: int = 2
    keys: Sequence[SigningKey] = (KEY,)
    word_keys: Sequence[SigningKey] | None = None
    witnesses: Sequence[SigningKey] = ()
    head_text: Callable[[str], str] = str
    word_text: Callable[[str], str] = str
    signed_word: Callable[[str], str] = str
    parts: Callable[[dict[str, Any]], Any] = dict
    extra_text: Callable[[str], str] = str
    whole: Callable[[str], str] = str

    def text(self) -> str:
        """The receipt."""
        others = [leaf_hash(b"%d" % n) for n in range(self.before + self.after)]
        leaves = [*others[: self.before], leaf_hash(self.record.encode()), *others[self.before :]]
        tree = Tree(len(leaves), lambda _level, _number, width: leaves[:width])
        root = b64encode(tree.root()).decode()
        text = self.head_text(f"{ORIGIN}\n{len(leaves)}\n{root}\n")
        seen = [one.cosign(text, SECONDS) for one in self.witnesses]
        head = str(Note(text, (*(key.sign(text) for key in self.keys), *seen)))
        about = f"word on record {self.before + 1} up to head {len(leaves)} {root}"
        said = self.word_text(f"{ORIGIN}\n{about}\n{self.word}\n")
        by = self.keys if self.word_keys is None else self.word_keys
        parts = {
            "format": "timebank-receipt/1",
            "record": self.record,
            "texts": self.texts,
            "word": self.signed_word(str(Note(said, tuple(key.sign(said) for key in by)))),
        }
        changed = self.parts(parts)
        extra = self.extra_text(changed if isinstance(changed, str) else written(changed))
        lines = ["c2sp.org/tlog-proof@v1", f"extra {b64encode(extra.encode()).decode()}"]
        proof = [b64encode(one).decode() for one in tree.inclusion(self.before)]
        lines += [f"index {self.before}", *proof]
        return self.whole("\n".join(lines) + f"\n\n{head}")


# -- the one in Python -----------------------------------------------------------------------


def in_python() -> ModuleType:
    """The verifier in Python, as a module."""
    spec = importlib.util.spec_from_file_location("verify_receipt", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_python(receipt: Path, *keys: object) -> subprocess.CompletedProcess[str]:
    """Run it as a program."""
    command = [sys.executable, "-I", "-X", "utf8", str(SOURCE), str(receipt), *map(str, keys)]
    return subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")


def python_says(receipts: Sequence[bytes], *keys: object) -> list[Told]:
    """What it says of each."""
    verify, vkeys = in_python().verify, [*map(str, keys)]
    found: list[Told] = []
    for one in receipts:
        try:
            found.append(verify(one.decode(), vkeys))
        except Exception:  # noqa: BLE001 - the program takes all of them for a refusal
            found.append(None)
    return found


# -- the one of the page, under Node ---------------------------------------------------------

#: It reads JSON, keys and receipts in base64, and prints what the page's verifier says of each.
_NODE: Final = r"""
const vm = require("node:vm");
const [, script] = /<script id="verifier">\n([\s\S]*?)<\/script>/.exec(
  require("node:fs").readFileSync(process.argv[1], "utf8"));
const verify = vm.runInThisContext(`${script}; verifyReceipt`);
const asked = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
(async () => {
  const told = [];
  for (const one of asked.receipts)
    try {
      const found = await verify(new Uint8Array(Buffer.from(one, "base64")), asked.keys);
      told.push([found.own, JSON.stringify(found.shown), JSON.stringify(found.told),
        ...found.signers, ...found.cosigners.map((who) => `${who.name} ${who.at}`)]);
    } catch (error) {
      if (error.constructor.name !== "Refused") told.push([`${error.stack}`]);
      else told.push(null);
    }
  console.log(JSON.stringify(told));
})();
"""


def node() -> str:
    """The program; where it is not there, the test says so."""
    found = shutil.which("node")
    if found is None:
        assert os.environ.get("TIMEBANK_NODE") != "required", "node is not installed"
        pytest.skip("Node is not installed: the package nodejs has it")
    return found


def page_says(receipts: Sequence[bytes], *keys: object) -> list[Told]:
    """What the verifier of the page says of each, under Node."""
    asked = {"keys": [*map(str, keys)], "receipts": [b64encode(one).decode() for one in receipts]}
    done = subprocess.run(
        [node(), "--no-warnings", "-e", _NODE, str(PAGE)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    found: list[Told] = json.loads(done.stdout)
    return found


def flipped(receipt: bytes, stride: int = 1) -> list[bytes]:
    """The receipt with one bit of it turned, for every bit, or every so many-th and the last."""
    found, last = [], len(receipt) * 8 - 1
    for bit in [*range(0, last, stride), last]:
        changed = bytearray(receipt)
        changed[bit // 8] ^= 1 << bit % 8
        found.append(bytes(changed))
    return found
