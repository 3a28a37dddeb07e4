"""What a sheet does not show, and has to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


@attrs.frozen
class Doubt:
    """A question: `code` names its words in the table `propose`, `values` fill their gaps.

    `key` is the key of the mapping that answers it, and `choices` what it may say: value → the code
    of the words that explain it. Without choices any value may be given; without a key nothing in
    a mapping can answer it.
    """

    code: str
    values: Mapping[str, str] = _NONE
    key: str | None = None
    choices: Mapping[str, str] = _NONE
