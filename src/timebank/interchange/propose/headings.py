"""Tell what a column may be by the words above it, in five languages.

A heading is compared without case, accents and punctuation. It is a phrase of a role, or has one in
it; of several the longest counts, for it says the most: *who was helped* is not *who helped*.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Final
from unicodedata import combining, normalize

import attrs

from timebank.interchange.propose.phrases import (
    ACCOUNT,
    ACTIVITY,
    AMOUNT,
    AREA,
    BALANCE,
    CATEGORY,
    DAY,
    DIRECTION,
    EARNER,
    EMAIL,
    ENDS,
    FROM,
    ID,
    IN,
    JOINED,
    JUNK,
    MINUTES,
    NAME,
    NOTE,
    OTHER,
    OUT,
    PHRASES,
    SPENDER,
    STARTS,
    STATE,
    SURNAME,
    TO,
)


def words_of(text: str) -> frozenset[str]:
    """Return the words of a list of them that is written as a text."""
    return frozenset(text.split())


#: Beginnings of words by which a heading that is no phrase says a side all the same.
_STEMS: Final = {
    EARNER: tuple(
        words_of(
            "offr offert don esegu svolt erog prest accredit compie compiut forni aiuta "
            "provid giv gave help volunt suppl earn credit "
            "ofrec ofert hizo hace realiz ayud rend "
            "anbiet geleist erbracht gegeben gebend gab helf geholfen half leist"
        )
    ),
    SPENDER: tuple(
        words_of(
            "bisogn assistit ricev richied richiest benefic fruit addebit favore usufru destinat "
            "chied receiv recipient request taker client debit spen "
            "recib solicit pide recoi recu demand profit "
            "nachfrag bekomm bekam empfang nehm erhalt wem"
        )
    ),
}
#: Words by which a heading is of a person, at its beginning; and at its end.
_PERSON: Final = words_of(
    "chi who whom wer wem qui quien celui celle persona person personne socio socia member "
    "membre mitglied miembro nome name nom nombre utente user adherent"
)
_BY: Final = words_of("da by par von por")
#: Beginnings of words of what is no person.
_THINGS: Final = tuple(
    words_of(
        "ore hour hora heure stund tempo time temps tiemp zeit serv attiv activ leistung tatig "
        "prestaz prestat descri besch data date fecha datum giorno tipo type art km euro motiv "
        "what cosa che quoi was que quale which how come wie"
    )
)
#: Words that say a side only where a preposition or another word is with them.
_VERBS: Final = {
    EARNER: words_of("dato date data fatto diste dio dado done do did rendu reso rende gab"),
    SPENDER: words_of("recu recue"),
}
#: The score of a side that is said by the beginning of a word, and by a preposition.
_BY_STEM: Final = 60
_BY_GRAMMAR: Final = 90
_TO: Final = words_of("a to al an fur fuer per pour para for")
_OF: Final = words_of("da de from von di")
_WHOM: Final = words_of("chi qui quien whom who wem wen")
#: Beginnings of nouns that are no verbs of receiving: *in favour of* is for somebody.
_NOUNS: Final = ("favor", "benef", "profit", "usufru", "fruit", "destinat")
#: Beginnings of verbs of asking: what is asked by somebody is received by them.
_ASKED: Final = ("richied", "richiest", "chied", "chiest", "request", "solicit", "demand", "pedid")

#: Beginnings of headings of what a person has, and not of a person: the signature of who gave.
_OWNED: Final = words_of(
    "firma firme firmato visto sigla signature signed sign signatures unterschrift "
    "telefono tel cell cellulare phone mobile telephone portable movil telefon handy "
    "indirizzo address adresse direccion voto rating valutazione eta age quartiere"
)

#: Beginnings of words of accounts, which are debited and credited whatever preposition follows.
_BOOKED: Final = {
    EARNER: ("accredit", "credit", "gutschr", "gutgeschr", "abonad"),
    SPENDER: ("addebit", "debit", "belast", "charged", "cargad"),
}
#: Words of a verb in the passive: who *was helped* received.
_PASSIVE: Final = words_of("stato stata been wurde wurden ete sido fue was")
#: What a program calls the day on which a form was filled in, which is not that of the exchange.
_STAMPS: Final = frozenset(
    {"timestamp", "informazioni cronologiche", "marca temporal", "horodateur", "zeitstempel"}
)
#: Beginnings of words of days that are not those of exchanges, and of days that are.
_OTHER_DAYS: Final = (
    *("registr", "inserit", "inserim", "compil", "richies", "request", "scaden", "due", "follow"),
    *("issue", "emess", "emission", "nascit", "born", "birth", "firm", "sign", "stamp", "print"),
    *("enter", "creat", "record", "modif", "updat", "erfass", "eingetr", "solicit", "demand"),
    *("inscri", "iscri", "vencim", "pubblic", "publi", "paid", "paga", "consegna"),
)
_SERVED: Final = (
    *("serv", "scamb", "exchang", "interc", "echang", "prest", "tausch", "leist", "svolt"),
    *("help", "aiut", "activ", "attiv", "esecuz", "realiz", "trade"),
)

#: Words in a heading by which the one who fills in a form speaks of themselves.
_YOU: Final = re.compile(
    r"\b(?:helped you|ti ha|vi ha|te ayudo|vous a|dir geholfen|your|tuo|tua|tu correo|votre|"
    r"deine?)\b"
)
_YOU_HELPED: Final = re.compile(
    r"\b(?:did you help|have you helped|hai aiutato|ayudaste|avez vous aide|hast du geholfen)\b"
)
_SIDES: Final = frozenset({EARNER, SPENDER, FROM, TO})
#: Beginnings of words by which somebody receives: the service, or the hours that come *from*.
_RECEIVES: Final = tuple(
    words_of("ricev receiv recib recoi recu recept recip empfang bekomm erhalt destinat benefic")
)
#: *Gives*, which without its accent is *from*.
_GIVES: Final = frozenset({"d\u00e0", "da'", "da\u2019", "d\u00e1"})
#: The score of a heading that is a phrase.
_WHOLE: Final = 100
#: The score of a day that a program writes, where no other column has one.
_STAMP: Final = 15
#: Nobody writes a sentence above a column.
MAX_HEADING_CHARACTERS: Final = 80


@attrs.frozen
class Match:
    """A role that a heading may stand for, how certainly, and in which languages."""

    role: str
    #: 100 where the heading is the phrase, less where it only has it; more for longer phrases.
    score: int
    languages: frozenset[str]
    #: Whether only the beginning of a word says it, which may be of what was done as well.
    is_weak: bool = False


def folded(text: str) -> str:
    """Return a heading without case, accents and punctuation, with single blanks.

    >>> from timebank.interchange.propose.headings import folded
    >>> folded(" Attività  (cosa?) "), folded("N° ore"), folded("Empfänger:in")
    ('attivita cosa', 'n ore', 'empfanger in')
    """
    plain = normalize("NFD", text.casefold().replace("°", " ").replace("º", " "))
    letters = "".join(one for one in plain if not combining(one))
    return " ".join("".join(one if one.isalnum() else " " for one in letters).split())


@cache
def _table() -> dict[str, dict[str, frozenset[str]]]:
    """Return phrase → role → languages."""
    found: dict[str, dict[str, set[str]]] = {}
    for role, languages in PHRASES.items():
        for language, phrases in languages.items():
            for phrase in phrases.split(","):
                found.setdefault(folded(phrase), {}).setdefault(role, set()).add(language)
    return {
        phrase: {role: frozenset(languages) for role, languages in roles.items()}
        for phrase, roles in found.items()
    }


@cache
def matches(heading: str) -> tuple[Match, ...]:
    """Return the roles that a heading may stand for, the likeliest first.

    >>> from timebank.interchange.propose.headings import matches
    >>> [match.role for match in matches("Chi ha ricevuto")][:1]
    ['spender']
    >>> matches("Pippo")
    ()
    """
    if len(heading) > MAX_HEADING_CHARACTERS or not (words := folded(heading).split()):
        return ()
    if heading.strip().casefold() in _GIVES:
        words = ["chi", "da"]
    found = _phrases_in(words)
    if words[0] in _OWNED and EMAIL not in found:
        found = {JUNK: Match(JUNK, _WHOLE, frozenset())}
    else:
        found = _with_side(words, found)
    return tuple(sorted(found.values(), key=lambda match: (-match.score, match.role)))


def _by_grammar(words: list[str]) -> Match | None:
    """Return the side of a heading whose preposition says whose it is: *to whom did you give*.

    Who gave *to* whom, who received *from* whom: the side is the other one of the verb. *Ricevuto
    da* is from somebody or by somebody, so that it is one side, and nobody can see which.
    """
    gave, received = _says(words, EARNER), _says(words, SPENDER)
    if gave == received or len(words) == 1:
        return None
    first, last = words[0], words[-1]
    if words[1] in _WHOM and first in _TO | _OF:
        asks_to_whom = first in _TO and gave
        asks_of_whom = first in _OF
        side = SPENDER if asks_to_whom else EARNER if asks_of_whom else None
        return None if side is None else Match(side, _BY_GRAMMAR, frozenset())
    if last in _TO:
        return Match(SPENDER if gave else EARNER, _BY_GRAMMAR, frozenset())
    if received and last in _OF and not any(word.startswith(_ASKED + _NOUNS) for word in words):
        role = FROM if last in {"da", "von"} else EARNER
        return Match(role, _BY_GRAMMAR, frozenset())
    return None


def _by_booking(words: list[str]) -> Match | None:
    """Return the side of what is *credited to* somebody, or *given by* them."""
    role = None
    if words[-1] in _TO:
        for one, stems in _BOOKED.items():
            if any(word.startswith(stems) for word in words):
                role = one
    elif words[-1] in _BY and _says(words, EARNER) and not _says(words, SPENDER):
        role = EARNER
    return None if role is None or len(words) == 1 else Match(role, _BY_GRAMMAR, frozenset())


def _says(words: list[str], role: str) -> bool:
    """Return whether a verb of a side is in a heading."""
    return any(word.startswith(_STEMS[role]) or word in _VERBS[role] for word in words)


def _by_stem(words: list[str]) -> Match | None:
    """Return the side of which a word begins as one of its own does, if it is but one side."""
    sides = {
        role
        for role, stems in _STEMS.items()
        for word in words
        if word.startswith(stems) and word not in _PERSON
    }
    if len(sides) != 1:
        return None
    is_person = words[0] in _PERSON or (len(words) > 1 and words[-1] in _BY)
    if not is_person and any(word.startswith(_THINGS) for word in words):
        return None
    if _PASSIVE & set(words[1:]) and words[-1] not in _BY and EARNER in sides:
        return Match(SPENDER, _BY_STEM, frozenset())
    return Match(sides.pop(), _BY_STEM, frozenset(), is_weak=not is_person)


def _phrases_in(words: list[str]) -> dict[str, Match]:
    """Return the roles of which a phrase is in a heading, each with the phrase that says most."""
    table, found = _table(), dict[str, Match]()
    for start in range(len(words)):
        for end in range(start + 1, len(words) + 1):
            phrase = " ".join(words[start:end])
            is_whole = end - start == len(words)
            # A letter or two in a longer heading says nothing: the a of "a domicilio".
            if phrase not in table or (not is_whole and len(phrase) < 3):  # noqa: PLR2004 - as said
                continue
            # Words that follow explain; what stands first is what it is called.
            score = _WHOLE if is_whole else 20 + 2 * len(phrase) - 4 * start
            if phrase in _STAMPS:
                score = _STAMP
            for role, languages in table[phrase].items():
                before = found.get(role)
                if before is None or before.score < score:
                    found[role] = Match(role, score, languages)
    return found


def _with_side(words: list[str], found: dict[str, Match]) -> dict[str, Match]:
    """Return the roles of a heading with the side that its grammar or a verb in it says."""
    is_phrase = any(found[role].score == _WHOLE for role in _SIDES & found.keys())
    if not is_phrase and (side := _by_booking(words) or _by_grammar(words)) is not None:
        found = {role: match for role, match in found.items() if role not in _SIDES | {IN, OUT}}
        found[side.role] = side
    elif not found.keys() & {EARNER, SPENDER} and (side := _by_stem(words)) is not None:
        found[side.role] = side
    for role in (EARNER, SPENDER):
        # *Socio (riceve)* is an account, but above all a side.
        if role in found and found[role].score < _BY_STEM:
            found[role] = attrs.evolve(found[role], score=_BY_STEM)
    return found


def may_receive_hours(heading: str) -> bool:
    """Return whether who received, beside *from*, may be who received the hours.

    To whom, the recipient, the beneficiary: of a service, or of hours as of money.
    """
    words = folded(heading).split()
    is_to = bool(words) and (words[0] in _TO or words[-1] in _TO or words[0] == "wem")
    return is_to or any(word.startswith(_RECEIVES) for word in words)


def is_stamp(heading: str) -> bool:
    """Return whether a heading is of the day on which a form was filled in."""
    return folded(heading) in _STAMPS


def is_of_other_days(heading: str) -> bool:
    """Return whether a heading is of days that are not those of exchanges: *requested on*."""
    return any(word.startswith(_OTHER_DAYS) for word in folded(heading).split())


def is_of_service_days(heading: str) -> bool:
    """Return whether a heading says that its days are those of exchanges: *date of service*."""
    return any(word.startswith(_SERVED) for word in folded(heading).split())


def speaks_of_the_writer(heading: str) -> bool:
    """Return whether a heading asks who helped the one who writes: *who helped you*."""
    return _YOU.search(folded(heading)) is not None


def asks_whom_the_writer_helped(heading: str) -> bool:
    """Return whether a heading asks whom the one who writes helped: *who did you help*."""
    return _YOU_HELPED.search(folded(heading)) is not None


def language_of(headings: Iterable[str]) -> str | None:
    """Return the language of most headings, if there is one.

    >>> from timebank.interchange.propose.headings import language_of
    >>> language_of(["Data", "Chi offre", "Ore"]), language_of(["x"])
    ('it', None)
    """
    counts: Counter[str] = Counter()
    for heading in headings:
        if found := matches(heading):
            counts.update(found[0].languages)
    ranked = counts.most_common(2)
    if not ranked or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
        return None
    return ranked[0][0]


__all__ = [
    "ACCOUNT",
    "ACTIVITY",
    "AMOUNT",
    "AREA",
    "BALANCE",
    "CATEGORY",
    "DAY",
    "DIRECTION",
    "EARNER",
    "EMAIL",
    "ENDS",
    "FROM",
    "ID",
    "IN",
    "JOINED",
    "JUNK",
    "MAX_HEADING_CHARACTERS",
    "MINUTES",
    "NAME",
    "NOTE",
    "OTHER",
    "OUT",
    "SPENDER",
    "STARTS",
    "STATE",
    "SURNAME",
    "TO",
    "Match",
    "asks_whom_the_writer_helped",
    "folded",
    "is_of_other_days",
    "is_of_service_days",
    "is_stamp",
    "language_of",
    "matches",
    "may_receive_hours",
    "speaks_of_the_writer",
    "words_of",
]
