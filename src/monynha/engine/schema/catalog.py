"""All resources together, with the ways between them: children hang themselves onto their parents here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from monynha.engine.schema.resource import ForeignRelation, Relation, Resource, column_of


@dataclass(frozen=True)
class Catalog:
    """Every resource by its plural, and every relation by its resource and name."""

    resources: dict[str, Resource]
    relations: dict[str, dict[str, Relation]]
    listed_relations: tuple[Relation, ...]
    """The ways to many that have an address of their own, below the resource they start from."""

    @classmethod
    def from_resources(cls, resources: Iterable[Resource]) -> Catalog:
        """Draw the ways between resources; a resource may link only to those listed before it."""
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
                assert foreign_relation.target is resource or foreign_relation.target.plural in resources_by_plural, (
                    f"{name} is not known yet"
                )
                inverse_relation = _add_relations(relations, resource, name, foreign_relation)
                if inverse_relation is not None and foreign_relation.has_list_route:
                    listed_relations.append(inverse_relation)
        return cls(resources_by_plural, relations, tuple(listed_relations))

    def relations_of(self, resource: Resource) -> dict[str, Relation]:
        """Return the ways that lead on from a resource."""
        return self.relations[resource.plural]


def _add_relations(
    relations: dict[str, dict[str, Relation]],
    resource: Resource,
    name: str,
    foreign_relation: ForeignRelation,
) -> Relation | None:
    source_column, target_column = column_of(foreign_relation.column), foreign_relation.target.id_column
    relations[resource.plural][name] = Relation(
        name,
        resource,
        foreign_relation.target,
        False,
        source_column,
        target_column,
        doc=source_column.doc or "",
    )
    if (
        foreign_relation.many_to_many_inverse is not None
        and resource.parent is not None
        and resource.parent_column is not None
    ):
        parent = resource.parent.target
        through = source_column, resource.parent_column
        relations[foreign_relation.target.plural][foreign_relation.many_to_many_inverse] = Relation(
            foreign_relation.many_to_many_inverse,
            foreign_relation.target,
            parent,
            True,
            target_column,
            parent.id_column,
            through=through,
        )
    inverse = foreign_relation.inverse or (resource.plural if foreign_relation is resource.parent else None)
    if inverse is None:
        return None
    inverse_relation = Relation(inverse, foreign_relation.target, resource, True, target_column, source_column)
    relations[foreign_relation.target.plural][inverse] = inverse_relation
    return inverse_relation
