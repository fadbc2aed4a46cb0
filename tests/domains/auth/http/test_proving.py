"""Confirming addresses, magic links, recovery: what is mailed, and what a link or code is worth."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from tests.domains.auth.conftest import PASSWORD, Desk, MakeDesk, new_address


def fragment(answer: httpx.Response) -> dict[str, str]:
    """What a redirect tells behind the hash."""
    assert answer.status_code == 303, answer.text
    told = parse_qs(urlsplit(answer.headers["location"]).fragment, keep_blank_values=True)
    return {key: values[0] for key, values in told.items()}


async def follow(desk: Desk, link: str) -> httpx.Response:
    parts = urlsplit(link)
    return await desk.http.get(f"{parts.path}?{parts.query}")


async def sign_up(desk: Desk, address: str, password: str = PASSWORD, **more: Any) -> httpx.Response:
    return await desk.post("/signup", {"email": address, "password": password, **more})


async def test_a_sign_up_waits_for_the_link_in_its_mail(mailing_desk: Desk) -> None:
    desk, address = mailing_desk, new_address()
    signed_up = await sign_up(desk, address)
    assert "access_token" not in signed_up.json()
    early = await desk.sign_in(address)
    assert (early.status_code, early.json()["error_code"]) == (400, "email_not_confirmed")

    told = fragment(await follow(desk, desk.letters(address)[0].link))

    assert told["type"] == "signup"
    assert told["token_type"] == "bearer"
    user = (await desk.get("/user", told["access_token"])).json()
    assert user["id"] == signed_up.json()["id"]
    assert user["user_metadata"]["email_verified"] is True
    assert user["identities"][0]["identity_data"]["email_verified"] is True
    assert (await desk.sign_in(address)).status_code == 200
    assert [account.changes for account in desk.heard.changed_accounts] == [{"verified"}]


async def test_a_link_is_good_once(mailing_desk: Desk) -> None:
    desk, address = mailing_desk, new_address()
    await sign_up(desk, address)
    link = desk.letters(address)[0].link
    await follow(desk, link)

    again = fragment(await follow(desk, link))

    assert again["error_code"] == "otp_expired"
    assert again["error_description"] == "Email link is invalid or has expired"
    assert "access_token" not in again


async def test_looking_ahead_with_head_does_not_use_a_link_up(mailing_desk: Desk) -> None:
    desk, address = mailing_desk, new_address()
    await sign_up(desk, address)
    link = desk.letters(address)[0].link
    parts = urlsplit(link)
    await desk.http.head(f"{parts.path}?{parts.query}")

    assert "access_token" in fragment(await follow(desk, link))


def likeness(body: dict[str, Any], address: str) -> str:
    """A body with everything that must differ between two sign-ups taken out."""
    text = str(
        {key: "…" if key.endswith("_at") else value for key, value in body.items() if key != "identities"}
    )
    identities = [
        {key: "…" if key.endswith("_at") or key == "identity_id" else value for key, value in each.items()}
        for each in body["identities"]
    ]
    return (text + str(identities)).replace(body["id"], "ID").replace(address, "ADDRESS")


async def test_no_answer_tells_whether_an_address_is_registered(mailing_desk: Desk) -> None:
    desk = mailing_desk
    fresh, unproven, proven = new_address(), new_address(), new_address()
    await sign_up(desk, unproven)
    await sign_up(desk, proven)
    await follow(desk, desk.letters(proven)[0].link)
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


async def test_the_owner_of_a_taken_address_hears_of_the_try_and_keeps_all(mailing_desk: Desk) -> None:
    desk, address = mailing_desk, new_address()
    await sign_up(desk, address)
    await follow(desk, desk.letters(address)[0].link)

    await sign_up(desk, address, "the password of a thief", data={"name": "Thief"})

    last = desk.letters(address)[-1]
    assert last.subject == "You have an account already"
    assert "verify?" not in last.text
    assert (await desk.sign_in(address, "the password of a thief")).status_code == 400
    assert (await desk.sign_in(address)).status_code == 200


async def test_a_password_that_waits_on_an_unproven_address_is_replaced_by_a_later_sign_up(
    mailing_desk: Desk,
) -> None:
    desk, address = mailing_desk, new_address()
    await sign_up(desk, address, "the password of a thief")
    await sign_up(desk, address, data={"name": "Owner"})
    assert len(desk.letters(address)) == 2

    await follow(desk, desk.letters(address)[1].link)

    assert (await desk.sign_in(address, "the password of a thief")).status_code == 400
    assert (await desk.sign_in(address)).json()["user"]["user_metadata"]["name"] == "Owner"
    assert fragment(await follow(desk, desk.letters(address)[0].link))["error_code"] == "otp_expired"


async def test_a_magic_link_to_an_unproven_account_drops_its_password(
    mailing_desk: Desk,
) -> None:
    desk, address = mailing_desk, new_address()
    await sign_up(desk, address, "the password of a thief")
    await desk.post("/otp", {"email": address})

    told = fragment(await follow(desk, desk.letters(address)[-1].link))

    assert "access_token" in told
    assert (await desk.sign_in(address, "the password of a thief")).status_code == 400


async def test_a_code_confirms_as_the_link_does(mailing_desk: Desk) -> None:
    desk, address = mailing_desk, new_address()
    await sign_up(desk, address)
    code = desk.letters(address)[0].code

    answer = await desk.post("/verify", {"type": "signup", "email": address.upper(), "token": code})

    assert answer.status_code == 200
    assert answer.json()["user"]["email_confirmed_at"]
    assert answer.json()["refresh_token"]


async def test_a_token_hash_confirms_as_the_link_does(mailing_desk: Desk) -> None:
    desk, address = mailing_desk, new_address()
    await sign_up(desk, address)

    answer = await desk.post("/verify", {"type": "email", "token_hash": desk.letters(address)[0].token})

    assert answer.json()["user"]["email"] == address


async def test_wrong_codes_kill_the_code_but_not_the_link(mailing_desk: Desk) -> None:
    desk, address = mailing_desk, new_address()
    await sign_up(desk, address)
    letter = desk.letters(address)[0]
    wrong = f"{(int(letter.code) + 1) % 1_000_000:06}"
    for _ in range(10):
        answer = await desk.post("/verify", {"type": "signup", "email": address, "token": wrong})
        assert (answer.status_code, answer.json()["error_code"]) == (403, "otp_expired")

    right = await desk.post("/verify", {"type": "signup", "email": address, "token": letter.code})

    assert right.status_code == 403
    assert "access_token" in fragment(await follow(desk, letter.link))


async def test_asking_for_a_new_code_gives_no_new_guesses(mailing_desk: Desk) -> None:
    desk, address = mailing_desk, new_address()
    await sign_up(desk, address)
    wrong = f"{(int(desk.letters(address)[0].code) + 1) % 1_000_000:06}"
    for _ in range(10):
        await desk.post("/verify", {"type": "signup", "email": address, "token": wrong})
    await desk.post("/resend", {"type": "signup", "email": address})
    code = desk.letters(address)[-1].code

    assert (
        await desk.post("/verify", {"type": "signup", "email": address, "token": code})
    ).status_code == 403


@pytest.mark.parametrize(("kind", "hours"), [("recover", 1), ("otp", 1), ("signup", 24)])
async def test_a_link_holds_its_time_and_no_longer(mailing_desk: Desk, kind: str, hours: int) -> None:
    desk, address = mailing_desk, new_address()
    await sign_up(desk, address)
    if kind != "signup":
        await desk.post(f"/{kind}", {"email": address})
    desk.clock.advance(hours * 3600)

    assert fragment(await follow(desk, desk.letters(address)[-1].link))["error_code"] == "otp_expired"


async def test_a_code_of_one_address_is_worth_nothing_at_another(mailing_desk: Desk) -> None:
    desk, mine, other = mailing_desk, new_address(), new_address()
    await sign_up(desk, mine)
    await sign_up(desk, other)

    answer = await desk.post(
        "/verify", {"type": "signup", "email": other, "token": desk.letters(mine)[0].code}
    )

    assert answer.status_code == 403


async def test_a_recovery_signs_in_and_lets_a_new_password_be_set(desk: Desk) -> None:
    address = new_address()
    await desk.signed_up(address)
    assert (await desk.post("/recover", {"email": address.upper()})).json() == {}
    letter = desk.letters(address)[0]

    told = fragment(await follow(desk, letter.link))

    assert told["type"] == "recovery"
    changed = await desk.put("/user", {"password": "an even better one"}, told["access_token"])
    assert changed.status_code == 200
    assert (await desk.sign_in(address)).status_code == 400
    assert (await desk.sign_in(address, "an even better one")).status_code == 200


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
    desk: Desk, path: str, body: dict[str, Any]
) -> None:
    known, unknown = new_address(), new_address()
    await desk.signed_up(known)

    answers = [await desk.post(path, {"email": each, **body}) for each in (known, unknown)]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {}), (200, {})]
    assert desk.letters(unknown) == []


async def test_the_time_of_an_answer_does_not_tell_either(make_desk: MakeDesk) -> None:
    desk = make_desk(autoconfirm=True, pace_s=0.25)
    known, unknown = new_address(), new_address()
    await desk.signed_up(known)

    took = [
        (await desk.post("/recover", {"email": each})).elapsed.total_seconds() for each in (known, unknown)
    ]

    # One whole step each, however much work it was; a busy machine may take two.
    assert all(seconds % 0.25 < 0.08 and seconds > 0.2 for seconds in took), took


async def test_a_one_time_password_makes_an_account_where_there_is_none(desk: Desk) -> None:
    address = new_address()
    await desk.post("/otp", {"email": address, "data": {"name": "Ada"}, "create_user": True})

    answer = await desk.post(
        "/verify", {"type": "email", "email": address, "token": desk.letters(address)[0].code}
    )

    user = answer.json()["user"]
    assert (user["email"], user["user_metadata"]["name"]) == (address, "Ada")
    assert [account.name for account in desk.heard.created_accounts] == ["Ada"]


@pytest.mark.parametrize(
    "evil",
    [
        "https://evil.example/",
        "//evil.example/",
        "https:evil.example",
        "https://monynha.test@evil.example/",
        "https://monynha.test.evil.example/",
        "http://127.0.0.1:8000@evil.example/",
        "http://127.0.0.1:8000\\@evil.example/",
        "http://127.0.0.1:8000%00.evil.example/",
        "http://127.0.0.1.evil.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://evil.example\\@127.0.0.1/",
        "http://127.0.0.1:8000\r\nSet-Cookie: x=1",
        "http://[::1]evil.example/",
        "http://127.0.0.1:99999999/",
        "x" * 5000,
    ],
    ids=range(16),
)
async def test_tokens_are_never_sent_to_a_stranger(make_desk: MakeDesk, evil: str) -> None:
    desk = make_desk(autoconfirm=False, site_url="https://monynha.test")
    address = new_address()
    await desk.post(f"/signup?redirect_to={quote(evil)}", {"email": address, "password": PASSWORD})
    letter = desk.letters(address)[0]
    asked = parse_qs(urlsplit(letter.link).query)["redirect_to"]
    assert asked == ["https://monynha.test"]

    followed = await desk.get(f"/verify?token={letter.token}&type=signup&redirect_to={quote(evil)}")

    assert "access_token" in fragment(followed)
    location = followed.headers["location"]
    assert urlsplit(location)[:3] == ("https", "monynha.test", "/")
    assert "evil" not in location


@pytest.mark.parametrize(
    ("wanted", "changes", "is_allowed"),
    [
        ("https://monynha.test/welcome?a=1", {}, True),
        ("https://app.example/callback", {"cors_origins": ("https://app.example",)}, True),
        ("https://app.example:444/callback", {"cors_origins": ("https://app.example",)}, False),
        ("http://localhost:3000/x", {}, True),
        ("http://localhost:3000/x", {"app_env": "production"}, False),
    ],
)
async def test_a_page_of_ours_may_be_gone_back_to(
    make_desk: MakeDesk, wanted: str, changes: dict[str, Any], is_allowed: bool
) -> None:
    desk = make_desk(autoconfirm=False, site_url="https://monynha.test", **changes)
    address = new_address()
    await desk.post(f"/signup?redirect_to={quote(wanted)}", {"email": address, "password": PASSWORD})

    location = (await follow(desk, desk.letters(address)[0].link)).headers["location"]

    assert location.startswith(wanted if is_allowed else "https://monynha.test/#")


async def test_a_foreign_host_header_does_not_reach_the_mail(make_desk: MakeDesk) -> None:
    desk = make_desk(autoconfirm=True, site_url="https://monynha.test")
    address = new_address()
    await desk.signed_up(address)
    evil = {"host": "evil.example", "x-forwarded-host": "evil.example", "forwarded": "host=evil.example"}
    await desk.post("/recover", {"email": address}, headers=evil)

    letter = desk.letters(address)[0]

    assert "evil" not in letter.text
    assert letter.link.startswith("https://monynha.test/auth/v1/verify?")


async def test_a_caught_link_is_worth_nothing_without_the_clients_verifier(
    mailing_desk: Desk,
) -> None:
    desk, address = mailing_desk, new_address()
    verifier = "v" * 50
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    await sign_up(desk, address, code_challenge=challenge, code_challenge_method="s256")
    letter = desk.letters(address)[0]
    assert letter.token.startswith("pkce_")

    followed = await follow(desk, letter.link)

    assert fragment(followed) == {}
    code = parse_qs(urlsplit(followed.headers["location"]).query)["code"][0]
    wrong = await desk.post("/token?grant_type=pkce", {"auth_code": code, "code_verifier": "w" * 50})
    assert (wrong.status_code, wrong.json()["error_code"]) == (400, "bad_code_verifier")
    late = await desk.post("/token?grant_type=pkce", {"auth_code": code, "code_verifier": verifier})
    assert (late.status_code, late.json()["error_code"]) == (404, "flow_state_not_found")


@pytest.mark.parametrize("method", ["s256", "plain"])
async def test_the_verifier_turns_the_code_into_a_session(desk: Desk, method: str) -> None:
    address = new_address()
    await desk.signed_up(address)
    verifier = "v" * 50
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    challenge = digest if method == "s256" else verifier
    await desk.post(
        "/recover", {"email": address, "code_challenge": challenge, "code_challenge_method": method}
    )
    followed = await follow(desk, desk.letters(address)[0].link)
    code = parse_qs(urlsplit(followed.headers["location"]).query)["code"][0]

    answer = await desk.post("/token?grant_type=pkce", {"auth_code": code, "code_verifier": verifier})

    assert answer.json()["user"]["email"] == address


@pytest.mark.parametrize(
    "challenge",
    [{"code_challenge": "x" * 43}, {"code_challenge_method": "s256"}]
    + [{"code_challenge": each, "code_challenge_method": "s256"} for each in ("short", "x" * 129, "é" * 50)]
    + [{"code_challenge": "x" * 43, "code_challenge_method": "md5"}],
)
async def test_a_malformed_challenge_is_refused(desk: Desk, challenge: dict[str, str]) -> None:
    answer = await desk.post("/recover", {"email": "ada@example.com", **challenge})

    assert (answer.status_code, answer.json()["error_code"]) == (400, "validation_failed")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": "signup"},
        {"type": "nonsense", "token_hash": "x"},
        {"type": "signup", "token_hash": "x", "email": "a@b.co"},
        {"type": "signup", "token": "123456"},
        {"type": ["signup"], "token_hash": "x"},
    ],
)
async def test_a_malformed_verification_is_refused(desk: Desk, body: dict[str, Any]) -> None:
    answer = await desk.post("/verify", body)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "validation_failed")


async def test_what_the_database_holds_cannot_verify(mailing_desk: Desk) -> None:
    desk, address = mailing_desk, new_address()
    await sign_up(desk, address)
    letter = desk.letters(address)[0]
    async with desk.auth.parts.transaction() as transaction:
        row = await transaction.row("select * from auth.one_time_tokens where relates_to = $1", address)

    assert row is not None
    held = " ".join(str(value) for value in dict(row).values())
    assert letter.token not in held
    assert hashlib.sha224(f"{address}{letter.code}".encode()).hexdigest() not in held


async def test_mails_are_readable_by_their_owner_alone(mailing_desk: Desk) -> None:
    await sign_up(mailing_desk, new_address())

    assert mailing_desk.mail_dir.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in mailing_desk.mail_dir.iterdir()] == [0o600]
