"""Every knob of the gateway, once: a flag, an environment variable and a line of the docs."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic.config import JsonDict
from pydantic_settings import BaseSettings, SettingsConfigDict

from ocrnet.artefacts import ServedPrecision
from ocrnet.engines import Device, EngineOptions, Runtime
from ocrnet.images import ImageLimits
from server.environment import PREFIX
from server.setting_types import (
    Cache,
    Folder,
    Host,
    Names,
    TritonAddress,
    cache_folder,
    full_name,
    names_in,
)

# The groups of `ocrnet serve --help` and docs/settings.md.
_LISTENING: JsonDict = {"group": "Listening"}
_MODELS: JsonDict = {"group": "Models"}
_TOGETHER: JsonDict = {"group": "All requests together"}
_TIME: JsonDict = {"group": "Time"}
_ONE: JsonDict = {"group": "One request"}
_LOG: JsonDict = {"group": "Log"}


class Settings(BaseSettings):
    """Read once at start: flags win over `OCRNET_…` variables, these over the defaults."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    host: Host = Field(
        "127.0.0.1",
        description="address to listen on: 127.0.0.1 for this machine alone, 0.0.0.0 for all its "
        "IPv4 addresses, :: for all its IPv6 addresses",
        json_schema_extra=_LISTENING,
    )
    port: int = Field(
        8080,
        ge=0,
        le=65535,
        description="port to listen on; 0 takes a free one",
        json_schema_extra=_LISTENING,
    )
    repository: Folder = Field(
        Path("model_repository"),
        description="folder with the models' graphs and manifests",
        json_schema_extra=_MODELS,
    )
    models: Names = Field(
        "demo",
        description="names of the models to serve, separated by commas",
        json_schema_extra=_MODELS,
    )
    default_model: str = Field(
        "",
        description="the model of requests that name none; empty: the first of --models",
        json_schema_extra=_MODELS,
    )
    triton: TritonAddress = Field(
        "",
        description="HOST:PORT of a Triton's gRPC service that runs the models, or local: start "
        "one here (see docs/triton.md); empty: run them in this process",
        json_schema_extra=_MODELS,
    )
    triton_wait: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="seconds that the start waits for Triton to be ready; 0: not at all",
        json_schema_extra=_MODELS,
    )
    device: Device = Field(
        "cpu",
        description="what runs the models in this process, without --triton: cpu; cuda, the first "
        "NVIDIA GPU that works, of those in CUDA_VISIBLE_DEVICES (see docs/gpu.md); or auto, such "
        "a GPU if there is one, else the CPU, and the log says which and why",
        json_schema_extra=_MODELS,
    )
    max_batch: int = Field(
        8,
        ge=1,
        le=64,
        description="windows of one size that a GPU runs at once, within 4,194,304 pixels; fewer "
        "need less of its memory",
        json_schema_extra=_MODELS,
    )
    runtime: Runtime = Field(
        "openvino",
        description="what runs the models on the CPU: openvino, or onnxruntime (pip install "
        "onnxruntime); on a GPU it is onnxruntime",
        json_schema_extra=_MODELS,
    )
    fast: str = Field(
        "",
        description="names of those models, or all, that run faster and not exactly: in INT8, "
        "where a few labels in a hundred differ; on a GPU in float16 ('ocrnet export build NAME "
        "--to onnx-fp16'). Sizes without such a graph run in float32 (the demo: all but 512x1024) "
        "unless it is built ('--to int8'); empty: none",
        json_schema_extra=_MODELS,
    )
    load: Literal["start", "first-use"] = Field(
        "start",
        description="when a model takes its memory: start, or first-use (its first request waits)",
        json_schema_extra=_MODELS,
    )
    threads: int = Field(
        0,
        ge=0,
        le=1024,
        description="CPU threads of each model's engine; 0 takes the machine's cores",
        json_schema_extra=_MODELS,
    )
    streams: int = Field(
        1,
        ge=1,
        le=64,
        description="windows of a model that run side by side, each on its share of the threads",
        json_schema_extra=_MODELS,
    )
    pin: Literal["auto", "yes", "no"] = Field(
        "auto",
        description="bind OpenVINO's threads to cores: yes, no, or auto (as it sees fit)",
        json_schema_extra=_MODELS,
    )
    cache: Cache = Field(
        "auto",
        description="where OpenVINO's compiled graphs are kept for the next start: a folder that "
        "only this user writes to, none, or auto (the user's cache folder, if there is one)",
        json_schema_extra=_MODELS,
    )
    max_requests: int = Field(
        4,
        ge=1,
        le=1024,
        description="requests in work at once, from the inspection of their files on, dry runs "
        "included; beyond, they are refused (503)",
        json_schema_extra=_TOGETHER,
    )
    max_uploads: int = Field(
        16,
        ge=1,
        le=1024,
        description="bodies arriving at once; beyond, they are refused (503)",
        json_schema_extra=_TOGETHER,
    )
    max_work_bytes: int = Field(
        4 * 2**30,
        ge=1,
        description="bytes that requests in work may hold together, as estimated (503 beyond; 413 "
        "for one that needs more alone)",
        json_schema_extra=_TOGETHER,
    )
    retry_after: int = Field(
        2,
        ge=1,
        le=3600,
        description="seconds that a refused client is told to wait",
        json_schema_extra=_TOGETHER,
    )
    max_request_time: float = Field(
        300.0,
        gt=0,
        le=86_400,
        description="seconds that a request may take (504 beyond); a client may ask for less",
        json_schema_extra=_TIME,
    )
    body_timeout: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="seconds that a request's body may take to arrive (408 beyond)",
        json_schema_extra=_TIME,
    )
    drain_timeout: int = Field(
        30,
        ge=1,
        le=3600,
        description="seconds that running requests may take after SIGTERM",
        json_schema_extra=_TIME,
    )
    max_bytes: int = Field(
        20 * 2**20,
        ge=1,
        description="bytes of a request's body (413 beyond)",
        json_schema_extra=_ONE,
    )
    max_pixels: int = Field(
        50_000_000,
        ge=1,
        description="pixels of a picture, height times width (413 beyond)",
        json_schema_extra=_ONE,
    )
    max_side: int = Field(
        16_384,
        ge=1,
        description="pixels along a picture's side (413 beyond)",
        json_schema_extra=_ONE,
    )
    max_windows: int = Field(
        4096,
        ge=1,
        description="windows of one request, over all scales and flips (413 beyond)",
        json_schema_extra=_ONE,
    )
    max_work: int = Field(
        20_000_000_000,
        ge=1,
        description="pixels of all its windows, times classes (413 beyond): a picture of 50 "
        "million pixels needs 2.1 thousand million with 19 classes and the default stride",
        json_schema_extra=_ONE,
    )
    max_window_pixels: int = Field(
        4_194_304,
        ge=1,
        description="pixels that the engine takes in one piece: a window, or all in mode=whole "
        "(413 beyond); 4 million need 3.4 GB with HRNet-W18-Small, 5.6 GB with W48",
        json_schema_extra=_ONE,
    )
    log_level: Literal["critical", "error", "warning", "info", "debug"] = Field(
        "info",
        description="least severe log line: critical, error, warning, info or debug",
        json_schema_extra=_LOG,
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        description="of log lines: text, or json (one object a line)",
        json_schema_extra=_LOG,
    )

    @model_validator(mode="after")
    def _default_is_served(self) -> Self:
        if self.default_model:
            served = {full_name(name) for name in self.model_names}
            if full_name(self.default_model) not in served:
                raise ValueError(f"--default-model is not one of --models ({self.models})")
        return self

    @model_validator(mode="after")
    def _device_is_ours(self) -> Self:
        if self.device != "cpu" and self.triton:
            raise ValueError("--device is for models in this process: Triton has its own GPUs")
        return self

    @model_validator(mode="after")
    def _fast_can_be(self) -> Self:
        if self.fast and not names_in(self.fast):
            raise ValueError(f"--fast is {self.fast[:80]!r}: it takes names of models, or all")
        if self.fast and self.triton:
            raise ValueError("--fast is for models in this process: --triton runs what it holds")
        if self.fast and self.device != "cuda" and self.runtime != "openvino":
            raise ValueError("--fast needs --runtime openvino, or --device cuda")
        served = {full_name(name) for name in self.model_names}
        for name in names_in(self.fast):
            if name != "all" and full_name(name) not in served:
                raise ValueError(f"--fast names {name[:80]!r}, not one of --models ({self.models})")
        return self

    @property
    def model_names(self) -> list[str]:
        """`models`, taken apart."""
        return names_in(self.models)

    def precision_of(self, model: str) -> ServedPrecision:
        """How a model, by its own name, is served."""
        fast = names_in(self.fast)
        return "fast" if "all" in fast or model in map(full_name, fast) else "exact"

    @property
    def engine_options(self) -> EngineOptions:
        """Of engines in this process; which GPU they run on is found when they are opened."""
        return EngineOptions(
            runtime=self.runtime,
            threads=self.threads,
            streams=self.streams,
            pin=None if self.pin == "auto" else self.pin == "yes",
            cache=cache_folder(self.cache),
            max_batch=self.max_batch,
        )

    @property
    def picture_limits(self) -> ImageLimits:
        """The limits that the decoder checks."""
        return ImageLimits(self.max_bytes, self.max_pixels, self.max_side)


def group_of(name: str) -> str:
    """The heading under which a setting is listed."""
    extra = Settings.model_fields[name].json_schema_extra
    assert isinstance(extra, dict)
    return str(extra["group"])
