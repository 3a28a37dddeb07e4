"""The worked example of docs/peer-messages.md; run as a program, it writes it into the page.

`cd tests && python -m federation.worked_example`
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from federation.sides import exchange, two_sides
from timebank.federation import Message
from timebank.journal.form import canonical
from timebank.journal.offers import digest_of
from timebank.model.agreements import shared_id

PAGE = Path(__file__).parents[2] / "docs" / "peer-messages.md"
BEGIN, END = "<!-- made by tests/federation/worked_example.py -->", "<!-- end -->"


_TOLD = (
    "Isola offers 1:30 hours of its member `m1` for the member `m1` of Bovisa; it is their second "
    "exchange. The body of the offer, and its digest:"
)


def messages() -> tuple[str, str, bytes, bytes]:
    """Return both public keys, an offer, and the answer to it."""
    one, other = two_sides()
    exchange(one, other, id="visit-80")
    sent = one.offers(
        other,
        id="visit-81",
        hours="1:30",
        occurred_on=date(2026, 3, 1),
        category="care",
        note="accompanied to the clinic",
        with_note=True,
    )
    return str(one.key.public), str(other.key.public), sent, other.answers(sent)


def example() -> str:
    """Return the example as the page has it."""
    isola, bovisa, sent, answered = messages()
    body = Message.of(sent).body
    return "\n".join(
        [
            "The public keys:",
            "",
            f"```text\n{isola}\n{bovisa}\n```",
            "",
            _TOLD,
            "",
            f"```text\n{canonical(body).decode()}\n{digest_of(body)}\n```",
            "",
            "The message, one line:",
            "",
            f"```text\n{sent.decode()}\n```",
            "",
            f"Bovisa books it as `{shared_id('isola-1', 'visit-81')}`, and answers:",
            "",
            f"```text\n{answered.decode()}\n```",
        ]
    )


def page() -> str:
    """Return the page with the example as it is to be."""
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{example()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
