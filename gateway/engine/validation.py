"""Validation of a document by graphql-core's rules, which leaves little to the garbage collector.

graphql-core's own `validate` leaves each visitor in a cycle with the methods that it keeps by kind of node: 1,600
objects for each document. The garbage collector frees tens of thousands of them at once, in a tenth of a second in
which nobody is answered.
"""

from collections.abc import Sequence
from typing import Final

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    ParallelVisitor,
    TypeInfo,
    TypeInfoVisitor,
    ValidationContext,
    Visitor,
    visit,
)

MOST: Final = 100
"""Errors after which no more are looked for."""


def validated(
    schema: GraphQLSchema, document: DocumentNode, rules: Sequence[type[ASTValidationRule]], *, hide_suggestions: bool
) -> list[GraphQLError]:
    """The errors that these rules find, at most `MOST` and one that says that there are more.

    Raises RecursionError for fragments that nest too deeply.
    """
    errors: list[GraphQLError] = []

    def report(error: GraphQLError) -> None:
        if len(errors) == MOST:
            raise GraphQLError("Too many validation errors, error limit reached. Validation aborted.")
        errors.append(error)

    types = TypeInfo(schema)
    context = ValidationContext(schema, document, types, report, hide_suggestions)
    each: list[Visitor] = [rule(context) for rule in rules]
    together = ParallelVisitor(each)
    typed = TypeInfoVisitor(types, together)
    try:
        visit(document, typed)
    except GraphQLError as aborted:  # also of a document whose fragments take the rules too much work
        errors.append(aborted.with_traceback(None))
    finally:
        for one in (*each, together, typed):
            one.enter_leave_map.clear()
    return errors
