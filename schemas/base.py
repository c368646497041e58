"""Base class of all configuration and manifest models."""

from typing import Any, Final

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from .secrets import public_tree

_IDENTITY: Final = "identity"
RECORD: Final = "record"  # validation context of a train file in the record of a run


class AddedKey:
    """Marks a key that an earlier version did not have: `keep: Annotated[tuple[str, ...], AddedKey()] = ()`.

    The default of such a key means what the earlier version did, so at its default it is no part of an identity:
    datasets and finished work of before are still found. Where another value means that, it is given as `before`, and
    the default is part of the identity.
    """

    def __init__(self, before: Any = ...) -> None:
        self._before = before

    def meant(self, default: Any) -> Any:
        """The value that means what the version without the key did."""
        return default if self._before is ... else self._before

    def unused(self, value: Any, default: Any) -> bool:
        """True if `value` means what the version without the key did."""
        return bool(value == self.meant(default))


class NoIdentity(AddedKey):
    """Marks a key that changes no byte of a result, whatever its value is; it is part of no identity."""

    def unused(self, value: Any, default: Any) -> bool:
        """True: the value has no effect on what is made."""
        return True


class Strict(BaseModel):
    """Frozen pydantic model that rejects unknown keys and also validates default values."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def identity_body(self, exclude: set[str] | None = None) -> dict[str, Any]:
        """Return the values as JSON types for a fingerprint, without added keys that have their default.

        Args:
            exclude: Keys that do not identify.
        """
        return self.model_dump(mode="json", exclude=exclude, context=_IDENTITY)

    def __repr_args__(self) -> Any:
        """The values as `repr` shows them, for example in the log of a worker: without the secrets of URLs."""
        return [(name, public_tree(value)) for name, value in super().__repr_args__()]

    @model_serializer(mode="wrap")
    def _without_unused_added_keys(
        self, handler: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        body: dict[str, Any] = handler(self)
        if info.context == _IDENTITY:
            for name, field in type(self).model_fields.items():
                default = field.get_default(call_default_factory=True, validated_data={})
                added = (note for note in field.metadata if isinstance(note, AddedKey))
                if any(note.unused(getattr(self, name), default) for note in added):
                    body.pop(name, None)
        return body


class Recorded(Strict):
    """A block of a train file; the record of a run of an earlier version may lack keys of it.

    Validated in the context `RECORD`, an added key that is missing means what that version did, and not its default.
    """

    @classmethod
    def meanings_of_before(cls) -> dict[str, Any]:
        """Added keys whose default is not what versions without them did, with the value that is."""
        found = {}
        for name, field in cls.model_fields.items():
            default = field.get_default(call_default_factory=True, validated_data={})
            for note in field.metadata:
                if isinstance(note, AddedKey) and not note.unused(default, default):
                    found[name] = note.meant(default)
        return found

    @model_validator(mode="before")
    @classmethod
    def _as_recorded(cls, data: Any, info: ValidationInfo) -> Any:
        if info.context == RECORD and isinstance(data, dict):
            return cls.meanings_of_before() | data
        return data
