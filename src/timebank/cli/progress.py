"""Show on standard error how far long work is."""

from __future__ import annotations

import sys
import time
from typing import Final, Self

from timebank.cli.output import write_progress
from timebank.cli.program import number, said

_PERCENT: Final = 100
_CLEAR: Final = "\r\x1b[K"


class Progress:
    """Show how far long work is: on a terminal one line, which is written over and taken away.

    Elsewhere nothing is shown or, if `forced`, a line each time. `counted` names what is counted
    ("records"), to be shown beside the share; `left` shows the time that is left.
    """

    # click.progressbar shows only its label where no terminal is, where `copy --progress` is to
    # show lines, and it leaves its bar behind on a terminal.

    def __init__(
        self, label: str, *, counted: str | None = None, left: bool = False, forced: bool = False
    ) -> None:
        self.label = label
        self._counted = counted
        self._left = left
        self._is_terminal = sys.stderr.isatty()
        self._is_shown = forced or self._is_terminal
        self._shown = ""
        self._begun: tuple[float, int] | None = None

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` is done."""
        if not self._is_shown or not (total or self._counted):
            return  # of nothing there is no share
        line = self._line(done, total)
        if line != self._shown:
            self._shown = line
            write_progress(f"{_CLEAR}{line}" if self._is_terminal else f"{line}\n")

    def _line(self, done: int, total: int) -> str:
        share = min(_PERCENT * done // total, _PERCENT) if total else _PERCENT
        count = ""
        if self._counted is not None:
            numbers = {"done": number(done), "total": number(total)}
            count = said("progress_count", **numbers, counted=self._counted)
        left = self._time_left(done, total)
        return said("progress", label=self.label, count=count, share=share, left=left)

    def _time_left(self, done: int, total: int) -> str:
        """Return the time that is left at the pace of this run, where it is known."""
        if not self._left:
            return ""
        now = time.monotonic()
        if self._begun is None:
            self._begun = now, done  # what was done before this run says nothing of its pace
        begun_at, begun = self._begun
        if not begun < done < total:
            return ""
        left = lasting((now - begun_at) / (done - begun) * (total - done))
        return said("progress_left", time=left)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Take the line away from a terminal, so that what follows begins on a clean one."""
        if self._is_terminal and self._shown:
            write_progress(_CLEAR)


def lasting(seconds: float) -> str:
    """Return a time as people say it, to the second or the minute, rounded up.

    >>> from timebank.cli.progress import lasting
    >>> lasting(0.2), lasting(61), lasting(7260)
    ('1 s', '2 min', '2 h 1 min')
    """
    whole = max(1, -int(-seconds // 1))
    if whole <= 60:  # noqa: PLR2004 - seconds in a minute
        return f"{whole} s"
    minutes = -(-whole // 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
