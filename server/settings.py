"""Every knob of the gateway, once: a flag, an environment variable and a line of the docs."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ocrnet.pictures import PictureLimits


class Settings(BaseSettings):
    """Read once at start: flags win over `OCRNET_…` variables, these over the defaults."""

    model_config = SettingsConfigDict(env_prefix="OCRNET_", frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    repository: Path = Field(
        Path("model_repository"), description="folder with the models' graphs and manifests"
    )
    models: Annotated[str, NoDecode] = Field(
        "demo",
        min_length=1,
        description="names of the models to serve, separated by commas; the first is the default",
    )
    threads: int = Field(
        0, ge=0, le=1024, description="CPU threads of the engine; 0 takes the machine's cores"
    )
    max_requests: int = Field(
        4, ge=1, le=1024, description="requests in work at once; beyond, they are refused (503)"
    )
    max_uploads: int = Field(
        16, ge=1, le=1024, description="bodies arriving at once; beyond, they are refused (503)"
    )
    retry_after: int = Field(
        2, ge=1, le=3600, description="seconds that a refused client is told to wait"
    )
    body_timeout: float = Field(
        30.0, gt=0, le=3600, description="seconds that a request's body may take to arrive"
    )
    drain_timeout: int = Field(
        30, ge=1, le=3600, description="seconds that running requests may take after SIGTERM"
    )
    max_bytes: int = Field(20 * 2**20, ge=1, description="bytes of a request's body (413 beyond)")
    max_pixels: int = Field(
        50_000_000, ge=1, description="pixels of a picture, height times width (413 beyond)"
    )
    max_side: int = Field(16_384, ge=1, description="pixels along a picture's side (413 beyond)")
    max_windows: int = Field(
        4096, ge=1, description="windows of one request in mode=slide (413 beyond)"
    )
    max_window_pixels: int = Field(
        4_194_304,
        ge=1,
        description="pixels that the engine takes in one piece: a window, or all in mode=whole "
        "(413 beyond); 4 million need 3.4 GB with HRNet-W18-Small, 5.6 GB with W48",
    )
    max_logits_bytes: int = Field(
        2**30,
        ge=1,
        description="bytes of window logits that one request may hold in mode=slide (413 beyond)",
    )
    log_level: str = Field(
        "info",
        pattern="^(critical|error|warning|info|debug)$",
        description="least severe log line: critical, error, warning, info or debug",
    )

    @field_validator("models")
    @classmethod
    def _names_one(cls, models: str) -> str:
        if not models.replace(",", " ").strip():
            raise ValueError("name at least one model")
        return models

    @property
    def model_names(self) -> list[str]:
        """`models`, taken apart."""
        names = (name.strip() for name in self.models.split(","))
        return list(dict.fromkeys(name for name in names if name))

    @property
    def picture_limits(self) -> PictureLimits:
        """The limits that the decoder checks."""
        return PictureLimits(self.max_bytes, self.max_pixels, self.max_side)
