"""The graph's schema as a text, which people, clients' tools and continuous integration read."""

from typing import TYPE_CHECKING

from gateway.engine.limits import PageSizes
from gateway.engine.weights import weigh
from resolvers.paging import DEFAULT_PAGE, MAX_PAGE

if TYPE_CHECKING:
    from schema import Graph


def printed(graph: "Graph") -> str:
    """The schema with its weights, in the schema definition language (SDL), ending in a newline.

    This gives the graph's fields their weights, so it is to be called once for a graph.
    """
    weigh(graph.graphql, PageSizes(DEFAULT_PAGE, MAX_PAGE))
    return graph.as_str().rstrip("\n") + "\n"
