"""`explain`: every error has a sentence in every language, with names and no ids of accounts."""

from __future__ import annotations

import ast
import copy
import inspect
import re
import string
from typing import Any

import pytest

import timebank
from reports import errors
from timebank import TimebankError, explain
from timebank.federation.booking import OfferForgotten, OtherOffer
from timebank.reports import words
from timebank.reports.explaining import sentence_key

#: Calls that raise an error of many whose sentence has no key: their message is shown in English,
#: in a frame of the language. It only falls.
WITHOUT_A_SENTENCE = 238
#: Classes of which one has many errors.
OF_MANY = {
    "InvalidHours",
    "InvalidRequest",
    "InvalidStatute",
    "NotFound",
    "WrongHoursType",
    "WrongType",
}

SAMPLES = list(errors.samples())


def texts(key: str, code: str) -> list[str]:
    """Return the texts of a key."""
    found = words.table("errors", code)[key]
    return [found] if isinstance(found, str) else list(found.values())


def gaps(text: str) -> set[str]:
    """Return the names of what is put into a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def english_words() -> set[str]:
    """Return the words of the English sentences that no Italian one has."""
    told: dict[str, set[str]] = {}
    for code in words.languages():
        every = [
            text
            for name in ("errors", "common", "counted")
            for key in words.table(name, code)
            for text in _texts(words.table(name, code)[key])
        ]
        bare = re.sub(r"\{[^}]*\}", " ", " ".join(every)).lower()
        told[code] = set(re.findall(r"[^\W\d_]{3,}", bare))
    return told["en"] - told["it"]


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value.values())


def test_every_class_is_among_the_samples() -> None:
    classes = {
        one
        for _, one in inspect.getmembers(timebank.errors, inspect.isclass)
        if issubclass(one, TimebankError)
    }
    classes |= {OfferForgotten, OtherOffer}
    assert classes == {type(error) for error in SAMPLES}


def test_every_sentence_is_said_of_an_error() -> None:
    told = {sentence_key(error) for error in SAMPLES}
    helpers = re.compile(
        r"(do|role|once|passes)_|cheque_(lost|stolen|spoiled)$|passes$"
        r"|(spend|earn)_first$|days$|and$|or$|more$|(an?|one|true) "
    )
    assert told == {key for key in words.table("errors", "en") if not helpers.match(key)}


def test_what_an_error_says_of_itself_stands_in_its_sentence() -> None:
    """The source gives each sentence the gaps that it has, and no sentence a key it has not."""
    told = errors.abouts()
    assert len(told) > 40
    for key, given in told:
        for code in words.languages():
            for text in texts(key, code):
                assert set(given) == gaps(text), (key, code)


@pytest.mark.parametrize("code", words.languages())
@pytest.mark.parametrize("error", SAMPLES, ids=sentence_key)
def test_an_error_is_a_sentence_with_names(error: TimebankError, code: str) -> None:
    told = explain(error, lang=code, names=errors.NAMES)
    assert told == explain(error, lang=code, names=errors.NAMES).strip()
    assert told[-1] in ".?", told
    assert not re.search(r"[{}]|None|  |\.\.|Hours\(", told), told
    near = getattr(error, "near", ())
    for text in near:  # these are listed with their ids, for whoever types one of them
        told = told.replace(text, "")
    assert not set(re.findall(r"\b\w+\b", told)) & set(errors.NAMES), told


ENGLISH = english_words()


@pytest.mark.parametrize("error", SAMPLES, ids=sentence_key)
def test_no_english_stands_in_an_italian_sentence(error: TimebankError) -> None:
    told = explain(error, lang="it", names=errors.NAMES)
    if "{detail}" in "".join(texts(sentence_key(error), "it")):
        told = told.replace(str(error), "")
    told = re.sub(r"<\w+>|sqlite:\S+", "", told)
    assert set() == set(re.findall(r"[^\W\d_]{3,}", told.lower())) & ENGLISH, told


def test_without_names_ids_stand() -> None:
    error = timebank.LimitExceeded("m1", rule="floor", needed=timebank.Hours(1))
    assert explain(error, lang="it") == "m1 non può spendere 1:00: il saldo non lo permette."
    assert explain(error, names={"m2": "Luca"}).startswith("m1 cannot spend")


def test_the_language_is_that_which_is_spoken() -> None:
    error = timebank.AccountNotFound("m9")
    with words.speaking("it"):
        assert explain(error) == "In questa banca non c'è un conto m9."
        assert explain(error, lang="en") == "There is no account m9 in this bank."
        assert str(error) == "no account 'm9' in this bank"
    with pytest.raises(timebank.InvalidRequest, match="no catalogue of words for 'xx'"):
        explain(error, lang="xx")


def test_an_error_of_a_host_is_said_by_the_class_that_it_is_made_of() -> None:
    class TooLoud(timebank.Rejected):
        code = "too_loud"

    assert explain(TooLoud("it is too loud here"), lang="it") == (
        "Una regola della banca non lo permette: it is too loud here."
    )


class WithoutFacts(timebank.AccountNotFound):
    """A host's own, which calls no constructor of ours."""

    def __init__(self) -> None:
        Exception.__init__(self, "nobody there")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (timebank.LimitExceeded("m1", rule="charity", needed=timebank.Hours(1)), "charity"),
        (timebank.InvalidRequest("so it is").about(key="of_a_host"), "so it is"),
        (timebank.InvalidRequest("so it is").about(key="hours_unreadable"), "so it is"),
        (WithoutFacts(), "nobody there"),
        (timebank.Corrupt(""), "Corrupt"),
    ],
)
def test_what_a_host_made_otherwise_is_said_by_its_message(error: TimebankError, told: str) -> None:
    for code in words.languages():
        assert told in explain(error, lang=code)
        assert told in explain(copy.copy(error), lang=code)


@pytest.mark.parametrize("lang", ["it", "IT", "it-IT", "it_IT.UTF-8"])
def test_a_language_is_named_in_any_manner(lang: str) -> None:
    assert explain(timebank.AccountNotFound("m9"), lang=lang) == (
        "In questa banca non c'è un conto m9."
    )


def test_names_are_a_bank_or_a_mapping() -> None:
    error = timebank.AccountNotOpen("m1", status="frozen", doing="x")
    for none in ({"m1": ""}, {"m1": None}, {}):
        assert explain(error, names=none).startswith("The account of m1")  # type: ignore[arg-type]  # `None` is no name
    for wrong in (3, ["m1"]):
        with pytest.raises(timebank.WrongType, match="names must be"):
            explain(error, names=wrong)  # type: ignore[arg-type]  # that is what is refused


def test_only_errors_of_the_library_are_explained() -> None:
    with pytest.raises(timebank.WrongType, match="explain takes a TimebankError"):
        explain(ValueError("another"))


def test_names_are_those_that_who_acts_may_see() -> None:
    """A name that cannot be read is an id: forbidden, erased, or of a bank that is closed."""
    bank = timebank.open(
        "memory:", permissions=lambda ask: ask.actor != "m1" or ask.accounts == ("m1",)
    ).acting_as("treasurer")
    bank.open_account("m1", name="Maria")
    bank.open_account("m2", name="Luca")
    refusal = timebank.LimitExceeded("m2", rule="floor", needed=timebank.Hours(1))
    assert explain(refusal, names=bank).startswith("Luca cannot")
    assert explain(refusal, names=bank.acting_as("m1")).startswith("m2 cannot")
    with bank.batch() as batch:
        batch.open_account("m3", name="Nadia")
        assert explain(
            timebank.LimitExceeded("m3", rule="floor", needed=timebank.Hours(1)), names=batch
        ).startswith("Nadia")
    bank.erase("m2", reason="asked for it")
    assert explain(refusal, names=bank).startswith("m2 cannot")
    bank.close()
    assert explain(refusal, names=bank).startswith("m2 cannot")


@pytest.mark.parametrize("text", ["\x1b[31m", "a\nb", "\u202e", "{needed}", "{", "x" * 10_000])
def test_a_sentence_is_one_harmless_line(text: str) -> None:
    for error in (
        timebank.AccountNotFound(text),
        timebank.AccountNotOpen(text, status="frozen", doing=text, role=text),
        timebank.InvalidRequest(text),
        timebank.NotPermitted(text, action=text, accounts=(text,)),
    ):
        for code in words.languages():
            told = explain(error, lang=code, names={text: text})
            assert told.isprintable()


def test_errors_that_are_raised_by_calls_are_said_in_italian() -> None:
    bank = timebank.open("memory:")
    bank.open_account("m1", name="Maria Rossi")
    bank.open_account("m2", name="Luca Bianchi", floor=-1)
    bank.transfer(earner="m1", spender="m2", hours="0:30", id="visit")
    told = []
    for call in (
        lambda: bank.transfer(earner="m1", spender="m2", hours=2),
        lambda: bank.transfer(earner="m1", spender="m1", hours=2),
        lambda: bank.transfer(earner="m1", spender="m2", hours="un'ora"),
        lambda: bank.transfer(earner="m1", spender="m2", hours=0),
        lambda: bank.open_account("m1", name="Mario"),
        lambda: bank.close_account("m1"),
        lambda: bank.reverse("visit", reason=""),
    ):
        with pytest.raises(TimebankError) as error:
            call()
        told.append(explain(error.value, lang="it", names=bank))
    assert told == [
        (
            "Luca Bianchi non può spendere 2:00: il saldo può scendere fino a -1:00, quindi può "
            "spendere ancora 0:30. Con 0:30 si può fare; tutto, dopo che Luca Bianchi avrà "
            "guadagnato 1:30."
        ),
        "Maria Rossi non può dare e ricevere da sé.",
        'Queste non sono ore: "un\'ora". Si scriva 1:30, 1.5, 1h30 o 90m.',
        "Le ore devono essere più di 0:00, non 0:00.",
        "C'è già un conto Maria Rossi, aperto con altri dati. Si scelga un altro identificativo.",
        (
            "Il conto di Maria Rossi ha un saldo di 0:30: un conto si chiude a 0:00 e senza ore "
            "impegnate. Prima vanno spese, donate o assegnate 0:30."
        ),
        "Si dica il motivo: resta per chi leggerà più avanti.",
    ]


def test_few_errors_have_no_sentence_of_their_own() -> None:
    def is_of_many(call: ast.expr) -> bool:
        return (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Name)
            and call.func.id in OF_MANY
        )

    calls = [call for _, call in errors.calls()]
    keyed = [
        call
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "about"
        and is_of_many(call.func.value)
    ]
    left = sum(map(is_of_many, calls)) - len(keyed)
    assert left <= WITHOUT_A_SENTENCE, left


def test_the_page_is_made_from_the_catalogue() -> None:
    """`cd tests && python -m reports.errors` writes the table of docs/errors.md."""
    assert errors.page() == errors.PAGE.read_text("utf-8")
    assert "| `floor_exceeded` |" in errors.table()
