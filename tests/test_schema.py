"""JSON against types, arrays against shapes: what fits comes back, what does not is named."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pytest

from zsc.errors import UserError, printable, shorten
from zsc.schema import ArrayKind, MisfitError, as_fields, as_type, check_arrays


@dataclass(frozen=True)
class Inner:
    name: str
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Outer:
    kind: Literal["outer"]
    inner: tuple[Inner, ...]
    share: float | None
    notes: dict[str, Any] = field(default_factory=dict)


GOOD = {"kind": "outer", "inner": [{"name": "a", "sizes": [1, 2]}], "share": 1, "later": "x"}


def test_json_becomes_the_dataclasses_that_it_tells_of() -> None:
    assert as_type(Outer, GOOD) == Outer("outer", (Inner("a", (1, 2)),), 1)
    assert as_type(tuple[int, str], [1, "x"]) == (1, "x")
    assert as_type(dict[str, list[bool]], {"x": [True]}) == {"x": [True]}
    assert as_fields(Outer, GOOD, names=("share",)) == {"share": 1}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "inner"}, "kind is 'inner'"),
        ({"inner": {"name": "a"}}, "inner is {'name': 'a'}"),
        ({"inner": [{"sizes": []}]}, r"inner\[0\] has no 'name'"),
        ({"inner": [{"name": 3}]}, r"inner\[0\].name is 3, not str"),
        ({"inner": [{"name": "a", "sizes": "12"}]}, r"inner\[0\].sizes is '12'"),
        ({"inner": [{"name": "a", "sizes": [True]}]}, r"sizes\[0\] is True, not int"),
        ({"inner": [{"name": "a", "sizes": [1.0]}]}, r"sizes\[0\] is 1.0, not int"),
        ({"inner": [{"name": "a", "sizes": [2**63]}]}, "not int"),
        ({"share": "x"}, "share is 'x', not float | None"),
        ({"share": float("nan")}, "share is nan"),
        ({"share": 10**400}, "share is 10000"),
        ({"notes": []}, r"notes is \[\]"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(change: dict[str, Any], words: str) -> None:
    with pytest.raises(MisfitError, match=words) as caught:
        as_type(Outer, GOOD | change)
    assert len(str(caught.value)) < 200


def test_arrays_have_the_same_size_wherever_a_letter_stands() -> None:
    wanted = {"a": ArrayKind("f", ("E", 2)), "b": ArrayKind("iu", ("E",))}
    a, b = np.zeros((3, 2), np.float32), np.zeros(3, np.uint8)
    check_arrays({"a": a, "b": b}, wanted, {})
    for arrays, words in (
        ({"a": a}, "no array 'b'"),
        ({"a": a, "b": b[:2]}, r"b is \[2\], not \[3\]"),
        ({"a": a[..., :1], "b": b}, r"a is \[3, 1\], not \[3, 2\]"),
        ({"a": a[0], "b": b}, r"a is \[2\], not \[E, 2\]"),
        ({"a": a.astype(int), "b": b}, "a is of int64"),
        ({"a": a + np.nan, "b": b}, "a holds what is no number"),
    ):
        with pytest.raises(MisfitError, match=words):
            check_arrays(arrays, wanted, {})
    with pytest.raises(MisfitError, match=r"not \[4, 2\]"):
        check_arrays({"a": a, "b": b}, wanted, {"E": 4})


def test_an_error_is_one_line_whatever_stands_in_it() -> None:
    odd = "two\nlines \x1b[31m red \ud800 half \u202e turned ü"
    told = str(UserError(odd))
    assert told == r"two\nlines \x1b[31m red \ud800 half \u202e turned ü" == printable(odd)
    assert len(str(UserError("x" * 10**6))) <= 2000
    assert shorten("abcdefghij", 9) == "ab ... ij"
    assert shorten("abcdefghi", 9) == "abcdefghi"
