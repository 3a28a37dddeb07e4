"""The structurer of statutes and mappings: what is refused, and how it is told."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from timebank import InvalidRequest, InvalidStatute
from timebank.structure import Key, Structurer, Table, Tables, TablesByName, Value


def small(value: Any) -> int:
    """A number from 0 to 9."""
    if type(value) is not int or not 0 <= value <= 9:
        msg = f"a figure, not {value!r}"
        raise InvalidRequest(msg)
    return value


def is_even(_: object, field: attrs.Attribute[Any], value: int) -> None:
    """A validator of the class itself."""
    if value % 2:
        msg = f"{field.name} must be even, not {value}"
        raise InvalidRequest(msg)


def key(of: Key) -> dict[str, Key]:
    """The metadata of a field."""
    return {"key": of}


@attrs.frozen
class Leaf:
    """A class with a value that is needed, and one that is taken as it is."""

    figure: int = attrs.field(metadata=key(Value(small)), validator=is_even)
    word: Any = "none"


@attrs.frozen
class Tree:
    """A class with every kind of key."""

    leaf: Leaf | None = attrs.field(default=None, metadata=key(Table(Leaf)))
    leaves: tuple[Leaf, ...] = attrs.field(default=(), metadata=key(Tables(Leaf, "many leaves")))
    named: dict[str, list[Leaf]] = attrs.field(
        factory=dict, metadata=key(TablesByName("boughs", Tables(Leaf, "leaves")))
    )
    made: int = attrs.field(init=False, default=0)


BY_METADATA: dict[str, Any] = {"key": lambda field: field.metadata.get("key"), "table": "a table"}
STRICT = Structurer(**BY_METADATA, root="tree", first=1, error=InvalidStatute)


def test_every_kind_of_key_is_read() -> None:
    """And a null stands for a table that is left out."""
    data = {"leaf": None, "leaves": [{"figure": 2}], "named": {"a": [{"figure": 4, "word": [1]}]}}
    assert Tree(None, (Leaf(2),), {"a": [Leaf(4, [1])]}) == STRICT.make(Tree, data)
    assert Tree() == STRICT.make(Tree, {})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "tree: a table, not []"),
        ({"laef": 1}, "tree: the key 'laef' is not known; there are leaf, leaves, named"),
        ({"made": 1}, "tree: the key 'made' is not known; there are leaf, leaves, named"),
        ({"leaf": 1}, "leaf: a table, not 1"),
        ({"leaf": {}}, "leaf: the key 'figure' is missing"),
        ({"leaf": {"figure": "2"}}, "leaf.figure: a figure, not '2'"),
        ({"leaf": {"figure": 3}}, "leaf: figure must be even, not 3"),
        ({"leaf": {"figure": 3, "wrod": 1}}, "leaf: the key 'wrod' is not known; there are figure"),
        ({"leaves": {}}, "leaves: many leaves, not {}"),
        ({"leaves": [{"figure": 2}, 7]}, "leaves[2]: a table, not 7"),
        ({"named": []}, "named: boughs, not []"),
        ({"named": {"a": 1}}, "named.a: leaves, not 1"),
        ({"named": {"a": [{"figure": 10}]}}, "named.a[1].figure: a figure, not 10"),
        ({"leaves": 1, "leaf": 2}, "leaves: many leaves, not 1"),
    ],
)
def test_what_is_refused_is_told_with_its_path(data: Any, message: str) -> None:
    """The key, the value, what it should be; of several the first that stands there."""
    with pytest.raises(InvalidStatute) as caught:
        STRICT.make(Tree, data)
    assert str(caught.value).startswith(message)


def test_without_a_root_no_path_stands_before_its_keys() -> None:
    """Elements are counted from zero, and the error is the general one."""
    plain = Structurer(**BY_METADATA)
    with pytest.raises(InvalidRequest, match=r"^the key 'x' is not known") as caught:
        plain.make(Tree, {"x": 1})
    assert type(caught.value) is InvalidRequest
    with pytest.raises(InvalidRequest, match=r"^leaves\[0\]: a table, not 7"):
        plain.make(Tree, {"leaves": [7]})
