"""Mutations: run one after the other, each with its answer in the transaction of its write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

import orjson
from graphql import FieldNode, GraphQLField, GraphQLSchema, OperationDefinitionNode

from monynha.core.errors import Fault, NotFound, Unauthenticated
from monynha.core.wire import camel
from monynha.engine.mutate import Key, Mutate
from monynha.engine.mutation import read_create, read_update
from monynha.engine.selection import Selection
from monynha.infra.postgres.database import Acting
from monynha.protocols.graphql.asked import Arguments, Asked, settled, settled_selection
from monynha.protocols.graphql.collected import Collector
from monynha.protocols.graphql.document import Document
from monynha.protocols.graphql.errors import body_of, told
from monynha.protocols.graphql.listing import id_value
from monynha.protocols.graphql.meaning import Call, Change, Deed, Do, Own, Run, meaning_of
from monynha.protocols.graphql.plan import check_cost
from monynha.protocols.graphql.planner import TYPENAME, Planner, key_of
from monynha.protocols.http.request import Request

_TRUE = b"true"


@dataclass(frozen=True)
class Step:
    """One root field of a mutation: what it changes, with which arguments, and what it shows then."""

    label: str
    change: Change | Deed | None
    args: Arguments | None = None
    answer: Selection | None = None


@dataclass(frozen=True)
class Changes:
    """Runs mutations."""

    schema: GraphQLSchema
    mutate: Mutate
    runs: Mapping[Own, Run]
    """What domains do themselves."""
    deeds: Mapping[Deed, Do] = field(default_factory=dict)
    """And what they do to all at once."""

    def plan(self, document: Document, operation: OperationDefinitionNode, asked: Asked) -> list[Step]:
        """Return what a mutation does, in order (Refused where it asks for too much)."""
        collect = Collector(document.fragments, asked.variables)
        planner = Planner(self.schema, collect, asked)
        root = self.schema.mutation_type
        assert root is not None
        steps: list[Step] = []
        for key, nodes in collect.fields([operation.selection_set]).items():
            name = nodes[0].name.value
            steps.append(
                Step(key, None) if name == TYPENAME else _step(planner, root.fields[name], key, nodes)
            )
        check_cost(sum(step.answer.cost() for step in steps if step.answer is not None))
        return steps

    async def run(self, steps: list[Step], asked: Asked, acting: Acting | None, request: Request) -> bytes:
        """Run the steps until one fails; every field is non-null, so that its error leaves no data."""
        shown: list[bytes] = []
        for step in steps:
            try:
                value = await self._run(step, asked, acting, request)
            except Fault as fault:
                if acting is not None and not shown:
                    # A session that is over is the request's error, not the field's, and comes first.
                    await acting.check_live()
                return body_of([told(fault, (step.label,), request.id)], b"null")
            shown.append(orjson.dumps(step.label) + b":" + value)
        return b'{"data":{' + b",".join(shown) + b"}}"

    async def _run(self, step: Step, asked: Asked, acting: Acting | None, request: Request) -> bytes:
        change, args = step.change, step.args
        if change is None or args is None:
            return b'"Mutation"'
        if isinstance(change, Deed):
            if acting is None:
                raise Unauthenticated()
            return orjson.dumps(await self.deeds[change](acting))
        if change.own is not None:
            return await self._own(step, asked, acting, request)
        if acting is None:
            raise Unauthenticated()
        if change.verb == "create":
            return await self._create(step, asked, acting)
        resource, key = change.resource, _key(change, args, asked)
        if change.verb == "delete":
            switches = tuple(name for name in resource.switches if args.values.get(name))
            await self.mutate.delete(acting, resource, key, switches=switches)
            return _TRUE
        values = read_update(resource, args.values["input"])
        answer = _answer(step, asked, key)
        return (await self.mutate.update(acting, resource, key, values, answer=answer)).body

    async def _create(self, step: Step, asked: Asked, acting: Acting) -> bytes:
        assert isinstance(step.change, Change)
        assert step.args is not None
        resource, args = step.change.resource, step.args
        values = read_create(resource, args.values["input"])
        parent = None
        if resource.parent_column is not None:
            read = args.reader(camel(resource.parent_column.name))
            parent = _known(settled(id_value(read, (step.label,)), asked))
        created = await self.mutate.create(
            acting, resource, values, parent=parent, answer=lambda key: _answer(step, asked, key)
        )
        return created.found.body

    async def _own(self, step: Step, asked: Asked, acting: Acting | None, request: Request) -> bytes:
        change, args = step.change, step.args
        assert isinstance(change, Change)
        assert args is not None
        assert change.own is not None
        if acting is None and not change.own.is_open:
            raise Unauthenticated()
        key = () if change.verb == "create" else _key(change, args, asked)
        answer = _answer(step, asked, key)
        body: Mapping[str, object] = args.values["input"]
        done = await self.runs[change.own](Call(request, asked.actor, acting, key, body, answer))
        return orjson.dumps(_new(answer, done)) if isinstance(done, Mapping) else done.body


def _step(planner: Planner, made: GraphQLField, key: str, nodes: list[FieldNode]) -> Step:
    change: Change | Deed = meaning_of(made)
    args = Arguments.of(made, nodes[0], planner.asked)
    if isinstance(change, Deed) or change.verb == "delete":
        return Step(key, change, args)
    # The key of what is not there yet is filled in later; one row is what it costs.
    answer = planner.shown(change.resource, nodes, (key,), key=(None,))
    return Step(key, change, args, answer)


def _answer(step: Step, asked: Asked, key: Key) -> Selection:
    assert step.answer is not None
    return settled_selection(replace(step.answer, key=key), asked)


def _key(change: Change, args: Arguments, asked: Asked) -> Key:
    return tuple(_known(settled(one, asked)) for one in key_of(change.resource, args, ()))


def _known(id: object) -> UUID:
    if not isinstance(id, UUID):
        raise NotFound()
    return id


def _new(selection: Selection, row: Mapping[str, object]) -> dict[str, object]:
    """Return what a row shows that is so new that nothing hangs on it yet."""
    shown: dict[str, object] = dict(_leaves(selection, row))
    for branch in selection.branches:
        below = branch.selection
        if below.page is not None:
            empty: dict[str, object] = {"nodes": [], "cursor": None, "total": 0}
            shown[branch.label] = {part.label: empty.get(part.kind, part.text) for part in below.page}
        else:
            shown[branch.label] = [] if branch.relation.is_many else None
    return {label: shown[label] for label in selection.labels}


def _leaves(selection: Selection, row: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for leaf in selection.fields:
        assert not isinstance(leaf, str)
        yield leaf.label, row[leaf.name] if leaf.name else leaf.text
