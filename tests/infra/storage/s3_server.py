"""An S3 server for tests: moto, in a thread."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from moto.server import ThreadedMotoServer


@contextmanager
def run_s3_server() -> Iterator[str]:
    """Run the server; yield the STORAGE_URL of a bucket, with `{prefix}` for a folder in it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        httpx.put(f"{endpoint}/files").raise_for_status()
        yield f"s3://key:secret@files/{{prefix}}?region=us-east-1&endpoint={endpoint}"
    finally:
        server.stop()
