"""The journal taken out whole and put in again: the same head, byte for byte, or nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import timebank
from servers import ON_SERVERS, drop_database, new_database
from support import Clock, examples, fill, fill_with_members, fill_with_rules, sources
from timebank import Head, InvalidRequest, TimeBank
from timebank.bank import carrying
from timebank.cli import main
from timebank.errors import Corrupt
from timebank.interchange.jsonl import export, export_jsonl, importing, lines
from timebank.interchange.jsonl.importing import import_jsonl
from timebank.journal import canonical, digest, genesis, parse
from timebank.model import RecordRow, TextRow
from timebank.permissions import Roles
from timebank.storage import Store, open_store
from timebank.storage.memory import MemoryStore


def with_rules(bank: TimeBank, _: Clock) -> None:
    """Holds, a statute, a fee, flags."""
    fill(bank)
    fill_with_rules(bank)


def with_members(bank: TimeBank, clock: Clock) -> None:
    """Dues, delegates, who left."""
    fill(bank)
    fill_with_rules(bank)
    fill_with_members(bank, clock)


DAY = "2026-03-02"
FILLS: dict[str, Callable[[TimeBank, Clock], None]] = {
    "nothing": lambda *_: None,
    "every kind": lambda bank, _: fill(bank),
    "rules": with_rules,
    "members": with_members,
}


def exported(bank: TimeBank, *, texts: bool = True) -> bytes:
    """The whole export."""
    return b"".join(export_jsonl(bank, texts=texts))


def content(store: Store, bank: str = "main") -> tuple[object, ...]:
    """All that a bank's reader gives."""
    with store.reader(bank) as reader:
        accounts = reader.accounts(after=None, limit=999)
        return (
            reader.head(),
            reader.records(after=0, limit=9999),
            reader.texts(after=0, through=9999),
            accounts,
            [reader.postings(row.account, after=0, limit=9999) for row in accounts],
            reader.holds(after=(0, ""), limit=9999),
            reader.statutes(before=9999, limit=9999),
        )


@pytest.fixture
def full(clock: Clock) -> TimeBank:
    """A bank with every kind of record."""
    bank = timebank.open("memory:", **sources(clock))
    fill(bank)
    return bank


# -- the identity -------------------------------------------------------------


@pytest.mark.parametrize("url", ["memory:", "sqlite://"])
@pytest.mark.parametrize("page", [1, 7, 1000])
@pytest.mark.parametrize("fill_it", FILLS.values(), ids=FILLS)
def test_what_is_taken_out_and_put_in_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
    fill_it: Callable[[TimeBank, Clock], None],
    page: int,
    url: str,
) -> None:
    """Head, records, texts with their salts, derived rows; and the bank goes on."""
    monkeypatch.setattr(export, "PAGE", page)
    monkeypatch.setattr(importing, "PAGE", page)
    monkeypatch.setattr(lines, "PAGE", page)
    bank = timebank.open("memory:", **sources(clock))
    fill_it(bank, clock)
    with closing(open_store(url, create=True)) as store:
        assert bank.head() == import_jsonl(store, io.BytesIO(exported(bank)))
        assert content(bank.store) == content(store)
        moved = TimeBank(store, create=False)
        assert () == moved.audit().findings
        assert exported(bank) == exported(moved)
        moved.open_account("one-more", name="Somebody new")
        assert () == moved.audit().findings


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.integers(1, 9999),
            texts.filter(str.strip),
            st.booleans(),
        ),
        max_size=12,
    ),
    st.integers(0, 12),
)
@examples(60)
def test_export_and_import_are_the_identity(
    moves: list[tuple[str, int, str, bool]], after: int
) -> None:
    """Whatever was written and erased: also in two steps, with an older export first."""
    bank = timebank.open("memory:", **sources())
    for account in "abc0":
        bank.open_account(account, kind="fund", name=f"name of {account}")
    target = MemoryStore()
    for number, (earner, seconds, note, erased) in enumerate(moves):
        bank.transfer(
            earner=earner,
            spender="0",
            hours=timebank.Hours.from_seconds(seconds),
            id=f"t{number}",
            note=note,
        )
        if number == after:
            import_jsonl(target, io.BytesIO(exported(bank)))
        if erased:
            bank.erase(record=f"t{number}", reason="asked")
    assert bank.head() == import_jsonl(target, io.BytesIO(exported(bank)))
    assert content(bank.store) == content(target)
    assert () == TimeBank(target).audit().findings


def test_a_tombstone_is_taken_along(full: TimeBank) -> None:
    """What was erased is `null` in the line that had it, and stays erased and explained."""
    full.open_account("gone", name="Carla Verdi")
    full.erase("gone", reason="asked for")
    raw = exported(full)
    assert b"Carla Verdi" not in raw
    assert b'"texts":{"name":null}' in raw
    store = MemoryStore()
    import_jsonl(store, io.BytesIO(raw))
    assert () == TimeBank(store).audit().findings


def test_an_erasure_reaches_an_older_import(full: TimeBank, tmp_path: Path) -> None:
    """The texts go from the copy when it takes the records that erased them."""
    full.open_account("gone", name="Maria Rossi-Bianchi")
    with closing(open_store(f"sqlite:///{tmp_path}/a.db", create=True)) as store:
        import_jsonl(store, io.BytesIO(exported(full)))
        full.erase("gone", reason="asked for")
        import_jsonl(store, io.BytesIO(exported(full)))
        assert content(full.store) == content(store)
    assert b"Rossi-Bianchi" not in (tmp_path / "a.db").read_bytes()


def test_a_lost_text_is_found_after_the_import(tmp_path: Path) -> None:
    """The export says what is there; the audit tells a row that was deleted by hand.

    It is not refused: a bank that lost a text can be moved, and restored from its backup.
    """
    import sqlite3

    with timebank.open(f"sqlite:///{tmp_path}/a.db") as bank:
        bank.open_account("m1", name="Maria R.")
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute("DELETE FROM timebank_texts")
    with timebank.open(f"sqlite:///{tmp_path}/a.db") as bank:
        store = MemoryStore()
        import_jsonl(store, io.BytesIO(exported(bank)))
        assert {"texts"} == {found.check for found in bank.audit().findings}
        assert {"texts"} == {found.check for found in TimeBank(store).audit().findings}


# -- for publishing -----------------------------------------------------------


def test_texts_are_withheld(full: TimeBank) -> None:
    """Without them the records are the same, no bank can be made, and no text is there."""
    whole, public = exported(full), exported(full, texts=False)
    records = [line.partition(b',"record":')[2] for line in whole.splitlines()[1:]]
    assert records == [line.partition(b',"record":')[2] for line in public.splitlines()[1:]]
    assert b'"text"' in whole
    assert b'"text"' not in public
    with pytest.raises(InvalidRequest, match="without its texts, to be published"):
        import_jsonl(MemoryStore(), io.BytesIO(public))


def test_who_may_not_read_all_exports_nothing(full: TimeBank) -> None:
    """Asked before the first line."""
    member = TimeBank(full.store, permissions=Roles(), create=False).acting_as("m1")
    with pytest.raises(timebank.NotPermitted):
        export_jsonl(member)


# -- what is no export --------------------------------------------------------


def changed(raw: bytes, line: int, old: bytes, new: bytes) -> bytes:
    """The export with a change in one line."""
    lines = raw.splitlines(keepends=True)
    assert old in lines[line], lines[line]
    lines[line] = lines[line].replace(old, new, 1)
    return b"".join(lines)


@pytest.mark.parametrize(
    ("line", "old", "new", "message"),
    [
        (0, b'"export"', b'"exports"', "is no export: its first line is like"),
        (0, b"true", b"1", "is no export"),
        (0, b'"head":"timebank/1', b'"head":"timebank/2', "is no export"),
        (0, b"{", b"[", "is no export"),
        (0, b'"bank"', b'"more":1,"bank"', 'it has a member that an export has not here: "more"'),
        (0, b'"bank":"main",', b"", 'it has no "bank"'),
        (0, b'"bank":"main"', b'"bank":null', 'its "bank" is null, no string'),
        (0, b'"bank":"main"', b'"bank":" "', "bank"),
        (0, b"true}", b"1}", 'its "texts" is 1, neither true nor false'),
        (0, b"{", b"{ ", "it is not written as an export writes it"),
        (0, b"}\n", b"}\r\n", "it ends with a carriage return"),
        (1, b'"sequence":1,"d', b'"sequence":2,"d', "line 2: it says that it is record 2"),
        (1, b'"sequence":1,"d', b'"sequence":true,"d', "line 2: it says that it is record true"),
        (
            1,
            b'"sequence":1,"d',
            b'"sequence:1,"d',
            "line 2: what stands before its record is no JSON",
        ),
        (1, b',"record":', b',"recorded":', "line 2: it is no line of an export"),
        (1, b'"m1"', b'"m2"', "line 2: the digest of record 1 is not"),
        (1, b'"text":"', b'"text":"X', "line 2: the name of record 1 is not the one"),
        (1, b'"salt":"0', b'"salt":"1', "line 2: the name of record 1 is not the one"),
        (1, b'"salt":"', b'"salt":"zz', "line 2: the name of record 1 is not the one"),
        (
            1,
            b'"texts":{"name"',
            b'"texts":{"nome"',
            'line 2: the "texts" of record 1 has a member .* "nome"',
        ),
        (1, b'"texts":{"name"', b'"texts":{"note"', 'line 2: the "texts" of record 1 .* "note"'),
        (1, b'"texts":', b'"texts":[1],"x":', 'line 2: it has a member .*: "x"'),
        (1, b'{"sequence"', b'{"more":1,"sequence"', 'line 2: it has a member .*: "more"'),
        (1, b'{"sequence"', b'{"sequence":1,"sequence"', 'line 2: it has "sequence" twice'),
        (1, b'"sequence":1,', b"", 'line 2: it has no "sequence"'),
        (1, b'{"sequence":1,', b'{"sequence": 1,', "line 2: it is not written as an export writes"),
        (1, b',"record":', b', "record":', "line 2: it is no line of an export"),
        (1, b',"record":{', b',"record":{ ', "line 2: the bytes of its record are not the canon"),
        (1, b"}\n", b"}\r\n", "line 2: it ends with a carriage return"),
        (1, b"}\n", b"} \n", "line 2: it is no line of an export"),
        (1, b"Maria", b"\\u004daria", "line 2: it is not written as an export writes it"),
        (1, b'"salt":"', b'"salt":"\xff', "line 2: what stands before its record is no text"),
        (1, b"\n", b"\n\n", "line 3: it is no line of an export"),
        (3, b',"record":', b',"texts":{},"record":', 'line 4: it has a member .*: "texts"'),
    ],
)
def test_what_is_no_export_is_told_and_nothing_is_written(
    full: TimeBank, line: int, old: bytes, new: bytes, message: str
) -> None:
    """One line of the file is named."""
    store = MemoryStore()
    with pytest.raises(InvalidRequest, match=message) as caught:
        import_jsonl(store, io.BytesIO(changed(exported(full), line, old, new)))
    assert [] == list(store.banks())
    assert str(caught.value).endswith("; nothing was imported")
    assert [] == pythons(str(caught.value))


def pythons(message: str) -> list[str]:
    """What a message quotes that only programmers know."""
    words = ("Error", "None", "True", "False", "dict", "list", "NoneType", "(char", "Expecting")
    return [
        word for word in (*words, "codec", "('", '("', "unpack", "isoformat") if word in message
    ]


LINES = st.sampled_from(["members", "texts", "one text", "first"])


@given(which=LINES, data=st.data())
@examples(60)
def test_members_in_another_order_are_refused(which: str, data: st.DataObject) -> None:
    """Of a line, of its texts, of a text and of the first line: in one order they are taken."""
    bank = timebank.open("memory:", **sources())
    for account in ("a", "b"):
        bank.open_account(account)
    bank.transfer(earner="a", spender="b", hours=1, id="t", note="a note")
    bank.reverse("t", reason="a reason")
    raw = exported(bank).splitlines(keepends=True)
    place = 0 if which == "first" else 3
    whole = json.loads(raw[place])
    part = {"texts": lambda: whole["texts"], "one text": lambda: whole["texts"]["note"]}
    one = part.get(which, lambda: whole)()
    order = data.draw(st.permutations(list(one)))
    again = {name: one[name] for name in order}
    one.clear()
    one.update(again)
    raw[place] = (json.dumps(whole, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
    store = MemoryStore()
    if b"".join(raw) == exported(bank):
        assert bank.head() == import_jsonl(store, io.BytesIO(b"".join(raw)))
        return
    with pytest.raises(InvalidRequest) as caught:
        import_jsonl(store, io.BytesIO(b"".join(raw)))
    assert [] == list(store.banks())
    assert [] == pythons(str(caught.value))


def test_a_file_that_was_cut_off_is_no_export(full: TimeBank) -> None:
    """At whatever byte, and when a line is missing, doubled or moved."""
    raw = exported(full)
    lines = raw.splitlines(keepends=True)
    short = [raw[:end] for end in range(0, len(raw) - 1, 97)]
    mixed = [[*lines[:5], *lines[6:]], [*lines[:5], lines[4], *lines[5:]], [*lines, lines[-1]]]
    swapped = [[*lines[:4], lines[5], lines[4], *lines[6:]]]
    for bad in [*short, *map(b"".join, mixed + swapped)]:
        store = MemoryStore()
        with pytest.raises(InvalidRequest):
            import_jsonl(store, io.BytesIO(bad))
        assert [] == list(store.banks())


@given(raw=st.binary(max_size=200), place=st.integers(0, 400), amid=st.booleans())
def test_arbitrary_bytes_make_no_bank(raw: bytes, place: int, *, amid: bool) -> None:
    """Neither alone nor written over a good export."""
    if amid:
        bank = timebank.open("memory:", **sources())
        bank.open_account("m1", name="Maria R.")
        good = exported(bank)
        raw = good[:place] + raw + good[place + len(raw) :]
        if raw == good:
            return
    store = MemoryStore()
    try:
        import_jsonl(store, io.BytesIO(raw))
    except InvalidRequest:
        assert [] == list(store.banks())
    else:  # what was changed is no part of what is proved: the bank's name
        assert bank.head() == TimeBank(store).head()


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch, full: TimeBank) -> None:
    """Before it fills the memory."""
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 400)
    with pytest.raises(InvalidRequest, match="more than 400 bytes"):
        import_jsonl(MemoryStore(), io.BytesIO(exported(full)))


def test_a_line_that_is_too_long_is_told_by_its_number(
    monkeypatch: pytest.MonkeyPatch, full: TimeBank
) -> None:
    """It is the line after those that were read."""
    raw = exported(full).splitlines(keepends=True)
    most = max(map(len, raw[:5]))
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", most)
    found = lines.Export.of("bank.jsonl", io.BytesIO(b"".join([*raw[:5], b"x" * (most + 1)])))
    with pytest.raises(InvalidRequest, match=r"^bank.jsonl, line 6: it has more than"):
        list(found.lines())


def test_a_salt_is_written_as_an_export_writes_it(full: TimeBank) -> None:
    """With a blank it says the same bytes, and another program has written it."""
    raw = exported(full)
    salt = raw.partition(b'"salt":"')[2][:32]
    with pytest.raises(InvalidRequest, match="another program has saved it"):
        import_jsonl(MemoryStore(), io.BytesIO(raw.replace(salt, salt[:2] + b" " + salt[2:])))


def _read(found: lines.Export) -> object:
    """All that a file has, or why it is refused."""
    try:
        return list(found.read())
    except InvalidRequest as error:
        return str(error)


@given(st.data())
@examples(100)
def test_a_file_that_changes_after_it_was_proved_is_proved_again(data: st.DataObject) -> None:
    """What was proved is not proved again; whatever became of it is read as if it were new."""
    bank = timebank.open("memory:", **sources())
    fill(bank)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "PAGE", data.draw(st.sampled_from([1, 3, 1000])))
        patch.setattr(lines, "_MOST_PAGE_BYTES", data.draw(st.sampled_from([500, 10**6])))
        file = io.BytesIO(exported(bank))
        found = lines.Export.of("bank.jsonl", file)
        found.prove()
        raw = file.getvalue()
        first = raw.index(b"\n") + 1
        place = data.draw(st.integers(first, len(raw)))
        end = data.draw(st.one_of(st.just(place), st.integers(place, min(len(raw), place + 9))))
        changed = raw[:place] + data.draw(st.binary(max_size=3)) + raw[end:]
        file.seek(0), file.truncate(), file.write(changed)
        assert _read(lines.Export.of("bank.jsonl", io.BytesIO(changed))) == _read(found)


def test_what_was_proved_is_parsed_once_more_and_not_three_times(
    monkeypatch: pytest.MonkeyPatch, full: TimeBank
) -> None:
    """A record is parsed when it is proved, and when it is executed."""
    parsed: list[bytes] = []

    def parse_and_note(body: bytes) -> dict[str, object]:
        parsed.append(body)
        return parse(body)

    for module in (lines, carrying):
        monkeypatch.setattr(module, "parse", parse_and_note)
    import_jsonl(MemoryStore(), io.BytesIO(exported(full)))
    assert 2 * full.head().sequence == len(parsed)


def test_a_pipe_is_refused() -> None:
    """One cannot go back in it."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with pytest.raises(InvalidRequest, match="save it as a file"):
        import_jsonl(MemoryStore(), Pipe())


def of_records(*bodies: bytes) -> bytes:
    """An export of records without texts, of the journal `j`."""
    written, now = b"", genesis("j")
    for number, body in enumerate(bodies, 1):
        now = digest(now, body)
        line = b'{"sequence":%d,"digest":"%s","record":%s}\n'
        written += line % (number, now.hex().encode(), body)
    head = f"timebank/1 j {len(bodies)} {now.hex()}"
    first = {"export": "timebank/1", "bank": "x", "head": head, "texts": True}
    return json.dumps(first, separators=(",", ":")).encode() + b"\n" + written


@pytest.mark.parametrize(
    "record",
    [
        {
            "effects": {"postings": [["a", 1]], "occurred_on": DAY},
            "kind": "transfer",
            "request": {},
        },
        {"effects": {"postings": [], "occurred_on": "soon"}, "kind": "transfer", "request": {}},
        {"effects": {"account": 7, "sets": {"kind": None}}, "kind": "open_account", "request": {}},
        {"effects": {"account": ["a"]}, "kind": "open_account", "request": {}},
        {"effects": {"resolves": 7}, "kind": "void", "request": {}},
        {"effects": {"adopts": None}, "kind": "adopt", "request": {}},
        {"effects": {"postings": [["a"]]}, "kind": "transfer", "request": {}},
        {"effects": {"postings": 7}, "kind": "transfer", "request": {}},
        {"effects": {}, "kind": "dance", "request": {}},
    ],
)
def test_a_record_that_cannot_be_executed(record: dict[str, object]) -> None:
    """A chain that holds, of records that mean nothing here."""
    body = canonical({**record, "format": "timebank/1", "journal": "j", "sequence": 1})
    with pytest.raises(Corrupt) as caught:
        import_jsonl(MemoryStore(), io.BytesIO(of_records(body)))
    assert [] == pythons(str(caught.value))
    assert "nothing of the import is kept but bank 'main'" in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "request_", "effects", "message"),
    [
        ("transfer", [], {}, "no request, or no effects"),
        ("transfer", {}, None, "no request, or no effects"),
        ("transfer", {"id": 7}, {}, "an id or a reference that is none"),
        ("transfer", {}, {"reverses": "x"}, "an id or a reference that is none"),
        (None, {}, {}, "record 1 has no kind"),
        ("", {}, {}, "record 1 has no kind"),
    ],
)
def test_a_record_of_no_shape(
    kind: object, request_: object, effects: object, message: str
) -> None:
    """What the look-ups need is proved before anything is written."""
    names = {"format": "timebank/1", "journal": "j", "sequence": 1}
    body = canonical({**names, "kind": kind, "request": request_, "effects": effects})
    with pytest.raises(InvalidRequest, match=message) as caught:
        import_jsonl(MemoryStore(), io.BytesIO(of_records(body)))
    assert [] == pythons(str(caught.value))


# -- what is kept when it is stopped ------------------------------------------


def chain(*records: dict[str, object]) -> bytes:
    """An export of records that name themselves rightly."""
    return of_records(
        *(
            canonical({**record, "format": "timebank/1", "journal": "j", "sequence": number})
            for number, record in enumerate(records, 1)
        )
    )


def opening(account: str) -> dict[str, object]:
    """A record that can be executed."""
    fields = ("joined_on", "floor", "ceiling")
    sets = dict.fromkeys(fields) | {"kind": "member", "status": "open", "named": False}
    effects = {"account": account, "sets": sets}
    return {"kind": "open_account", "request": {"account": account}, "effects": effects}


DANCE: dict[str, object] = {"kind": "dance", "request": {}, "effects": {}}


@pytest.fixture(params=["memory:", "sqlite://", "file", *ON_SERVERS])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    kind = str(request.param)
    server = kind if kind in ("postgresql", "mariadb") else None
    url = f"sqlite:///{tmp_path / 'a.db'}" if kind == "file" else kind
    url = new_database(server) if server else url
    with closing(open_store(url, create=True)) as found:
        yield found
    if server:
        drop_database(url)


@pytest.mark.parametrize("there", [0, 2, 5])
@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize("page", [1, 2, 1000])
def test_what_is_kept_is_said(
    monkeypatch: pytest.MonkeyPatch, store: Store, page: int, there: int, *, atomic: bool
) -> None:
    """The head is where the message says; nothing is kept of what is to be kept whole."""
    monkeypatch.setattr(importing, "PAGE", page)
    good = [opening(f"m{number}") for number in range(5)]
    if there:
        import_jsonl(store, io.BytesIO(chain(*good[:there])))
    with pytest.raises(Corrupt, match="record 6 is of unknown kind 'dance'") as caught:
        import_jsonl(store, io.BytesIO(chain(*good, DANCE)), atomic=atomic)
    told = str(caught.value)
    assert [] == pythons(told)
    where = f"bank 'main' in {store.url}"
    kept = there if atomic else there + (5 - there) // page * page
    if kept > there:
        assert told.endswith(
            f"; records {there + 1} to {kept} are kept in {where}: the same import goes on from "
            "there, once it can"
        )
    elif there:
        assert told.endswith(
            f"; nothing of the import is kept: {where} has {there} records, as before"
        )
    elif atomic:
        assert told.endswith("; nothing of the import is kept")
    else:
        assert told.endswith(f"; nothing of the import is kept but {where}, which is empty")
    if there or not atomic:
        assert kept == TimeBank(store, create=False).head().sequence
    else:
        assert [] == list(store.banks())
    import_jsonl(store, io.BytesIO(chain(*good)), atomic=atomic)
    assert 5 == TimeBank(store, create=False).head().sequence


def test_whole_is_the_same(store: Store, full: TimeBank) -> None:
    """In one commit, from nothing and onto what is there; a second time nothing is done."""
    early = exported(full)
    full.open_account("late", name="Carla")
    full.erase("m1", reason="asked for")
    for raw in (early, exported(full), exported(full)):
        head = import_jsonl(store, io.BytesIO(raw), atomic=True)
        assert str(head).encode() in raw.splitlines()[0]
    assert content(full.store) == content(store)
    assert () == TimeBank(store).audit().findings


def test_a_store_that_makes_no_bank_within_a_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps the bank, empty, and that is said."""
    monkeypatch.setattr(importing, "makes_bank", lambda _: False)
    store = MemoryStore()
    with pytest.raises(Corrupt, match="nothing of the import is kept but bank 'main'"):
        import_jsonl(store, io.BytesIO(chain(opening("a"), DANCE)), atomic=True)
    assert 0 == TimeBank(store, create=False).head().sequence
    assert 1 == import_jsonl(store, io.BytesIO(chain(opening("a"))), atomic=True).sequence


@pytest.mark.parametrize("atomic", [True, False])
def test_an_id_that_is_there_twice(store: Store, *, atomic: bool) -> None:
    """No bank has two records of one id: it is the file that is wrong, and no other writer."""
    asked = {"account": "m0", "id": "twice"}
    twice = [opening("m0"), *({**opening(id), "request": asked} for id in ("m1", "m2"))]
    with pytest.raises(Corrupt, match="record 3 has the id 'twice' of record 2"):
        import_jsonl(store, io.BytesIO(chain(*twice)), atomic=atomic)


def test_an_interrupt_says_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: TimeBank
) -> None:
    """On standard error, though the keyboard has no message of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importing, "PAGE", 4)
    Path("out.jsonl").write_bytes(exported(full))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    for words, told in (
        ((), "records 1 to 4 are kept in bank 'main' in sqlite:///a.db: the same import"),
        (("--atomic",), "nothing of the import is kept: bank 'main' in sqlite:///a.db has 4"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(importing._Carrying, "_tell", stop)
            done = call("--db", "a.db", "import", "jsonl", "out.jsonl", *words)
        assert (130, "") == (done.exit_code, done.stdout)
        assert told in done.stderr
    done = call("--db", "a.db", "import", "jsonl", "out.jsonl", "--atomic")
    assert (0, f"{full.head()}\naudit: ok\n") == (done.exit_code, done.stdout)


# -- into a bank that is there ------------------------------------------------


def test_a_bank_that_went_its_own_way_is_left_alone(full: TimeBank) -> None:
    """Another journal, a longer one, or another record at the same place."""
    early = exported(full)
    store = MemoryStore()
    import_jsonl(store, io.BytesIO(early))
    there = TimeBank(store, create=False)
    there.open_account("here-only")
    with pytest.raises(InvalidRequest, match="it is older than the bank"):
        import_jsonl(store, io.BytesIO(early))
    full.open_account("there-only")
    full.open_account("there-too")
    with pytest.raises(InvalidRequest, match="has gone its own way"):
        import_jsonl(store, io.BytesIO(exported(full)))
    other = timebank.open("memory:")
    with pytest.raises(InvalidRequest, match="has the journal"):
        import_jsonl(other.store, io.BytesIO(early))
    assert there.account("here-only").status == "open"


@pytest.mark.parametrize("cut", [0, 1, 8, 15])
def test_an_interrupted_import_goes_on(
    monkeypatch: pytest.MonkeyPatch, full: TimeBank, cut: int
) -> None:
    """After whatever page it was broken off."""
    monkeypatch.setattr(importing, "PAGE", 1)

    def stop(done: int, _total: int) -> None:
        if done > cut:
            raise KeyboardInterrupt

    store, raw = MemoryStore(), io.BytesIO(exported(full))
    with pytest.raises(KeyboardInterrupt):
        import_jsonl(store, raw, progress=stop)
    assert () == TimeBank(store).audit().findings
    raw.seek(0)
    assert full.head() == import_jsonl(store, raw)
    assert content(full.store) == content(store)


def test_a_published_head_must_be_in_the_file(full: TimeBank) -> None:
    """That of any record, that of the beginning, and no other."""
    raw, store = exported(full), MemoryStore()
    at = [Head(full.head().journal, r.sequence, r.digest) for r in full.records()]
    empty = Head(full.head().journal, 0, genesis(full.head().journal))
    for head in (empty, at[0], at[-1]):
        assert full.head() == import_jsonl(store, io.BytesIO(raw), expect=head)
    forged = Head(at[0].journal, 1, at[1].digest)
    with pytest.raises(InvalidRequest, match="the head that is expected is not in"):
        import_jsonl(MemoryStore(), io.BytesIO(raw), expect=forged)


# -- by command ---------------------------------------------------------------


def call(*words: str) -> Result:
    """Run `timebank`."""
    return CliRunner().invoke(main, words)


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "The name is gone: the opening of the account m1"),
        ("it", "Il nome non c'è più: l'apertura del conto m1"),
    ],
)
def test_a_text_that_is_gone_without_an_erasure_is_told_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: TimeBank, language: str, told: str
) -> None:
    """The bank is made, the audit behind it names the text, and the exit code is 1."""
    monkeypatch.chdir(tmp_path)
    line = exported(full).splitlines()[1]
    text = line[line.index(b'{"salt"') : line.index(b'},"record"')]
    Path("out.jsonl").write_bytes(exported(full).replace(text, b"null", 1))
    done = call("--lang", language, "--db", "a.db", "import", "jsonl", "out.jsonl")
    assert (1, True) == (done.exit_code, told in done.stdout), done.output
    with timebank.open("sqlite:///a.db") as bank:
        assert full.head() == bank.head()


def test_by_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of a SQLite file, into another, under another name, and once more."""
    monkeypatch.chdir(tmp_path)
    with timebank.open("sqlite:///a.db", **sources()) as bank:
        fill(bank)
        head = str(bank.head())
    Path("out.jsonl").write_bytes(call("--db", "a.db", "export", "jsonl").stdout_bytes)
    for _ in range(2):
        done = call("--db", "b.db", "--bank", "second", "import", "jsonl", "out.jsonl")
        assert (0, f"{head}\naudit: ok\n") == (done.exit_code, done.stdout)
    shape = json.loads(
        call(
            *("--db", "c.db", "import", "jsonl", "out.jsonl"),
            *("--format", "json", "--expect-head", head),
        ).stdout
    )
    assert (head.split()[3], True) == (shape["head"]["digest"], shape["audit"]["ok"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("no.jsonl",), "no.jsonl: No such file"),
        (("bad.jsonl",), "bad.jsonl is no export"),
        (("bad.jsonl", "--expect-head", "x"), "a head is a line like"),
    ],
)
def test_wrong_use_is_one_line_and_makes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    """With exit code 2."""
    monkeypatch.chdir(tmp_path)
    Path("bad.jsonl").write_bytes(b"\xff\x00\n")
    done = call("--db", "a.db", "import", "jsonl", *words)
    assert (2, 1, True) == (done.exit_code, len(done.stderr.splitlines()), message in done.stderr)
    assert not Path("a.db").exists()


@pytest.mark.parametrize("body", [b"{}", b'{"request":7}', b'{"request":null,"kind":"dance"}'])
def test_a_record_that_says_nothing_is_exported_as_it_is(body: bytes) -> None:
    """What is stored is what is written: who reads it says what is wrong."""
    bank = timebank.open("memory:")
    bank.open_account("m1", name="Maria R.")
    row = record_row(bank)._replace(body=body)
    texts = [TextRow(1, "name", b"\1" * 16, "Maria R.")]
    assert '"text":"Maria R."' in export._texts(row, texts)
    assert "" == export._texts(row, [])


def record_row(bank: TimeBank) -> RecordRow:
    """The first record as its store keeps it."""
    with bank.store.reader(bank.name) as reader:
        return reader.records(after=0, limit=1)[0]
