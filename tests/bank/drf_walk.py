"""Walk all routes of `examples/drf_app.py`, in a process of its own: Django has one settings."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2] / "examples"))

import drf_app  # type: ignore[import-not-found]  # it lies among the examples

VISIT = {"earner": "m1", "spender": "f1", "hours": "0:30", "note": "to the clinic"}
#: What is asked of each route.
ROUTES: dict[str, list[tuple[str, Any]]] = {
    "transfers": [("post", VISIT), ("get", None)],
    "accounts/<str:account>": [("get", None)],
    "accounts/<str:account>/statement": [("get", None)],
    "sign-out": [("post", {})],
}


def walk(client: Any) -> dict[str, tuple[int, str]]:
    """Each route's status, and what it answered."""
    found = {}
    for route, asked in ROUTES.items():
        for method, body in asked:
            path = "/" + route.replace("<str:account>", "f1")
            more = {"HTTP_IDEMPOTENCY_KEY": str(uuid.uuid4())}
            answer = getattr(client, method)(path, body, format="json", **more)
            found[f"{method} {route}"] = (answer.status_code, answer.content.decode())
    return found


def main() -> None:
    """Print what each actor was answered, as JSON."""
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a guess may be cheap here
    drf_app.settings.PASSWORD_HASHERS = hashers
    drf_app.prepare()
    routes = [str(one.pattern) for one in drf_app.urlpatterns]
    family = drf_app.signed_in("f1")
    no_token = drf_app.APIClient(enforce_csrf_checks=True, HTTP_HOST="bank")
    no_token.force_login(drf_app.User.objects.get(username="f1"))
    key = {"HTTP_IDEMPOTENCY_KEY": str(uuid.uuid4())}

    def post(asked: Any, **more: Any) -> tuple[int, Any]:
        answer = family.post("/transfers", asked, format="json", **{**key, **more})
        return answer.status_code, answer.json()

    told = {
        "routes": routes,
        "known": [route for route in routes if route in ROUTES],
        "stranger": walk(drf_app.APIClient(enforce_csrf_checks=True, HTTP_HOST="bank")),
        "wrong password": walk(drf_app.signed_in("f1", "wrong")),
        "no token": walk(no_token)["post transfers"],
        "twice": [post(VISIT), post(VISIT)],
        "mismatch": post(VISIT | {"hours": "2"}),
        "too much": post(VISIT | {"hours": "20"}, HTTP_IDEMPOTENCY_KEY=str(uuid.uuid4())),
        "float": post(VISIT | {"hours": 1.5}),
        "misspelt": post(VISIT | {"ocurred_on": "2026-03-02"}),
        "deep": family.generic("POST", "/transfers", "[" * 100_000, "application/json").status_code,
        "f1": walk(drf_app.signed_in("f1")),
        "m1": walk(drf_app.signed_in("m1")),
        "carla": walk(drf_app.signed_in("carla")),
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
