"""Time-based one-time passwords, by the vectors of RFC 4226 and RFC 6238."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

from monynha.domains.auth.factors import totp

SECRET = b"12345678901234567890"
NOW = datetime(2026, 1, 31, 9, 0, 15, tzinfo=UTC)
STEP = int(NOW.timestamp()) // totp.PERIOD_S


@pytest.mark.parametrize(
    ("time_s", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_rfc_6238(time_s: int, code: str) -> None:
    assert totp.code_at(SECRET, time_s // totp.PERIOD_S) == code


@pytest.mark.parametrize("number", range(10))
def test_codes_are_those_of_rfc_4226(number: int) -> None:
    codes = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]

    assert totp.code_at(SECRET, number) == codes[number]


@pytest.mark.parametrize(("offset", "is_valid"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_is_valid_for_one_period_more_on_both_sides(offset: int, is_valid: bool) -> None:
    step = totp.matching_step(SECRET, totp.code_at(SECRET, STEP + offset), NOW, after=None)

    assert step == (STEP + offset if is_valid else None)


def test_no_code_is_valid_up_to_the_last_accepted_step() -> None:
    code = totp.code_at(SECRET, STEP)

    assert totp.matching_step(SECRET, code, NOW, after=STEP) is None
    assert totp.matching_step(SECRET, code, NOW, after=STEP + 1) is None
    assert totp.matching_step(SECRET, code, NOW, after=STEP - 1) == STEP


@pytest.mark.parametrize("code", ["", "12345", "\ud800", "１２３４５６", "0" * 1000])
def test_what_is_no_code_matches_nothing(code: str) -> None:
    assert totp.matching_step(SECRET, code, NOW, after=None) is None


def test_secrets_are_random_and_as_long_as_the_hash() -> None:
    secrets = {totp.new_secret() for _ in range(20)}

    assert len(secrets) == 20
    assert {len(secret) for secret in secrets} == {20}
    assert totp.secret_text(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def test_the_uri_cannot_be_forged_by_names() -> None:
    uri = totp.provisioning_uri(SECRET, issuer="A & B?secret=X", account="a:b#c@example.com")

    parts = urlsplit(uri)
    query = parse_qs(parts.query)
    assert parts.path == "/A%20%26%20B%3Fsecret%3DX:a%3Ab%23c@example.com"
    assert query["secret"] == ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"]
    assert query["issuer"] == ["A & B?secret=X"]
    assert (query["digits"], query["period"], query["algorithm"]) == (["6"], ["30"], ["SHA1"])


def test_the_qr_code_is_an_svg_that_fits_into_a_data_uri() -> None:
    svg = totp.qr_code_svg("otpauth://totp/Example:ada@example.com?secret=GEZDGNBVGY3TQOJQ")

    document = ElementTree.fromstring(svg)
    assert document.tag == "{http://www.w3.org/2000/svg}svg"
    assert "#" not in svg
    assert "%" not in svg
