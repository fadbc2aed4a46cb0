"""Argument values are read from each request's variables, whatever the first request of the plan brought."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid4

import pytest
from graphql import FieldNode, GraphQLArgument, GraphQLField, GraphQLList, GraphQLString, OperationDefinitionNode, parse
from graphql.execution.values import VariableValues, get_variable_values
from graphql.type import GraphQLObjectType, GraphQLSchema

from monynha.core.actor import ANONYMOUS, Actor, ActorKind
from monynha.core.errors import BadRequestError
from monynha.protocols.graphql.errors import RequestError
from monynha.protocols.graphql.execution.context import (
    Caller,
    ExecutionContext,
    FieldArguments,
    context_parameter,
)

FIELD = GraphQLField(
    GraphQLString,
    args={
        "id": GraphQLArgument(GraphQLString, default_value="default"),
        "tags": GraphQLArgument(GraphQLList(GraphQLString)),
    },
)
SCHEMA = GraphQLSchema(GraphQLObjectType("Query", {"task": FIELD}))


def field_arguments(document: str, variables: Mapping[str, object]) -> tuple[FieldArguments, ExecutionContext]:
    """Return the arguments of the only field of a document, and the context of its first request."""
    (operation,) = parse(document).definitions
    assert isinstance(operation, OperationDefinitionNode)
    (node,) = operation.selection_set.selections
    assert isinstance(node, FieldNode)
    context = request(document, variables)
    return FieldArguments.from_node(FIELD, node, context), context


def request(document: str, variables: Mapping[str, object], actor: Actor = ANONYMOUS) -> ExecutionContext:
    """Return the context of a request with the variables."""
    (operation,) = parse(document).definitions
    assert isinstance(operation, OperationDefinitionNode)
    values = get_variable_values(SCHEMA, operation.variable_definitions or (), dict(variables))
    assert isinstance(values, VariableValues)
    return ExecutionContext(Caller(actor, "r1", "127.0.0.1"), values, variables)


@pytest.mark.parametrize(
    ("document", "name", "expected"),
    [
        ("query ($v: String) { task(id: $v) }", "id", "second"),
        ('query ($v: String) { task(tags: [$v, "x"]) }', "tags", ["second", "x"]),
        ("query ($v: String) { task(tags: [$v]) }", "id", "default"),
        ('query ($v: String) { task(id: "constant", tags: [$v]) }', "id", "constant"),
    ],
)
def test_reader_takes_variables_from_the_request_at_hand(document: str, name: str, expected: object) -> None:
    arguments, _ = field_arguments(document, {"v": "first"})

    read = arguments.reader(name)

    assert read(request(document, {"v": "second"})) == expected


def test_absent_variable_takes_the_default_of_the_argument() -> None:
    document = "query ($v: String) { task(id: $v) }"
    arguments, context = field_arguments(document, {})

    assert arguments.reader("id")(context) == "default"
    assert arguments.is_given("id")
    assert not arguments.is_given("tags")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("00000000-0000-4000-8000-000000000001", UUID("00000000-0000-4000-8000-000000000001")), ("junk", None)],
)
def test_id_parameter_is_a_uuid_or_none(text: str, expected: UUID | None) -> None:
    document = "query ($v: String) { task(id: $v) }"
    arguments, _ = field_arguments(document, {"v": "x"})

    assert arguments.id_parameter("id", ("task",)).resolve(request(document, {"v": text})) == expected


def test_id_parameter_reads_me_as_the_caller_of_each_request() -> None:
    arguments, _ = field_arguments('{ task(id: "me") }', {})
    parameter = arguments.id_parameter("id", ("task",))

    ids = [uuid4(), uuid4()]

    assert [parameter.resolve(request("{ task }", {}, Actor(ActorKind.USER, id))) for id in ids] == ids


def test_error_of_a_parameter_has_the_path_of_its_field() -> None:
    def fail(context: ExecutionContext) -> object:
        raise BadRequestError("wrong")

    with pytest.raises(RequestError) as error_info:
        context_parameter(fail, ("task", "id")).resolve(request("{ task }", {}))

    assert error_info.value.errors[0]["path"] == ["task", "id"]
