"""The zoo's models by architecture: those that share one differ in their weights alone."""

from ocrnet.zoo import ModelSpec, load_zoo


def architectures() -> dict[str, list[ModelSpec]]:
    """Return the zoo's models by architecture, both in the zoo's order."""
    found: dict[str, list[ModelSpec]] = {}
    for spec in load_zoo().values():
        found.setdefault(spec.architecture, []).append(spec)
    return found
