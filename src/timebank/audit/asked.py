"""Whether the effects of a record are what was asked: what is set, how much moves back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from timebank.audit.exchanges import exchanged
from timebank.errors import shown

#: Kind → the status that it leads to.
_STATUS: Final = {
    "freeze": "frozen",
    "thaw": "open",
    "close_account": "closed",
    "reopen": "open",
}
_ACCOUNTS: Final = frozenset({"open_account", "set_limits", "rename", *_STATUS})


def differences(
    kind: str, request: dict[str, Any], effects: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """What the request asks for and what the effects say, where the two differ."""
    if kind == "reverse":
        own = exchanged(effects["postings"], effects.get("fee", []))
        moved = sum(seconds for _, seconds in own if seconds > 0)
        if request.get("hours", moved) != moved:
            yield f"{request['hours']} seconds reversed", f"{moved} seconds"
    elif kind in _ACCOUNTS:
        yield from _account(kind, request, effects)
    elif kind in {"name_delegate", "end_delegate"}:
        yield from _delegate(request, effects)
    day = request.get("occurred_on") if kind in {"transfer", "reverse"} else None
    if day is not None and effects["occurred_on"] != day:
        yield f"occurred_on {shown(day)}", shown(effects["occurred_on"])


def _delegate(request: dict[str, Any], effects: dict[str, Any]) -> Iterator[tuple[str, str]]:
    asked = {field: request.get(field) for field in ("account", "delegate", "until")}
    found = {field: effects.get(field) for field in asked}
    if found != asked:
        yield f"effects {shown(asked)}", shown(found)


def _account(
    kind: str, request: dict[str, Any], effects: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    sets = effects["sets"]
    if effects["account"] != request["account"]:
        yield f"account {shown(request['account'])}", shown(effects["account"])
    if kind == "set_limits":
        asked = {"floor": sets.get("floor"), "ceiling": sets.get("ceiling")}
        asked |= {field: request[field] for field in asked if field in request}
    elif kind == "rename":
        asked = {"named": "name" in request}
    elif kind == "open_account":
        asked = {
            "kind": request["kind"],
            "status": "open",
            "joined_on": request.get("joined_on"),
            "floor": request.get("floor", "inherit"),
            "ceiling": request.get("ceiling", "inherit"),
            "named": "name" in request,
        }
    else:
        asked = {"status": _STATUS[kind]}
    if sets != asked:
        yield f"sets {shown(asked)}", shown(sets)
