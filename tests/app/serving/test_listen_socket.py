"""The port that was bound, and the URL that follows from it."""

from __future__ import annotations

import pytest

from monynha.app.serving.listen_socket import open_listeners, with_bound_port
from monynha.core.settings.settings import Settings

pytestmark = pytest.mark.anyio


async def bind(**environ: str) -> tuple[Settings, int]:
    """Return the settings after the port was bound, and that port."""
    settings = Settings.read(environ)
    listeners = await open_listeners(settings)
    try:
        return with_bound_port(settings, listeners[0]), listeners[-1].getsockname()[1]
    finally:
        for listener in listeners:
            listener.close()


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1", "http://127.0.0.1"),
        ("0.0.0.0", "http://127.0.0.1"),
        ("localhost", "http://localhost"),
    ],
)
async def test_site_url_has_the_free_port_that_was_bound(host: str, origin: str, workers: str) -> None:
    settings, port = await bind(MONYNHA_HOST=host, MONYNHA_PORT="0", MONYNHA_WORKERS=workers)

    assert port > 0
    assert (port, f"{origin}:{port}") == (settings.port, settings.site_url)


@pytest.mark.parametrize("address", ["https://example.org", "http://127.0.0.1:8000"])
async def test_site_url_that_is_set_stays(address: str) -> None:
    settings, port = await bind(SITE_URL=address, MONYNHA_PORT="0")

    assert (port, address) == (settings.port, settings.site_url)
