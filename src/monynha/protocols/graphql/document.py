"""A document that was read, measured and checked against the schema: once per text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from graphql import (
    ArgumentNode,
    ASTValidationRule,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    VariableNode,
    Visitor,
    parse,
    specified_rules,
    validate,
    visit,
)
from graphql.execution.values import VariableValues

from monynha.core.errors import BadRequest
from monynha.core.remembered import Remembered
from monynha.protocols.graphql.errors import Refused, refused_document
from monynha.protocols.graphql.limits import MOST_ERRORS, MOST_TOKENS, check_text, check_tree
from monynha.protocols.graphql.slowly import Slowly, Steps, at_once
from monynha.protocols.graphql.variables import Variables

_MOST, MOST_LONG = 500, 100
SHORT = 1_000
"""Up to how many characters a new document is read at once; the longest take 0.1 s."""
Rules = tuple[type[ASTValidationRule], ...]


@dataclass(frozen=True, eq=False)
class Document:
    """A valid document; `uses` says which arguments each variable is given to, `""` where within one."""

    operations: Mapping[str, OperationDefinitionNode]
    fragments: Mapping[str, FragmentDefinitionNode]
    uses: Mapping[str, frozenset[str]]
    is_long: bool
    """Whether it takes much to keep: as a tree up to 0.7 MB."""
    variables: dict[int, Variables] = field(default_factory=dict)
    """How the variables of its operations are read, by the operation's identity."""

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Return the operation to run; where there are several, it must be named."""
        if name is None:
            if len(self.operations) != 1:
                raise _unknown("Say by operationName which of the operations is to run.")
            return next(iter(self.operations.values()))
        found = self.operations.get(name)
        if found is None:
            raise _unknown(f"There is no operation named {name[:100]}.")
        return found


@dataclass(frozen=True)
class Documents:
    """Reads documents and remembers the latest of them; long ones are read slowly."""

    schema: GraphQLSchema
    shows_schema: bool
    _slowly: Slowly = field(default_factory=Slowly)
    _known: Remembered[str, Document] = field(default_factory=lambda: Remembered(_MOST))
    _known_long: Remembered[str, Document] = field(default_factory=lambda: Remembered(MOST_LONG))

    async def read(self, text: str, who: UUID | None = None) -> Document:
        """Return the document of a text that somebody sent (Refused where it has none)."""
        is_long = len(text) > SHORT
        memory = self._known_long if is_long else self._known
        known = memory.get(text)
        if known is None:
            if is_long:
                known = await self._slowly.once(text, lambda: self._read(text, self._parts), who)
            else:
                known = self.read_at_once(text)
            memory.keep(text, known)
        return known

    def variables(
        self, document: Document, operation: OperationDefinitionNode, given: dict[str, object]
    ) -> VariableValues:
        """Return the operation's variables as their types want them (Refused where they are not)."""
        known = document.variables.get(id(operation))
        if known is None:
            known = document.variables[id(operation)] = Variables(self.schema, operation)
        return known.read(given)

    def read_at_once(self, text: str) -> Document:
        """Return the document of a text that is not looked up (Refused where it has none)."""
        return at_once(self._read(text, (self._rules,)))

    @cached_property
    def _rules(self) -> Rules:
        return specified_rules if self.shows_schema else (*specified_rules, NoSchemaIntrospectionCustomRule)

    @cached_property
    def _parts(self) -> tuple[Rules, ...]:
        """The rules in parts that take about as long; those of a part share what they find out."""
        dear = OverlappingFieldsCanBeMergedRule
        of_variables = tuple(one for one in self._rules if "Variable" in one.__name__)
        rest = tuple(one for one in self._rules if one is not dear and one not in of_variables)
        return rest[::2], rest[1::2], of_variables, (dear,)

    def _read(self, text: str, parts: Iterable[Rules]) -> Steps[Document]:
        try:
            check_text(text)
            parsed = parse(text, max_tokens=MOST_TOKENS, allow_empty_selection_sets=False)
            yield
            check_tree(parsed)
        except GraphQLError as error:
            raise refused_document([error]) from None
        except RecursionError:
            raise Refused.for_fault(BadRequest("The query is nested too deep.")) from None
        except BadRequest as fault:
            raise Refused.for_fault(fault) from None
        errors: list[GraphQLError] = []
        for rules in parts:
            yield
            errors += validate(self.schema, parsed, rules, MOST_ERRORS, not self.shows_schema)
        if errors:
            raise refused_document(errors[: MOST_ERRORS + 1])
        return _document(parsed, is_long=len(text) > SHORT)


def _document(parsed: DocumentNode, *, is_long: bool) -> Document:
    operations: dict[str, OperationDefinitionNode] = {}
    fragments: dict[str, FragmentDefinitionNode] = {}
    for one in parsed.definitions:
        if isinstance(one, OperationDefinitionNode):
            operations[one.name.value if one.name else ""] = one
        elif isinstance(one, FragmentDefinitionNode):
            fragments[one.name.value] = one
    uses = _Uses()
    visit(parsed, uses)
    given = {name: frozenset(found) for name, found in uses.found.items()}
    return Document(operations, fragments, given, is_long)


class _Uses(Visitor):
    """Notes where each variable is given."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, set[str]] = {}

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        if isinstance(node.value, VariableNode):
            self.found.setdefault(node.value.name.value, set()).add(node.name.value)

    def enter_variable(self, node: VariableNode, _key: object, parent: object, *_: object) -> None:
        if not isinstance(parent, ArgumentNode):
            self.found.setdefault(node.name.value, set()).add("")


def _unknown(says: str) -> Refused:
    return Refused.for_fault(BadRequest(says, details={"operationName": "is not known"}))
