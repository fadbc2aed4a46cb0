"""The catalog: all resources, and the relations between them in both directions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from monynha.engine.schema.resource import ForeignRelation, Relation, Resource, column_of


@dataclass(frozen=True)
class Catalog:
    """Every resource by its plural, and every relation by its source's plural and its own name."""

    resources: dict[str, Resource]
    relations: dict[str, dict[str, Relation]]
    listed_relations: tuple[Relation, ...]
    """The to-many relations with a route of their own, below the resource they start from."""

    @classmethod
    def from_resources(cls, resources: Iterable[Resource]) -> Catalog:
        """Return the catalog; a resource may refer only to itself and to those listed before it."""
        resources_by_plural: dict[str, Resource] = {}
        relations: dict[str, dict[str, Relation]] = {}
        listed_relations: list[Relation] = []
        for resource in resources:
            resources_by_plural[resource.plural] = resource
            relations[resource.plural] = {}
            foreign_relations = dict(resource.foreign_relations)
            if resource.parent is not None:
                foreign_relations[resource.parent.target.singular] = resource.parent
            for name, foreign_relation in foreign_relations.items():
                target = foreign_relation.target
                assert target is resource or target.plural in resources_by_plural, f"{name}: list {target.plural} first"
                inverse_relation = _add_relations(relations, resource, name, foreign_relation)
                if inverse_relation is not None and foreign_relation.has_list_route:
                    listed_relations.append(inverse_relation)
        return cls(resources_by_plural, relations, tuple(listed_relations))

    def relations_of(self, resource: Resource) -> dict[str, Relation]:
        """Return the relations that start from a resource, by name."""
        return self.relations[resource.plural]


def _add_relations(
    relations: dict[str, dict[str, Relation]], resource: Resource, name: str, foreign_relation: ForeignRelation
) -> Relation | None:
    """Add the relation and its inverses, and return the direct inverse."""
    source_column, target = column_of(foreign_relation.column), foreign_relation.target
    target_column = target.id_column
    relations[resource.plural][name] = Relation(
        name, resource, target, False, source_column, target_column, doc=source_column.doc or ""
    )
    many_to_many = foreign_relation.many_to_many_inverse
    if many_to_many is not None and resource.parent is not None and resource.parent_column is not None:
        parent = resource.parent.target
        through = source_column, resource.parent_column
        relations[target.plural][many_to_many] = Relation(
            many_to_many, target, parent, True, target_column, parent.id_column, through=through
        )
    inverse = foreign_relation.inverse or (resource.plural if foreign_relation is resource.parent else None)
    if inverse is None:
        return None
    inverse_relation = Relation(inverse, target, resource, True, target_column, source_column)
    relations[target.plural][inverse] = inverse_relation
    return inverse_relation
