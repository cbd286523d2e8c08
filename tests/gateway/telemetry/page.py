"""What `/metrics` says, read by Prometheus' own parser."""

from prometheus_client.parser import text_string_to_metric_families

from gateway.metrics.catalogue import CATALOGUE
from tests.stack import Stack

_LABELS = {name: one.label_names for one in CATALOGUE for name in (one.series, one.sum)}


class Page:
    """Samples by name and the values of their labels, as the catalogue orders them. Buckets are all under one name."""

    def __init__(self, text: str) -> None:
        families = [one for one in text_string_to_metric_families(text) if not one.name.endswith("_created")]
        self.families = {one.name + ("_total" if one.type == "counter" else "") for one in families}
        self.samples = {
            (one.name, tuple(one.labels[name] for name in _LABELS.get(one.name, ()))): one.value
            for family in families
            for one in family.samples
            if not one.name.endswith("_created")
        }

    @property
    def names(self) -> set[str]:
        """Of all series that have a value."""
        return {name for name, _ in self.samples}

    def all(self, name: str) -> dict[tuple[str, ...], float]:
        """The samples of one name."""
        return {labels: value for (found, labels), value in self.samples.items() if found == name}

    def sum(self, name: str) -> float:
        """All samples of one name together."""
        return sum(self.all(name).values())


async def page_of(stack: Stack) -> Page:
    """The page of a gateway."""
    async with stack.session.get(f"{stack.address}/metrics") as answer:
        assert answer.status == 200
        return Page(await answer.text())
