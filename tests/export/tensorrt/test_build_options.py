"""Options of TensorRT's builder: taken by it, or refused in words."""

from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest

from export.tensorrt.plan_builder import BuildOptions, Plan
from ocrnet.cli import main
from ocrnet.errors import ArtefactError

pytestmark = pytest.mark.slow

Build = Callable[[ModuleType, BuildOptions], Plan]


@pytest.mark.parametrize(
    "options",
    [
        BuildOptions(level=5, tiling="full", l2_limit=16, aux_streams=2),
        BuildOptions(level=0, tiling="fast", aux_streams=0),
    ],
)
def test_the_builder_takes_all_options(
    rtx: ModuleType, build: Build, options: BuildOptions
) -> None:
    assert build(rtx, options).data


def test_what_the_builder_lacks_or_does_not_take_is_said(
    rtx: ModuleType, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ArtefactError, match="TensorRT does not take"):
        build(rtx, BuildOptions(aux_streams=10**12))
    older = ModuleType("tensorrt")
    vars(older).update({name: value for name, value in vars(rtx).items() if name[:2] != "__"})
    older.__version__ = "10.3.0"  # type: ignore[attr-defined]

    def create_builder(logger: object) -> object:
        builder = rtx.Builder(logger)
        config = _Without(builder.create_builder_config(), "tiling_optimization_level")
        return SimpleNamespace(
            create_network=builder.create_network, create_builder_config=lambda: config
        )

    monkeypatch.setattr(older, "Builder", create_builder)
    with pytest.raises(ArtefactError, match=r"TensorRT 10\.3\.0 has no tiling.*10\.8 or newer"):
        build(older, BuildOptions(tiling="fast"))


class _Without:
    """Another object's attributes, but for one."""

    def __init__(self, other: object, name: str):
        object.__setattr__(self, "_other", other)
        object.__setattr__(self, "_name", name)

    def __getattr__(self, name: str) -> object:
        if name == self._name:
            raise AttributeError(name)
        return getattr(self._other, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._other, name, value)


def test_a_limit_for_tiling_without_tiling_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["export", "build", "demo", "--to", "tensorrt-rtx", "--l2-limit", "8"]) == 1
    assert "give '--tiling fast', 'moderate' or 'full' too" in capsys.readouterr().err
