"""Policies: who has to have cosigned, and what is refused, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import examples
from timebank import explain
from timebank.errors import InvalidRequest
from timebank.proof import Policy, PublicKey, SigningKey

KEYS = [SigningKey("w", "cosignature", bytes([n] * 32)).public for n in range(9)]
LOGS = [SigningKey("timebank/8a1e", "ed25519", bytes([n] * 32)).public for n in range(100, 103)]
WITNESSES = "".join(f"witness w{n} {key}\n" for n, key in enumerate(KEYS[:4]))


@st.composite
def policies(draw: st.DrawFn) -> tuple[str, dict[str, tuple[int, list[str]]], str]:
    """A policy as a file has it, its groups, and its quorum."""
    names = [f"w{n}" for n in range(draw(st.integers(1, len(KEYS))))]
    lines = [f"witness {name} {key}" for name, key in zip(names, KEYS, strict=False)]
    free, groups = list(names), dict[str, tuple[int, list[str]]]()
    for n in range(draw(st.integers(0, 5))):
        members = draw(st.lists(st.sampled_from(free), min_size=1, unique=True)) if free else []
        if not members:
            break
        free = [*(one for one in free if one not in members), f"g{n}"]
        least = draw(st.integers(1, len(members)))
        groups[f"g{n}"] = (least, members)
        words = {1: ["any"], len(members): ["all"]}.get(least, [])
        said = draw(st.sampled_from([str(least), *words]))
        lines.append(f"group g{n} {said} {' '.join(members)}")
    quorum = draw(st.sampled_from([*names, *groups, "none"]))
    lines.insert(draw(st.integers(0, len(lines))), f"log {LOGS[0]} https://example.com/")
    lines.append(f"quorum {quorum}")
    for _ in range(draw(st.integers(0, 3))):
        comment = draw(st.sampled_from(["", " \t", "# Nachbarn", "\t# \xff"]))
        lines.insert(draw(st.integers(0, len(lines))), comment)
    spaced = [draw(st.sampled_from(["{}", " {}", "{}\t"])).format(line) for line in lines]
    return "\n".join(spaced) + "\n", groups, quorum


@given(policies(), st.sets(st.integers(0, len(KEYS) - 1)))
@examples(300)
def test_a_quorum_is_met_by_those_who_make_it(
    drawn: tuple[str, dict[str, tuple[int, list[str]]], str], cosigned: set[int]
) -> None:
    text, groups, quorum = drawn

    def is_met(name: str) -> bool:
        if name == "none":
            return True
        if name in groups:
            least, members = groups[name]
            return len([one for one in members if is_met(one)]) >= least
        return int(name[1:]) in cosigned

    for data in (text, text.encode("utf-8"), text.encode("latin-1")):
        policy = Policy.of(data)
        assert policy.logs == (LOGS[0],)
        assert policy.met([KEYS[n] for n in cosigned]) == is_met(quorum)


def test_others_who_cosigned_do_not_count() -> None:
    policy = Policy.of(f"{WITNESSES}group two 2 w0 w1 w2\nquorum two\n")
    assert not policy.met([KEYS[0], KEYS[3], KEYS[0]])
    renamed = PublicKey("other", "cosignature", KEYS[1].raw)
    assert not policy.met([KEYS[0], renamed])
    assert policy.met([KEYS[3], KEYS[1], KEYS[0]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a policy has a line that begins with quorum"),
        (WITNESSES, "a policy has a line that begins with quorum"),
        ("quorum", "line 1: this is no line of a policy: 'quorum'"),
        ("quorum none none", "line 1: this is no line of a policy"),
        ("Quorum none", "line 1: this is no line of a policy"),
        ("quorum none\nquorum none", "line 2: .* not two"),
        ("quorum w0", "line 1: no line above names a witness or a group 'w0'"),
        (f"quorum w0\n{WITNESSES}", "line 1: no line above"),
        (f"{WITNESSES}group g any\nquorum g", "line 5: this is no line of a policy"),
        (f"{WITNESSES}group g 0 w0\nquorum g", "line 5: of a group of 1"),
        (f"{WITNESSES}group g 2 w0\nquorum g", "line 5: of a group of 1"),
        (f"{WITNESSES}group g -1 w0\nquorum g", "line 5: of a group of 1"),
        (f"{WITNESSES}group g 01 w0\nquorum g", "line 5: of a group of 1"),
        (f"{WITNESSES}group g some w0\nquorum g", "line 5: of a group of 1"),
        (f"{WITNESSES}group g any w9\nquorum g", "line 5: no line above"),
        (f"{WITNESSES}group g any g\nquorum g", "line 5: no line above"),
        (f"{WITNESSES}group g any none\nquorum g", "line 5: no line above"),
        (f"{WITNESSES}group g any w0 w0\nquorum g", "line 5: 'w0' is in a group already"),
        (f"{WITNESSES}group g any w0\ngroup h any w0\n", "line 6: 'w0' is in a group already"),
        (f"{WITNESSES}group w0 any w1\n", "line 5: the name 'w0' is taken"),
        (f"{WITNESSES}witness w0 {KEYS[5]}\n", "line 5: the name 'w0' is taken"),
        (f"witness none {KEYS[5]}\n", "line 1: the name 'none' is taken"),
        (f"{WITNESSES}witness w9 {KEYS[0]}\n", "line 5: the key of w is there already"),
        (f"log {LOGS[0]}\nlog {LOGS[0]}\n", "line 2: the key of timebank/8a1e is there already"),
        (f"log {KEYS[0]}\n", "line 1: the key w is a witness's"),
        (f"witness w0 {LOGS[0]}\n", "line 1: the key timebank/8a1e is of no witness"),
        ("witness w0 w+00000000+AAAA", "line 1: the key of 'w' is of another kind"),
        (f"witness w0 {KEYS[0]} url more\n", "line 1: this is no line of a policy"),
        (f"log {LOGS[0]} # ours\n", "line 1: this is no line of a policy"),
        ("quorum none\r\n", r"line 1: a policy has no '\\r'"),
        ("quorum none\x00", r"line 1: a policy has no '\\x00'"),
        ("quorum none\x7f", r"line 1: a policy has no '\\x7f'"),
        ("quorum\u00a0none", "line 1: this is no line of a policy"),
    ],
)
def test_what_is_no_policy_is_refused_with_its_line(text: str, message: str) -> None:
    for data in (text, text.encode()):
        with pytest.raises(InvalidRequest, match=message) as told:
            Policy.of(data)
        italian = explain(told.value, lang="it")
        assert "line" not in italian
        assert "riga" in italian


def test_a_file_has_a_policy(tmp_path: Path) -> None:
    file = tmp_path / "policy"
    file.write_text(f"log {LOGS[1]}\nquorum none\n")
    assert Policy.read(file).logs == (LOGS[1],)
    assert Policy.read(str(file)).met([])
    file.write_text("quorum w0\n")
    with pytest.raises(InvalidRequest, match="policy: line 1: no line above") as told:
        Policy.read(file)
    assert explain(told.value, lang="it") == (
        f"{file}: riga 1: Nessuna riga sopra ha un testimone o un gruppo 'w0'."
    )
    with pytest.raises(FileNotFoundError):
        Policy.read(tmp_path / "none")


@given(st.binary(max_size=80))
def test_any_bytes_are_a_policy_or_none(data: bytes) -> None:
    with pytest.raises(InvalidRequest):
        Policy.of(data)


@given(policies(), st.data())
@examples(300)
def test_a_policy_that_was_changed_is_one_or_none(
    drawn: tuple[str, dict[str, tuple[int, list[str]]], str], data: st.DataObject
) -> None:
    text = bytearray(drawn[0].encode())
    place = data.draw(st.integers(0, len(text) - 1))
    text[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        policy = Policy.of(bytes(text))
    except InvalidRequest:
        return
    assert policy.met(KEYS) == (policy.quorum is not None)  # all together meet any quorum
