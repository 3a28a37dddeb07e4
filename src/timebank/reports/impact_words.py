"""The words of the impact report, in English and in Italian."""

from __future__ import annotations

from typing import Final

LANGUAGES: Final = ("en", "it")

#: Key → English, Italian.
_WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("What we exchanged", "Che cosa ci siamo scambiati"),
    "period": ("Period", "Periodo"),
    "all days": ("all days", "tutti i giorni"),
    "from": ("from {}", "dal {}"),
    "through": ("up to {}", "fino al {}"),
    "from to": ("from {} to {}", "dal {} al {}"),
    "banks": ("Time banks", "Banche del tempo"),
    "exchanges": ("Exchanges", "Scambi"),
    "hours": ("Hours", "Ore"),
    "accounts": ("Accounts", "Conti"),
    "members": ("Members", "Soci"),
    "active": ("Active members", "Soci attivi"),
    "dormant": ("Without an exchange for a year", "Senza scambi da un anno"),
    "among": ("among members and families", "tra soci e famiglie"),
    "with organisations": (
        "with organisations and funds",
        "con organizzazioni e fondi",
    ),
    "arranged": ("arranged by an intermediary", "con un intermediario"),
    "others": ("Other movements, not counted above", "Altri movimenti, non contati sopra"),
    "by month": ("Hours by month", "Ore per mese"),
    "by area": ("Hours by area", "Ore per area"),
    "by category": ("Hours by category", "Ore per categoria"),
    "by resource": ("Hours by resource", "Ore per risorsa"),
    "month": ("Month", "Mese"),
    "area": ("Area", "Area"),
    "category": ("Category", "Categoria"),
    "resource": ("Resource", "Risorsa"),
    "none": ("not said", "non indicata"),
    "hidden": ("not shown", "non mostrato"),
    "who": ("Who gives and who receives", "Chi dà e chi riceve"),
    "both": ("give and receive", "danno e ricevono"),
    "give only": ("only give", "danno soltanto"),
    "receive only": ("only receive", "ricevono soltanto"),
    "reciprocity": ("Give and receive, of the active", "Danno e ricevono, tra gli attivi"),
    "given": ("Hours given by members", "Ore date dai soci"),
    "received": ("Hours received by members", "Ore ricevute dai soci"),
    "stock": ("Mean of all positive balances", "Media della somma dei saldi positivi"),
    "velocity": ("Velocity", "Velocità"),
    "balances": ("Balances of members", "Saldi dei soci"),
    "balance": ("Balance", "Saldo"),
    "below": ("up to {}", "fino a {}"),
    "above": ("more than {}", "oltre {}"),
    "between": ("{} to {}", "da {} a {}"),
    "gini": ("Inequality of balances (Gini)", "Disuguaglianza dei saldi (Gini)"),
    "first": (
        "Days from joining to the first exchange",
        "Giorni dall'iscrizione al primo scambio",
    ),
    "quartiles": (
        "half of {} members: {} or less; a quarter {}, three quarters {}",
        "metà di {} soci: {} o meno; un quarto {}, tre quarti {}",
    ),
    "flows": ("From whom to whom", "Da chi a chi"),
    "spends": ("Receives the service", "Riceve il servizio"),
    "earns": ("Gives it", "Lo dà"),
    "kind": ("Kind", "Tipo"),
    "what": ("What", "Che cosa"),
    "member": ("member", "socio"),
    "group": ("group", "gruppo"),
    "organisation": ("organisation", "organizzazione"),
    "fund": ("fund", "fondo"),
    "clearing": ("clearing", "compensazione"),
    "issuance": ("issuance", "emissione"),
    "unknown": ("cannot be told", "non calcolabile"),
    "note": (
        (
            "Exchanges are transfers and settled holds of the kind exchange; what was reversed is "
            "taken off. Members are accounts of members and of groups. Groups of fewer than {} "
            "accounts are not shown, nor what would give them away. Balances are those of {}."
        ),
        (
            "Gli scambi sono i trasferimenti e le prenotazioni concluse di tipo exchange; ciò che "
            "è stato stornato è tolto. I soci sono i conti di soci e di gruppi. I gruppi con meno "
            "di {} conti non sono mostrati, né ciò che li svelerebbe. I saldi sono quelli del {}."
        ),
    ),
    "figures": ("The figures", "I dati"),
}
#: The five areas of the #Welco report and the resources, as suggested words, in both languages.
AREAS: Final = {
    "family help": "aiuto alle famiglie",
    "territorial hubs": "hub territoriali",
    "co-housing": "coabitazione",
    "digital platforms": "piattaforme digitali",
    "mobility": "mobilità",
}
RESOURCES: Final = {
    "time": "tempo",
    "space": "spazi",
    "skill": "competenze",
    "knowledge": "conoscenze",
}
_SUGGESTED: Final = AREAS | RESOURCES


class Words:
    """The words of one language.

    >>> from timebank.reports.impact_words import Words
    >>> Words("it")("hours"), Words("en").of("mobility"), Words("it").of("mobility")
    ('Ore', 'mobility', 'mobilità')
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._number = LANGUAGES.index(language)

    def __call__(self, key: str, *values: object) -> str:
        """The words of a key, with values put into them."""
        text = _WORDS[key][self._number]
        return text.format(*values) if values else text

    def of(self, label: str) -> str:
        """A suggested area or resource in this language; any other word as it is."""
        if not label:
            return self("none")
        return _SUGGESTED.get(label, label) if self.language == "it" else label
