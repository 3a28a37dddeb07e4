"""`timebank head`: where the journal stands, signed, proved to continue another, published."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict, TypeVar, Unpack

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.options import formatted
from timebank.cli.output import complain, show_as, show_bytes, show_json, show_result
from timebank.cli.program import REFUSED, TOLD, WELL, usage

if TYPE_CHECKING:
    from timebank.proof import Forked, PublicKey, SignedHead
    from timebank.proof.consistency import Continuation
    from timebank.proof.evidence import Evidence
    from timebank.proof.policy import Policy
    from timebank.reports.words import Words

T = TypeVar("T")

#: How the line of a head begins that nobody signed.
LINE: Final = "timebank/1 "
#: What the evidence of a head is called, behind the name of its file.
EVIDENCE: Final = ".evidence"
#: What options are called, where their values are named otherwise.
_NAMES: Final = {"keys": "key", "witnesses": "witness"}
#: With which others an option is of use.
_WITH: Final = {
    "keys": "--since, --verify",
    "witnesses": "--verify",
    "policy": "--verify, --publish",
    "cosignatures": "--publish",
    "evidence": "--since",
}


class _Options(TypedDict):
    """The values of the options of `timebank head`."""

    sign: tuple[str, ...]
    since: str | None
    signed: str | None
    verify: str | None
    keys: tuple[str, ...]
    witnesses: tuple[str, ...]
    policy: str | None
    publish: str | None
    cosignatures: tuple[str, ...]
    evidence: str | None
    log: str | None


@click.command(
    help="""Where the journal stands. The line may be published, to prove what came before.

    With --sign it is a signed head, which proves more: to whom, and how, is told in the page on
    proof. With --since it comes with the proof that it continues an older one, which is also what
    a witness is asked with. With --verify no bank is needed: FILE is a signed head, such a proof,
    or evidence that a past was rewritten. With --publish the head goes into a file once the
    witnesses whom the policy asks for have cosigned it. Exit code 1 where a proof does not hold.
    With --log it goes behind the others in FILE, and nothing is said; exit code 1, and nothing
    written, where the journal has no more the last head of FILE.
    """
)
@click.option("--sign", metavar="FILE", multiple=True, help="Sign with the key of this file.")
@click.option(
    "--since",
    metavar="OLD",
    help="Prove that it continues this signed head: a file, or its number of records.",
)
@click.option("--signed", metavar="FILE", help="This signed head, instead of one of now.")
@click.option("--verify", metavar="FILE", help="Check what was signed.")
@click.option(
    "--key", "keys", metavar="PUBLIC", multiple=True, help="The bank's public key: line or file."
)
@click.option(
    "--witness",
    "witnesses",
    metavar="PUBLIC",
    multiple=True,
    help="The public key of a witness who is to have cosigned: line or file.",
)
@click.option("--policy", metavar="FILE", help="Whose cosignatures the board asks for.")
@click.option(
    "--publish", metavar="FILE", help="Write the head there, where all is as the policy asks."
)
@click.option(
    "--cosignatures",
    metavar="FILE",
    multiple=True,
    help="What a witness answered. May be given several times.",
)
@click.option(
    "--evidence",
    metavar="FILE",
    help="Where evidence goes, if there is any. Left out: beside OLD or FILE.",
)
@click.option("--log", metavar="FILE", help="Append it there, where it is not the last line yet.")
@formatted
@pass_address
def head(address: BankAddress, /, *, format: str, **options: Unpack[_Options]) -> int:
    """Print the head, signed or not; check one; or publish it."""
    if options["log"] is not None:
        _not_with(options, "log", *(name for name in options if name != "log"))
        _log(address, options["log"])
    elif options["verify"] is not None:
        return _verify(options["verify"], format, options)
    elif options["publish"] is not None:
        _publish(address, options["publish"], format, options)
    elif options["sign"] or options["signed"] is not None:
        _sign(address, format, options)
    else:
        _show(address, format, options)
    return WELL


def _not_with(options: _Options, of: str, *names: str) -> None:
    """End where options are given that are of another use."""
    for name in names:
        if options[name]:  # type: ignore[literal-required]  # they are named above
            usage(words()("not_with", option=f"--{_NAMES.get(name, name)}", of=f"--{of}"))


def _only_with(options: _Options) -> None:
    """End where options are given that are of use with others alone."""
    for name, others in _WITH.items():
        if options[name]:  # type: ignore[literal-required]  # as above
            usage(words()("only_with", option=f"--{_NAMES.get(name, name)}", others=others))


# -- the head of now -----------------------------------------------------------------------


def _log(address: BankAddress, file: str) -> None:
    """Append the head to a log.

    :raises HistoryLost: the journal has no more the last head of it, and no record says so.
    :raises InvalidRequest: it is of another bank, or its last line is no head.
    """
    from timebank.bank.head_log import HeadLog
    from timebank.model import microseconds

    with address.open(read_only=True) as bank:
        now = microseconds(datetime.now(UTC))
        HeadLog(file).append(lambda: bank.store.reader(bank.name), clock=now)


def _show(address: BankAddress, format: str, options: _Options) -> None:
    since = options["since"]
    if since is None:
        _only_with(options)
    else:
        _not_with(options, "since", "witnesses", "policy", "cosignatures")
    with address.open(read_only=True) as bank:
        found = bank.head()
        lines = [found.with_root()]
        if since is not None:
            from timebank.proof.consistency import check_in

            old = _old(since, options, ())
            if isinstance(old, int):
                usage(words()("since_unsigned"))
            with (
                keeping_evidence(since, options["evidence"]),
                bank.store.reader(bank.name) as reader,
            ):
                check_in(reader, old)
            lines.append(words().counted("continues", old.checkpoint.size))
    show_result(format, found, lambda: lines)


def _sign(address: BankAddress, format: str, options: _Options) -> None:
    _not_with(options, "sign", "witnesses", "policy", "cosignatures")
    from timebank.proof import sign_head
    from timebank.proof.consistency import continuation
    from timebank.proof.keys import signing_keys_of
    from timebank.proof.publishing import check_records

    signed = options["signed"]
    if signed is not None and options["since"] is None:
        usage(words()("signed_needs"))
    keys = signing_keys_of(*options["sign"]) if options["sign"] else ()
    given = None if signed is None else read(signed, signed_head)
    with address.open(read_only=True) as bank:
        if options["since"] is None:
            found = sign_head(bank, *keys)
            text = str(found)
        else:
            publics = tuple(one.public for one in keys)
            if given is not None:
                given.checked(publics or _keys(options, "signed"))
            old = _old(options["since"], options, publics)
            with keeping_evidence(options["since"], options["evidence"]):
                made = continuation(bank, old, *keys, head=given)
            found, text = made.head, str(made)
        if given is None:
            with bank.store.reader(bank.name) as reader:
                check_records(reader, found)
    if format == "json":
        from timebank.reports.heads import head_json

        show_json({**head_json(found), "text": text})
    else:
        show_bytes([text.encode()])


def _old(since: str, options: _Options, publics: tuple[PublicKey, ...]) -> SignedHead | int:
    """Return an older head whose signature was checked, or its number of records."""
    if since.isascii() and since.isdigit() and len(since) < 17:  # noqa: PLR2004 - digits of a sequence
        return int(since)
    if since.startswith(LINE):
        usage(words()("since_line"))
    if not Path(since).exists() or Path(since).is_dir():
        usage(words()("since_missing", file=since))
    old = read(since, _older)
    from timebank.proof import keys_of

    known = (*publics, *keys_of(*options["keys"]))
    old.checked(known or _keys(options, "since"))
    return old


def _keys(options: _Options, of: str) -> tuple[PublicKey, ...]:
    from timebank.proof import keys_of

    if not options["keys"]:
        usage(words()("needs_key", option=f"--{of}"))
    return keys_of(*options["keys"])


# -- checking ------------------------------------------------------------------------------


def _verify(file: str, format: str, options: _Options) -> int:
    """Check a file; return the exit code."""
    _not_with(options, "verify", "sign", "signed", "publish", "cosignatures")
    from timebank.proof import keys_of
    from timebank.proof.evidence import Evidence
    from timebank.reports.heads import evidence_json, evidence_text, head_json, head_text

    policy = _policy(options)
    keys = keys_of(*options["keys"])
    if not keys:
        keys = _keys(options, "verify") if policy is None else policy.logs
    found = read(file, _signed)
    if isinstance(found, Evidence):
        _not_with(options, "verify", "since", "witnesses")
        found.checked(keys)
        show_as(format, lambda: evidence_json(found), lambda: evidence_text(found))
        return REFUSED if found.is_shorter else WELL  # that a head is shorter proves nothing
    head, proof = _parts(found)
    checked = head.checked(keys, keys_of(*options["witnesses"]), policy)
    lines = head_text(head, checked)
    if policy is not None:
        lines.append(words()("policy_met"))
    old = None if options["since"] is None else _continued(options["since"], found, keys, options)
    if old is not None:
        lines.append(words().counted("continues", old))
    elif proof is not None:
        lines.append(words().counted("proof_unchecked", proof.old))
    shape = {**head_json(head, checked), "continues": old}
    show_as(format, lambda: shape, lambda: lines)
    return WELL


def _parts(found: SignedHead | Continuation) -> tuple[SignedHead, Continuation | None]:
    """Return the head that was found, and the proof around it, where there is one."""
    from timebank.proof import SignedHead

    return (found, None) if isinstance(found, SignedHead) else (found.head, found)


def _continued(
    since: str, found: SignedHead | Continuation, keys: tuple[PublicKey, ...], options: _Options
) -> int:
    """Return how many records the older head has, which another was proved to continue."""
    from timebank.proof.consistency import Continuation

    old = _old(since, options, keys)
    if isinstance(old, int):
        usage(words()("since_unsigned"))
    head, proof = _parts(found)
    with keeping_evidence(since, options["evidence"]):
        # A head of as many records needs no proof: it is the same, or another.
        (proof or Continuation(head.checkpoint.size, (), head)).check_from(old)
    return old.checkpoint.size


# -- publishing ----------------------------------------------------------------------------


def _publish(address: BankAddress, file: str, format: str, options: _Options) -> None:
    _not_with(options, "publish", "sign", "since", "keys", "witnesses")
    from timebank.proof.notes import signatures_of
    from timebank.proof.publishing import publish
    from timebank.reports.heads import head_json, head_text

    policy, signed = _policy(options), options["signed"]
    if policy is None or signed is None:
        usage(words()("publish_needs"))
    given = read(signed, signed_head)
    answers = [one for name in options["cosignatures"] for one in read(name, signatures_of)]
    with address.open(read_only=True) as bank, keeping_evidence(file, options["evidence"]):
        head, checked = publish(bank, file, given, answers, policy=policy)
    shape = {**head_json(head, checked), "file": file}
    lines = [*head_text(head, checked), words()("published", file=file)]
    show_as(format, lambda: shape, lambda: lines)


def _policy(options: _Options) -> Policy | None:
    from timebank.proof import Policy

    return None if options["policy"] is None else Policy.read(options["policy"])


# -- what others use -----------------------------------------------------------------------


def words() -> Words:
    """Return the words of heads and witnesses, in the language that is spoken."""
    from timebank.reports.words import Words

    return Words("heads")


def read(file: str, form: Callable[[bytes], T]) -> T:
    """Return what is in a file; a `-` is the standard input.

    Who takes a text out of a mail leaves its last end of a line behind, or takes empty lines too.

    :raises InvalidRequest: it is longer than anything that is signed.
    :raises NotProved: it is not of this form; the error names the file.
    :raises OSError: it cannot be read.
    """
    from timebank.proof.files import named, plain, read_short, short_of

    with named(file):
        data = plain(short_of(sys.stdin.buffer) if file == "-" else read_short(file))
        return form(data.rstrip(b"\n") + b"\n")


def signed_head(data: bytes) -> SignedHead:
    """Return the signed head of a file: it may be that of a request to a witness.

    :raises NotProved: there is none.
    """
    from timebank.proof import SignedHead
    from timebank.proof.consistency import Continuation

    return Continuation.of(data).head if data.startswith(b"old ") else SignedHead.of(data)


def _older(data: bytes) -> SignedHead:
    """Return the signed head of a file, where it is not the line of one that nobody signed.

    :raises NotProved: there is none.
    """
    if data.startswith(LINE.encode()):
        usage(words()("since_line"))
    return signed_head(data)


def _signed(data: bytes) -> SignedHead | Continuation | Evidence:
    """Return evidence, a proof that one head continues another, or a signed head."""
    from timebank.proof import SignedHead
    from timebank.proof.consistency import Continuation
    from timebank.proof.evidence import FORMAT, Evidence

    if data.startswith(FORMAT.encode()):
        return Evidence.of(data)
    return Continuation.of(data) if data.startswith(b"old ") else SignedHead.of(data)


@contextmanager
def keeping_evidence(beside: str, place: str | None = None) -> Iterator[None]:
    """Write the evidence of a fork that is found in the block, and say where it is.

    :raises Forked: the same error, which tells the file.
    """
    from timebank.proof import Forked

    try:
        yield
    except Forked as error:
        told = keep_evidence(error, place or f"{beside}{EVIDENCE}")
        if told is not None:
            error.add_context(after=f"; {told}")
            setattr(error, TOLD, told)
        raise


def keep_evidence(error: Forked, place: str) -> str | None:
    """Write the evidence of an error into a new file, and return the words that say where it is.

    Where it cannot be written, it goes to standard error; `None` is returned then, or where there
    is none.
    """
    from timebank.proof.folders import keep_new

    if error.evidence is None:
        return None
    try:
        return words()("evidence_kept", file=keep_new(place, error.evidence))
    except OSError as failed:
        complain(f"{failed.filename or place}: {failed.strerror}")
        show_evidence(error.evidence)
        return None


def show_evidence(text: str) -> None:
    """Print evidence that could not be kept on standard error, so that it can be."""
    sys.stderr.write(text)
