"""Records: built like dataclasses, compared by content, never changed."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import pytest

from trio_supervisor.record import Record

if TYPE_CHECKING:
    from typing import ClassVar


class Point(Record):
    x: int
    y: int = 7


class Point3(Point):
    z: int = 9


class Login(Record):
    name: str
    password: str = ""

    HIDDEN: ClassVar[frozenset[str]] = frozenset({"password"})


def test_fields_are_taken_in_the_order_of_their_declaration() -> None:
    point = Point(1, 2)

    assert (point.x, point.y) == (1, 2)


def test_a_field_left_out_takes_its_default() -> None:
    assert Point(1).y == 7


def test_a_subclass_appends_its_fields() -> None:
    assert Point3.FIELDS == ("x", "y", "z")
    assert Point3(1) == Point3(1, 7, 9)


def test_a_class_variable_is_no_field() -> None:
    assert Login.FIELDS == ("name", "password")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        pytest.param((), {}, id="missing"),
        pytest.param((1, 2, 3), {}, id="surplus"),
        pytest.param((1,), {"z": 2}, id="unknown"),
        pytest.param((), {"y": 1, "z": 2}, id="unknown for a missing one"),
        pytest.param((1,), {"x": 2}, id="twice"),
    ],
)
def test_a_wrong_set_of_fields_is_refused(values: tuple[int, ...], named: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="Point takes the fields x, y"):
        Point(*values, **named)


def test_records_are_equal_when_class_and_content_are() -> None:
    assert Point(1, 2) == Point(1, 2)
    assert Point(1, 2) != Point(1, 3)
    assert Point(1) != Point3(1)


def test_equal_records_have_one_hash() -> None:
    assert len({Point(1, 2), Point(x=1, y=2), Point(1, 3)}) == 2


def test_a_record_cannot_be_changed() -> None:
    point = Point(1)

    with pytest.raises(AttributeError, match=r"Point is frozen: use replace\(x=…\)"):
        point.x = 2  # type: ignore[misc]  # that is what is tested
    assert point == Point(1)


def test_replace_changes_a_copy() -> None:
    point = Point(1)

    assert point.replace(x=5) == Point(5)
    assert point == Point(1)


def test_replace_knows_the_fields() -> None:
    with pytest.raises(TypeError, match="Point takes the fields x, y"):
        Point(1).replace(z=5)


def test_build_takes_what_it_is_given() -> None:
    assert Point.build({"x": 1, "y": 2}) == Point(1, 2)


def test_match_reads_fields_in_order() -> None:
    point = Point(1, 2)

    match point:
        case Point(1, y):
            assert y == 2
        case _:
            pytest.fail("it did not match")


def test_the_repr_names_the_fields() -> None:
    assert repr(Point(1)) == "Point(x=1, y=7)"


def test_the_repr_leaves_hidden_fields_out() -> None:
    assert repr(Login("amy", "secret")) == "Login(name='amy')"


def test_records_are_copied_and_pickled_by_content() -> None:
    point = Point3(1, 2, 3)

    assert copy.copy(point) == copy.deepcopy(point) == point
    assert pickle.loads(pickle.dumps(point)) == point
