"""GraphQL documents, scanned, parsed and validated once: what was refused is remembered too, for it costs the most."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from graphql import (
    DocumentNode,
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

from .limits import MAX, Measure, refused

MAX_TOKENS = 4000
MAX_NESTING = 60
_OPENING = frozenset({TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L})
_CLOSING = frozenset({TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R})


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that may run, or the errors for which it may not."""

    document: DocumentNode | None
    errors: tuple[GraphQLError, ...]

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
        """Scan, parse and validate, unless that was done before."""
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
            for definition in document.definitions:
                if isinstance(definition, OperationDefinitionNode):
                    # Validation takes more than linear time on what this refuses, so this comes first.
                    _check_shape(document, definition)
        except GraphQLSyntaxError as error:
            return Prepared(None, (GraphQLError(error.message, error.nodes, error.source, error.positions),))
        except GraphQLError as error:
            return Prepared(None, (error,))
        errors = validate(self._schema, document, max_errors=5, hide_suggestions=True)
        return Prepared(document if not errors else None, tuple(errors))


def _check_shape(document: DocumentNode, operation: OperationDefinitionNode) -> None:
    """Refuse what no variables could make small enough."""
    cost = Measure(document, lambda name: 1).of(operation.selection_set)
    for part in ("depth", "fields", "nodes"):
        if getattr(cost, part) > getattr(MAX, part):
            raise refused(f"The operation's {part} may be at most {getattr(MAX, part)}.")


def scan(text: str) -> None:
    """Raise GraphQLError for a text with too many tokens, or nested too deep for a recursive parser."""
    lexer = Lexer(Source(text))
    depth = 0
    for count in range(MAX_TOKENS + 1):
        kind = lexer.advance().kind
        if kind is TokenKind.EOF:
            return
        depth += (kind in _OPENING) - (kind in _CLOSING)
        if depth > MAX_NESTING:
            raise refused(f"The document nests more than {MAX_NESTING} brackets.")
        if count == MAX_TOKENS:
            raise refused(f"The document has more than {MAX_TOKENS} tokens.")
