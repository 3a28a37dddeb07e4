"""The peer in Go, as a program that is asked: `go/peer.go`, over Go's own notes and trees."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parent / "go" / "peer.go"
#: Where Debian's golang-golang-x-mod-dev puts its source.
GOPATH = Path("/usr/share/gocode")
PACKAGE = GOPATH / "src" / "golang.org" / "x" / "mod" / "sumdb"


class GoPeer:
    """A process that answers questions. What it calls an error is told as `error`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def ask(self, question: str, **given: Any) -> dict[str, Any]:
        """Its answer to a question: bytes are given and told in base64."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = json.dumps({"ask": question, **given}, default=_encoded, ensure_ascii=True)
        self._process.stdin.write(asked.encode() + b"\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        answer["root"] = b64decode(answer["root"])
        answer["proof"] = [b64decode(one) for one in answer.get("proof", ())]
        return answer

    def accepts(self, question: str, **given: Any) -> bool:
        """Whether it finds no fault."""
        return "error" not in self.ask(question, **given)


def _encoded(value: bytes) -> str:
    return b64encode(value).decode()


@contextmanager
def built(folder: Path) -> Iterator[GoPeer]:
    """The peer, built into a folder; where Go or its packages are not there, the test says so."""
    go = shutil.which("go")
    if go is None or not PACKAGE.is_dir():
        missing = "Go is not installed: the packages golang-go and golang-golang-x-mod-dev"
        assert os.environ.get("TIMEBANK_GO") != "required", missing
        pytest.skip(missing)
    program = folder / "peer"
    ours = {"GOPATH": str(GOPATH), "GO111MODULE": "off", "GOFLAGS": "", "CGO_ENABLED": "0"}
    cache = {} if "HOME" in os.environ else {"GOCACHE": str(folder / "cache")}
    subprocess.run(
        [go, "build", "-o", str(program), str(SOURCE)],
        env={**os.environ, **ours, **cache},
        check=True,
    )
    with subprocess.Popen([str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield GoPeer(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=60) == 0
