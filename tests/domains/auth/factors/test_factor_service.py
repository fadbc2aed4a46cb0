"""Phone factors, whose codes are queued in the transaction of their challenge, and what factors report."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.factor import FactorType
from monynha.domains.auth.errors import InvalidAuthRequestError
from monynha.domains.auth.factors.errors import (
    ChallengeNotFoundError,
    PhoneCodeTooSoonError,
    VerificationFailedError,
    VerifiedFactorExistsError,
)
from monynha.domains.auth.factors.factor_service import Answer, EnrolRequest, FactorService
from monynha.domains.auth.factors.factor_session import FactorSession
from monynha.domains.auth.services.sessions import ClientInfo
from monynha.infra.postgres.database import Transaction
from tests.domains.auth.conftest import AuthApp
from tests.domains.auth.second_factors import FactorUser
from tests.live_server import OwnerSql

pytestmark = pytest.mark.anyio
CLIENT = ClientInfo("203.0.113.7")
PHONE = "+49 170 1234567"


@dataclass
class RecordedMessages:
    """Messages that are kept instead of sent."""

    sent: list[tuple[str, str]] = field(default_factory=list)

    def require_reachable(self, phone: str) -> None:
        assert phone == "491701234567"

    def new_code(self, phone: str) -> str:
        return f"{len(self.sent) + 100_001}"

    async def queue_code(self, transaction: Transaction, account: Account, phone: str, code: str) -> None:
        assert await transaction.fetch_value("select true")
        self.sent.append((phone, code))


@dataclass
class PhoneUser:
    """A signed-in user and a service that sends codes to phones."""

    user: FactorUser
    service: FactorService
    messages: RecordedMessages

    @classmethod
    async def sign_up(cls, app: AuthApp) -> PhoneUser:
        messages = RecordedMessages()
        service = dataclasses.replace(app.auth.second_factors.factors, phone_messages=messages)
        return cls(await FactorUser.sign_up(app), service, messages)

    @property
    def session(self) -> FactorSession:
        claims = self.user.claims
        return FactorSession(UUID(claims["sub"]), UUID(claims["session_id"]), claims["aal"] == "aal2")

    async def enrol(self, phone: str = PHONE) -> UUID:
        return (await self.service.enrol(self.session, EnrolRequest(FactorType.PHONE, phone=phone))).factor_id

    async def verify(self, factor_id: UUID, challenge_id: UUID, code: str) -> None:
        issued = await self.service.verify(self.session, factor_id, challenge_id, Answer(code), CLIENT)
        self.user.session["access_token"] = issued.access_token.text


async def test_a_code_that_was_sent_raises_the_session(auth_app: AuthApp) -> None:
    user = await PhoneUser.sign_up(auth_app)
    factor_id = await user.enrol()
    challenge = await user.service.challenge(user.session, factor_id)

    with pytest.raises(VerificationFailedError):
        await user.verify(factor_id, challenge.id, "000000")
    await user.verify(factor_id, challenge.id, "100001")
    with pytest.raises(ChallengeNotFoundError):
        await user.verify(factor_id, challenge.id, "100001")

    assert user.messages.sent == [("491701234567", "100001")]
    assert user.user.claims["amr"][0]["method"] == "mfa/phone"
    [factor] = await user.user.factors()
    assert (factor["factor_type"], factor["status"], factor["phone"]) == ("phone", "verified", "491701234567")


async def test_codes_are_sent_a_minute_apart_and_belong_to_their_challenge(auth_app: AuthApp) -> None:
    user = await PhoneUser.sign_up(auth_app)
    factor_id = await user.enrol()
    first = await user.service.challenge(user.session, factor_id)
    with pytest.raises(PhoneCodeTooSoonError):
        await user.service.challenge(user.session, factor_id)
    auth_app.clock.advance(61)
    second = await user.service.challenge(user.session, factor_id)

    with pytest.raises(VerificationFailedError):
        await user.verify(factor_id, first.id, "100002")
    await user.verify(factor_id, second.id, "100002")

    assert len(user.messages.sent) == 2


async def test_a_number_is_one_verified_factor(auth_app: AuthApp) -> None:
    user = await PhoneUser.sign_up(auth_app)
    await user.enrol()
    factor_id = await user.enrol()
    challenge = await user.service.challenge(user.session, factor_id)
    await user.verify(factor_id, challenge.id, "100001")

    with pytest.raises(VerifiedFactorExistsError):
        await user.enrol()

    assert len(await user.user.factors()) == 1


@pytest.mark.parametrize("phone", ["", "12345", "+0491701234567", "phone", "+1234567890123456", "+49170\x00123456"])
async def test_what_is_no_number_is_refused(auth_app: AuthApp, phone: str) -> None:
    user = await PhoneUser.sign_up(auth_app)

    with pytest.raises(InvalidAuthRequestError):
        await user.enrol(phone)


async def test_codes_of_phones_are_stored_hashed(auth_app: AuthApp) -> None:
    user = await PhoneUser.sign_up(auth_app)
    await user.service.challenge(user.session, await user.enrol())

    async with auth_app.repository.transaction() as transaction:
        rows = await transaction.fetch_rows(
            "select c::text as text from auth.factor_challenges c where user_id = $1", user.session.user_id
        )

    assert len(rows) == 1
    assert "100001" not in rows[0]["text"]


async def test_the_owner_is_told_of_factors_that_come_and_go(auth_app: AuthApp) -> None:
    user = await FactorUser.sign_up(auth_app)
    await user.enrol_totp(friendly_name="My app")
    await user.verify_totp()
    await user.app.delete(f"/factors/{user.factor_id}", user.token)

    texts = [email.text for email in auth_app.emails_to(user.email)]
    assert [("My app" in text) for text in texts] == [True, True]


async def test_factors_are_in_the_audit_log(auth_app: AuthApp, owner_sql: OwnerSql) -> None:
    user = await FactorUser.with_totp(auth_app)
    await user.verify("000000", await user.challenge())
    await user.app.delete(f"/factors/{user.factor_id}", user.token)

    rows = await owner_sql(
        "select action, actor_id, details::text as details from monynha.audit_events where target_id = $1 "
        "order by number",
        user.factor_id,
    )

    assert [row["action"] for row in rows] == [
        "factor.enrolled",
        "factor.verified",
        "factor.refused",
        "factor.removed",
    ]
    assert {str(row["actor_id"]) for row in rows} == {user.id}
    assert not any(user.code in row["details"] for row in rows)
