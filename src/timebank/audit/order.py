"""In which order lines and flags stand: it follows from what was asked, so that it is no choice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from timebank.audit.base import Difference
from timebank.audit.exchanges import Lines
from timebank.audit.record_forms import is_ascending
from timebank.errors import shown
from timebank.model.said import said

#: The order of a record's flags.
_RULES: Final = {"days to record": 0, "largest exchange": 1, "floor": 2, "ceiling": 3}


def order_differences(asked: Lines, own: Lines, fee: Lines) -> Iterator[Difference]:
    """Yield where lines and fee stand in another order than what was asked, or twice.

    Whoever was not asked at all is told elsewhere.
    """
    order = [(account, seconds > 0) for account, seconds in asked]
    found = [(account, seconds > 0) for account, seconds in own]
    if set(found) <= set(order) and found != [line for line in order if line in set(found)]:
        yield said("lines_in_the_order_asked"), shown(own)
    payers = [account for account, _ in fee[1:]]
    sides = [[account for account, earns in order if earns is side] for side in (False, True)]
    in_order = any(payers == [one for one in side if one in set(payers)] for side in sides)
    is_known = set(payers) <= {account for account, _ in order}
    if fee and is_known and (fee[0][1] < 0 or not in_order):
        yield said("fund_then_payers_in_order"), shown(fee)


def flag_differences(flags: list[dict[str, Any]], *, checked: bool) -> Iterator[Difference]:
    """Yield flags in another order, twice, or where nothing was checked."""
    places = [(_RULES.get(flag["rule"], 4), flag.get("account", "")) for flag in flags]
    if not is_ascending(places):
        yield said("flags_by_rule_and_account_each_once"), shown(flags)
    if not checked:
        yield said("no_flag_for_nothing_was_checked"), shown(flags)
