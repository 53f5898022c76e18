"""Reading what others write: unknown keys are welcome, a field of the wrong type is noted and read as absent."""

from typing import Annotated, Any, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
)


def as_float(number: float) -> float:
    """Return a number as a float; raises ValueError for an integer that is too large for one."""
    try:
        return float(number)
    except OverflowError:
        raise ValueError(number) from None


def unless_blank(text: str) -> str | None:
    """Return a text as it is written; None if there is nothing in it."""
    return None if not text or text.isspace() else text


SMALLEST, LARGEST = -(2**63), 2**63 - 1

Text: TypeAlias = Annotated[StrictStr, AfterValidator(unless_blank)]
Flag: TypeAlias = StrictBool
Whole: TypeAlias = Annotated[StrictInt, Field(ge=SMALLEST, le=LARGEST)]
Number: TypeAlias = Annotated[StrictInt | StrictFloat, AfterValidator(as_float)]
Moment: TypeAlias = StrictStr | StrictInt | StrictFloat
"""A time as written: text, or seconds or milliseconds since 1970."""


MOST_NOTES = 20


class Lenient(BaseModel):
    """A document, or a part of one, of which each good field counts."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    @classmethod
    def normalised(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Bring the ways of writing one thing to a single one, before validation."""
        return data

    @classmethod
    def read(cls, data: dict[str, Any]) -> tuple[Self, list[str]]:
        """Validate what can be, take the rest out of the data, and note it by JSON pointer."""
        document, pointers = cls.sift(data)
        return document, wrong_types(pointers) if pointers else []

    @classmethod
    def sift(cls, data: dict[str, Any]) -> tuple[Self, list[str]]:
        """Validate what can be, take the rest out of the data, and return the JSON pointers to it."""
        data = cls.normalised(data)
        pointers: list[str] = []
        while True:
            try:
                return cls.model_validate(data), pointers
            except ValidationError as error:
                complaints = error.errors(include_url=False, include_context=False, include_input=False)
                # A union complains once a member, so places repeat.
                places = dict.fromkeys(_place(data, each["loc"]) for each in complaints)
                pointers += [_take_out(data, place) for place in places]


def wrong_types(pointers: list[str]) -> list[str]:
    """Note which fields were read as absent, the first few by name."""
    names = list(dict.fromkeys(pointers))
    more = [f"{len(names) - MOST_NOTES} more of the wrong type"] if len(names) > MOST_NOTES else []
    return [f"{name}: wrong type, read as absent" for name in names[:MOST_NOTES]] + more


def _place(data: Any, location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Return the part of a location that leads through the data; pydantic's go on into its own types."""
    for depth, step in enumerate(location):
        if not (step in data if isinstance(data, dict) else isinstance(data, list) and isinstance(step, int)):
            return location[:depth]
        data = data[step]
    return location


def _take_out(data: Any, place: tuple[int | str, ...]) -> str:
    """Remove what stands at a place, leaving None in a list, and return the JSON pointer to it."""
    *way, last = place
    for step in way:
        data = data[step]
    if isinstance(data, dict):
        del data[last]
    else:
        data[last] = None
    return pointer(*place)


def pointer(*steps: int | str) -> str:
    """Return the JSON pointer along these steps."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)
