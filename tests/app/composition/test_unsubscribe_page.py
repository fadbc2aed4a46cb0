"""The page that ends weekly reports: opening it changes nothing, its button does, and so do mail programs."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from uuid import uuid4

import httpx
import pytest

from monynha.core.settings.settings import Settings
from monynha.domains.reports.unsubscriptions import UnsubscribeLinks
from tests.live_server import OwnerSql
from tests.users import ApiUser

pytestmark = pytest.mark.anyio
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def is_unsubscribed(user: ApiUser, owner_sql: OwnerSql) -> Callable[[], Awaitable[bool]]:
    """Return whether the user has ended their reports."""

    async def read() -> bool:
        rows = await owner_sql("select from monynha.report_unsubscriptions where owner_id = $1", user.id)
        return len(rows) == 1

    return read


@pytest.fixture
def path(user: ApiUser, settings: Settings) -> str:
    """Return the path of the user's link."""
    return UnsubscribeLinks(settings.jwt_secret).path(user.id)


def button_of(page: httpx.Response) -> str:
    [action] = re.findall(r'<form method="post" action="([^"]+)"><button>', page.text)
    return str(action)


async def test_the_button_ends_the_reports_and_the_next_one_restarts_them(
    client: httpx.AsyncClient, path: str, is_unsubscribed: Callable[[], Awaitable[bool]]
) -> None:
    offered = await client.get(path)
    after_offer = await is_unsubscribed()
    ended = await client.post(button_of(offered))
    after_end = await is_unsubscribed()
    restarted = await client.post(button_of(ended))

    assert [page.status_code for page in (offered, ended, restarted)] == [200, 200, 200]
    assert (after_offer, after_end, await is_unsubscribed()) == (False, True, False)
    assert [re.findall("<title>(.*)</title>", page.text) for page in (offered, ended, restarted)] == [
        ["Stop weekly reports?"],
        ["You get no more weekly reports"],
        ["You get weekly reports again"],
    ]


async def test_a_mail_program_unsubscribes_with_one_request(
    client: httpx.AsyncClient, path: str, is_unsubscribed: Callable[[], Awaitable[bool]]
) -> None:
    responses = [await client.post(path, data=ONE_CLICK) for _ in range(2)]

    assert [response.status_code for response in responses] == [200, 200]
    assert await is_unsubscribed()


@pytest.mark.parametrize("suffix", ["", "/undo"])
async def test_a_link_of_others_changes_nothing(client: httpx.AsyncClient, suffix: str, owner_sql: OwnerSql) -> None:
    forged = UnsubscribeLinks("another secret").path(uuid4())
    before = await owner_sql("select from monynha.report_unsubscriptions")

    page = await client.post(forged.replace("?", f"{suffix}?"), data=ONE_CLICK)

    assert page.status_code == 404
    assert "This link is not valid" in page.text
    assert "<form" not in page.text
    assert len(await owner_sql("select from monynha.report_unsubscriptions")) == len(before)


async def test_the_page_of_a_forged_link_offers_nothing(client: httpx.AsyncClient) -> None:
    pages = [await client.get(f"/reports/unsubscribe{query}") for query in ("?token=<script>", "?token=", "")]

    assert [page.status_code for page in pages] == [404] * 3
    assert not any("<script" in page.text or "<form" in page.text for page in pages)


async def test_the_page_speaks_the_language_of_its_reader(client: httpx.AsyncClient, path: str) -> None:
    page = await client.get(path, headers={"accept-language": "pt-BR"})

    assert "<title>Parar os relatórios semanais?</title>" in page.text
    assert '<html lang="pt-BR">' in page.text


async def test_the_page_runs_no_script_and_its_form_goes_to_this_site(client: httpx.AsyncClient, path: str) -> None:
    policy = (await client.get(path)).headers["content-security-policy"]

    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        policy,
    )
