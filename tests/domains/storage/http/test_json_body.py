"""Fields of JSON bodies: wrong types are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from monynha.domains.storage.errors import InvalidRequestError
from monynha.domains.storage.http.json_body import Fields


def test_fields_have_their_types() -> None:
    fields = Fields(
        {
            "text": "a",
            "flag": True,
            "number": 5,
            "digits": "60",
            "whole": 3.0,
            "word": "asc",
            "inner": {"a": "b"},
            "texts": ["a", {"path": "b"}],
            "nothing": None,
        }
    )

    assert (fields.text("text"), fields.text("nothing", "x"), fields.text("missing", "y")) == ("a", "x", "y")
    assert (fields.boolean("flag"), fields.boolean("missing")) == (True, None)
    assert [fields.integer(name, None, 1, 100) for name in ("number", "digits", "whole")] == [5, 60, 3]
    assert fields.integer("missing", 7, 1, 100) == 7
    assert fields.choice("word", ("asc", "desc"), "desc") == "asc"
    assert fields.choice("missing", ("asc", "desc"), "desc") == "desc"
    assert (fields.object("inner").text("a"), dict(fields.object("missing").values)) == ("b", {})
    assert fields.texts("texts", 2) == ["a", "b"]
    assert ("nothing" in fields, "missing" in fields) == (True, False)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (1, lambda fields: fields.text("field")),
        ("\x00", lambda fields: fields.text("field")),
        (None, lambda fields: fields.text("field")),
        ("yes", lambda fields: fields.boolean("field")),
        (True, lambda fields: fields.integer("field", 1, 0, 9)),
        ("ten", lambda fields: fields.integer("field", 1, 0, 9)),
        (1.5, lambda fields: fields.integer("field", 1, 0, 9)),
        (10, lambda fields: fields.integer("field", 1, 0, 9)),
        (None, lambda fields: fields.integer("field", None, 0, 9)),
        ("up", lambda fields: fields.choice("field", ("asc", "desc"), "asc")),
        ([], lambda fields: fields.object("field")),
        ([1], lambda fields: fields.texts("field", 2)),
        (["a"] * 3, lambda fields: fields.texts("field", 2)),
        ([], lambda fields: fields.texts("field", 2)),
    ],
    ids=range(14),
)
def test_wrong_field_is_named(value: Any, read: Callable[[Fields], object]) -> None:
    with pytest.raises(InvalidRequestError) as error:
        read(Fields({"field": value}))

    assert "field" in error.value.message
