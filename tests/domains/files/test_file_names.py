"""Names of files are made safe and kept for display."""

from __future__ import annotations

import pytest

from monynha.domains.files.file_names import content_disposition, display_name, download_name, path_name


@pytest.mark.parametrize(
    ("sent", "displayed"),
    [
        ("report.pdf", "report.pdf"),
        ("Orçamento 2026 – versão final.xlsx", "Orçamento 2026 – versão final.xlsx"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\photo.jpg", "photo.jpg"),
        ("..", "file"),
        ("...", "file"),
        ("", "file"),
        (None, "file"),
        ("/", "file"),
        ("a\r\nSet-Cookie: x=1", "aSet-Cookie: x=1"),
        ("bill\u202egpj.exe", "billgpj.exe"),
        ("nul\x00l.txt", "null.txt"),
        ("  spaced   out .txt ", "spaced out .txt"),
        ("zero\u200bwidth.txt", "zerowidth.txt"),
        ("e\u0301.txt", "é.txt"),
        ("\ud800.txt", ".txt"),
        (".env", ".env"),
    ],
)
def test_a_name_is_shown_without_folders_and_invisible_letters(sent: str | None, displayed: str) -> None:
    assert display_name(sent) == displayed


def test_a_long_name_is_cut_before_its_extension() -> None:
    name = display_name("a" * 400 + ".jpeg")

    assert (len(name), name[-6:]) == (255, "a.jpeg")


@pytest.mark.parametrize(
    ("name", "in_path"),
    [
        ("report.pdf", "x-report.pdf"),
        ("Orçamento final.xlsx", "x-Orcamento-final.xlsx"),
        ("写真.png", "x-file.png"),
        ("写真", "x-file"),
        ("a?b#c%2f&d.txt", "x-a-b-c-2f-d.txt"),
        ("a" * 255 + ".txt", f"x-{'a' * 100}.txt"),
        (".htaccess", "x-htaccess"),
    ],
)
def test_a_path_has_only_what_is_harmless_of_the_name(name: str, in_path: str) -> None:
    assert path_name(name, "x") == in_path


@pytest.mark.parametrize(
    ("name", "content_type", "saved_as"),
    [
        ("photo.png", "image/jpeg", "photo.jpg"),
        ("photo.JPG", "image/jpeg", "photo.JPG"),
        ("photo", "image/jpeg", "photo.jpg"),
        ("moving.gif", "image/webp", "moving.webp"),
        ("report.pdf", "application/pdf", "report.pdf"),
    ],
)
def test_a_processed_image_is_saved_with_the_extension_of_its_type(name: str, content_type: str, saved_as: str) -> None:
    assert download_name(name, content_type) == saved_as


def test_the_header_has_the_name_for_old_clients_and_as_utf8() -> None:
    assert content_disposition('Größe";x.txt', is_attachment=True) == (
        "attachment; filename=\"Gr_e_x.txt\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%22%3Bx.txt"
    )
    assert content_disposition("a.png", is_attachment=False).startswith("inline;")
