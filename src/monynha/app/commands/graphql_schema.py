"""`monynha graphql-schema`: the GraphQL schema in the schema definition language."""

from __future__ import annotations

from monynha.app.commands.options import DataDir


def graphql_schema(*, data_dir: DataDir = None) -> None:
    """Print the GraphQL schema, for client generators.

    Example: monynha graphql-schema > schema.graphql
    """
    from monynha.app.composition.graphql import schema_text

    print(schema_text(), end="")
