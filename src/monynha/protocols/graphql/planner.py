"""A document becomes a question: fields to selections, arguments to their limits, orders and values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLSchema, get_named_type

from monynha.core.wire import camel
from monynha.engine.resource import Resource
from monynha.engine.selection import Branch, Leaf, Part, Selection
from monynha.protocols.graphql.asked import Arguments, Asked
from monynha.protocols.graphql.collected import Collector, Fields
from monynha.protocols.graphql.errors import Path
from monynha.protocols.graphql.inputs import RELATION_LIMIT, ROOT_LIMIT
from monynha.protocols.graphql.listing import id_value, listing
from monynha.protocols.graphql.meaning import Column, Item, Listing, OfPage, meaning_of

TYPENAME = "__typename"


@dataclass(frozen=True)
class Planner:
    """Plans one operation for requests of one shape; `asked` is the first of them."""

    schema: GraphQLSchema
    collect: Collector
    asked: Asked

    def root(self, made: GraphQLField, nodes: list[FieldNode], path: Path) -> Selection:
        """Return the selection of a root field that asks for rows."""
        meaning = meaning_of(made)
        args = Arguments.of(made, nodes[0], self.asked)
        if isinstance(meaning, Item):
            return self.shown(meaning.resource, nodes, path, key=key_of(meaning.resource, args, path))
        assert isinstance(meaning, Listing)
        return self._listed(meaning, args, nodes, path)

    def shown(
        self, resource: Resource, nodes: list[FieldNode], path: Path, *, key: tuple[object, ...] = ()
    ) -> Selection:
        """Return the selection of one row that shows what is asked below the fields."""
        row = cast(GraphQLObjectType, self.schema.type_map[_type_name(resource)])
        return self._row(Selection(resource, (), key=key), row, self.collect.below(nodes), path)

    def _listed(self, meaning: Listing, args: Arguments, nodes: list[FieldNode], path: Path) -> Selection:
        default = ROOT_LIMIT if meaning.way is None else RELATION_LIMIT
        found = listing(meaning.resource, args, self.asked, path, default=default)
        kind = cast(GraphQLObjectType, get_named_type(args.made.type))
        fields = self.collect.below(nodes)
        if not meaning.is_page:
            return self._row(found, kind, fields, path)
        return replace(found, page=tuple(self._parts(meaning.resource, kind, fields, path)))

    def _parts(
        self, resource: Resource, page: GraphQLObjectType, fields: Fields, path: Path
    ) -> Iterable[Part]:
        for key, nodes in fields.items():
            name = nodes[0].name.value
            if name == TYPENAME:
                yield Part(key, "text", text=page.name)
                continue
            meaning: OfPage = meaning_of(page.fields[name])
            inner = self.shown(resource, nodes, (*path, key)) if meaning.kind == "nodes" else None
            yield Part(key, meaning.kind, inner)

    def _row(self, selection: Selection, row: GraphQLObjectType, fields: Fields, path: Path) -> Selection:
        leaves: list[Leaf] = []
        branches: list[Branch] = []
        for key, nodes in fields.items():
            name = nodes[0].name.value
            if name == TYPENAME:
                leaves.append(Leaf(key, text=row.name))
                continue
            made = row.fields[name]
            meaning = meaning_of(made)
            if isinstance(meaning, Column):
                leaves.append(Leaf(key, meaning.name))
            else:
                branches.append(self._branch(key, made, nodes, (*path, key)))
        return replace(selection, fields=tuple(leaves), branches=tuple(branches), labels=tuple(fields))

    def _branch(self, key: str, made: GraphQLField, nodes: list[FieldNode], path: Path) -> Branch:
        meaning: Item | Listing = meaning_of(made)
        assert meaning.way is not None
        if isinstance(meaning, Item):
            return Branch(key, meaning.way, self.shown(meaning.resource, nodes, path))
        args = Arguments.of(made, nodes[0], self.asked)
        return Branch(key, meaning.way, self._listed(meaning, args, nodes, path))


def key_of(resource: Resource, args: Arguments, path: Path) -> tuple[object, ...]:
    """Return the primary key that a field's arguments name."""
    if not resource.is_reached_through_parent:
        return (id_value(args.reader("id"), path),)
    return tuple(id_value(args.reader(camel(one.name)), path) for one in resource.key)


def _type_name(resource: Resource) -> str:
    return resource.singular[0].upper() + resource.singular[1:]
