"""Make and check the fields of a statute: hours, words, whole numbers, shares."""

from __future__ import annotations

import re
from typing import Any, Final

import attrs

from timebank.errors import InvalidStatute, shown
from timebank.hours import Hours
from timebank.model.ids import identifier as checked

#: The most that the numerator and the denominator of a share may be.
MAX_SHARE: Final = 1_000_000
_SHARE: Final = re.compile(r"[0-9]{1,12}(/[0-9]{1,12}|\.[0-9]{1,12})?%?", re.ASCII)


def hours(value: Any) -> Any:
    """Convert anything of which hours can be made; `None` stays."""
    return None if value is None else Hours(value)


def one_of(*words: str) -> Any:
    """Return a validator that accepts one of a few words."""

    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, str) or value not in words:
            msg = f"{field.name} must be one of {', '.join(words)}, not {shown(value)}"
            raise InvalidStatute(msg).about(
                key="field_one_of", field=field.name, given=shown(value), choices=", ".join(words)
            )

    return check


def whole(least: int, most: int) -> Any:
    """Return a validator that accepts a whole number within bounds."""

    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if type(value) is not int or not least <= value <= most:
            msg = f"{field.name} must be a whole number from {least} to {most}, not {shown(value)}"
            raise InvalidStatute(msg).about(
                key="field_whole", field=field.name, least=least, most=most, given=shown(value)
            )

    return check


def positive(_: object, field: attrs.Attribute[Any], value: Hours | None) -> None:
    """Validate hours that are more than zero, where they are given."""
    if value is not None and value.seconds <= 0:
        msg = f"{field.name} must be more than 0:00, not {value}"
        raise InvalidStatute(msg).about(key="field_positive", field=field.name, given=value)


def needed(instance: object, field: attrs.Attribute[Any], value: Hours | None) -> None:
    """Validate hours that are given, and more than zero."""
    given(instance, field, value)
    positive(instance, field, value)


def not_negative(instance: object, field: attrs.Attribute[Any], value: Hours | None) -> None:
    """Validate hours that are given, and zero or more."""
    given(instance, field, value)
    if value is not None and value.seconds < 0:
        msg = f"{field.name} must be 0:00 or more, not {value}"
        raise InvalidStatute(msg).about(key="field_not_negative", field=field.name, given=value)


def given(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """Validate a value that is not left out."""
    if value is None:
        msg = f"{field.name} is missing"
        raise InvalidStatute(msg).about(key="key_missing", name=field.name)


def yes_or_no(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """Validate true or false."""
    if type(value) is not bool:
        msg = f"{field.name} must be true or false, not {shown(value)}"
        raise InvalidStatute(msg).about(key="field_yes_or_no", field=field.name, given=shown(value))


def identifier(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """Validate an id."""
    checked(value, field.name)


def share(value: Any) -> Any:
    """Convert a Fraction, Decimal, int, `"1/10"`, `"0.1"` or `"10%"` into an exact fraction."""
    if value is None:
        return None
    if type(value) is float:
        msg = f"share cannot be a float, which is not exact: write '5%' or '1/20', not {value!r}"
        raise InvalidStatute(msg)
    from decimal import Decimal  # loaded on first use, as what it is for is rare
    from fractions import Fraction

    text = format(value, "f") if type(value) is Decimal and abs(value.adjusted()) < 9 else value  # noqa: PLR2004 - longer than any share
    if type(text) is not Fraction and not _SHARE.fullmatch(str(text)):
        msg = f"share must be a fraction as '1/10', '0.1' or '10%', not {shown(value)}"
        raise InvalidStatute(msg).about(key="share_wrong", given=shown(value))
    try:
        percent = type(text) is str and text.endswith("%")
        result = Fraction(text[:-1]) / 100 if percent else Fraction(text)
    except ZeroDivisionError as error:
        msg = f"share must be a fraction as '1/10', not {shown(value)}"
        raise InvalidStatute(msg).about(key="share_wrong", given=shown(value)) from error
    if not 0 < result <= 1 or result.denominator > MAX_SHARE:
        msg = (
            f"share must be above 0 and at most 1, in whole parts of a million, not {shown(value)}"
        )
        raise InvalidStatute(msg).about(key="share_range", given=shown(value))
    return result
