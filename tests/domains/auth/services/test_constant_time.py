"""What answers, their times, the database and the mail folder do not tell about a person."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.domains.auth.conftest import AuthApp, MakeAuthApp, new_email
from tests.domains.auth.email_links import follow, sign_up


def likeness(body: dict[str, Any], address: str) -> str:
    """A body with everything that must differ between two sign-ups taken out."""
    text = str({key: "…" if key.endswith("_at") else value for key, value in body.items() if key != "identities"})
    identities = [
        {key: "…" if key.endswith("_at") or key == "identity_id" else value for key, value in each.items()}
        for each in body["identities"]
    ]
    return (text + str(identities)).replace(body["id"], "ID").replace(address, "ADDRESS")


async def test_no_answer_tells_whether_an_address_is_registered(mailing_desk: AuthApp) -> None:
    desk = mailing_desk
    fresh, unproven, proven = new_email(), new_email(), new_email()
    await sign_up(desk, unproven)
    await sign_up(desk, proven)
    await follow(desk, desk.emails_to(proven)[0].link)
    desk.clock.advance(120)

    answers = {address: await sign_up(desk, address) for address in (fresh, unproven, proven)}

    assert len({answer.status_code for answer in answers.values()}) == 1
    assert len({likeness(answer.json(), address) for address, answer in answers.items()}) == 1
    for answer in answers.values():
        body = answer.json()
        times = {body["created_at"], body["updated_at"], body["confirmation_sent_at"]}
        assert len(times) == 1, "a new account was made in the moment of its sign-up"
        assert body["identities"][0]["created_at"] in times
    for address, answer in answers.items():
        again = (await sign_up(desk, address)).json()
        assert again["id"] == answer.json()["id"], "an id that changes would tell"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/recover", {}),
        ("/otp", {"create_user": False}),
        ("/magiclink", {"create_user": False}),
        ("/resend", {"type": "signup"}),
        ("/resend", {"type": "email_change"}),
    ],
)
async def test_asking_for_a_mail_answers_an_unknown_address_as_a_known_one(
    desk: AuthApp, path: str, body: dict[str, Any]
) -> None:
    known, unknown = new_email(), new_email()
    await desk.sign_up(known)

    answers = [await desk.post(path, {"email": each, **body}) for each in (known, unknown)]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {}), (200, {})]
    assert desk.emails_to(unknown) == []


async def test_the_time_of_an_answer_does_not_tell_either(make_desk: MakeAuthApp) -> None:
    desk = make_desk(autoconfirm=True, pace_s=0.25)
    known, unknown = new_email(), new_email()
    await desk.sign_up(known)

    took = [(await desk.post("/recover", {"email": each})).elapsed.total_seconds() for each in (known, unknown)]

    # One whole step each, however much work it was; a busy machine may take two.
    assert all(seconds % 0.25 < 0.08 and seconds > 0.2 for seconds in took), took


async def test_what_the_database_holds_cannot_verify(mailing_desk: AuthApp) -> None:
    desk, address = mailing_desk, new_email()
    await sign_up(desk, address)
    letter = desk.emails_to(address)[0]
    async with desk.auth.parts.transaction() as transaction:
        row = await transaction.fetch_row("select * from auth.one_time_tokens where relates_to = $1", address)

    assert row is not None
    held = " ".join(str(value) for value in dict(row).values())
    assert letter.token not in held
    assert hashlib.sha224(f"{address}{letter.code}".encode()).hexdigest() not in held


async def test_mails_are_readable_by_their_owner_alone(mailing_desk: AuthApp) -> None:
    await sign_up(mailing_desk, new_email())

    assert mailing_desk.mail_dir.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in mailing_desk.mail_dir.iterdir()] == [0o600]
