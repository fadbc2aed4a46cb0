"""Whether all who hear a stream would be shown the same, so that it is asked once for all of them."""

from __future__ import annotations

from monynha.engine.query.selection import Selection
from monynha.engine.schema.resource import Relation, Resource


def is_same_for_all_subscribers(selection: Selection, root: Resource, *, is_in_stream: bool) -> bool:
    """Whether a selection shows the same to the whole audience of a stream of the root's.

    `is_within` says that its rows belong to that stream. Whoever hears a stream is told its rows whole, and
    public rows are everybody's; what is computed for the asker, or read through a view, is theirs alone.
    """
    resource = selection.resource
    if not (is_in_stream or resource.is_public):
        return False
    names = [one if isinstance(one, str) else one.name for one in selection.fields]
    fields = [resource.fields[name] for name in names if name]
    if any(one.column is None or one.rules.read_via_view is not None for one in fields):
        return False
    page_selections = [part.selection for part in selection.page or () if part.selection is not None]
    return all(is_same_for_all_subscribers(one, root, is_in_stream=is_in_stream) for one in page_selections) and all(
        is_same_for_all_subscribers(
            one.selection, root, is_in_stream=is_in_stream and stays_in_stream(one.relation, root)
        )
        for one in selection.relations
    )


def stays_in_stream(relation: Relation, root: Resource) -> bool:
    """Whether a way leads from a row to its parent, or to its children, of the same stream."""
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
