"""Whether all who hear a stream would be shown the same, so that it is asked once for all of them."""

from __future__ import annotations

from monynha.engine.resource import Relation, Resource
from monynha.engine.selection import Selection


def shows_all_the_same(selection: Selection, root: Resource, *, is_within: bool) -> bool:
    """Whether a selection shows the same to the whole audience of a stream of the root's.

    `is_within` says that its rows belong to that stream. Whoever hears a stream is told its rows whole, and
    public rows are everybody's; what is computed for the asker, or read through a view, is theirs alone.
    """
    resource = selection.resource
    if not (is_within or resource.is_public):
        return False
    names = [one if isinstance(one, str) else one.name for one in selection.fields]
    fields = [resource.fields[name] for name in names if name]
    if any(one.column is None or one.rules.seen_through is not None for one in fields):
        return False
    parts = [part.selection for part in selection.page or () if part.selection is not None]
    return all(shows_all_the_same(one, root, is_within=is_within) for one in parts) and all(
        shows_all_the_same(one.selection, root, is_within=is_within and stays(one.relation, root))
        for one in selection.branches
    )


def stays(relation: Relation, root: Resource) -> bool:
    """Whether a way leads from a row to its parent, or to its children, of the same stream."""
    child, parent = (
        (relation.target, relation.source) if relation.is_many else (relation.source, relation.target)
    )
    by = relation.there if relation.is_many else relation.here
    is_kin = child.within is not None and child.within.target is parent and child.parent_column is by
    told = relation.target.told_to
    return is_kin and relation.through is None and bool(told) and told[0].kind == root.told_to[0].kind
