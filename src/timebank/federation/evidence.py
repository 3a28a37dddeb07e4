"""Evidence that a bank signed two offers of one id: a text that anybody with its keys can check.

It is one line of canonical JSON, with both offers as they were signed. That a bank's *journal* was
rewritten is proved by a file of another form: see `timebank.proof.Evidence`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from timebank.errors import Corrupt
from timebank.federation.forms import MessageRefused, check_body, is_signed
from timebank.federation.messages import signer
from timebank.journal.form import canonical, parse
from timebank.journal.offers import Signed, digest_of, offered
from timebank.proof.errors import NotProved
from timebank.proof.keys import PublicKey

FORMAT: Final = "timebank-evidence-offers/1"


def two_offers(first: Signed, second: Signed) -> str | None:
    """Return the evidence of two signed offers; `None` where one of them is not signed."""
    if not ("signature" in first and "signature" in second):
        return None
    found = {"format": FORMAT, "offers": [dict(first), dict(second)]}
    return f"{canonical(found).decode()}\n"


@attrs.frozen
class OfferEvidence:
    """Two offers of one id and of different contents, both signed by the bank that made them."""

    first: Mapping[str, Any]
    second: Mapping[str, Any]

    @classmethod
    def of(cls, text: str | bytes) -> OfferEvidence:
        """Return the evidence of a file. What it proves is not checked by that: see `checked`.

        :raises MessageRefused: it is none.
        """
        data = text.encode() if isinstance(text, str) else text
        try:
            value = parse(data.removesuffix(b"\n"))
            offers = value["offers"]
            is_right = value == {"format": FORMAT, "offers": offers} and len(offers) == 2  # noqa: PLR2004 - as the form says
            if not is_right or not all(map(is_signed, offers)):
                raise _unlike()
            for one in offers:
                check_body(one["body"])
                if one["body"]["kind"] not in {"offer", "cancel"}:
                    raise _unlike()
        except (Corrupt, KeyError, TypeError) as error:
            raise _unlike() from error
        return cls(*offers)

    def checked(self, keys: Iterable[PublicKey]) -> None:
        """Check that it holds, by the public keys that the bank had.

        :raises NotProved: it does not.
        """
        known = tuple(keys)
        one, other = offered(self.first), offered(self.second)
        is_same = [one[field] == other[field] for field in ("from", "id")]
        origin = f"timebank/{one['from']}"
        own = [key for key in known if key.name == origin]
        signed = [
            signer(each["body"], each["signature"], own) for each in (self.first, self.second)
        ]
        if not all(is_same) or digest_of(one) == digest_of(other) or None in signed:
            msg = "the evidence does not hold: it has no two offers of one id, signed by one bank"
            raise NotProved(msg).about(key="offers_evidence_holds_not")

    def __str__(self) -> str:
        return two_offers(self.first, self.second) or ""


def _unlike() -> Exception:
    msg = f"this is no evidence in the form {FORMAT}"
    return MessageRefused(msg).about(key="offers_evidence_unlike")
