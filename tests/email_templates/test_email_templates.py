"""The mails of the program: each in every language, with everything its text says, and nothing from elsewhere."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest

from monynha.app.composition.mail import SAMPLES_FILE, TEMPLATES_FOLDER
from monynha.core.locales import LOCALES
from monynha.infra.mail import MailTemplates

SITE_URL = "https://board.example.org"
SAMPLES: dict[str, dict[str, Any]] = json.loads(SAMPLES_FILE.read_text())
TEMPLATES = MailTemplates(TEMPLATES_FOLDER, site_url=SITE_URL)
MAILS = [(name, locale) for name in SAMPLES for locale in LOCALES]
NO_URLS = {"http://www.w3.org/1999/xhtml"}
WEEKLY_REPORT = """\
Your week
16 November – 22 November

Website relaunch

Done: 14 (+5)
Open: 23 (−2)
Overdue: 3 (+1)
- Inês Almeida: Done 6, Open 8, Overdue 0
- Sam Okafor: Done 5, Open 9, Overdue 2
- Mei Tanaka: Done 3, Open 6, Overdue 1
- and 2 more

Tasks done each day, Monday to Sunday: 2, 4, 1, 5, 2, 0, 0

Open the board: https://board.example.org/projects/5b7a2f0e-1f3b-4c52-9a55-6f0d4f3d0c11

Hiring

Done: 2 (same)
Open: 4 (+4)
Overdue: 0 (same)

Tasks done each day, Monday to Sunday: 0, 0, 1, 0, 1, 0, 0

Open the board: https://board.example.org/projects/0d9c6f52-4a61-4a0f-8a53-0c2f3c5d7e22

You get this every Monday because you own these projects.
Stop these reports: https://board.example.org/dashboard


--\x20
Monynha
https://board.example.org/
"""


def test_every_template_has_sample_data_and_a_file_in_every_language() -> None:
    files = {str(path.relative_to(TEMPLATES_FOLDER)) for path in TEMPLATES_FOLDER.glob("*/*.*")}

    assert files == {
        f"{locale}/{name.partition('/')[0]}.{suffix}" for name, locale in MAILS for suffix in ("mjml", "txt")
    }
    TEMPLATES.check(SAMPLES)


@pytest.mark.parametrize(("name", "locale"), MAILS)
def test_a_mail_says_the_same_as_html_and_as_text(name: str, locale: str) -> None:
    data = SAMPLES[name]

    mail = TEMPLATES.render(name.partition("/")[0], locale, data)

    for value in (data.get("code"), data.get("new_email"), SITE_URL + data["path"] if "path" in data else None):
        if value:
            assert value in mail.text
            assert html.escape(value) in mail.html
    assert f'lang="{locale}"' in mail.html
    assert html.escape(mail.subject) in mail.html
    assert 5 < len(mail.subject) < 70
    assert re.findall(r"{{|{%|mj-text|undefined|None", mail.html + mail.text) == []


@pytest.mark.parametrize(("name", "locale"), MAILS)
def test_a_mail_leads_to_the_site_and_loads_nothing(name: str, locale: str) -> None:
    mail = TEMPLATES.render(name.partition("/")[0], locale, SAMPLES[name])

    urls = set(re.findall(r"https?://[^\"'\s<>]*", mail.html + mail.text)) - NO_URLS
    assert {url for url in urls if not url.startswith(f"{SITE_URL}/")} == set()
    assert set(re.findall(r'src="([^"]*)"', mail.html)) <= {"cid:chart-1"}
    assert re.findall(r"<script|<link|@import|url\(", mail.html) == []


@pytest.mark.parametrize(("name", "locale"), MAILS)
def test_a_mail_is_dark_where_its_reader_has_it_dark(name: str, locale: str) -> None:
    mail = TEMPLATES.render(name.partition("/")[0], locale, SAMPLES[name])

    assert '<meta name="color-scheme" content="light dark"' in mail.html
    assert "@media (prefers-color-scheme: dark)" in mail.html
    assert len(mail.html) < 102_000, "some mail programs cut a mail off there"


def test_the_text_of_the_weekly_report() -> None:
    mail = TEMPLATES.render("weekly_report", "en", SAMPLES["weekly_report"])

    assert mail.subject == "Your week: 16 November – 22 November"
    assert mail.text == WEEKLY_REPORT


def test_the_weekly_report_describes_its_chart_and_can_be_ended() -> None:
    mail = TEMPLATES.render("weekly_report", "pt-BR", SAMPLES["weekly_report"])

    assert 'alt="Tarefas feitas por dia, de segunda a domingo: 2, 4, 1, 5, 2, 0, 0"' in mail.html
    assert f'<a href="{SITE_URL}/dashboard" style="color: inherit;">Parar estes relatórios</a>' in mail.html
    assert "Atrasadas: 3 (+1)" in mail.text


def test_a_name_in_the_weekly_report_is_text(tmp_path: object) -> None:
    name = "<b>{{ x }}</b>\r\n\u202eevil"
    project = {
        **SAMPLES["weekly_report"]["projects"][0],
        "name": name,
        "people": [{"name": name, "done": 1, "open": 0, "overdue": 0}],
    }

    mail = TEMPLATES.render("weekly_report", "en", {**SAMPLES["weekly_report"], "projects": [project]})

    assert mail.html.count("<bdi>&lt;b&gt;{{ x }}&lt;/b&gt;  evil</bdi>") == 2
    assert mail.text.count("<b>{{ x }}</b>  evil") == 2


def test_the_largest_weekly_report_is_a_mail() -> None:
    people = [{"name": f"Person {n}", "done": n, "open": n, "overdue": 0} for n in range(500)]
    project = {**SAMPLES["weekly_report"]["projects"][0], "people": people}

    mail = TEMPLATES.render("weekly_report", "en", {**SAMPLES["weekly_report"], "projects": [project]})

    assert mail.text.count("\n- Person ") == 500
