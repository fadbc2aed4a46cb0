"""Text messages: queued with what changed, and no number is charged for a test."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from monynha.core.clock import utc_now
from monynha.domains.auth.phone.errors import SmsSendFailedError
from monynha.domains.auth.phone.text_messages import TextMessages
from tests.domains.auth.conftest import AuthApp, new_phone
from tests.live_server import OwnerSql


def messages_of(**changes: Any) -> TextMessages:
    values: dict[str, Any] = {
        "has_hook": True,
        "test_codes": {"1234567890": "123456"},
        "code_ttl": timedelta(minutes=5),
        "clock": utc_now,
        **changes,
    }
    return TextMessages(**values)


def test_a_code_has_six_digits_and_differs() -> None:
    codes = {messages_of().new_code("15551234567") for _ in range(50)}

    assert len(codes) > 40
    assert all(re.fullmatch(r"\d{6}", code) for code in codes)


def test_a_test_number_always_has_its_code() -> None:
    assert {messages_of().new_code("1234567890") for _ in range(3)} == {"123456"}


def test_without_a_hook_only_test_numbers_are_reached() -> None:
    messages = messages_of(has_hook=False)

    messages.require_reachable("1234567890")
    with pytest.raises(SmsSendFailedError):
        messages.require_reachable("15551234567")


async def test_a_message_names_the_account_and_expires_with_its_code(phone_app: AuthApp) -> None:
    phone = new_phone()
    await phone_app.post("/otp", {"phone": phone, "data": {"name": "Ada"}})

    [text] = phone_app.texts
    user: Any = text.data["user"]
    assert text.to == phone
    assert (user["phone"], user["user_metadata"]["name"], user["is_anonymous"]) == (phone, "Ada", False)
    assert "password" not in str(text.data)
    assert text.data["expires_at"] == (phone_app.clock() + timedelta(minutes=5)).isoformat()


async def test_admins_who_look_at_the_queue_see_no_code(phone_app: AuthApp, owner_sql: OwnerSql) -> None:
    await phone_app.post("/otp", {"phone": new_phone()})

    [code] = phone_app.codes_to(phone_app.texts[0].to)
    [row] = await owner_sql(
        "select payload::text as payload from monynha.jobs where queue = $1",
        phone_app.auth.phone_accounts.messages.queue,
    )
    assert code not in row["payload"]
    assert phone_app.texts[0].to in row["payload"]


async def test_a_test_number_gets_no_message(phone_app: AuthApp) -> None:
    response = await phone_app.post("/otp", {"phone": "+1234567890"})

    assert response.status_code == 200
    assert phone_app.texts == []
