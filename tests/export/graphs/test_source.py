from export.checkpoints.loading import RANDOM_WEIGHTS
from export.graphs.source import Source
from ocrnet.zoo import get_spec


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
