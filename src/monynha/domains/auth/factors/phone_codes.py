"""Codes of phone factors: what sends them, and how they are hashed until they are entered."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Protocol
from uuid import UUID

from monynha.domains.auth.accounts.account import Account

_PURPOSE = b"monynha phone factor code"
_E164 = re.compile(r"[1-9][0-9]{6,14}")


class PhoneCodeSender(Protocol):
    """What sends a code of a second factor to a phone, where one is configured."""

    async def send_factor_code(self, account: Account, phone: str, code: str, channel: str) -> None:
        """Send the code; raise an AppError if that fails."""


class PhoneCodes:
    """Makes codes and compares them with what is stored: a keyed hash, since six digits can be tried out."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)

    def new(self, factor_id: UUID) -> tuple[str, str]:
        """Return a code and its hash."""
        code = f"{secrets.randbelow(1_000_000):06}"
        return code, self._hash(factor_id, code)

    def matches(self, factor_id: UUID, code: str, code_hash: str | None) -> bool:
        """Whether the code is the one that was hashed for the factor."""
        return hmac.compare_digest(self._hash(factor_id, code), code_hash or "")

    def _hash(self, factor_id: UUID, code: str) -> str:
        text = f"{factor_id} {code}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()


def normalize_phone(text: str) -> str | None:
    """Return a phone number as it is stored, E.164 without the plus; None if it is none."""
    digits = text.strip().removeprefix("+").replace(" ", "")
    return digits if _E164.fullmatch(digits) else None
