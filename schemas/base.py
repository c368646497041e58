"""Base class of all configuration and manifest models."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Frozen pydantic model that rejects unknown keys and also validates default values."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
