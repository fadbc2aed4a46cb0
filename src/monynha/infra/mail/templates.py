"""Mail templates: MJML and text with Jinja2, one of each by locale, which an operator's files may replace.

A template `recovery` is the files `en/recovery.mjml` and `en/recovery.txt`, and the same in each other locale.
The first line of the text is the subject. Values are data: they are escaped in HTML, never parsed as MJML or as
a template, and stay in one line. Links lead to the site, because data contains paths only (`{{ path | link }}`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from monynha.core.locales import DEFAULT_LOCALE, LOCALES
from monynha.infra.mail.template_errors import MailTemplateError, describe_jinja_error, describe_mjml_error
from monynha.infra.mail.template_filters import format_change, format_day, format_moment

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

_SUFFIXES = (".mjml", ".txt")
_NAME = re.compile(r"[a-z][a-z_]{0,50}")
_UNKNOWN_ELEMENT = re.compile(r"<(mj-[a-z-]+)")
_BIDI_CONTROLS = dict.fromkeys(map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
"""Characters that reorder the text after them, by which a name could change how a sentence reads."""
_LINE_BREAKING = {"Cc", "Cs", "Zl", "Zp"}
_NON_CHARACTERS = "\ufffe\uffff"
"""What XML cannot contain, beside the control characters."""


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """The content of a mail."""

    subject: str
    text: str
    html: str


class MailTemplates:
    """Renders mails from a folder of templates, of which another folder may replace single files.

    The first mail imports Jinja2 and mrml, which a process that sends none does without.
    """

    def __init__(self, folder: Path, *, site_url: str, override_folder: Path | None = None) -> None:
        self._folder = folder
        self._override_folder = override_folder
        self._site_url = site_url.rstrip("/")

    @property
    def is_loaded(self) -> bool:
        """Whether a mail can be rendered at once."""
        return "_environment" in self.__dict__

    def load(self) -> None:
        """Import what renders mails, which takes a moment; may be called from a thread."""
        import mrml  # noqa: F401  # imported to be there

        _ = self._environment

    def render(self, name: str, locale: str, data: Mapping[str, object], *, subject: str | None = None) -> RenderedMail:
        """Return the mail of a template; `subject` replaces that of the template.

        Raises MailTemplateError for a template that does not exist, or that the data does not fit.
        """
        if not _NAME.fullmatch(name):
            raise MailTemplateError(f"there is no mail template {name[:50]!r}")
        locale = locale if locale in LOCALES else DEFAULT_LOCALE
        variables = {**data, "locale": locale, "site_url": self._site_url, "site_host": urlsplit(self._site_url).netloc}
        first_line, _, text = self._render_file(f"{locale}/{name}.txt", variables).strip().partition("\n")
        clean_subject = " ".join(one_line(subject or first_line).split())
        variables["subject"] = clean_subject
        mjml_name = f"{locale}/{name}.mjml"
        html = self._to_html(self._render_file(mjml_name, variables), mjml_name, variables)
        return RenderedMail(clean_subject, text.strip() + "\n", html)

    def check(self, samples: Mapping[str, Mapping[str, object]]) -> None:
        """Render each template with sample data; raise MailTemplateError for one that is broken.

        `samples` has the data of every template by its name; behind a slash may stand which of its variants it is. A
        file that replaces nothing is an error too.
        """
        for path in self._override_files():
            self._require_built_in(path)
        for name, data in samples.items():
            for locale in LOCALES:
                self.render(name.partition("/")[0], locale, data)

    def link(self, path: str) -> str:
        """Return the URL of a path of the site; raise MailTemplateError for anything that is no such path."""
        if not path.startswith("/") or path.startswith("//") or not path.isprintable() or " " in path:
            raise MailTemplateError("a link in a mail must be a path of this site")
        return self._site_url + path

    @property
    def _folders(self) -> tuple[Path, ...]:
        return (self._override_folder, self._folder) if self._override_folder else (self._folder,)

    def _override_files(self) -> Iterator[Path]:
        """Yield the operator's files, without those that only they include, whose names begin with `_`."""
        if self._override_folder is None:
            return
        if not self._override_folder.is_dir():
            raise MailTemplateError(f"there is no folder {self._override_folder}")
        for path in sorted(self._override_folder.rglob("*")):
            if path.suffix in _SUFFIXES and not path.name.startswith("_"):
                yield path.relative_to(self._override_folder)

    def _require_built_in(self, path: Path) -> None:
        if (self._folder / path).is_file():
            return
        names = [str(built_in.relative_to(self._folder)) for built_in in self._folder.rglob("*.*")]
        similar = get_close_matches(str(path), names, n=1)
        hint = f"; did you mean {similar[0]}?" if similar else ""
        raise MailTemplateError(f"{path} replaces no mail template{hint}")

    def _render_file(self, name: str, variables: Mapping[str, object]) -> str:
        try:
            return self._environment.get_template(name).render(variables)
        except Exception as error:  # a template is a program: any exception may come of it
            raise describe_jinja_error(error, self._folders) from None

    def _to_html(self, mjml: str, name: str, variables: Mapping[str, object]) -> str:
        import mrml

        # Its default loads a font from another server.
        options = mrml.RenderOptions(fonts={})
        try:
            html = mrml.to_html(mjml, None, options).content
        except OSError as error:
            raise describe_mjml_error(str(error), mjml, self._environment, name, variables) from None
        if unknown := _UNKNOWN_ELEMENT.search(html):
            problem = f"there is no MJML element <{unknown[1]}>"
            raise describe_mjml_error(problem, mjml, self._environment, name, variables, text=f"<{unknown[1]}")
        return html

    @cached_property
    def _environment(self) -> SandboxedEnvironment:
        from jinja2 import FileSystemLoader, StrictUndefined, pass_context
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader([str(folder) for folder in self._folders]),
            autoescape=lambda name: name is not None and name.endswith(".mjml"),
            undefined=StrictUndefined,
            finalize=_finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,  # what was checked at the start is what is used
        )
        environment.filters["link"] = self.link
        environment.filters["change"] = format_change
        environment.filters["day"] = pass_context(lambda context, day: format_day(day, context["locale"]))
        environment.filters["moment"] = pass_context(lambda context, at: format_moment(at, context["locale"]))
        return environment


def one_line(text: str) -> str:
    """Return a text without line breaks, control characters and characters that reorder what follows."""
    text = text.translate(_BIDI_CONTROLS)
    if text.isprintable():
        return text
    return "".join(
        " " if unicodedata.category(character) in _LINE_BREAKING or character in _NON_CHARACTERS else character
        for character in text
    )


def _finalize(value: object) -> object:
    """Return what an expression of a template writes; text that is markup already stays as it is."""
    return one_line(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
