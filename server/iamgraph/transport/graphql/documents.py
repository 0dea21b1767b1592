"""GraphQL documents, scanned, parsed and validated once: what was refused is remembered too, for it costs as much."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    Source,
    TokenKind,
    parse,
    validate,
)
from graphql.language.lexer import Lexer

from .execution import Executable
from .limits import Measure, Root, check, refused, size

MAX_TOKENS = 2500
MAX_FRAGMENTS = 50
MAX_NESTING = 60
MAX_DIGITS = 40
_OPENING = frozenset({TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L})
_NUMBERS = frozenset({TokenKind.INT, TokenKind.FLOAT})
_CLOSING = frozenset({TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R})


MAX_MEASURED = 64
"""For how many combinations of variables the measure of one operation is remembered."""


class _Noticed(dict[str, Any]):
    """Variables that notice which of them were looked at."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        super().__init__(variables)
        self.read: dict[str, None] = {}

    def get(self, key: str, default: Any = None) -> Any:
        self.read[key] = None
        return super().get(key, default)


_NOT_GIVEN = object()
"""The size of a variable that may have a default. Null is another."""


@dataclass(slots=True)
class _Measured:
    """What an operation was measured at, by the sizes of the variables that have a say in it."""

    variables: tuple[str, ...]
    roots: dict[tuple[Any, ...], Root] = field(default_factory=dict)

    def key(self, variables: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(size(variables[name]) if name in variables else _NOT_GIVEN for name in self.variables)


@dataclass(slots=True)
class Prepared:
    """A document of a bearable shape, or the errors for which it is refused. `errors` is None until it is validated."""

    document: DocumentNode | None
    errors: tuple[GraphQLError, ...] | None
    _measured: dict[str | None, _Measured] = field(default_factory=dict)
    _executables: dict[str | None, Executable] = field(default_factory=dict)

    def check(self, name: str | None, variables: Mapping[str, Any]) -> Root:
        """What `limits.check` says of the operation, found out once for variables of the same sizes. Raises
        GraphQLError."""
        measured = self._measured.get(name)
        if measured is not None and (known := measured.roots.get(measured.key(variables))) is not None:
            return known
        assert self.document is not None
        noticed = _Noticed(variables)
        root = check(self.document, self.operation(name), noticed)
        if measured is None:
            # INVARIANT: which variables are looked at hangs on the document alone, where it is not refused.
            measured = self._measured[name] = _Measured(tuple(noticed.read))
        if len(measured.roots) < MAX_MEASURED:
            measured.roots[measured.key(variables)] = root
        return root

    def executable(self, schema: GraphQLSchema, name: str | None) -> Executable:
        """The operation to run, of a document that was validated."""
        found = self._executables.get(name)
        if found is None:
            assert self.document is not None and self.errors == ()
            found = self._executables[name] = Executable(schema, self.document, self.operation(name))
        return found

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation to run. Raises GraphQLError where the name leaves that open."""
        assert self.document is not None
        found = [d for d in self.document.definitions if isinstance(d, OperationDefinitionNode)]
        if name is not None:
            found = [d for d in found if d.name is not None and d.name.value == name]
        if len(found) == 1:
            return found[0]
        if name is None and found:
            raise refused("The document has several operations: 'operationName' must say which to run.", "BAD_REQUEST")
        raise refused("The document has no such operation.", "BAD_REQUEST")


class Documents:
    """A cache of prepared documents, bounded in entries and in characters."""

    def __init__(self, schema: GraphQLSchema, *, entries: int = 1000, characters: int = 8_000_000) -> None:
        self._schema, self._entries, self._characters = schema, entries, characters
        self._kept: OrderedDict[bytes, tuple[int, Prepared]] = OrderedDict()
        self._size = 0

    def prepare(self, text: str) -> Prepared:
        """Scan, parse and measure, unless that was done before."""
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept[1]
        made = self._prepare(text)
        self._kept[key] = (len(text), made)
        self._size += len(text)
        while len(self._kept) > self._entries or self._size > self._characters:
            _, (size, _) = self._kept.popitem(last=False)
            self._size -= size
        return made

    def _prepare(self, text: str) -> Prepared:
        try:
            scan(text)
            document = parse(text)
            _check_shape(document)
        except GraphQLSyntaxError as error:
            return Prepared(None, (GraphQLError(error.message, error.nodes, error.source, error.positions),))
        except GraphQLError as error:
            return Prepared(None, (error,))
        return Prepared(document, None)

    def validate(self, prepared: Prepared) -> tuple[GraphQLError, ...]:
        """What the schema has against a document, found out once. It costs the most, so ask for callers who may run it."""
        if prepared.errors is None:
            assert prepared.document is not None
            prepared.errors = tuple(validate(self._schema, prepared.document, max_errors=5, hide_suggestions=True))
        return prepared.errors


def _check_shape(document: DocumentNode) -> None:
    """Refuse what no variables could make small enough, in operations and in fragments that nobody spreads: validation
    takes more than linear time on it, so this comes first."""
    if sum(isinstance(definition, FragmentDefinitionNode) for definition in document.definitions) > MAX_FRAGMENTS:
        raise refused(f"The document has more than {MAX_FRAGMENTS} fragments.")
    measure = Measure(document, lambda name: 1)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            measure.of(definition.selection_set).check()
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            measure.check_repetition(definition.selection_set)


def scan(text: str) -> None:
    """Raise GraphQLError for a text with too many tokens, or nested too deep for a recursive parser."""
    lexer = Lexer(Source(text))
    depth = 0
    for count in range(MAX_TOKENS + 1):
        token = lexer.advance()
        kind = token.kind
        if kind is TokenKind.EOF:
            return
        if kind in _NUMBERS and token.end - token.start > MAX_DIGITS:
            raise refused(f"The document has a number of more than {MAX_DIGITS} digits.", "INVALID_INPUT")
        depth += (kind in _OPENING) - (kind in _CLOSING)
        if depth > MAX_NESTING:
            raise refused(f"The document nests more than {MAX_NESTING} brackets.")
        if count == MAX_TOKENS:
            raise refused(f"The document has more than {MAX_TOKENS} tokens.")
