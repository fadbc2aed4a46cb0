"""Payloads: what is dumped is parsed again, and what does not fit its type is refused by the key's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import orjson
import pytest

from monynha.infra.queue.payload import PayloadError, dump_payload, parse_payload


class Size(StrEnum):
    SMALL = "small"


@dataclass(frozen=True)
class Step:
    width_px: int
    size: Size = Size.SMALL


@dataclass(frozen=True)
class Everything:
    file_id: UUID
    name: str
    steps: tuple[Step, ...]
    ratio: float
    is_last: bool
    note: str | None
    data: Mapping[str, object]
    counts: dict[str, int] | None = None


ID = UUID(int=7)
PAYLOAD = Everything(ID, "a", (Step(1), Step(2)), 0.5, True, None, {"any": [1, {"thing": None}]}, {"x": 1})
DOCUMENT = orjson.loads(dump_payload(PAYLOAD))


def test_a_payload_is_an_object_with_camel_case_keys_and_is_parsed_again() -> None:
    assert {
        "fileId": str(ID),
        "name": "a",
        "steps": [{"widthPx": 1, "size": "small"}, {"widthPx": 2, "size": "small"}],
        "ratio": 0.5,
        "isLast": True,
        "note": None,
        "data": {"any": [1, {"thing": None}]},
        "counts": {"x": 1},
    } == DOCUMENT
    assert parse_payload(Everything, DOCUMENT) == PAYLOAD


def test_a_key_with_a_default_may_be_missing() -> None:
    document = {name: value for name, value in DOCUMENT.items() if name != "counts"}

    assert parse_payload(Everything, document).counts is None
    assert parse_payload(Step, {"widthPx": 3}) == Step(3)
    assert parse_payload(Everything, DOCUMENT | {"ratio": 1}).ratio == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fileId": "no"}, "payload.fileId has the wrong type"),
        ({"name": 1}, "payload.name has the wrong type"),
        ({"name": None}, "payload.name has the wrong type"),
        ({"isLast": 1}, "payload.isLast has the wrong type"),
        ({"steps": [{}]}, "payload.steps[0].widthPx is missing"),
        ({"steps": [{"widthPx": True}]}, "payload.steps[0].widthPx has the wrong type"),
        ({"steps": [{"widthPx": 1, "size": "huge"}]}, "payload.steps[0].size is not a known choice"),
        ({"steps": {}}, "payload.steps has the wrong type"),
        ({"counts": {"x": "1"}}, "payload.counts has the wrong type"),
        ({"secret": "s3cret"}, "payload.secret is unknown"),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_by_its_key(change: dict[str, object], message: str) -> None:
    with pytest.raises(PayloadError) as error:
        parse_payload(Everything, DOCUMENT | change)

    assert str(error.value) == message


def test_a_payload_of_any_json_is_kept() -> None:
    assert parse_payload(object, {"any": 1}) == {"any": 1}
    assert parse_payload(dict, {"any": 1}) == {"any": 1}
