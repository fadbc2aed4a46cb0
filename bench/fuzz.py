"""Send a hundred thousand random requests to all endpoints: none may fail with a 5xx.

Usage: `python -m bench.fuzz URL TOKENS`, where TOKENS is a file with one access token a line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from urllib.parse import quote, urlsplit

from monynha.app.composition.catalog import CATALOG
from monynha.engine.schema.resource import Resource
from monynha.protocols.rest.resource_routes import API_PREFIX, resource_routes

# fmt: off
ODD_STRINGS = [
    "", "0", "-1", "1e999", "null", "true", "[]", "{}", "'", '"', "\\", "%", "_", "\x00", "\ud800", "\u202e",
    "é" * 300, "a" * 5000, "2026-01-31T09:00:00Z", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59.999999-23:59",
    "me", "../..", "00000000-0000-4000-8000-000000000001", "00000000-0000-0000-0000-000000000000",
    "' or 1=1 --", "createdAt", "-name", "18446744073709551616", "NaN", "🙂",
    "owner.ownedProjects.members.user.memberships.project.tasks.assignee",
]
# fmt: on
SCALARS = [None, True, False, 0, -1, 2**53, 2**70, 1e308, "", "x", *ODD_STRINGS]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class RequestFuzzer:
    """Generates requests from a seed."""

    def __init__(self, seed: int, tokens: list[str]) -> None:
        self.rng = random.Random(seed)
        self.tokens = tokens
        self.routes = [*resource_routes(CATALOG)]

    def request(self) -> bytes:
        """Return the bytes of an HTTP request."""
        rng = self.rng
        route = rng.choice(self.routes)
        method = route.method if rng.random() < 0.8 else rng.choice(METHODS)
        path = API_PREFIX + "/".join(
            quote(self._random_id(), safe="") if word.startswith("{") else word for word in route.path.split("/")
        )
        query = self._query(route.resource)
        head = [f"{method} {path}{query} HTTP/1.1", "host: fuzz", *self._headers()]
        body = self._body(route.resource) if method in ("POST", "PUT", "PATCH") else b""
        head.append(f"content-length: {len(body)}")
        return "\r\n".join(head).encode("latin-1", "replace") + b"\r\n\r\n" + body

    def _random_id(self) -> str:
        kind = self.rng.choice(("8000", "a000", "b000"))
        existing = f"00000000-0000-4000-{kind}-{self.rng.randint(1, 50):012x}"
        return existing if self.rng.random() < 0.8 else self._odd_string()

    def _odd_string(self) -> str:
        return self.rng.choice(ODD_STRINGS).encode("utf-8", "replace").decode()

    def _query(self, resource: Resource) -> str:
        names = [
            "limit",
            "cursor",
            "sort",
            "count",
            "include",
            "fields",
            "x",
            *(filter.name for filter in resource.filters),
        ]
        chosen = self.rng.sample(names, self.rng.choice((0, 0, 1, 2, 3)))
        pairs = [f"{name}={quote(self._value(name, resource), safe='')}" for name in chosen]
        return "?" + "&".join(pairs) if pairs else ""

    def _value(self, name: str, resource: Resource) -> str:
        valid_values = {
            "limit": ["1", "20", "100"],
            "sort": [*resource.sorts, *(f"-{sort}" for sort in resource.sorts)],
            "count": ["exact"],
            "include": list(CATALOG.relations_of(resource)),
            "fields": list(resource.fields),
        }.get(name)
        return self.rng.choice(valid_values) if valid_values and self.rng.random() < 0.7 else self._odd_string()

    def _headers(self) -> list[str]:
        rng = self.rng
        headers = []
        if rng.random() < 0.95:
            token = rng.choice(self.tokens) if rng.random() < 0.97 else rng.choice(self.tokens)[:-3] + "abc"
            headers.append(f"authorization: Bearer {token}")
        headers.append("content-type: " + rng.choice(("application/json",) * 9 + ("text/plain",)))
        if rng.random() < 0.1:
            headers.append("if-match: " + rng.choice(('"1-a"', "*", '"x"', 'W/"1-a"', "1", '"99999999999999999999-a"')))
        if rng.random() < 0.1:
            headers.append("idempotency-key: " + rng.choice(("k1", "k2", "k3", "é", "x" * 300)))
        return headers

    def _body(self, resource: Resource) -> bytes:
        rng = self.rng
        if rng.random() < 0.05:
            return rng.choice(
                (b"", b"{", b"[1,", b"\xff", b'{"a":1,"a":2}', b"[" * 100, b'"\\ud800"', b"1e999", b"null")
            )
        names = [*resource.fields, "email", "password", "x", "data"]
        body = {name: self._random_json(3) for name in rng.sample(names, rng.randint(0, min(5, len(names))))}
        for name, field in resource.fields.items():
            if field.rules.is_creatable and rng.random() < 0.6:
                body[name] = rng.choice(field.rules.choices) if field.rules.choices else "A fine value"
        return json.dumps(body).encode()

    def _random_json(self, depth: int) -> object:
        rng = self.rng
        if depth and rng.random() < 0.2:
            return [self._random_json(depth - 1) for _ in range(rng.randint(0, 3))]
        if depth and rng.random() < 0.2:
            return {self._odd_string(): self._random_json(depth - 1) for _ in range(rng.randint(0, 3))}
        return rng.choice(SCALARS)


async def _send_requests(url: str, fuzzer: RequestFuzzer, count: int, statuses: Counter[int]) -> None:
    parts = urlsplit(url)
    reader = writer = None
    for _ in range(count):
        if writer is None or writer.is_closing():
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        assert reader is not None
        request = fuzzer.request()
        writer.write(request)
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer = None
            continue
        status = int(head.split(b" ", 2)[1])
        lower_head = head.lower()
        if b"content-length:" in lower_head and not request.startswith(b"HEAD"):
            await reader.readexactly(int(lower_head.split(b"content-length:")[1].split(b"\r\n")[0]))
        statuses[status] += 1
        if status >= 500:
            print(status, request[:2000])
        if b"connection: close" in lower_head:
            writer.close()


async def main() -> None:
    """Send the requests and print how often each status came."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz")
    parser.add_argument("url")
    parser.add_argument("tokens", type=Path)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tokens = options.tokens.read_text().split()[:50]
    statuses: Counter[int] = Counter()
    senders = 16
    await asyncio.gather(
        *(
            _send_requests(
                options.url,
                RequestFuzzer(options.seed * 1000 + number, tokens),
                options.count // senders,
                statuses,
            )
            for number in range(senders)
        )
    )
    print(dict(sorted(statuses.items())))
    if any(status >= 500 for status in statuses):
        raise SystemExit(1)


if __name__ == "__main__":
    asyncio.run(main())
