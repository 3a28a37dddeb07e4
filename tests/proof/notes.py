"""What tests of notes draw: names, texts, keys, notes that were changed by a few bytes."""

from __future__ import annotations

from hypothesis import strategies as st

from timebank.proof import Note, PublicKey, SigningKey

#: Characters of names and lines: what is seldom, and what looks like a part of a note.
CHARACTERS = st.sampled_from("aZ0.-/+= \u2014\u00a0\u2003\u2028\u3000\x85\u200bèä\U0001f409") | (
    st.characters(exclude_categories=["Cs", "Cc"])
)
NAMES = st.text(CHARACTERS, min_size=1, max_size=12).filter(
    lambda name: not any(one.isspace() or one == "+" for one in name)
)
LINES = st.text(CHARACTERS, max_size=20) | st.sampled_from(["", "\u2014 w AAAAAHNpZ25lZA=="])
TEXTS = st.lists(LINES, min_size=1, max_size=5).map(lambda lines: "\n".join(lines) + "\n")
SEEDS = st.binary(min_size=32, max_size=32)
KEYS = st.builds(SigningKey, NAMES, st.just("ed25519"), SEEDS)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[bytes, list[PublicKey]]:
    """A note that was changed by a few bytes, or by none, and public keys, of its or others."""
    keys = draw(st.lists(KEYS, min_size=1, max_size=3, unique_by=str))
    text = draw(TEXTS)
    note = Note(text).signed_by(*(one.sign(text) for one in keys[: draw(st.integers(1, 3))]))
    data = bytearray(str(note).encode())
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(data) - 1))
        data[place : place + draw(st.integers(0, 2))] = draw(
            st.sampled_from(
                [b"", b"\n", b"\n\n", b" ", b"+", b"=", b"A", b"\r", "\u2014 ".encode()]
            )
            | st.binary(max_size=2)
        )
    return bytes(data), [one.public for one in keys]
