"""The API described: one OpenAPI 3.1 document, and a page to try it on."""

from monynha.protocols.openapi.document import build_document
from monynha.protocols.openapi.field_schemas import email_schema, input_schema
from monynha.protocols.openapi.swagger_ui import docs_route_group

__all__ = ["build_document", "docs_route_group", "email_schema", "input_schema"]
