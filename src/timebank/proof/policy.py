r"""Whose signatures a board asks for: a file in C2SP *tlog-policy*.

Its lines name the keys of banks (`log`), those of witnesses (`witness`), groups of them (`group`),
and which one has to have cosigned (`quorum`).

>>> from timebank.proof.keys import SigningKey
>>> from timebank.proof.policy import Policy
>>> one, two = (SigningKey.make(f"w{n}", witness=True).public for n in (1, 2))
>>> policy = Policy.of(
...     f"witness north {one}\nwitness south {two}\ngroup either any north south\n"
...     "quorum either\n"
... )
>>> policy.met([two]), policy.met([])
(True, False)
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.proof.files import named, plain, read_short
from timebank.proof.keys import COSIGNATURE, ED25519, PublicKey, check_kind

#: The quorum that asks for nobody.
NONE: Final = "none"
_WRONG: Final = re.compile(r"[\0-\x08\x0b-\x1f\x7f]")
_BLANKS: Final = re.compile(r"[ \t]+")
_NUMBER: Final = re.compile("[1-9][0-9]{0,5}")


@attrs.frozen
class Group:
    """Witnesses and groups by their names in the policy, of whom `least` have to have cosigned."""

    least: int
    members: tuple[str, ...]


@attrs.frozen
class Policy:
    """The keys of banks (`logs`), those of witnesses by their names here, and who has to cosign.

    The names are of no meaning outside of the policy.
    """

    logs: tuple[PublicKey, ...]
    witnesses: Mapping[str, PublicKey]
    groups: Mapping[str, Group]
    quorum: str

    @classmethod
    def of(cls, text: str | bytes) -> Policy:
        """Return the policy of a file.

        :raises InvalidRequest: it is none; the error names the line.
        """
        return _Reading().policy(text)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Policy:
        """Return the policy of a file at a path.

        :raises InvalidRequest: it is none; the error names the file and the line.
        :raises OSError: it cannot be read.
        """
        with named(path):
            return cls.of(plain(read_short(path)))

    def met(self, cosigned: Iterable[PublicKey]) -> bool:
        """Return whether those who cosigned, by their keys, are as many as the policy asks for."""
        keys = set(cosigned)
        met = {name for name, key in self.witnesses.items() if key in keys} | {NONE}
        for name, group in self.groups.items():  # each after the ones that it names
            if sum(one in met for one in group.members) >= group.least:
                met.add(name)
        return self.quorum in met


class _Reading:
    """What was read of a policy so far."""

    def __init__(self) -> None:
        self.logs: list[PublicKey] = []
        self.witnesses: dict[str, PublicKey] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._members: set[str] = set()
        self._line = 0

    def policy(self, text: str | bytes) -> Policy:
        # A name is as good in another encoding than UTF-8, and is compared as it stands.
        lines = text if isinstance(text, str) else text.decode(errors="surrogateescape")
        for self._line, line in enumerate(lines.split("\n"), 1):
            if found := _WRONG.search(line):
                raise self._in_line(
                    InvalidRequest(f"a policy has no {found[0]!r}").about(
                        key="policy_character", character=shown(found[0])
                    )
                )
            words = _BLANKS.split(line.strip(" \t"))
            if words != [""] and not words[0].startswith("#"):
                self._read(words)
        if self.quorum is None:
            msg = "a policy has a line that begins with quorum"
            raise InvalidRequest(msg).about(key="policy_no_quorum")
        return Policy(tuple(self.logs), self.witnesses, self.groups, self.quorum)

    def _read(self, words: Sequence[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                self._add_log(vkey)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._add_witness(name, vkey)
            case ["group", name, least, *members] if members:
                self._add_group(name, least, members)
            case ["quorum", name]:
                self._set_quorum(name)
            case _:
                line = shown(" ".join(words))
                msg = f"this is no line of a policy: {line}"
                raise self._in_line(InvalidRequest(msg).about(key="policy_line", line=line))

    def _add_log(self, vkey: str) -> None:
        key = self._key(vkey, ED25519)
        self._check_new(key, self.logs)
        self.logs.append(key)

    def _add_witness(self, name: str, vkey: str) -> None:
        self._check_name(name)
        key = self._key(vkey, COSIGNATURE)
        self._check_new(key, self.witnesses.values())
        self.witnesses[name] = key

    def _add_group(self, name: str, least: str, members: Sequence[str]) -> None:
        self._check_name(name)
        for one in members:
            self._check_known(one)
            if one in self._members:
                msg = f"{shown(one)} is in a group already, and would count twice"
                raise self._in_line(InvalidRequest(msg).about(key="policy_twice", name=shown(one)))
            self._members.add(one)
        found = {"any": 1, "all": len(members)}.get(least)
        if found is None and _NUMBER.fullmatch(least):
            found = int(least)
        if found is None or found > len(members):
            count, given = len(members), shown(least)
            msg = f"of a group of {count}, any, all or a number up to it is asked for, not {given}"
            raise self._in_line(
                InvalidRequest(msg).about(key="policy_least", members=count, given=given)
            )
        self.groups[name] = Group(found, tuple(members))

    def _set_quorum(self, name: str) -> None:
        if self.quorum is not None:
            msg = "a policy has one line that begins with quorum, not two"
            raise self._in_line(InvalidRequest(msg).about(key="policy_quorums"))
        if name != NONE:
            self._check_known(name)
        self.quorum = name

    def _key(self, vkey: str, kind: str) -> PublicKey:
        try:
            key = PublicKey.of(vkey)
            check_kind(key, kind)
        except InvalidRequest as error:
            raise self._in_line(error) from error
        return key

    def _check_new(self, key: PublicKey, others: Iterable[PublicKey]) -> None:
        if any(one.raw == key.raw for one in others):
            msg = f"the key of {key.name} is there already, perhaps under another name"
            raise self._in_line(InvalidRequest(msg).about(key="policy_key_twice", name=key.name))

    def _check_name(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            msg = f"the name {shown(name)} is taken"
            raise self._in_line(
                InvalidRequest(msg).about(key="policy_name_taken", name=shown(name))
            )

    def _check_known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            msg = f"no line above names a witness or a group {shown(name)}"
            raise self._in_line(
                InvalidRequest(msg).about(key="policy_name_unknown", name=shown(name))
            )

    def _in_line(self, error: InvalidRequest) -> InvalidRequest:
        msg = f"line {self._line}: {error}"
        return InvalidRequest(msg).about(key="in_line", line=self._line, reason=error)
