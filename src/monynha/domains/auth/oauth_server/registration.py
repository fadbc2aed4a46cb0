"""Client metadata (RFC 7591 §2): what a client, or the admin who registers it, says about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from monynha.domains.auth.oauth_server.clients import (
    AUTHENTICATION_METHODS,
    CONFIDENTIAL,
    GRANT_TYPES,
    MANUAL,
    NO_AUTHENTICATION,
    PUBLIC,
    OAuthClient,
)
from monynha.domains.auth.oauth_server.errors import ClientMetadataError
from monynha.domains.auth.oauth_server.redirect_uris import check_redirect_uri
from monynha.domains.auth.oauth_server.scopes import DYNAMIC_CLIENT_SCOPES, SCOPES, parse_scopes

MAX_REDIRECT_URIS: Final = 10
MAX_NAME_LENGTH: Final = 200
_MAX_URI_LENGTH: Final = 2000
_UNSAVED_ID: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class ClientMetadata:
    """The fields of a registration that were sent; None for one that was not."""

    client_type: str | None = None
    token_endpoint_auth_method: str | None = None
    name: str | None = None
    client_uri: str | None = None
    logo_uri: str | None = None
    redirect_uris: tuple[str, ...] | None = None
    grant_types: tuple[str, ...] | None = None
    scopes: tuple[str, ...] | None = None
    is_enabled: bool | None = None

    @classmethod
    def parse(cls, values: Mapping[str, object], registration_type: str) -> ClientMetadata:
        """Return the fields of a JSON object; ClientMetadataError for one that is not valid.

        Fields that are not known are ignored (RFC 7591 §2). What a client that registers itself may request is
        reduced to what such clients may have, which its registration response tells it (§3.2.1).
        """
        metadata = cls(
            client_type=_word(values, "client_type", (CONFIDENTIAL, PUBLIC)),
            token_endpoint_auth_method=_word(
                values, "token_endpoint_auth_method", (*AUTHENTICATION_METHODS[CONFIDENTIAL], NO_AUTHENTICATION)
            ),
            name=_name(values),
            client_uri=_web_uri(values, "client_uri"),
            logo_uri=_web_uri(values, "logo_uri"),
            redirect_uris=_redirect_uris(values),
            grant_types=_grant_types(values),
            scopes=_scopes(values),
            is_enabled=_boolean(values, "enabled"),
        )
        _check_response_types(values)
        if registration_type == MANUAL:
            return metadata
        requested = metadata.scopes or SCOPES
        reduced = tuple(scope for scope in requested if scope in DYNAMIC_CLIENT_SCOPES)
        return replace(metadata, scopes=reduced, is_enabled=None)

    @property
    def is_empty(self) -> bool:
        """Whether nothing that can be changed was sent."""
        return replace(self, client_type=None) == ClientMetadata()

    def new_client(self, registration_type: str, secret_hash: str, now: datetime) -> OAuthClient:
        """Return the client to insert, with the secret if it is of the type that has one."""
        if self.redirect_uris is None:
            raise ClientMetadataError("redirect_uris", "is required")
        client_type = self.client_type or _type_of_method(self.token_endpoint_auth_method)
        methods = AUTHENTICATION_METHODS[client_type]
        return OAuthClient(
            id=_UNSAVED_ID,
            registration_type=registration_type,
            client_type=client_type,
            token_endpoint_auth_method=_method_for(client_type, self.token_endpoint_auth_method or methods[0]),
            secret_hash=secret_hash if client_type == CONFIDENTIAL else None,
            name=self.name or "",
            client_uri=self.client_uri or "",
            logo_uri=self.logo_uri or "",
            redirect_uris=self.redirect_uris,
            grant_types=self.grant_types or GRANT_TYPES,
            scopes=SCOPES if self.scopes is None else self.scopes,
            is_enabled=self.is_enabled is not False,
            created_at=now,
            updated_at=now,
        )

    def changed(self, client: OAuthClient, now: datetime) -> OAuthClient:
        """Return the client with the fields that were sent; its type stays."""
        method = self.token_endpoint_auth_method
        if method is not None:
            _method_for(client.client_type, method)
        return replace(
            client,
            token_endpoint_auth_method=client.token_endpoint_auth_method if method is None else method,
            name=client.name if self.name is None else self.name,
            client_uri=client.client_uri if self.client_uri is None else self.client_uri,
            logo_uri=client.logo_uri if self.logo_uri is None else self.logo_uri,
            redirect_uris=client.redirect_uris if self.redirect_uris is None else self.redirect_uris,
            grant_types=client.grant_types if self.grant_types is None else self.grant_types,
            scopes=client.scopes if self.scopes is None else self.scopes,
            is_enabled=client.is_enabled if self.is_enabled is None else self.is_enabled,
            updated_at=now,
        )


def _type_of_method(method: str | None) -> str:
    return PUBLIC if method == NO_AUTHENTICATION else CONFIDENTIAL


def _method_for(client_type: str, method: str) -> str:
    methods = AUTHENTICATION_METHODS[client_type]
    if method not in methods:
        problem = f"must be {' or '.join(methods)} for a client of the type {client_type}"
        raise ClientMetadataError("token_endpoint_auth_method", problem)
    return method


def _text(values: Mapping[str, object], field: str, max_length: int) -> str | None:
    value = values.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ClientMetadataError(field, "must be a string")
    if len(value) > max_length:
        raise ClientMetadataError(field, f"must be at most {max_length} characters")
    return value


def _name(values: Mapping[str, object]) -> str | None:
    name = _text(values, "client_name", MAX_NAME_LENGTH)
    # The name is what a person decides by: nothing in it may hide, or turn the rest around.
    if name is not None and not name.isprintable():
        raise ClientMetadataError("client_name", "contains a character that cannot be printed")
    return name.strip() if name is not None else None


def _word(values: Mapping[str, object], field: str, words: Sequence[str]) -> str | None:
    value = _text(values, field, _MAX_URI_LENGTH) or None
    if value is not None and value not in words:
        raise ClientMetadataError(field, f"must be {', '.join(words[:-1])} or {words[-1]}")
    return value


def _web_uri(values: Mapping[str, object], field: str) -> str | None:
    uri = _text(values, field, _MAX_URI_LENGTH)
    if not uri:
        return uri
    try:
        check_redirect_uri(uri)
        is_web = urlsplit(uri).scheme in ("http", "https")
    except ValueError:
        is_web = False
    if not is_web:
        raise ClientMetadataError(field, "must be a valid https URL")
    return uri


def _texts(values: Mapping[str, object], field: str) -> tuple[str, ...] | None:
    value = values.get(field)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ClientMetadataError(field, "must be a list of strings")
    return tuple(dict.fromkeys(value))


def _redirect_uris(values: Mapping[str, object]) -> tuple[str, ...] | None:
    uris = _texts(values, "redirect_uris")
    if uris is None:
        return None
    if not 1 <= len(uris) <= MAX_REDIRECT_URIS:
        raise ClientMetadataError("redirect_uris", f"must have 1 to {MAX_REDIRECT_URIS} items")
    for number, uri in enumerate(uris, 1):
        try:
            check_redirect_uri(uri)
        except ValueError as error:
            raise ClientMetadataError("redirect_uris", f"is invalid: number {number} {error}") from None
    return uris


def _grant_types(values: Mapping[str, object]) -> tuple[str, ...] | None:
    grant_types = _texts(values, "grant_types")
    if not grant_types:
        return None
    if not set(grant_types) <= set(GRANT_TYPES) or "authorization_code" not in grant_types:
        raise ClientMetadataError("grant_types", "must be authorization_code, and may also be refresh_token")
    return grant_types


def _check_response_types(values: Mapping[str, object]) -> None:
    response_types = _texts(values, "response_types")
    if response_types and response_types != ("code",):
        raise ClientMetadataError("response_types", "must be code")


def _scopes(values: Mapping[str, object]) -> tuple[str, ...] | None:
    text = _text(values, "scope", _MAX_URI_LENGTH)
    if not text:
        return None
    try:
        return parse_scopes(text)
    except ValueError as error:
        raise ClientMetadataError("scope", f"has an {error}") from None


def _boolean(values: Mapping[str, object], field: str) -> bool | None:
    value = values.get(field)
    if value is not None and not isinstance(value, bool):
        raise ClientMetadataError(field, "must be true or false")
    return value
