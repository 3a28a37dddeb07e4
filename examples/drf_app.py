"""The same service with Django REST framework, in one file: what a bank returns is a `Response`.

Django signs people in, and hashes their passwords. A call on the bank is part of the transaction of
its request, acts as who has signed in, and answers with what `reports.json` makes of it.

It needs `timebank[django]` and `pip install djangorestframework`; run, it shows some requests and
their answers.
"""

from __future__ import annotations

# Django REST framework has no types, so that its classes may be anything:
# mypy: disable-error-code="misc"
import atexit
import itertools
import tempfile
import uuid
from typing import Any

import django
from django.conf import settings

import timebank
from timebank import Hours, Roles, TimeBank, reports

PASSWORD = "a long sentence"  # noqa: S105 - of people who are none
folder = tempfile.TemporaryDirectory()  # a project has settings and a database of its own
atexit.register(folder.cleanup)
settings.configure(
    ALLOWED_HOSTS=["bank"],
    CSRF_COOKIE_SECURE=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": f"{folder.name}/site.db",
            "ATOMIC_REQUESTS": True,
            "OPTIONS": {"transaction_mode": "IMMEDIATE"},
        }
    },
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "rest_framework",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    REST_FRAMEWORK={
        # Whoever is not signed in may do nothing, in a view that is added later too.
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY=str(uuid.uuid4()),
    SESSION_COOKIE_SECURE=True,
    USE_TZ=True,
)
django.setup()

from django.contrib.auth import authenticate, login, logout  # noqa: E402 - after the settings
from django.contrib.auth.models import User  # noqa: E402 - as above
from django.core.management import call_command  # noqa: E402 - as above
from django.db import connection, transaction  # noqa: E402 - as above
from django.urls import path  # noqa: E402 - as above
from django.utils.decorators import method_decorator  # noqa: E402 - as above
from django.views.decorators.csrf import csrf_protect, ensure_csrf_cookie  # noqa: E402 - as above
from rest_framework import serializers, status  # noqa: E402 - as above
from rest_framework.authentication import SessionAuthentication  # noqa: E402 - as above
from rest_framework.exceptions import ParseError  # noqa: E402 - as above
from rest_framework.parsers import JSONParser  # noqa: E402 - as above
from rest_framework.permissions import AllowAny  # noqa: E402 - as above
from rest_framework.request import Request  # noqa: E402 - as above
from rest_framework.response import Response  # noqa: E402 - as above
from rest_framework.test import APIClient  # noqa: E402 - as above
from rest_framework.views import APIView, exception_handler, set_rollback  # noqa: E402 - as above

#: The first that fits. What is not here is ours to mend: 500.
STATUS: tuple[tuple[type[timebank.TimebankError], int], ...] = (
    (timebank.InvalidRequest, 400),
    (timebank.NotPermitted, 403),
    (timebank.NotFound, 404),
    (timebank.Rejected, 409),
    (timebank.IdempotencyMismatch, 422),
    (timebank.Retryable, 503),
    (timebank.OutcomeUnknown, 503),
    (timebank.HistoryLost, 503),
)
ROLES = Roles({"carla": "coordinator"})


def bank_of(request: Request) -> TimeBank:
    """The bank in the database of the site, for who has signed in."""
    bank = timebank.join(connection, permissions=ROLES)
    return bank.acting_as(request.user.get_username())


class BySession(SessionAuthentication):
    """Django's session, with its check of who sent a request. Without one it is a 401."""

    def authenticate_header(self, request: Request) -> str:
        """Say how to sign in, which makes the refusal a 401."""
        return "Session"


def refused(error: Exception, context: dict[str, Any]) -> Response | None:
    """An error of the library as an answer: nothing of its request is kept."""
    if not isinstance(error, timebank.TimebankError):
        return exception_handler(error, context)
    set_rollback()
    code = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
    return Response(reports.json.error(error), status=code)


class Parser(JSONParser):
    """JSON, which may be a thousand lists within each other: what cannot be read is a 400."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the body says."""
        try:
            return super().parse(*args, **kwargs)
        except RecursionError as error:
            raise ParseError from error


class LedgerView(APIView):
    """A view that asks the bank."""

    authentication_classes = (BySession,)
    parser_classes = (Parser,)

    def get_exception_handler(self) -> Any:
        """Return what makes an answer of an error."""
        return refused


class HoursField(serializers.Field):
    """Hours as text, and nothing that was rounded: "1:30"."""

    def to_internal_value(self, data: Any) -> Hours:
        """Return the hours, or say what is wrong with them."""
        try:
            return Hours(data)
        except timebank.InvalidHours as error:
            raise serializers.ValidationError(str(error)) from error

    def to_representation(self, value: Hours) -> str:
        """Return them as text."""
        return str(value)


class Exchange(serializers.Serializer):
    """What a request may have."""

    earner = serializers.CharField()
    spender = serializers.CharField()
    hours = HoursField()
    occurred_on = serializers.DateField(required=False)
    note = serializers.CharField(required=False)


def read(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    """The fields of a body, checked. One that is not known is misspelt, and not to be left out."""
    found = serializer(data=request.data)
    found.is_valid(raise_exception=True)
    if more := request.data.keys() - found.fields.keys():
        raise serializers.ValidationError(dict.fromkeys(sorted(more), "no such field"))
    return dict(found.validated_data)


def key_of(request: Request) -> str:
    """The id of what is recorded: the client makes a UUID for each exchange, and keeps it."""
    field = serializers.UUIDField()
    return str(field.run_validation(request.headers.get("Idempotency-Key")))


class Credentials(serializers.Serializer):
    """Who signs in."""

    name = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1_000, trim_whitespace=False)


@method_decorator([ensure_csrf_cookie, csrf_protect], name="dispatch")
class SignIn(LedgerView):
    """Begin a session. Django hashes a password for a name that nobody has, too."""

    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        """Give the token without which no request is taken that changes anything."""
        return Response({})

    def post(self, request: Request) -> Response:
        """Begin it."""
        asked = read(Credentials, request)
        user = authenticate(request, username=asked["name"], password=asked["password"])
        if user is None:
            shape = {"code": "not_signed_in", "message": "the name or the password is another"}
            return Response({**shape, "facts": {}}, status=status.HTTP_401_UNAUTHORIZED)
        login(request, user)
        return Response({"actor": user.get_username()})


class SignOut(LedgerView):
    """End the session."""

    def post(self, request: Request) -> Response:
        """End it."""
        logout(request)
        return Response({"actor": None})


class Transfers(LedgerView):
    """Exchanges."""

    def post(self, request: Request) -> Response:
        """Record one; the same key again is the same exchange."""
        asked = read(Exchange, request)
        made = bank_of(request).transfer(**asked, id=key_of(request))
        return Response(reports.json.of(made), status=200 if made.repeated else 201)

    def get(self, request: Request) -> Response:
        """A page of them, oldest first; the next one is `after` the last of them."""
        after = serializers.IntegerField(min_value=0).run_validation(
            request.query_params.get("after", 0)
        )
        account = request.query_params.get("account")
        found = bank_of(request).transfers(account=account, after=after)
        return Response([reports.json.of(one) for one in itertools.islice(found, 100)])


class Account(LedgerView):
    """What an account has, and what it may still spend."""

    def get(self, request: Request, account: str) -> Response:
        """Read it."""
        return Response(reports.json.of(bank_of(request).balance(account)))


class Statement(LedgerView):
    """What an account earned and spent."""

    def get(self, request: Request, account: str) -> Response:
        """Read it."""
        return Response(reports.json.of(bank_of(request).statement(account)))


urlpatterns = [
    path("sign-in", SignIn.as_view()),
    path("sign-out", SignOut.as_view()),
    path("transfers", Transfers.as_view()),
    path("accounts/<str:account>", Account.as_view()),
    path("accounts/<str:account>/statement", Statement.as_view()),
]


# -- a demonstration --------------------------------------------------------------------


def prepare() -> None:
    """Make the tables, three people and two accounts."""
    call_command("migrate", verbosity=0)
    for name in ("carla", "f1", "m1"):
        User.objects.create_user(name, password=PASSWORD)
    with transaction.atomic():
        carla = timebank.join(connection, permissions=ROLES).acting_as("carla")
        carla.open_account("m1", name="Maria R.")
        carla.open_account("f1", kind="group", name="Famiglia Rossi")


def signed_in(name: str, password: str = PASSWORD) -> APIClient:
    """A client that checks as a browser does, and has signed in."""
    client = APIClient(enforce_csrf_checks=True, HTTP_HOST="bank")
    client.defaults["wsgi.url_scheme"] = "https"
    token = client.get("/sign-in").cookies["csrftoken"].value
    referer = {"HTTP_REFERER": "https://bank/", "HTTP_X_CSRFTOKEN": token}
    answer = client.post("/sign-in", {"name": name, "password": password}, format="json", **referer)
    if answer.status_code == status.HTTP_200_OK:
        token = client.cookies["csrftoken"].value
        client.credentials(HTTP_REFERER="https://bank/", HTTP_X_CSRFTOKEN=token)
    return client


def main() -> None:
    """Record an exchange twice, and read what came of it."""
    prepare()
    stranger, family = APIClient(HTTP_HOST="bank"), signed_in("f1")
    key = {"HTTP_IDEMPOTENCY_KEY": str(uuid.uuid4())}
    asked = {"earner": "m1", "spender": "f1", "hours": "1:30", "note": "to the clinic"}
    for client in (stranger, family, family):
        answer = client.post("/transfers", asked, format="json", **key)
        print(answer.status_code, answer.json().get("repeated"))
    print(family.get("/accounts/f1/statement").json()["closing"])
    print(family.get("/accounts/m1").status_code)


if __name__ == "__main__":
    main()
