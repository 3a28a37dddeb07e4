"""The receipt that people read: as text and as a page, in any language that has a catalogue."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import attrs
import pytest
from selenium import webdriver

import timebank
from browsers import chromium
from timebank import Band, Fee, Hours, InvalidRequest, Statute, TimeBank
from timebank.proof import (
    CheckedReceipt,
    NotProved,
    Receipt,
    SigningKey,
    origin_of,
    receipt,
    sign_head,
)
from timebank.reports.receipt import receipt_json, receipt_text
from timebank.reports.receipt_html import receipt_html
from timebank.reports.words import languages

PRINTED = date(2026, 3, 31)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def bank() -> TimeBank:
    """A bank with an exchange of each sort, and all that can be said of one."""
    ids = iter(range(1, 100))
    bank = timebank.open(
        "memory:", clock=lambda: NOW, new_id=lambda: f"0123456789abcdef-{next(ids)}"
    )
    bank.open_account("fund", kind="fund", name="Fondo comune")
    for id, name in (("m1", "Maria Rossi"), ("m2", "Luca Verdi"), ("m3", "Anna Neri")):
        bank.open_account(id, name=name)
    bank.open_account("f1", kind="group", name="Famiglia Bianchi")
    soft = {"member": Band(floor=-1, beyond="flag")}
    bank.adopt(Statute(version="2026", limits=soft, fee=Fee(fund="fund", fixed="0:10")))
    day = date(2026, 3, 1)
    noon: dict[str, Any] = {"started_at": time(9, 30), "ended_at": time(11)}
    bank.transfer(earner="m1", spender="f1", hours="1:30", id="visit", occurred_on=day, **noon)
    bank.acting_as("carla").transfer(
        earner={"m1": "1:00", "m2": "0:30"},
        spender={"m3": "0:45", "f1": "0:45"},
        id="choir",
        via="m1",
        note="prove del coro",
        category="musica",
        area="time",
        resource="car",
        tags=["a", "b"],
        occurred_on=day,
        started_at=time(9, 30),
    )
    bank.transfer(earner="m2", spender="m1", hours="0:20", id="present", kind="gift")
    bank.reverse("choir", hours="0:30", reason="meno", id="less")
    bank.hold(
        earner="m1",
        spender="f1",
        hours=1,
        id="plan",
        note="il giardino",
        expires_in=timedelta(days=9),
    )
    bank.settle("plan", id="done")
    bank.amend(
        "choir", category=None, area="space", tags=["c"], note="concerto", reason="uno sbaglio"
    )
    bank.merge("m3", into="m2", reason="due volte")
    return bank


def checked(bank: TimeBank, id: str, *, cosigned: bool = False, **more: Any) -> CheckedReceipt:
    """The receipt of an exchange, by a key that is the same at every run."""
    key = SigningKey(origin_of(bank.head().journal), "ed25519", bytes(32))
    if not cosigned:
        return receipt(bank, id, key=key, **more).checked(key)
    neighbours = [SigningKey(name, "cosignature", bytes(32)) for name in ("vicini", "comune", "x")]
    head = sign_head(bank, key)
    head = head.cosigned(*(one.cosign(head.note.text, 1_700_000_000) for one in neighbours))
    made = receipt(bank, id, key=key, head=head, **more)
    return made.checked(key, witnesses=[one.public for one in neighbours[:2]])


def page_of(found: CheckedReceipt, language: str = "en", **more: Any) -> str:
    """The page of a receipt."""
    return receipt_html(found, printed_on=PRINTED, language=language, **more)


EVERY = ("visit", "choir", "present", "less", "plan", "done")


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("id", EVERY)
def test_text_and_page_say_the_same(bank: TimeBank, id: str, language: str) -> None:
    """Each fact, each sentence of the bank, who signed; days as each of them writes days."""
    found = checked(bank, id, cosigned=True)
    lines = receipt_text(found, language=language)
    said = unescape(re.sub(r"<[^>]+>", " ", page_of(found, language)))
    for line in lines[1:]:
        fact = line.strip() if line.startswith("  ") else line
        fact = re.sub(r"^[^:]{1,20}: +", "", fact)
        days = re.search(r"\d{4}-\d\d-\d\d", fact)
        if days or "(" in fact or "," in fact:
            continue  # the page writes days in words, and an account's id below its name
        assert fact.rstrip(":") in said, line
    for account, hours in {**found.exchange.earners, **found.exchange.spenders}.items():
        name = found.word.names[account]
        assert any(f"{name} ({account})" in line for line in lines)
        assert name in said
        assert f"({account})" in said
        assert str(hours) in said
    assert all(name in said for name in ("vicini", "comune"))
    assert "2023-11-14 22:13 UTC" in "".join(lines)
    assert Receipt.in_page(page_of(found, language)) == found.receipt


def test_it_is_told_what_sort_of_receipt_it_is(bank: TimeBank) -> None:
    """And who gives or receives is said of a service alone."""
    titles = [
        re.findall(r"<h1>(.*)</h1>", page_of(checked(bank, id), language))[0]
        for id in EVERY
        for language in ("en", "it")
    ]
    assert titles == [
        "Receipt of an exchange",
        "Ricevuta di uno scambio",
        "Receipt of an exchange",
        "Ricevuta di uno scambio",
        "Receipt of hours moved",
        "Ricevuta di ore trasferite",
        "Receipt of hours taken back",
        "Ricevuta di ore stornate",
        "Receipt of hours held",
        "Ricevuta di ore impegnate",
        "Receipt of hours moved",
        "Ricevuta di ore trasferite",
    ]
    assert [
        ["  Gave: Maria Rossi (m1)", "  Received: Famiglia Bianchi (f1)"],
        ["  Gives the hours: Maria Rossi (m1)", "  Gets the hours: Luca Verdi (m2)"],
        ["  Gives: Maria Rossi (m1)", "  Receives: Famiglia Bianchi (f1)"],
    ] == [
        [re.sub(r": +", ": ", line) for line in receipt_text(checked(bank, id))[1:3]]
        for id in ("visit", "present", "plan")
    ]


def test_the_whole_text_of_one(bank: TimeBank) -> None:
    """What came of an exchange of four, in Italian."""
    lines = receipt_text(checked(bank, "choir", cosigned=True), language="it")
    assert lines == [
        (
            "La ricevuta è valida. Questo è provato dalla registrazione 8 del registro "
            "0123456789abcdef-1:"
        ),
        "  Ha dato:      Maria Rossi (m1) 1:00, Luca Verdi (m2) 0:30",
        "  Ha ricevuto:  Famiglia Bianchi (f1) 0:45, Anna Neri (m3) 0:45",
        "  Ore:          1:30",
        "  Giorno:       2026-03-01, dalle 09:30",
        "  Per che cosa: prove del coro",
        "  Categoria:    musica",
        "  Area:         tempo",
        "  Risorsa:      car",
        "  Etichette:    a, b",
        "  Contributo:   0:10, da Famiglia Bianchi (f1), Anna Neri (m3) a Fondo comune (fund)",
        "  Per mezzo di: Maria Rossi (m1)",
        "  Scambio:      choir",
        "  Registrato:   2026-03-02, da carla",
        "La banca aggiunge, fino alla registrazione 14:",
        "  È stato stornato in parte.",
        "  0:30 stornate dalla registrazione 10, del 2026-03-02",
        (
            "  Corretto dalla registrazione 13, del 2026-03-02: categoria: non più indicata; "
            "area: spazi; etichette: c; nota: concerto"
        ),
        "  Il conto Anna Neri (m3) è stato unito a Luca Verdi (m2).",
        "  I nomi sono quelli che dà la banca; sono provati i conti tra parentesi.",
        "Firmata da:       la chiave 62fd8960 di timebank/0123456789abcdef-1",
        "Controfirmata da: vicini, 2023-11-14 22:13 UTC; comune, 2023-11-14 22:13 UTC",
        "Non controllata:  la firma di x: la sua chiave non è stata data",
    ]


def test_hostile_texts_are_only_texts() -> None:
    """They neither end the page's own, nor put a second receipt into it, nor steer a terminal."""
    bank = timebank.open("memory:", clock=lambda: NOW)
    bad = '</pre><script>x</script><pre id="receipt">c2sp.org/tlog-proof@v1</pre>\x1b[1m\u202e'
    bank.open_account("m1", name=bad)
    bank.open_account("f1")
    bank.transfer(earner="m1", spender="f1", hours=1, id="t1", note=bad, category="<b>")
    bank.amend("t1", note=f"{bad}\nagain", category="<i>", reason="x")
    found = checked(bank, "t1")
    page = page_of(found, title=bad)
    assert Receipt.in_page(page) == found.receipt
    assert "<script>" not in page
    assert "<b>" not in page
    for line in (*receipt_text(found), *page.split("\n")):
        assert line.isprintable()


def test_a_page_with_two_receipts_or_none_has_none(bank: TimeBank) -> None:
    """So that nobody reads one, and has another checked."""
    page = page_of(checked(bank, "visit"))
    pre = re.findall(r'<pre id="receipt">.*?</pre>', page, re.DOTALL)[0]
    for other in (page.replace(pre, ""), page.replace(pre, pre + pre), "<p>", b"<\xff>"):
        with pytest.raises(NotProved):
            Receipt.in_page(other)


def of_names(**names: str) -> CheckedReceipt:
    """The receipt of an exchange of accounts that the bank gives these names."""
    bank = timebank.open("memory:", clock=lambda: NOW)
    for id, name in names.items():
        bank.open_account(id, name=name or None)
    first, *others = names
    sides = {one: Hours(1) for one in others}
    bank.transfer(earner={first: Hours(len(others))}, spender=sides, id="visit")
    return checked(bank, "visit")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Maria R. (m2) 1:00, Luca", "Maria R. [m2] 1:00, Luca (m1)"),
        ("Maria R. \uff08m2\uff09", "Maria R. [m2] (m1)"),
        ("Maria\nReceived: Luca (m2)", "Maria Received: Luca [m2] (m1)"),
        ("Ma\u202eria\x1b[31m", "Ma\ufffdria\u241b[31m (m1)"),
        ("", "m1"),
    ],
)
def test_no_name_looks_like_an_account_beside_it(name: str, shown: str) -> None:
    """In round brackets stands what is proved, and nothing of a name."""
    found = of_names(m1=name, f1="Famiglia Rossi")
    assert f"  Gave:     {shown}" in receipt_text(found)
    page = unescape(page_of(found))
    assert shown.removesuffix(" (m1)") in page
    assert name in {"", "m1"} or name not in page.partition("<pre")[0]


def test_an_account_whose_id_looks_like_a_name_with_an_id_is_told() -> None:
    """It stands in brackets itself."""
    found = of_names(**{"Maria R. (m2)": "", "f1": ""})
    assert "  Gave:     (Maria R. (m2))" in receipt_text(found)


def test_of_a_settlement_it_is_not_said_that_a_service_was_given() -> None:
    """What the hours are for, a gift perhaps, stands in the record of the hold."""
    bank = timebank.open("memory:", clock=lambda: NOW)
    for id in ("m1", "f1"):
        bank.open_account(id)
    bank.hold(earner="m1", spender="f1", hours=1, id="plan", kind="gift")
    bank.settle("plan", id="done")
    lines = receipt_text(checked(bank, "done"))
    assert "  Gives the hours:  f1" in lines
    assert [] == [line for line in lines if "Gave" in line]


def test_a_language_that_nobody_wrote_is_refused(bank: TimeBank) -> None:
    for unknown in ("de", "xx", "nonsense"):
        with pytest.raises(InvalidRequest, match="no catalogue of words"):
            page_of(checked(bank, "visit"), unknown)


def test_a_day_that_is_none_is_shown_as_it_is(bank: TimeBank) -> None:
    """Nothing holds a bank to words that can be read: who shows them need not be afraid."""
    found = checked(bank, "choir")
    (amendment,) = found.word.amendments
    odd = {**amendment, "recorded_on": "<x>", "sets": {"tags": 7, "area": [{}], "odd": 1}}
    word = attrs.evolve(found.word, amendments=(odd, {**amendment, "sets": {}}))
    lines = receipt_text(attrs.evolve(found, word=word))
    assert any("<x>" in line for line in lines)


def test_json_has_the_word_as_the_receipt_has_it(bank: TimeBank) -> None:
    found = checked(bank, "choir", cosigned=True)
    shape = receipt_json(found)
    assert ("reversed in part", {"m3": "m2"}) == (shape["word"]["status"], shape["word"]["merged"])
    assert ["vicini", "comune"] == [one["key"].split("+")[0] for one in shape["cosigners"]]
    assert ["x"] == shape["unchecked"]


# -- in a browser -------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    """Debian's Chromium, without a window and without a network."""
    with chromium() as chrome:
        yield chrome


def in_a_million(found: CheckedReceipt) -> CheckedReceipt:
    """The same, as long as the receipt of a bank with a million records is."""
    made = found.receipt
    return attrs.evolve(found, receipt=attrs.evolve(made, hashes=(bytes(range(32)),) * 20))


@pytest.mark.browser
@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("id", EVERY)
def test_it_is_one_page_of_a4(
    browser: Any, bank: TimeBank, tmp_path: Path, id: str, language: str
) -> None:
    """Though the journal has a million records, and whatever came of the exchange."""
    page = tmp_path / "receipt.html"
    found = in_a_million(checked(bank, id, cosigned=True))
    page.write_text(page_of(found, language, title="Banca del Tempo di Quarto Oggiaro"), "utf-8")
    browser.get(page.as_uri())
    told = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    raw = io.BytesIO(base64.b64decode(told["data"])).getvalue()
    sizes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", raw)
    assert [(595, 842)] == [(round(float(wide)), round(float(high))) for wide, high in sizes]


@pytest.mark.browser
@pytest.mark.parametrize(("many", "pages"), [(24, 1), (100, 3)])
def test_many_who_take_part_stand_closely(
    browser: Any, tmp_path: Path, many: int, pages: int
) -> None:
    """A choir on one page; a whole assembly on three."""
    page = tmp_path / "receipt.html"
    names = {f"m{n}": f"Persona numero {n}" for n in range(many)}
    page.write_text(page_of(of_names(**names), "it"), "utf-8")
    browser.get(page.as_uri())
    told = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    assert pages >= len(re.findall(rb"/MediaBox", base64.b64decode(told["data"])))


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_overflows_and_the_proof_is_whole(
    browser: Any, bank: TimeBank, tmp_path: Path, width: int
) -> None:
    """On a phone and at a desk; a browser reads the same text out of the page as we do."""
    page = tmp_path / "receipt.html"
    found = checked(bank, "choir", cosigned=True)
    page.write_text(page_of(found, "it"), "utf-8")
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page.as_uri())
    wide = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert browser.execute_script(wide)
    text = browser.execute_script("return document.getElementById('receipt').textContent")
    assert str(found.receipt) == text
