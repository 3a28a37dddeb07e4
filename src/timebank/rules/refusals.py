"""Using up an id that moves nothing: an offer that is refused, for ever."""

from __future__ import annotations

from typing import Any

import attrs

from timebank import checks
from timebank.journal.kinds import RefuseEffects, RefuseRequest
from timebank.journal.offers import Signed, offered
from timebank.model.agreements import Refusal, SeenHead, account_of, shared_id
from timebank.rules.agreements import agreed
from timebank.rules.state import Command, Draft, State, texts_of


@attrs.frozen
class Refuse(Command[RefuseRequest, Refusal]):
    """Refuse an offer; `seen` is the head of the other bank that came with it."""

    kind = "refuse"
    seen: SeenHead | None = attrs.field(default=None, kw_only=True)

    @property
    def action(self) -> str:
        """Return the name of the call: whoever answers may refuse."""
        return "answer"

    @property
    def agreed(self) -> str:
        """Return the account of the agreement."""
        return self.accounts[0]

    @classmethod
    def of(
        cls, signed: Signed, *, code: object, reason: object = None, seen: SeenHead | None = None
    ) -> Refuse:
        """Make it from an offer, or from what takes one back, as it was signed."""
        body = offered(signed)
        request: RefuseRequest = {
            "id": shared_id(body["from"], body["id"]),
            "code": checks.label(code, "code"),
            "offer": dict(signed),
        }
        account = account_of(body["from"])
        return cls(request, texts_of(reason=reason), (account,), request["id"], seen=seen)


def refuse(state: State, command: Refuse, now: int) -> Draft:
    """Use up the id. Nothing hinders it, but that there never was an agreement.

    :raises NotAgreed: there never was one.
    """
    agreement = state.agreement
    if agreement is None:
        agreement = agreed(state, offered(command.request["offer"])["from"])
    effects: RefuseEffects = {"terms": agreement.terms}
    seen = command.seen or agreement.seen
    if seen is not None:
        effects["seen"] = seen.to_json()
    return Draft(effects)


def code_of(error: Exception) -> str:
    """Return the word by which a refusal of a call is told to another bank.

    >>> from timebank.errors import AccountNotFound
    >>> from timebank.rules.refusals import code_of
    >>> code_of(AccountNotFound("m9"))
    'account_not_found'
    """
    code: Any = getattr(error, "code", None)
    if isinstance(code, str):
        return code
    name = type(error).__name__
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
