"""The options of curl that the README uses, for machines without curl: `curl_stand_in.py [options] URL`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import httpx


def main() -> None:
    """Send one request as curl would, and print the body of the response."""
    parser = argparse.ArgumentParser(prog="curl")
    parser.add_argument("url")
    parser.add_argument("-s", "--silent", action="store_true")
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("-H", "--header", action="append", default=[])
    parser.add_argument("-d", "--data")
    options = parser.parse_args()
    headers = dict(header.split(": ", 1) for header in options.header)
    method = "GET" if options.data is None else "POST"
    response = httpx.request(method, options.url, headers=headers, content=options.data, timeout=20)
    if options.output:
        options.output.write_bytes(response.content)
    else:
        sys.stdout.buffer.write(response.content)


if __name__ == "__main__":
    main()
