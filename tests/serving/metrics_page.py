"""Read what is counted: of this process, and from a page of metrics."""

from prometheus_client.parser import text_string_to_metric_families

from serving.operations import metrics

__all__ = ["samples", "value"]


def value(name: str, **labels: str) -> float:
    """Return a sample of this process, 0 where there is none."""
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


def samples(page: str, name: str) -> list[tuple[dict[str, str], float]]:
    """Return the samples of a name on a page, with their labels."""
    families = text_string_to_metric_families(page)
    return [(one.labels, one.value) for family in families for one in family.samples if one.name == name]
