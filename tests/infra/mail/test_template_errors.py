"""A broken template is reported by its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from monynha.infra.mail.template_errors import MailTemplateError
from tests.infra.mail.template_folder import MJML, SITE_URL, templates_of, write_templates

SAMPLES = {"notice": {"name": "Ada", "names": ["Ada", "Bo"], "path": "/"}}
GOOD = "<mj-text>good</mj-text>"


def problem_of(folder: Path, override_folder: Path | None = None) -> str:
    """Return the error of the check, with file names below the test's folder."""
    with pytest.raises(MailTemplateError) as error:
        templates_of(folder, override_folder).check(SAMPLES)
    text = str(error.value)
    assert "\n" not in text
    return text.replace(f"{folder.parent}/", "")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("<mj-text>\n{{ name }\n</mj-text>", "line 3: unexpected '}'"),
        ("<mj-text>x</mj-text>\n{% if name %}\n", "line 4: Unexpected end of template."),
        ("<mj-text>\n\n{{ nmae }}</mj-text>", "line 4: 'nmae' is undefined"),
        ("<mj-text>{{ name.first.last }}</mj-text>", "line 2: 'str object' has no attribute 'first'"),
        ("<mj-text>{{ name | shout }}</mj-text>", "line 2: No filter named 'shout'."),
        ("\n\n<mj-text>{{ name + 1 }}</mj-text>", "line 4: can only concatenate str"),
        ("<mj-text>{% include 'absent.mjml' %}</mj-text>", "line 2: there is no mail template"),
        ('<mj-text>\n{{ "//x" | link }}</mj-text>', "line 3: a link in a mail must be a path of this site"),
        ("<mj-text>\n<b>x</mj-text>", "line 3: mismatched tag"),
        ("<mj-text>\n{% for name in names %}\n{{ name }}\n{% endfor %}\n\na < b</mj-text>", "line 7: "),
        ("<mj-text>x</mj-text>\n<mj-txt>y</mj-txt>", "line 3: there is no MJML element <mj-txt>"),
        ("<mj-text>x</mj-text>\n\n<mj-text color=red>y</mj-text>", "line 4: not well-formed (invalid token)"),
        ('<mj-include path="/etc/passwd" />', "line 1: unable to load included template"),
    ],
)
def test_an_error_names_the_line(tmp_path: Path, content: str, problem: str) -> None:
    write_templates(tmp_path / "own", content)

    assert problem_of(tmp_path / "own").startswith(f"own/en/notice.mjml, {problem}")


def test_an_error_in_a_text_names_the_line(tmp_path: Path) -> None:
    write_templates(tmp_path / "own", GOOD, "Subject\n\n{{ nmae }}")

    assert problem_of(tmp_path / "own") == "own/en/notice.txt, line 3: 'nmae' is undefined"


def test_an_error_behind_what_other_files_wrote_names_its_own_file_and_line(tmp_path: Path) -> None:
    own = tmp_path / "own"
    write_templates(own, GOOD)
    (own / "frame.mjml").write_text(MJML.format("{% block content %}{% endblock %}"))
    (own / "row.mjml").write_text(
        "<mj-text>\n{{ name }}\n</mj-text>\n{% if name == 'Bo' %}\n<mj-text><i></mj-text>{% endif %}"
    )
    (own / "pt-BR" / "notice.mjml").write_text(
        "{% extends 'frame.mjml' %}\n{% block content %}\n{% for name in names %}{% include 'row.mjml' %}{% endfor %}\n"
        "{% endblock %}\n"
    )

    assert problem_of(own) == "own/row.mjml, line 5: mismatched tag"


def test_an_error_in_a_file_of_the_operator_names_that_file(tmp_path: Path) -> None:
    write_templates(tmp_path / "own", GOOD)
    (tmp_path / "override" / "pt-BR").mkdir(parents=True)
    (tmp_path / "override" / "pt-BR" / "notice.mjml").write_text("<mjml>\n<mj-body>\n</mjml>")

    problem = problem_of(tmp_path / "own", tmp_path / "override")

    assert problem == "override/pt-BR/notice.mjml, line 3: mismatched tag"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("en/notise.mjml", "en/notise.mjml replaces no mail template; did you mean en/notice.mjml?"),
        ("xx/zzz.txt", "xx/zzz.txt replaces no mail template"),
    ],
)
def test_a_file_that_replaces_nothing_is_an_error(tmp_path: Path, name: str, problem: str) -> None:
    write_templates(tmp_path / "own", GOOD)
    path = tmp_path / "override" / name
    path.parent.mkdir(parents=True)
    path.write_text("x")

    assert problem_of(tmp_path / "own", tmp_path / "override") == problem


def test_a_folder_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    write_templates(tmp_path / "own", GOOD)

    assert problem_of(tmp_path / "own", tmp_path / "absent") == "there is no folder absent"


def test_entities_and_void_elements_of_html_are_no_error(tmp_path: Path) -> None:
    write_templates(tmp_path, "<mj-text>a &nbsp; b & c<br>d<img src='cid:x' alt=''></mj-text>")

    assert SITE_URL not in templates_of(tmp_path).render("notice", "en", {}).html
