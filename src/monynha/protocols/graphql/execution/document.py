"""Documents: parsed, checked against limits and schema, and cached by their text; coercion of their variables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
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
    get_nullable_type,
    is_leaf_type,
    parse,
    specified_rules,
    validate,
    visit,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

from monynha.core.errors import BadRequestError
from monynha.core.lru_cache import LruCache
from monynha.protocols.graphql.errors import RequestError, document_error, variables_error
from monynha.protocols.graphql.execution.cooperative import CooperativeRunner, Steps, run_to_completion
from monynha.protocols.graphql.limits import (
    MAX_ERRORS,
    MAX_TOKENS,
    check_document,
    check_text,
    check_variable_values,
)

_MAX_DOCUMENTS = 500
MAX_LONG_DOCUMENTS = 100
SHORT_DOCUMENT_CHARS = 1_000
"""Up to this length a new document is parsed at once; the longest ones take 0.1 s."""
ValidationRules = tuple[type[ASTValidationRule], ...]
_LeafReaders = Sequence[tuple[str, GraphQLVariableSignature, Callable[..., object]]]


@dataclass(frozen=True, eq=False)
class Document:
    """A valid document; `variable_uses` lists the arguments each variable is given to, `""` inside a value."""

    operations: Mapping[str, OperationDefinitionNode]
    fragments: Mapping[str, FragmentDefinitionNode]
    variable_uses: Mapping[str, frozenset[str]]
    is_long: bool
    """Whether its syntax tree may be large (up to 0.7 MB)."""
    variable_readers: dict[int, VariableReader] = field(default_factory=dict)
    """How the variables of its operations are coerced, by the identity of the operation."""

    def get_operation(self, name: str | None) -> OperationDefinitionNode:
        """Return the operation to run; if there are several, it has to be named (RequestError)."""
        if name is None:
            if len(self.operations) != 1:
                raise _operation_error("Name the operation to run in operationName.")
            return next(iter(self.operations.values()))
        operation = self.operations.get(name)
        if operation is None:
            raise _operation_error(f"There is no operation named {name[:100]}.")
        return operation


@dataclass(frozen=True)
class DocumentLoader:
    """Parses and validates documents and caches the latest; long ones give way to other tasks meanwhile."""

    schema: GraphQLSchema
    allows_introspection: bool
    _cooperative: CooperativeRunner[Document] = field(default_factory=CooperativeRunner)
    _cache: LruCache[str, Document] = field(default_factory=lambda: LruCache(_MAX_DOCUMENTS))
    _long_cache: LruCache[str, Document] = field(default_factory=lambda: LruCache(MAX_LONG_DOCUMENTS))

    async def load(self, text: str, actor_id: UUID | None = None) -> Document:
        """Return the document of a text (RequestError lists everything that is wrong with it)."""
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

    def parse(self, text: str) -> Document:
        """Return the document of a text at once, past the cache (RequestError)."""
        return run_to_completion(self._parse_steps(text, (self._rules,)))

    def coerce_variables(
        self, document: Document, operation: OperationDefinitionNode, raw_variables: Mapping[str, object]
    ) -> VariableValues:
        """Return the operation's variables, coerced to their types (RequestError)."""
        reader = document.variable_readers.get(id(operation))
        if reader is None:
            reader = document.variable_readers[id(operation)] = VariableReader(self.schema, operation)
        return reader.coerce(raw_variables)

    @cached_property
    def _rules(self) -> ValidationRules:
        if self.allows_introspection:
            return specified_rules
        return (*specified_rules, NoSchemaIntrospectionCustomRule)

    @cached_property
    def _rule_groups(self) -> tuple[ValidationRules, ...]:
        """The rules in groups that take about as long as each other; those of a group share their findings."""
        overlapping_fields = OverlappingFieldsCanBeMergedRule
        variable_rules = tuple(rule for rule in self._rules if "Variable" in rule.__name__)
        other_rules = tuple(
            rule for rule in self._rules if rule is not overlapping_fields and rule not in variable_rules
        )
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
    variable_uses = {name: frozenset(arguments) for name, arguments in visitor.uses.items()}
    return Document(operations, fragments, variable_uses, is_long)


class _VariableUseVisitor(Visitor):
    """Collects the names of the arguments that each variable is given to."""

    def __init__(self) -> None:
        super().__init__()
        self.uses: dict[str, set[str]] = {}

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        if isinstance(node.value, VariableNode):
            self.uses.setdefault(node.value.name.value, set()).add(node.name.value)

    def enter_variable(self, node: VariableNode, _key: object, parent: object, *_: object) -> None:
        if not isinstance(parent, ArgumentNode):
            self.uses.setdefault(node.name.value, set()).add("")


class VariableReader:
    """Coerces the variables of one operation; scalars and enums without a look at the schema each time."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._operation = operation
        self._leaf_readers = _build_leaf_readers(schema, operation)

    def coerce(self, raw_variables: Mapping[str, object]) -> VariableValues:
        """Return the coerced values (RequestError lists those that are not of their types)."""
        return self._coerce_leaves(raw_variables) or self._coerce_all(raw_variables)

    def _coerce_leaves(self, raw_variables: Mapping[str, object]) -> VariableValues | None:
        """Return the values if each is present and valid; errors are left to the complete coercion."""
        if self._leaf_readers is None:
            return None
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, object] = {}
        for name, signature, coerce in self._leaf_readers:
            value = raw_variables.get(name)
            if value is None:
                return None
            try:
                coerced[name] = coerce(value)
            except Exception:
                # As in graphql-core: whatever a type's own coercion raises, the value is not of the type.
                return None
            sources[name] = VariableValueSource(signature, value)
        return VariableValues(sources, coerced)

    def _coerce_all(self, raw_variables: Mapping[str, object]) -> VariableValues:
        try:
            check_variable_values(self._schema, self._operation, raw_variables)
        except BadRequestError as error:
            raise RequestError.from_error(error) from None
        definitions = self._operation.variable_definitions or ()
        result = get_variable_values(self._schema, definitions, dict(raw_variables), max_errors=MAX_ERRORS)
        if isinstance(result, list):
            raise variables_error(result)
        return result


def _build_leaf_readers(schema: GraphQLSchema, operation: OperationDefinitionNode) -> _LeafReaders | None:
    """Return how each variable is coerced, None if one is neither a scalar nor an enum."""
    readers: list[tuple[str, GraphQLVariableSignature, Callable[..., object]]] = []
    for definition in operation.variable_definitions or ():
        signature = get_variable_signature(schema, definition)
        if isinstance(signature, GraphQLError):
            return None
        leaf_type = get_nullable_type(signature.type)
        if not is_leaf_type(leaf_type):
            return None
        readers.append((signature.name, signature, leaf_type.coerce_input_value))
    return readers


def _operation_error(message: str) -> RequestError:
    return RequestError.from_error(BadRequestError(message, details={"operationName": "is not known"}))
