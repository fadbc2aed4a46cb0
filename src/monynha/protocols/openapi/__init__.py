"""The API described: one OpenAPI 3.1 document, and a page to try it on."""

from monynha.protocols.openapi.document import document
from monynha.protocols.openapi.fields import mail_address, sent
from monynha.protocols.openapi.pages import area

__all__ = ["area", "document", "mail_address", "sent"]
