"""What is said of each slip with a key, a head or a policy: the message, and the Italian."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from reports.errors import SOURCE, calls
from timebank import TimebankError, explain
from timebank.proof import (
    Checkpoint,
    Note,
    Policy,
    PublicKey,
    Signature,
    SignedHead,
    SigningKey,
    keys_of,
    origin_of,
)
from timebank.proof.files import MOST_BYTES
from timebank.proof.heads import check_kept, own_keys
from timebank.proof.notes import signatures_of

KEY = SigningKey("timebank/8a1e", "ed25519", bytes(32))
OTHER = SigningKey("timebank/8a1e", "ed25519", bytes([1] * 32))
ANNA = SigningKey("anna", "cosignature", bytes([2] * 32))
CHECKPOINT = Checkpoint(KEY.name, 3, bytes(32))
TEXT = str(CHECKPOINT)
HEAD = SignedHead(CHECKPOINT, Note(TEXT).signed_by(KEY.sign(TEXT)))
LINE = (
    f"PRIVATE+KEY+{KEY.name}+{KEY.public.key_id.hex()}+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
WITNESS = f"witness anna {ANNA.public}\n"

MODULES = {"files", "notes", "keys", "heads", "policy"}

SLIPS: dict[str, tuple[Callable[[], object], str, str]] = {
    "no note": (
        lambda: Note.of("It snows.\n"),
        "this is no signed text: no empty line stands before the signatures",
        "Non è nulla di firmato: sotto un testo mancano una riga vuota e le righe delle firme.",
    ),
    "no signatures": (
        lambda: Note.of("It snows.\n\n"),
        "lines of signatures, each with a newline behind it, belong here, not ''",
        "Non è nulla di firmato: sotto un testo mancano una riga vuota e le righe delle firme.",
    ),
    "another encoding": (
        lambda: Note.of(b"\xff\n\n"),
        "this is no text in UTF-8",
        "Non è nulla di firmato: sotto un testo mancano una riga vuota e le righe delle firme.",
    ),
    "a character": (
        lambda: Note.of("It\asnows.\n\n"),
        "there is a character '\\x07', which is in no text that is signed",
        "Non è nulla di firmato: nessun testo firmato ha il carattere '\\x07'.",
    ),
    "lines of a mail": (
        lambda: SignedHead.of(str(HEAD).replace("\n", "\r\n")),
        "its lines end otherwise than those that were signed: take the file as it was",
        (
            "Le sue righe finiscono in modo diverso da quelle firmate: una mail o un editor le "
            "ha cambiate. Si prenda il file com'era."
        ),
    ),
    "no line of a signature": (
        lambda: Signature.of("- w AAAA"),
        "this is no line of a signature: '- w AAAA'",
        "Non è la riga di una firma: '- w AAAA'.",
    ),
    "a list in place of a bank": (
        lambda: check_kept([]),
        "what is signed is what a bank has recorded and kept, not a list",
        (
            "Si firma ciò che la banca ha registrato e conservato, non ciò che è solo provato o "
            "non ancora conservato."
        ),
    ),
    "too many signatures": (
        lambda: signatures_of(f"{KEY.sign(TEXT)}\n" * 101),
        "a note has at most 100 signatures, not 101",
        "Le firme sono troppe: al più 100.",
    ),
    "a text that was changed": (
        lambda: KEY.public.check(Note("4", HEAD.note.signatures)),
        "the signature of timebank/8a1e does not hold: it is not of this text",
        (
            "La firma di timebank/8a1e non è valida: non è di questo testo. Qualcosa è stato "
            "cambiato."
        ),
    ),
    "no time": (
        lambda: ANNA.public.time_of(Signature("anna", bytes(4), bytes(72))),
        "the signature of anna does not hold: it says no time",
        "La firma di anna non è valida: non è di questo testo. Qualcosa è stato cambiato.",
    ),
    "no lines to sign": (
        lambda: KEY.sign("It snows."),
        "what is signed are lines without control characters, not 'It snows.'",
        "Questo testo non si può firmare: 'It snows.'.",
    ),
    "before the first second": (
        lambda: ANNA.cosign(TEXT, 0),
        "a witness signs at a second after that of 1970, not at 0",
        "Un testimone firma in un secondo dopo il primo del 1970, non in 0.",
    ),
    "two words": (
        lambda: SigningKey.make("Anna Rossi", witness=True),
        "the name of a key is one word without a plus, like anna-rossi: 'Anna Rossi'",
        "Il nome di una chiave è una parola sola, senza più, come anna-rossi: non 'Anna Rossi'.",
    ),
    "no key": (
        lambda: PublicKey.of("timebank/8a1e"),
        "a public key is a line like NAME+12345678+BASE64, and this is none",
        "Una chiave pubblica è una riga come NOME+12345678+BASE64, e questa non lo è.",
    ),
    "another kind of key": (
        lambda: PublicKey.of("x+12345678+AAAA"),
        "the key of 'x' is of another kind: Ed25519 alone is known here",
        "La chiave di 'x' è di un altro tipo: qui si conoscono solo le chiavi di Ed25519.",
    ),
    "a changed key": (
        lambda: PublicKey.of(str(KEY.public).replace("8a1e", "8a1f")),
        "the key of 'timebank/8a1f' is not the one that its number 5c920f63 says: it was changed",
        (
            "La chiave di 'timebank/8a1f' non è quella che dice il suo numero 5c920f63: è "
            "stata cambiata."
        ),
    ),
    "a key of anybody": (
        lambda: PublicKey.of(str(PublicKey("x", "ed25519", bytes(32)))),
        "the key of 'x' is nobody's own: anybody could sign with it",
        (
            "La chiave di 'x' non è di nessuno: chiunque potrebbe firmare con essa. La si "
            "faccia fare di nuovo."
        ),
    ),
    "a private key": (
        lambda: keys_of(LINE),
        "this is a private key: it belongs in a file of its own, and to nobody else",
        "È una chiave privata: va in un file a parte, e a nessun altro.",
    ),
    "no private key": (
        lambda: SigningKey.read("policy"),
        "policy: this is no private key",
        "policy: Non è una chiave privata: timebank key make ne scrive una.",
    ),
    "a key that was cut": (
        lambda: SigningKey.read("cut"),
        "cut: this is no private key",
        "cut: Non è una chiave privata: timebank key make ne scrive una.",
    ),
    "a changed private key": (
        lambda: SigningKey.of(LINE.replace("8a1e", "8a1f")),
        "this private key is not the one that its number '5c920f63' says",
        "Questa chiave privata non è quella che dice il suo numero 5c920f63: è stata cambiata.",
    ),
    "an empty file": (
        lambda: keys_of("empty"),
        "empty: there is no key in it",
        "empty: Non contiene nessuna chiave.",
    ),
    "a policy as a key": (
        lambda: keys_of("policy"),
        "policy: a public key is a line like NAME+12345678+BASE64, and this is none",
        "policy: Una chiave pubblica è una riga come NOME+12345678+BASE64, e questa non lo è.",
    ),
    "a number as a key": (
        lambda: keys_of(7),  # type: ignore[arg-type]  # that is what is refused
        "a key is a line, a path or a key, not 7",
        "qui va un testo, non 7.",
    ),
    "over a key": (
        lambda: OTHER.write("key"),
        "there is a file key already, and a key is never written over one",
        (
            "C'è già un file key: una chiave non si scrive mai sopra un altro. Se ne indichi "
            "uno nuovo."
        ),
    ),
    "nobody signs": (
        lambda: own_keys(KEY.name),
        "a key that signs is missing",
        "Manca una chiave che firmi: timebank key make ne scrive una.",
    ),
    "a witness signs": (
        lambda: own_keys(KEY.name, ANNA),
        "the key anna is a witness's: it signs for no bank",
        "La chiave anna è di un testimone: non firma per nessuna banca.",
    ),
    "a witness signs a text": (
        lambda: ANNA.sign(TEXT),
        "the key anna is a witness's: it signs for no bank",
        "La chiave anna è di un testimone: non firma per nessuna banca.",
    ),
    "a bank cosigns": (
        lambda: KEY.cosign(TEXT, 1),
        "the key timebank/8a1e is of no witness: it does not cosign",
        "La chiave timebank/8a1e non è di un testimone: non può controfirmare.",
    ),
    "another bank signs": (
        lambda: own_keys("timebank/9b", "key"),
        "the key of timebank/8a1e does not sign for timebank/9b",
        "La chiave di timebank/8a1e non firma per timebank/9b: se ne faccia una per questa banca.",
    ),
    "a journal that cannot sign": (
        lambda: origin_of("la nostra banca"),
        "a journal of this id cannot sign, for a key has no such name: 'la nostra banca'",
        (
            "Un registro con l'identificativo 'la nostra banca' non può firmare: contiene uno "
            "spazio, un più o un carattere di controllo."
        ),
    ),
    "no checkpoint": (
        lambda: Checkpoint.of("timebank/8a1e\n3\n"),
        "a head that is signed has three lines: its origin, its size and its root",
        (
            "Non è una testa firmata: ha tre righe, l'origine, il numero delle registrazioni e "
            "la radice."
        ),
    ),
    "a root of nothing": (
        lambda: Checkpoint.of(TEXT.replace("3", "0")),
        "a head of no records has another root than an empty tree",
        (
            "Questa testa dice che non ci sono registrazioni, ma la sua radice non è quella di "
            "un registro vuoto."
        ),
    ),
    "another log": (
        lambda: SignedHead(Checkpoint("go.sum", 3, bytes(32)), HEAD.note).journal,
        "this is the head of 'go.sum', which is no time bank",
        "Questa testa è di 'go.sum', che non è una banca del tempo.",
    ),
    "no key to check": (
        lambda: HEAD.checked([]),
        "a public key of the bank is missing: without one nothing is checked",
        "Manca una chiave pubblica della banca: senza, non si controlla nulla.",
    ),
    "a witness's key to check": (
        lambda: HEAD.checked([ANNA.public]),
        "the key anna is a witness's: it signs for no bank",
        "La chiave anna è di un testimone: non firma per nessuna banca.",
    ),
    "a bank's key as a witness's": (
        lambda: HEAD.checked([KEY.public], [KEY.public]),
        "the key timebank/8a1e is of no witness: it does not cosign",
        "La chiave timebank/8a1e non è di un testimone: non può controfirmare.",
    ),
    "a key of another bank": (
        lambda: HEAD.checked([SigningKey("timebank/9b", "ed25519", bytes(32)).public]),
        "the head is of timebank/8a1e, and the key is that of timebank/9b",
        "La testa è di timebank/8a1e, e la chiave è di timebank/9b.",
    ),
    "not signed": (
        lambda: HEAD.checked([OTHER.public]),
        "the head of timebank/8a1e is not signed by the key 0581adfe",
        "La testa di timebank/8a1e non è firmata dalla chiave 0581adfe.",
    ),
    "not cosigned": (
        lambda: HEAD.checked([KEY.public], [ANNA.public]),
        "the head is not cosigned by anna",
        "La testa non è controfirmata da anna.",
    ),
    "too few cosigned": (
        lambda: HEAD.checked([KEY.public], policy=Policy.of(f"{WITNESS}quorum anna\n")),
        "the head is not cosigned by as many witnesses as the policy asks for",
        "La testa non è controfirmata da tanti testimoni quanti ne chiede la regola con anna.",
    ),
    "a policy of Windows": (
        lambda: Policy.of("quorum none\r\n"),
        "line 1: a policy has no '\\r'",
        (
            "riga 1: Una regola non ha il carattere '\\r': la si salvi come testo semplice, "
            "con i fine riga di Unix."
        ),
    ),
    "no line of a policy": (
        lambda: Policy.of("# ours\nquorum: none\n"),
        "line 2: this is no line of a policy: 'quorum: none'",
        (
            "riga 2: Non è una riga di una regola: 'quorum: none'. Ci sono log, witness, group "
            "e quorum."
        ),
    ),
    "no quorum": (
        lambda: Policy.of(WITNESS),
        "a policy has a line that begins with quorum",
        "La regola non ha una riga che comincia con quorum: quorum none non chiede testimoni.",
    ),
    "two quorums": (
        lambda: Policy.of("quorum none\nquorum none\n"),
        "line 2: a policy has one line that begins with quorum, not two",
        (
            "riga 2: La regola ha due righe che cominciano con quorum: una sola dice che cosa "
            "si chiede."
        ),
    ),
    "twice in groups": (
        lambda: Policy.of(f"{WITNESS}group g any anna anna\n"),
        "line 2: 'anna' is in a group already, and would count twice",
        "riga 2: 'anna' è già in un gruppo, e conterebbe due volte.",
    ),
    "more than there are": (
        lambda: Policy.of(f"{WITNESS}group g 2 anna\n"),
        "line 2: of a group of 1, any, all or a number up to it is asked for, not '2'",
        "riga 2: Di un gruppo di 1 si chiedono any, all o un numero da 1 a 1, non '2'.",
    ),
    "a key twice": (
        lambda: Policy.of(f"{WITNESS}{WITNESS.replace(' anna ', ' berta ')}"),
        "line 2: the key of anna is there already, perhaps under another name",
        "riga 2: La chiave di anna c'è già, forse sotto un altro nome.",
    ),
    "a name twice": (
        lambda: Policy.of(f"{WITNESS}group anna any anna\n"),
        "line 2: the name 'anna' is taken",
        "riga 2: Il nome 'anna' è già preso: se ne scelga un altro.",
    ),
    "nobody of that name": (
        lambda: Policy.of("quorum berta\n"),
        "line 1: no line above names a witness or a group 'berta'",
        "riga 1: Nessuna riga sopra ha un testimone o un gruppo 'berta'.",
    ),
    "a policy with a witness's key as a bank's": (
        lambda: Policy.of(f"log {ANNA.public}\n"),
        "line 1: the key anna is a witness's: it signs for no bank",
        "riga 1: La chiave anna è di un testimone: non firma per nessuna banca.",
    ),
    "a policy in a file": (
        lambda: Policy.read("policy"),
        "policy: line 1: no line above names a witness or a group 'all'",
        "policy: riga 1: Nessuna riga sopra ha un testimone o un gruppo 'all'.",
    ),
    "another file": (
        lambda: SignedHead.read("film"),
        "film: it is longer than anything that is signed: was another file meant?",
        "film: È più lungo di qualsiasi cosa firmata: si intendeva un altro file?",
    ),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a key, one that was cut, an empty file, and a policy that is none."""
    monkeypatch.chdir(tmp_path)
    Path("key").write_text(f"{LINE}\n")
    Path("cut").write_text(LINE[:-9])
    Path("empty").touch()
    Path("policy").write_text("quorum all\n")
    with Path("film").open("wb") as film:
        film.truncate(MOST_BYTES + 1)


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_told(slip: str) -> None:
    call, message, italian = SLIPS[slip]
    with pytest.raises(TimebankError) as told:
        call()
    assert (str(told.value), explain(told.value, lang="it")) == (message, italian)


def test_every_slip_that_can_be_told_is_among_them() -> None:
    """The keys that these modules give to errors, but that of a package that is missing."""
    keys = {
        one.value.value
        for path, call in calls(SOURCE / "proof")
        if path.stem in MODULES
        for one in call.keywords
        if one.arg == "key" and isinstance(one.value, ast.Constant)
    }
    told: set[str] = set()
    for call, _, _ in SLIPS.values():
        with pytest.raises(TimebankError) as error:
            call()
        found: object = error.value
        while isinstance(found, TimebankError):
            told.add(found.key)
            found = found.gaps.get("reason")
    assert keys - {"proof_package"} == told
