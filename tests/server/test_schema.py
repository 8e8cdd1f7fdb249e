"""The OpenAPI document against the gateway: Schemathesis makes requests up from it."""

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.patience import patience

pytestmark = pytest.mark.slow

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = [
    "POST /segment",
    "GET /models",
    "GET /models/{name}",
    "GET /models/{name}/legend.png",
    "GET /models/{name}/palette.csv",
    "GET /health/live",
    "GET /health/ready",
    "GET /metrics",
]


@pytest.fixture(scope="module")
def operations(gateway_process: Callable[..., Any]) -> dict[str, Any]:
    process = gateway_process("--log-level", "warning")
    schema = schemathesis.openapi.from_url(f"{process.client.base_url}/openapi.json")
    return {found.ok().label: found.ok() for found in schema.get_all_operations()}


def test_every_operation_is_tried(operations: dict[str, Any]) -> None:
    assert sorted(operations) == sorted(OPERATIONS)


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("name", OPERATIONS)
def test_no_answer_breaks_the_document(
    operations: dict[str, Any], name: str, mode: GenerationMode
) -> None:
    """No 5xx, no status, type, header or body that the document does not name."""
    operation = operations[name]
    has_input = bool(list(operation.iter_parameters()) or operation.body)
    if name != "POST /segment" and mode is GenerationMode.NEGATIVE:
        pytest.skip("any text is a name: there is nothing to get wrong")
    checks = CHECKS if mode is GenerationMode.POSITIVE else [*CHECKS, negative_data_rejection]
    tried = 0

    @settings(
        max_examples=300 if name == "POST /segment" else 20 if has_input else 1,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case: Any) -> None:
        nonlocal tried
        tried += 1
        response = case.call(
            timeout=patience(30)
        )  # one pixel, resize=published: a whole large picture
        # 504 is right where the client itself sets a deadline that has passed.
        asked = {"X-Request-Timeout", "X-Request-Deadline"} & set(case.headers or {})
        late = response.status_code == 504 and asked
        case.validate_response(response, checks=checks[1:] if late else checks)

    attempt()
    assert tried > 0
