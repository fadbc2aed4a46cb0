"""Which language a person gets."""

from __future__ import annotations

import pytest

from monynha.core.locales import match_locale, negotiate_locale


@pytest.mark.parametrize(
    ("tag", "locale"),
    [
        ("en", "en"),
        ("EN_gb", "en"),
        ("pt", "pt-BR"),
        ("pt-br", "pt-BR"),
        ("pt-PT", "pt-BR"),
        (" pt_BR ", "pt-BR"),
        ("de", None),
        ("", None),
        ("*", None),
        ("p", None),
    ],
)
def test_a_language_tag_matches_our_variety_of_the_language(tag: str, locale: str | None) -> None:
    assert match_locale(tag) == locale


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        (None, "en"),
        ("", "en"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt-BR"),
        ("de, en;q=0.3, pt;q=0.7", "pt-BR"),
        ("en, pt", "en"),
        ("pt;q=0, en;q=0.1", "en"),
        ("pt;q=0", "en"),
        ("pt;q=x", "en"),
        ("pt;x=1", "pt-BR"),
        ("*", "en"),
        (",;,;q=,", "en"),
        ("xx," * 5000 + "pt", "en"),
    ],
)
def test_the_header_of_a_client_is_weighed(header: str | None, locale: str) -> None:
    assert negotiate_locale(header) == locale
