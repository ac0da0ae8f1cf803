"""Frozen values without the import time of dataclasses.

A subclass declares annotated fields; it gets a constructor, equality, a hash, a repr and
``match`` support. `supervisorctl` builds all it needs from these: `dataclasses` alone would
more than double its start-up time. Nothing is imported here, so the field types stay strings.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Self, dataclass_transform
else:

    def dataclass_transform(**_options: object) -> object:
        return lambda cls: cls


@dataclass_transform(frozen_default=True)
class Record:
    """A value: fields in the order of their declaration, compared by content, never changed.

    A field whose name is in ``HIDDEN`` is left out of the repr (passwords).
    """

    FIELDS: ClassVar[tuple[str, ...]] = ()
    DEFAULTS: ClassVar[dict[str, Any]] = {}
    HIDDEN: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # inspect.get_annotations would say the same for ten times the import
        declared = cls.__dict__.get("__annotations__", {})  # noqa: RUF063
        own = tuple(n for n, annotation in declared.items() if "ClassVar" not in annotation)
        cls.FIELDS = (*cls.FIELDS, *own)
        cls.DEFAULTS = {n: getattr(cls, n) for n in cls.FIELDS if hasattr(cls, n)}
        cls.__match_args__ = cls.FIELDS  # type: ignore[attr-defined,misc]  # read by `match`

    def __init__(self, *values: Any, **named: Any) -> None:
        """Raise TypeError for a missing, surplus or unknown field."""
        given = dict(zip(self.FIELDS, values, strict=False))
        state = {**self.DEFAULTS, **given, **named}
        if state.keys() != set(self.FIELDS) or len(values) > len(given) or given.keys() & named:
            raise TypeError(
                f"{type(self).__name__} takes the fields {', '.join(self.FIELDS)}; "
                f"got {len(values)} in order and {', '.join(named) or 'none'} by name"
            )
        for name, value in state.items():  # one by one they share their keys: half the memory
            object.__setattr__(self, name, value)

    @classmethod
    def build(cls, state: dict[str, Any]) -> Self:
        """Make a value of all its fields at once, unchecked: the codec's fast way in."""
        value = cls.__new__(cls)
        value.__dict__.update(state)
        return value

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return type(self)(**{**self.__dict__, **changes})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: use replace({name}=…)")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *(self.__dict__[name] for name in self.FIELDS)))

    def __repr__(self) -> str:
        shown = (f"{n}={self.__dict__[n]!r}" for n in self.FIELDS if n not in self.HIDDEN)
        return f"{type(self).__name__}({', '.join(shown)})"
