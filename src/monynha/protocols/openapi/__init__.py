"""The OpenAPI 3.1 document of the REST API, derived from the catalogue, and the Swagger UI page that shows it.

* `document`: the whole document
* `operations`: one operation: parameters, body, responses
* `operation_ids`: names and summaries of operations
* `parameters`: path, query and header parameters
* `responses`: successes in the envelope, errors by status
* `links`: links from a response to other operations
* `components`: schemas of rows and request bodies
* `field_schemas`: the JSON Schema of one field
* `patterns`: regular expressions of texts
* `swagger_ui`: serves the document and the page
"""

from monynha.protocols.openapi.document import build_document
from monynha.protocols.openapi.field_schemas import email_schema, input_schema
from monynha.protocols.openapi.swagger_ui import docs_route_group

__all__ = ["build_document", "docs_route_group", "email_schema", "input_schema"]
