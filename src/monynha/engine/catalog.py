"""All resources together, with the ways between them: children hang themselves onto their parents here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from monynha.engine.resource import Link, Relation, Resource, column_of


@dataclass(frozen=True)
class Catalog:
    """Every resource by its plural, and every relation by its resource and name."""

    resources: dict[str, Resource]
    relations: dict[str, dict[str, Relation]]
    listings: tuple[Relation, ...]
    """The ways to many that have an address of their own, below the resource they start from."""

    @classmethod
    def of(cls, resources: Iterable[Resource]) -> Catalog:
        """Draw the ways between resources; a resource may link only to those listed before it."""
        known: dict[str, Resource] = {}
        relations: dict[str, dict[str, Relation]] = {}
        listings: list[Relation] = []
        for resource in resources:
            known[resource.plural] = resource
            relations[resource.plural] = {}
            links = dict(resource.links)
            if resource.within is not None:
                links[resource.within.target.singular] = resource.within
            for name, link in links.items():
                assert link.target is resource or link.target.plural in known, f"{name} is not known yet"
                back = _connect(relations, resource, name, link)
                if back is not None and link.is_listed:
                    listings.append(back)
        return cls(known, relations, tuple(listings))

    def relations_of(self, resource: Resource) -> dict[str, Relation]:
        """Return the ways that lead on from a resource."""
        return self.relations[resource.plural]


def _connect(
    relations: dict[str, dict[str, Relation]], resource: Resource, name: str, link: Link
) -> Relation | None:
    here, there = column_of(link.by), link.target.own_key
    relations[resource.plural][name] = Relation(
        name, resource, link.target, False, here, there, doc=here.doc or ""
    )
    if link.across is not None and resource.within is not None and resource.parent_column is not None:
        parent = resource.within.target
        through = here, resource.parent_column
        relations[link.target.plural][link.across] = Relation(
            link.across, link.target, parent, True, there, parent.own_key, through=through
        )
    inverse = link.inverse or (resource.plural if link is resource.within else None)
    if inverse is None:
        return None
    back = Relation(inverse, link.target, resource, True, there, here)
    relations[link.target.plural][inverse] = back
    return back
