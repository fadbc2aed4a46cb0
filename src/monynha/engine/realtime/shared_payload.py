"""Decide whether a selection has the same result for all subscribers of a stream, so that it is queried once."""

from __future__ import annotations

from monynha.engine.query.selection import Selection
from monynha.engine.schema.resource import Relation, Resource


def is_same_for_all_subscribers(selection: Selection, root: Resource, *, is_in_stream: bool) -> bool:
    """Whether all subscribers of a stream of `root` see the same result of a selection.

    `is_in_stream` says that the selected rows belong to that stream. Subscribers may read every row of their stream,
    and public rows are visible to everyone. Computed fields and fields read through a view depend on the reader.
    """
    resource = selection.resource
    if not (is_in_stream or resource.is_public):
        return False
    names = [field if isinstance(field, str) else field.name for field in selection.fields]
    fields = [resource.fields[name] for name in names if name]
    if any(field.column is None or field.rules.read_via_view is not None for field in fields):
        return False
    page_selections = [part.selection for part in selection.page or () if part.selection is not None]
    return all(
        is_same_for_all_subscribers(page_selection, root, is_in_stream=is_in_stream)
        for page_selection in page_selections
    ) and all(
        is_same_for_all_subscribers(
            node.selection, root, is_in_stream=is_in_stream and stays_in_stream(node.relation, root)
        )
        for node in selection.relations
    )


def stays_in_stream(relation: Relation, root: Resource) -> bool:
    """Whether a relation leads to rows of the same stream: from a row to its parent, or to its children."""
    child, parent = (relation.target, relation.source) if relation.is_many else (relation.source, relation.target)
    foreign_key = relation.target_column if relation.is_many else relation.source_column
    is_parent_link = child.parent is not None and child.parent.target is parent and child.parent_column is foreign_key
    target_streams = relation.target.streams
    return (
        is_parent_link
        and relation.through is None
        and bool(target_streams)
        and target_streams[0].kind == root.streams[0].kind
    )
