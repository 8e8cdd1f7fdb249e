import pytest

from export.checkpoints.loading import RANDOM_WEIGHTS
from export.graphs.source import Source
from ocrnet.zoo import get_spec
from tests.small_models import one_block_a_branch, small_spec


def test_results_are_built_once_and_for_one_kind_of_graph_at_a_time() -> None:
    source = Source(get_spec("demo"), RANDOM_WEIGHTS)
    made = []

    def cached(kind: str, name: str) -> str:
        return source.cached(kind, name, lambda: made.append((kind, name)) or f"{kind} {name}")

    for _ in range(2):
        assert cached("window", "plain") == "window plain"
        assert cached("window", "qdq") == "window qdq"
    assert made == [("window", "plain"), ("window", "qdq")]
    assert cached("whole", "qdq") == "whole qdq"
    assert cached("window", "plain") == "window plain"
    assert made[2:] == [("whole", "qdq"), ("window", "plain")]


@pytest.mark.slow
def test_a_trace_keeps_nothing_for_gradients() -> None:
    """Of HRNet-W18-Small and a window that was 1.5 GB instead of 0.6."""
    tracked: list[bool] = []
    with one_block_a_branch():
        source = Source(small_spec("ocrnet_hr18s_voc12_20k"), RANDOM_WEIGHTS)
        source.network.register_forward_hook(
            lambda _, __, logits: tracked.append(logits.requires_grad)
        )
        source.plain_graph("window")
    assert tracked
    assert not any(tracked)
