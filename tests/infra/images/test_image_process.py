"""The image process answers a line with a line, and limits itself first."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import orjson
import pytest

from monynha.infra.images.image_process import serve
from monynha.infra.images.operations import (
    EncodedImage,
    ImageLimits,
    ImageRefusedError,
    RenderOperation,
    TransformOperation,
    decode_result,
    encode_operation,
)
from tests.infra.images.samples import write_photo


def test_each_request_is_answered_in_its_turn(tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "photo.jpg", 80, 40)
    requests = [
        encode_operation(TransformOperation(str(photo), str(tmp_path / "out"), width=20)),
        encode_operation(RenderOperation(str(tmp_path / "missing"), str(tmp_path))),
        encode_operation(TransformOperation(str(photo), str(tmp_path / "out"), width=10)),
    ]
    answers = BytesIO()

    serve(requests, answers, ImageLimits())

    first, refusal, last = answers.getvalue().splitlines()
    assert [decode_result(answer, EncodedImage).width for answer in (first, last)] == [20, 10]
    with pytest.raises(ImageRefusedError):
        decode_result(refusal, EncodedImage)


def test_the_process_ends_with_its_input_and_prints_nothing_but_answers(tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "photo.jpg", 80, 40)
    request = encode_operation(TransformOperation(str(photo), str(tmp_path / "out"), width=20))
    command = [sys.executable, "-m", "monynha.infra.images.image_process", orjson.dumps(asdict(ImageLimits())).decode()]

    finished = subprocess.run(command, input=request * 2, capture_output=True, check=True, timeout=60)

    assert finished.stdout.count(b"\n") == 2
    assert decode_result(finished.stdout.splitlines()[0], EncodedImage).height == 10
