"""Errors in mail templates, in one line that names the file and the line."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2.ext import Extension
    from jinja2.sandbox import SandboxedEnvironment

_MARKER = re.compile("\ue000([^\ue000\ue001]*):([0-9]+)\ue001")
_VOID_ELEMENT = re.compile(r"<(area|br|col|hr|img|input|link|meta|wbr)\b([^<>]*?)/?>")
_BARE_AMPERSAND = re.compile(r"&(?!#?\w+;)")


class MailTemplateError(Exception):
    """A mail template that does not exist or is broken; the text names the file and the line."""


def describe_jinja_error(error: Exception, folders: Sequence[Path]) -> MailTemplateError:
    """Return the error of a template that could not be read or rendered."""
    from jinja2 import TemplateNotFound, TemplateSyntaxError

    problem = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, TemplateSyntaxError):
        return MailTemplateError(f"{error.filename or error.name}, line {error.lineno}: {problem}")
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in walk_tb(error.__traceback__)
        if any(Path(frame.f_code.co_filename).is_relative_to(folder) for folder in folders)
    ]
    if isinstance(error, TemplateNotFound):
        problem = f"there is no mail template {problem!r}"
    if not frames:
        return MailTemplateError(problem)
    path, line = frames[-1]
    return MailTemplateError(f"{path}, line {line}: {problem}")


def describe_mjml_error(
    problem: str,
    mjml: str,
    environment: SandboxedEnvironment,
    name: str,
    variables: Mapping[str, object],
    *,
    text: str = "",
) -> MailTemplateError:
    """Return the error of a rendered template that is no MJML, at `text` or where its XML is not well-formed.

    The line of the file is not that of the document, which several files make up: the template is rendered again
    with marks of where each piece of it comes from.
    """
    offset, problem = (mjml.find(text), problem) if text else _find_xml_error(mjml, problem)
    marks = list(_source_lines(environment, name, variables))
    position = bisect_right([mark[0] for mark in marks], max(offset, 0)) - 1
    path, line = marks[position][1:] if marks and position >= 0 else (name, 1)
    return MailTemplateError(f"{environment.get_template(path).filename}, line {line}: {problem}")


def _find_xml_error(mjml: str, problem: str) -> tuple[int, str]:
    """Return the offset and the problem of the first place that is not well-formed, else 0 and mrml's own."""
    from xml.parsers import expat

    # mrml accepts void elements and ampersands as HTML has them. Neither replacement adds a line.
    document = _BARE_AMPERSAND.sub("&amp;", _VOID_ELEMENT.sub(r"<\1\2/>", mjml))
    parser = expat.ParserCreate()
    parser.UseForeignDTD(True)  # entities of HTML are not an error
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        lines = mjml.splitlines(keepends=True)
        return sum(map(len, lines[: error.lineno - 1])) + error.offset, expat.ErrorString(error.code)
    return 0, problem


def _source_lines(
    environment: SandboxedEnvironment, name: str, variables: Mapping[str, object]
) -> Iterator[tuple[int, str, int]]:
    """Yield, in order, each offset of the rendered document at which a line of a file begins: (offset, file, line)."""
    marked = environment.overlay(extensions=[_line_marks()])
    document = marked.get_template(name).render(variables)
    length_of_marks = 0
    for mark in _MARKER.finditer(document):
        yield mark.start() - length_of_marks, mark[1], int(mark[2])
        length_of_marks += len(mark[0])


def _line_marks() -> type[Extension]:
    from jinja2.ext import Extension
    from jinja2.lexer import Token, TokenStream

    class LineMarks(Extension):
        """Writes before each line of a template which line of which file it is."""

        def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
            for token in stream:
                if token.type == "data":
                    lines = token.value.splitlines(keepends=True)
                    numbered = enumerate(lines, start=token.lineno)
                    value = "".join(f"\ue000{stream.name}:{number}\ue001{line}" for number, line in numbered)
                    token = Token(token.lineno, token.type, value)
                yield token

    return LineMarks
