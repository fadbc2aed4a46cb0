"""Mail of the running program: through a mail server, and in the mailbox of development."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.emails import read_message, text_of
from tests.infra.mail.smtp_server import Mailbox, run_smtp_server
from tests.journeys.program import SERVE, TIMEOUT_S, run_program

ADDRESS, PASSWORD = "ada@example.com", "a long secret"
ENVIRON = {"MONYNHA_AUTOCONFIRM": "off", "MONYNHA_LIMIT_AUTH": "off", "LOG_LEVEL": "error"}


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_mail_goes_to_the_server_and_is_in_the_mailbox_of_development(tmp_path: Path) -> None:
    mailbox = Mailbox()
    with (
        run_smtp_server(mailbox) as port,
        run_program(tmp_path, *SERVE, SMTP_URL=f"smtp://127.0.0.1:{port}?from=board@example.org", **ENVIRON) as program,
    ):
        body = {"name": "Ada", "email": ADDRESS, "password": PASSWORD}
        signed_up = httpx.post(f"{program.url}/api/v1/users", json=body, headers={"accept-language": "pt-BR"})
        wait_until(lambda: len(mailbox.envelopes) == 1)
        mutation = (
            'mutation { createUser(input: {name: "Bo", email: "bo@example.com", password: "a long secret"}) { id } }'
        )
        httpx.post(f"{program.url}/graphql", json={"query": mutation}, headers={"accept-language": "pt"})
        wait_until(lambda: len(mailbox.envelopes) == 2)
        listing = program.get("/dev/mail")
        page = program.get(re.findall(r'href="(/dev/mail/[^"]+)"', listing.text)[1])
        message = read_message(mailbox.contents[0])
        link = re.findall(r"https?://\S+/auth/v1/verify\S+", text_of(message))[0]
        confirmed = httpx.get(link)

    assert signed_up.status_code == 201
    assert (message["to"], message["subject"]) == (ADDRESS, "Confirme seu endereço de e-mail")
    assert read_message(mailbox.contents[1])["subject"] == "Confirme seu endereço de e-mail"
    assert listing.text.count("Confirme seu endereço de e-mail") == 2
    assert link.replace("&", "&amp;") in page.text
    assert "access_token=" in confirmed.headers["location"]
