"""Images on demand: sizes, formats, what is no image, and what is kept."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import Any

import pytest

from monynha.domains.storage.bodies import renderings_folder
from monynha.domains.storage.composition import StorageServices
from monynha.domains.storage.errors import InvalidRequestError
from monynha.domains.storage.http.json_body import Fields
from monynha.domains.storage.http.render import read_transformation
from monynha.domains.storage.rendering import Transformation
from tests.domains.storage.clients import StorageClient, wire_error

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def picture() -> bytes:
    """Return a JPEG of 400 by 200 pixels."""
    import pyvips

    image = pyvips.Image.black(400, 200, bands=3).linear([0, 0, 0], [200, 30, 60]).cast("uchar")
    return bytes(image.jpegsave_buffer())


def size_of(image: bytes) -> tuple[int, int]:
    """Return width and height of an image."""
    import pyvips

    header = pyvips.Image.new_from_buffer(BytesIO(image).getvalue(), "")
    return header.width, header.height


@pytest.fixture
async def public_picture(service: StorageClient, picture: bytes) -> str:
    """Return the path of a picture in a public bucket, which its client declared as text."""
    bucket = await service.create_bucket(public=True)
    await service.put_object(f"{bucket}/a.jpg", picture)
    return f"{bucket}/a.jpg"


@pytest.mark.parametrize(
    ("query", "size", "content_type"),
    [
        ({"width": 100}, (100, 50), "image/jpeg"),
        ({"height": 100}, (200, 100), "image/jpeg"),
        ({"width": 100, "height": 100}, (100, 100), "image/jpeg"),
        ({"width": 100, "height": 100, "resize": "contain"}, (100, 50), "image/jpeg"),
        ({"width": 100, "height": 100, "resize": "fill"}, (100, 100), "image/jpeg"),
        ({"width": 100, "format": "webp"}, (100, 50), "image/webp"),
        ({"width": 5000}, (400, 200), "image/jpeg"),
    ],
)
async def test_picture_has_the_size_and_format_that_are_asked_for(
    anonymous: StorageClient,
    public_picture: str,
    query: dict[str, Any],
    size: tuple[int, int],
    content_type: str,
) -> None:
    response = await anonymous.get(f"/render/image/public/{public_picture}", params=query)

    assert response.status_code == 200, response.text
    assert (size_of(response.content), response.headers["content-type"]) == (size, content_type)


async def test_rendering_is_done_once_and_deleted_with_the_body(
    service: StorageClient, anonymous: StorageClient, public_picture: str, storage: StorageServices
) -> None:
    path = f"/render/image/public/{public_picture}?width=60&height=30&quality=60"
    responses = await asyncio.gather(*[anonymous.get(path) for _ in range(3)])
    version = (await service.get(f"/object/info/{public_picture}")).json()["version"]
    kept = [info async for info in storage.store.list_objects(renderings_folder(version))]
    again = await anonymous.get(path, headers={"if-none-match": responses[0].headers["etag"]})

    await service.request("DELETE", f"/object/{public_picture}")
    await storage.collector.collect()

    assert len({response.content for response in responses}) == 1
    assert responses[0].headers["x-transformations"] == "height:30,width:60,resizing_type:fill,quality:60"
    assert (len(kept), again.status_code) == (1, 304)
    assert [info async for info in storage.store.list_objects(renderings_folder(version))] == []


async def test_signed_rendering_is_what_was_signed(
    bucket: str, service: StorageClient, anonymous: StorageClient, picture: bytes
) -> None:
    await service.put_object(f"{bucket}/a.jpg", picture, headers={"content-type": "image/jpeg"})
    body = {"expiresIn": 60, "transform": {"width": 100}}
    url = (await service.post(f"/object/sign/{bucket}/a.jpg", body)).json()["signedURL"]

    signed = await anonymous.get(f"{url}&width=300")
    authenticated = await service.get(f"/render/image/authenticated/{bucket}/a.jpg?width=50")

    assert (size_of(signed.content), size_of(authenticated.content)) == ((100, 50), (50, 25))
    assert wire_error(await anonymous.get(f"/render/image/public/{bucket}/a.jpg")) == (400, "404", "NoSuchBucket")
    assert wire_error(await anonymous.get(f"/render/image/sign/{bucket}/a.jpg"))[2] == "InvalidSignature"


async def test_best_format_of_those_that_are_accepted(anonymous: StorageClient, public_picture: str) -> None:
    path = f"/render/image/public/{public_picture}?width=20"

    accepted = await anonymous.get(path, headers={"accept": "image/webp,*/*"})
    origin = await anonymous.get(f"{path}&format=origin", headers={"accept": "image/webp,*/*"})

    assert [response.headers["content-type"] for response in (accepted, origin)] == ["image/webp", "image/jpeg"]
    assert accepted.headers["vary"] == "Accept"


async def test_what_is_no_image_is_refused(service: StorageClient, anonymous: StorageClient) -> None:
    bucket = await service.create_bucket(public=True)
    await service.put_object(f"{bucket}/a.png", b"no image", headers={"content-type": "image/png"})

    response = await anonymous.get(f"/render/image/public/{bucket}/a.png?width=5")

    assert wire_error(response) == (400, "400", "InvalidRequest")
    assert response.json()["message"] == "The source image is invalid or unsupported for rendering"


async def test_svg_is_sent_as_it_is_in_a_sandbox(service: StorageClient, anonymous: StorageClient) -> None:
    bucket = await service.create_bucket(public=True)
    await service.put_object(f"{bucket}/a.svg", b"<svg/>", headers={"content-type": "image/svg+xml"})

    response = await anonymous.get(f"/render/image/public/{bucket}/a.svg?width=5")

    assert response.content == b"<svg/>"
    assert "sandbox" in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    "values",
    [
        {"width": "-1"},
        {"width": "wide"},
        {"quality": "10"},
        {"quality": "101"},
        {"resize": "stretch"},
        {"format": "exe"},
        {"gravity": "sm"},
    ],
)
def test_wrong_transformation_is_named(values: dict[str, object]) -> None:
    with pytest.raises(InvalidRequestError) as error:
        read_transformation(Fields(values))

    assert next(iter(values)) in error.value.message


@pytest.mark.parametrize(
    ("values", "expected", "description"),
    [
        ({}, Transformation(), ""),
        ({"width": "0", "height": "9000"}, Transformation(height=2000), "height:2000,resizing_type:fill"),
        ({"width": 1, "format": "avif"}, Transformation(1, format="avif"), "width:1,resizing_type:fill,format:avif"),
    ],
)
def test_transformation_is_described(values: dict[str, object], expected: Transformation, description: str) -> None:
    transformation = read_transformation(Fields(values))

    assert (transformation, transformation.describe()) == (expected, description)


async def test_link_to_a_small_picture_does_not_open_the_whole_one(
    bucket: str, service: StorageClient, anonymous: StorageClient, picture: bytes
) -> None:
    await service.put_object(f"{bucket}/a.jpg", picture, headers={"content-type": "image/jpeg"})
    body = {"expiresIn": 60, "transform": {"width": 100}}
    signed = (await service.post(f"/object/sign/{bucket}/a.jpg", body)).json()["signedURL"]

    small = await anonymous.get(signed)
    whole = await anonymous.get(signed.replace("/render/image/sign/", "/object/sign/"))

    assert size_of(small.content)[0] == 100
    assert wire_error(whole)[2] == "InvalidSignature"
