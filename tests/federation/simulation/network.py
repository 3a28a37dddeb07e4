"""What is between the servers: it loses, doubles, delays, reorders, changes and replays."""

from __future__ import annotations

from collections import Counter
from random import Random

import attrs


@attrs.frozen
class Message:
    """Bytes on their way to a server, by its number."""

    to: int
    data: bytes
    #: With which of its keys the sender signed it; 0, where it is not what was sent.
    key: int


class Network:
    """Messages on their way, and all that ever were."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self.waiting: list[Message] = []
        self.sent: list[Message] = []
        self.figures: Counter[str] = Counter()

    def send(self, to: int, data: bytes, *, key: int) -> None:
        """Take a message."""
        self.figures["sent"] += 1
        message = Message(to, data, key)
        self.waiting.append(message)
        self.sent.append(message)

    def take(self) -> Message | None:
        """Return any message that waits, in any order; it may come again."""
        if not self.waiting:
            return None
        at = self._chance.randrange(len(self.waiting))
        if self._chance.random() < 0.1:
            self.figures["doubled"] += 1
            return self.waiting[at]
        return self.waiting.pop(at)

    def lose(self) -> None:
        """Lose any message that waits."""
        if self.waiting:
            self.figures["lost"] += 1
            self.waiting.pop(self._chance.randrange(len(self.waiting)))

    def replay(self) -> None:
        """Bring in again what was sent at any time."""
        if self.sent:
            self.figures["replayed"] += 1
            self.waiting.append(self._chance.choice(self.sent))

    def corrupt(self, servers: int) -> None:
        """Change what waits: a bit, its end, or a part that is another's; or whom it goes to."""
        if not self.waiting:
            return
        self.figures["corrupted"] += 1
        at = self._chance.randrange(len(self.waiting))
        message = self.waiting[at]
        if self._chance.random() < 0.2:
            self.waiting[at] = attrs.evolve(message, to=self._chance.randrange(servers), key=0)
        else:
            self.waiting[at] = attrs.evolve(message, data=self._changed(message.data), key=0)

    def _changed(self, data: bytes) -> bytes:
        if not data:  # all of it was cut off before
            return data
        at = self._chance.randrange(len(data))
        match self._chance.randrange(4):
            case 0:
                return (
                    data[:at] + bytes([data[at] ^ 1 << self._chance.randrange(8)]) + data[at + 1 :]
                )
            case 1:
                return data[:at]
            case 2:
                other = self._chance.choice(self.sent).data
                return data[:at] + other[at:]
            case _:
                return data[:at] + data[at : at + 9] + data[at:]
