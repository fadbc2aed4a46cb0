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

from monynha.core.errors import BadRequestError
from monynha.core.lru_cache import LruCache
from monynha.protocols.graphql.errors import RequestError, document_error
from monynha.protocols.graphql.execution.cooperative import CooperativeRunner, Steps, run_to_completion
from monynha.protocols.graphql.execution.variables import VariableReader
from monynha.protocols.graphql.limits import MAX_ERRORS, MAX_TOKENS, check_document, check_text

_MAX_DOCUMENTS, MAX_LONG_DOCUMENTS = 500, 100
SHORT_DOCUMENT_CHARS = 1_000
"""Up to how many characters a new document is read at once; the longest take 0.1 s."""
ValidationRules = tuple[type[ASTValidationRule], ...]


@dataclass(frozen=True, eq=False)
class Document:
    """A valid document; `uses` says which arguments each variable is given to, `""` where within one."""

    operations: Mapping[str, OperationDefinitionNode]
    fragments: Mapping[str, FragmentDefinitionNode]
    variable_uses: Mapping[str, frozenset[str]]
    is_long: bool
    """Whether it takes much to keep: as a tree up to 0.7 MB."""
    variable_readers: dict[int, VariableReader] = field(default_factory=dict)
    """How the variables of its operations are read, by the operation's identity."""

    def get_operation(self, name: str | None) -> OperationDefinitionNode:
        """Return the operation to run; where there are several, it must be named."""
        if name is None:
            if len(self.operations) != 1:
                raise _operation_error("Say by operationName which of the operations is to run.")
            return next(iter(self.operations.values()))
        operation = self.operations.get(name)
        if operation is None:
            raise _operation_error(f"There is no operation named {name[:100]}.")
        return operation


@dataclass(frozen=True)
class DocumentLoader:
    """Reads documents and remembers the latest of them; long ones are read slowly."""

    schema: GraphQLSchema
    allows_introspection: bool
    _cooperative: CooperativeRunner = field(default_factory=CooperativeRunner)
    _cache: LruCache[str, Document] = field(default_factory=lambda: LruCache(_MAX_DOCUMENTS))
    _long_cache: LruCache[str, Document] = field(default_factory=lambda: LruCache(MAX_LONG_DOCUMENTS))

    async def load(self, text: str, actor_id: UUID | None = None) -> Document:
        """Return the document of a text that somebody sent (Refused where it has none)."""
        is_long = len(text) > SHORT_DOCUMENT_CHARS
        cache = self._long_cache if is_long else self._cache
        document = cache.get(text)
        if document is None:
            if is_long:
                document = await self._cooperative.run_once(
                    text, lambda: self._parse_steps(text, self._rule_groups), actor_id
                )
            else:
                document = self.parse(text)
            cache.put(text, document)
        return document

    def coerce_variables(
        self, document: Document, operation: OperationDefinitionNode, raw_variables: dict[str, object]
    ) -> VariableValues:
        """Return the operation's variables as their types want them (Refused where they are not)."""
        reader = document.variable_readers.get(id(operation))
        if reader is None:
            reader = document.variable_readers[id(operation)] = VariableReader(self.schema, operation)
        return reader.coerce(raw_variables)

    def parse(self, text: str) -> Document:
        """Return the document of a text that is not looked up (Refused where it has none)."""
        return run_to_completion(self._parse_steps(text, (self._rules,)))

    @cached_property
    def _rules(self) -> ValidationRules:
        return specified_rules if self.allows_introspection else (*specified_rules, NoSchemaIntrospectionCustomRule)

    @cached_property
    def _rule_groups(self) -> tuple[ValidationRules, ...]:
        """The rules in parts that take about as long; those of a part share what they find out."""
        overlapping_fields = OverlappingFieldsCanBeMergedRule
        variable_rules = tuple(one for one in self._rules if "Variable" in one.__name__)
        other_rules = tuple(one for one in self._rules if one is not overlapping_fields and one not in variable_rules)
        return other_rules[::2], other_rules[1::2], variable_rules, (overlapping_fields,)

    def _parse_steps(self, text: str, rule_groups: Iterable[ValidationRules]) -> Steps[Document]:
        try:
            check_text(text)
            parsed = parse(text, max_tokens=MAX_TOKENS, allow_empty_selection_sets=False)
            yield
            check_document(parsed)
        except GraphQLError as error:
            raise document_error([error]) from None
        except RecursionError:
            raise RequestError.from_error(BadRequestError("The query is nested too deep.")) from None
        except BadRequestError as error:
            raise RequestError.from_error(error) from None
        errors: list[GraphQLError] = []
        for rules in rule_groups:
            yield
            errors += validate(self.schema, parsed, rules, MAX_ERRORS, not self.allows_introspection)
        if errors:
            raise document_error(errors[: MAX_ERRORS + 1])
        return _index_document(parsed, is_long=len(text) > SHORT_DOCUMENT_CHARS)


def _index_document(parsed: DocumentNode, *, is_long: bool) -> Document:
    operations: dict[str, OperationDefinitionNode] = {}
    fragments: dict[str, FragmentDefinitionNode] = {}
    for definition in parsed.definitions:
        if isinstance(definition, OperationDefinitionNode):
            operations[definition.name.value if definition.name else ""] = definition
        elif isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = definition
    visitor = _VariableUseVisitor()
    visit(parsed, visitor)
    variable_uses = {name: frozenset(found) for name, found in visitor.uses.items()}
    return Document(operations, fragments, variable_uses, is_long)


class _VariableUseVisitor(Visitor):
    """Notes where each variable is given."""

    def __init__(self) -> None:
        super().__init__()
        self.uses: dict[str, set[str]] = {}

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        if isinstance(node.value, VariableNode):
            self.uses.setdefault(node.value.name.value, set()).add(node.name.value)

    def enter_variable(self, node: VariableNode, _key: object, parent: object, *_: object) -> None:
        if not isinstance(parent, ArgumentNode):
            self.uses.setdefault(node.name.value, set()).add("")


def _operation_error(message: str) -> RequestError:
    return RequestError.from_error(BadRequestError(message, details={"operationName": "is not known"}))
