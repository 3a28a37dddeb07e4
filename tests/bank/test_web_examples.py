"""The routes of the examples, each as a stranger, as a member, as another and as coordinator."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("httpx", reason="the applications need the extra timebank[dev]")
pytest.importorskip("fastapi", reason="the applications need the extra timebank[dev]")

import httpx

import timebank
from timebank import Roles, TimeBank
from web import PASSWORD, application, drive, example, key_of, post, sign_in

APPS = ("async_app", "fastapi_app")
VISIT = {"earner": "m1", "spender": "f1", "hours": "0:30"}
SECRETS = ("Famiglia", "Maria", "clinic", "0:30", "7:13", key_of("visit"))
#: The routes that FastAPI adds itself, which describe the service to who has signed in.
PAGES = {"/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"}

#: What is asked of each route, and the statuses that f1, x1 and carla get. f1 has spent hours; x1
#: is another member, who has nothing to do with it.
ROUTES: dict[tuple[str, str], tuple[Any, int, int, int]] = {
    ("POST", "/transfers"): (VISIT, 201, 403, 201),
    ("GET", "/transfers"): (None, 403, 403, 200),
    ("POST", "/holds"): (VISIT, 201, 403, 201),
    ("POST", "/holds/{id}/settle"): ({}, 201, 403, 201),
    ("GET", "/accounts/{id}"): (None, 200, 403, 200),
    ("GET", "/accounts/{id}/statement"): (None, 200, 403, 200),
    ("POST", "/sign-out"): ({}, 200, 200, 200),
}
ACTORS = ("f1", "x1", "carla")


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[TimeBank]:
    """A family that has spent hours, and proposed an exchange; and a member of no part in it."""
    roles = Roles({"carla": "coordinator"})
    with timebank.open(f"sqlite:///{tmp_path}/bank.db", permissions=roles) as opened:
        carla = opened.acting_as("carla")
        carla.open_account("m1", name="Maria R.")
        carla.open_account("f1", kind="group", name="Famiglia Rossi")
        carla.open_account("x1")
        seven: dict[str, Any] = {"earner": "m1", "spender": "f1", "hours": "7:13"}
        carla.transfer(**seven, note="to the clinic", id=key_of("visit"))
        carla.hold(**seven, id="h1")
        yield opened


def routes_of(name: str, bank: TimeBank) -> set[tuple[str, str]]:
    """Each method and path of an application, taken from its table."""
    with tempfile.TemporaryDirectory() as folder:
        people = example("async_app").People(f"{folder}/people.db")
        app = application(name, bank, people)
    return {
        (method, route.path.replace("{account}", "{id}"))
        for route in app.routes
        for method in route.methods
    }


async def ask(
    client: httpx.AsyncClient, method: str, path: str, asked: Any, key: str
) -> httpx.Response:
    """Make the request of a route, about what is the family's."""
    url = path.replace("{id}", "h1" if "holds" in path else "f1")
    headers = {"Idempotency-Key": key_of(key)}
    return await client.request(method, url, json=asked, headers=headers)


@pytest.mark.parametrize("name", APPS)
def test_no_route_was_forgotten(bank: TimeBank, name: str) -> None:
    """Each of the table of an application is in the table here."""
    found = {
        (method, path)
        for method, path in routes_of(name, bank)
        if method != "HEAD" and path not in PAGES
    }
    assert found - {("POST", "/sign-in")} <= ROUTES.keys()
    assert ("POST", "/sign-in") in found
    if name == "async_app":
        assert found == ROUTES.keys() | {("POST", "/sign-in")}


@pytest.mark.parametrize("name", APPS)
def test_a_stranger_is_let_in_nowhere(bank: TimeBank, name: str) -> None:
    """Nor with a cookie of their own making, and they are not told what there is."""

    async def work(client: httpx.AsyncClient) -> None:
        asked = {*routes_of(name, bank), ("GET", "/nothing"), ("DELETE", "/transfers")}
        for token in (None, "", "x" * 43, "%ff", "' OR '1'='1"):
            client.cookies.clear()
            if token is not None:
                client.headers["Cookie"] = f"__Host-session={token}"
            for method, path in asked - {("POST", "/sign-in")}:
                answer = await ask(client, method, path, {}, "k")
                assert 401 == answer.status_code, (method, path)
                if method != "HEAD":
                    assert "not_signed_in" == answer.json()["code"]

    before = bank.acting_as("carla").head()
    drive(bank, work, name=name, actor=None)
    assert before == bank.acting_as("carla").head()


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("name", APPS)
def test_each_route_as_each_actor(bank: TimeBank, name: str, actor: str) -> None:
    """The member is answered, the coordinator too, and another learns nothing of either."""
    statuses = {}

    async def work(client: httpx.AsyncClient) -> None:
        found = routes_of(name, bank)
        for (method, path), (asked, *_) in ROUTES.items():
            if (method, path) in found:
                answer = await ask(client, method, path, asked, f"{method} {path}")
                statuses[method, path] = answer.status_code
                if answer.status_code == 403:
                    assert "not_permitted" == answer.json()["code"]
                    assert not [word for word in SECRETS if word in answer.text]

    drive(bank, work, name=name, actor=actor)
    expected = {route: row[1 + ACTORS.index(actor)] for route, row in ROUTES.items()}
    assert {route: expected[route] for route in statuses} == statuses
    actors = {transfer.actor for transfer in bank.acting_as("carla").transfers()}
    assert actors == {"carla"} | ({actor} if actor == "f1" else set())


@pytest.mark.parametrize("name", APPS)
def test_a_member_reads_their_own_transfers(bank: TimeBank, name: str) -> None:
    """The list of all is not for them, theirs is, with what another may not see left out."""

    async def work(client: httpx.AsyncClient) -> None:
        answer = await client.get("/transfers", params={"account": "f1"})
        found = answer.json()
        found = found["transfers"] if isinstance(found, dict) else found
        assert [key_of("visit")] == [one["id"] for one in found]
        assert 403 == (await client.get("/transfers", params={"account": "m1"})).status_code
        assert 403 == (await client.get("/accounts/nobody")).status_code

    drive(bank, work, name=name, actor="f1")


@pytest.mark.parametrize("name", APPS)
def test_a_repeated_request_is_seen(bank: TimeBank, name: str) -> None:
    """By its status and in its answer."""

    async def work(client: httpx.AsyncClient) -> None:
        for path in ("/transfers", "/holds"):
            first = await post(client, path, VISIT, path)
            again = await post(client, path, VISIT, path)
            assert (201, 200) == (first.status_code, again.status_code)
            assert first.json() | {"repeated": True} == again.json()
            other = await post(client, path, VISIT | {"hours": "2"}, path)
            assert (422, "idempotency_mismatch") == (other.status_code, other.json()["code"])
            assert "0:30" == other.json()["facts"]["original"]["hours"]

    drive(bank, work, name=name, actor="f1")


@pytest.mark.parametrize("name", APPS)
@pytest.mark.parametrize("path", ["/transfers", "/holds"])
def test_the_key_of_another_books_and_tells_nothing(bank: TimeBank, name: str, path: str) -> None:
    """Neither with the same request, which is not theirs to make, nor with one of their own."""

    async def work(client: httpx.AsyncClient) -> None:
        for spender, status in (("f1", 403), ("x1", 422)):
            asked = {"earner": "m1", "spender": spender, "hours": "7:13"}
            answer = await post(client, "visit", asked, path)
            assert status == answer.status_code
            assert answer.json()["facts"].get("original") is None
            assert not [word for word in ("clinic", "Maria", "exchange") if word in answer.text]

    before = bank.acting_as("carla").head()
    drive(bank, work, name=name, actor="x1")
    assert before == bank.acting_as("carla").head()


@pytest.mark.parametrize("name", APPS)
def test_what_cannot_be_has_the_same_shape(bank: TimeBank, name: str) -> None:
    """Whoever found it out: the framework, the application or the bank."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": key_of("e")}

    async def work(client: httpx.AsyncClient) -> None:
        answers = [
            await post(client, "a", VISIT | {"hours": "1:75"}),
            await post(client, "b", VISIT | {"hours": 1.5}),
            await post(client, "c", VISIT | {"more": 1}),
            await client.post("/transfers", json=VISIT),
            await client.post("/transfers", json=VISIT, headers={"Idempotency-Key": "1"}),
            await client.get("/transfers", params={"after": -1}),
            await client.post("/transfers", content="[" * 100_000, headers=headers),
            await client.post("/transfers", content=b'{"earner": "\xff"}', headers=headers),
        ]
        assert {400} == {answer.status_code for answer in answers}
        answers += [await client.get("/nothing"), await client.put("/transfers", json={})]
        assert [404, 405] == [answer.status_code for answer in answers[-2:]]
        assert {("code", "message", "facts")} == {tuple(answer.json()) for answer in answers}
        refusal = (await post(client, "d", VISIT | {"hours": "20"})).json()
        assert ("floor_exceeded", "14:26", None) == (
            refusal["code"],
            refusal["facts"]["shortfall"],
            refusal["facts"]["passes"],
        )

    drive(bank, work, name=name, actor="f1")


# -- signing in ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", APPS)
def test_who_is_not_known_cannot_be_told_from_a_wrong_password(
    bank: TimeBank, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same answer, for the same work."""
    module = example("async_app")
    real, guesses = module.hashed, []

    def hashed(password: str, salt: bytes) -> Any:
        guesses.append(password)
        return real(password, salt)

    monkeypatch.setattr(module, "hashed", hashed)

    async def work(client: httpx.AsyncClient) -> None:
        answers = []
        for who, password in (("f1", "wrong"), ("nobody", "wrong"), ("nobody", ""), ("", "x")):
            guesses.clear()
            answer = await sign_in(client, who, password)
            answers.append((answer.status_code, answer.text, len(guesses), answer.headers.items()))
        assert [answers[0]] * 4 == answers
        assert (401, 1) == (answers[0][0], answers[0][2])
        assert not client.cookies

    drive(bank, work, name=name, actor=None)


@pytest.mark.parametrize("name", APPS)
def test_a_name_and_a_password_are_text(bank: TimeBank, name: str) -> None:
    """Half a character, another type, or a book: a bad request, and nothing is hashed."""

    async def work(client: httpx.AsyncClient) -> None:
        for given in ("\ud800", None, 1, ["f1"], {"a": 1}, "x" * 100_000):
            for asked in ({"name": given, "password": "x"}, {"name": "f1", "password": given}):
                answer = await client.post(
                    "/sign-in",
                    content=_json(asked),
                    headers={"Content-Type": "application/json"},
                )
                assert 400 == answer.status_code, asked

    drive(bank, work, name=name, actor=None)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize("name", APPS)
def test_a_session_ends(bank: TimeBank, name: str) -> None:
    """When it is over, and when somebody signs out, wherever the cookie was copied to."""
    now = [1_000.0]

    async def work(client: httpx.AsyncClient) -> None:
        answer = await sign_in(client, "f1")
        cookie = answer.headers["set-cookie"]
        for word in ("__Host-session=", "HttpOnly", "Secure", "SameSite=strict", "Path=/"):
            assert word in cookie
        assert "Domain" not in cookie
        copied = dict(client.cookies)
        now[0] += 12 * 3600 - 1
        assert 200 == (await client.get("/accounts/f1")).status_code
        now[0] += 1
        assert 401 == (await client.get("/accounts/f1")).status_code
        await sign_in(client, "f1")
        assert copied != dict(client.cookies)
        copied = dict(client.cookies)
        assert 200 == (await client.post("/sign-out", json={})).status_code
        client.cookies.update(copied)
        assert 401 == (await client.get("/accounts/f1")).status_code

    drive(bank, work, name=name, actor=None, clock=lambda: now[0])


@pytest.mark.parametrize("name", APPS)
def test_another_site_can_make_a_browser_do_nothing(bank: TimeBank, name: str) -> None:
    """A form has no JSON, and a script of another site is told by its origin."""

    async def work(client: httpx.AsyncClient) -> None:
        foreign = {"Idempotency-Key": key_of("k"), "Origin": "https://elsewhere.example"}
        for headers, status in (
            (foreign, 403),
            (foreign | {"Origin": "null"}, 403),
            (foreign | {"Origin": "http://bank"}, 403),
            (foreign | {"Origin": "https://bank"}, 201),
        ):
            answer = await client.post("/transfers", json=VISIT, headers=headers)
            assert status == answer.status_code
        for form in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            headers = {"Idempotency-Key": key_of("l"), "Content-Type": form}
            answer = await client.post("/transfers", content=_json(VISIT), headers=headers)
            assert 415 == answer.status_code
        headers = {
            "Idempotency-Key": key_of("m"),
            "Content-Type": "application/json; charset=utf-8",
        }
        answer = await client.post("/transfers", content=_json(VISIT), headers=headers)
        assert 201 == answer.status_code

    drive(bank, work, name=name, actor="f1")


def test_nothing_that_is_stored_lets_anybody_in(tmp_path: Path) -> None:
    """Neither the password nor the token is in the file."""
    module = example("async_app")
    module.SCRYPT.update(n=2, p=1)
    people = module.People(f"{tmp_path}/people.db")
    people.add("f1", PASSWORD)
    token = people.sign_in("f1", PASSWORD)
    assert "f1" == people.signed_in(token)
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert PASSWORD.encode() not in stored
    assert token.encode() not in stored
    assert people.signed_in(module.digest(token).hex()) is None
    assert token != people.sign_in("f1", PASSWORD)
    assert [0o600] == [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()]


def test_a_guess_costs_what_the_page_says() -> None:
    """Read from the source, for the tests make it cheap."""
    source = Path(example("async_app").__file__ or "").read_text("utf-8")
    assert 'SCRYPT = {"n": 2**14, "r": 8, "p": 5}' in source


def test_the_description_of_the_service_has_types(bank: TimeBank) -> None:
    """OpenAPI names each answer, and the shape of a refusal."""
    with tempfile.TemporaryDirectory() as folder:
        people = example("async_app").People(f"{folder}/people.db")
        found = application("fastapi_app", bank, people).openapi()
    schemas = found["components"]["schemas"]
    assert {"Transfer", "Hold", "Balance", "Statement", "StatementLine", "Error"} < schemas.keys()
    assert "HTTPValidationError" not in schemas
    posted = found["paths"]["/transfers"]["post"]["responses"]
    refusals = {"400", "401", "403", "404", "405", "409", "415", "422", "503"}
    assert {"200", "201"} | refusals == posted.keys()
    assert "Transfer" in json.dumps(posted["200"])
    assert schemas["Transfer"]["properties"]["earners"]["additionalProperties"] == {
        "type": "string"
    }


def test_the_example_of_fastapi_ends_by_itself() -> None:
    """Without arguments it is its own client."""
    module = example("fastapi_app")
    assert asyncio.iscoroutinefunction(module.demonstrate)
    module.main()


# -- Django REST framework -----------------------------------------------------------------


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What the application of Django REST framework answered, in a process of its own."""
    pytest.importorskip("rest_framework", reason="the application needs the extra timebank[dev]")
    walk = Path(__file__).with_name("drf_walk.py")
    done = subprocess.run([sys.executable, walk], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_routes_of_django_are_walked(told: dict[str, Any]) -> None:
    """All of them, but the one that signs in."""
    assert [*told["known"], "sign-in"] == sorted(told["routes"], key="sign-in".__eq__)
    assert len(told["known"]) == len(told["routes"]) - 1


@pytest.mark.parametrize("actor", ["stranger", "wrong password"])
def test_a_stranger_is_let_in_nowhere_by_django(told: dict[str, Any], actor: str) -> None:
    """Nor who has guessed; and without the token of the site nothing is changed."""
    assert {401} == {status for status, _ in told[actor].values()}
    assert 403 == told["no token"][0]


def test_each_route_of_django_as_each_actor(told: dict[str, Any]) -> None:
    """Their own for the family, nothing for another member, all for the coordinator."""
    statuses = {who: [status for status, _ in told[who].values()] for who in ("f1", "m1", "carla")}
    assert {
        "f1": [201, 403, 200, 200, 200],
        "m1": [403, 403, 403, 403, 200],
        "carla": [201, 200, 200, 200, 200],
    } == statuses
    for status, answer in told["m1"].values():
        assert status == 200 or "not_permitted" in answer
        assert not [word for word in SECRETS if word in answer]


def test_django_answers_with_results_and_refusals(told: dict[str, Any]) -> None:
    """As they are: what was repeated, what an id was used for, and how much is short."""
    [(first, made), (second, again)] = told["twice"]
    assert (201, 200, made | {"repeated": True}) == (first, second, again)
    status, refusal = told["mismatch"]
    assert (422, "idempotency_mismatch", "0:30") == (
        status,
        refusal["code"],
        refusal["facts"]["original"]["hours"],
    )
    status, refusal = told["too much"]
    assert (409, "floor_exceeded", "0:30") == (
        status,
        refusal["code"],
        refusal["facts"]["shortfall"],
    )
    assert {400} == {told["float"][0], told["misspelt"][0], told["deep"]}
