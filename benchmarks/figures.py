"""A figure: what was measured, what stands beside it, and what it may be at most."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

MIB = 2**20
HEADINGS = ("figure", "n", "median", "min - max", "ratio", "min - max", "to", "must", "aim", "verdict")


@dataclass(frozen=True, slots=True)
class Figure:
    """Samples of one thing; ``must`` and ``aim`` are of the ratio where there is one, else of the samples."""

    name: str
    samples: Sequence[float]
    unit: str
    ratios: Sequence[float] = ()
    to: str = ""
    must: float | None = None
    aim: float | None = None

    @property
    def verdict(self) -> str:
        """Return ``ok`` or ``over``, or nothing where nothing is demanded."""
        if self.must is None:
            return ""
        return "ok" if median(self.ratios or self.samples) <= self.must else "over"

    def cells(self) -> list[str]:
        """Return the figure as a row under the headings."""
        unit = "x" if self.ratios else self.unit
        ratio = (f"{median(self.ratios):.2f} x", spread(self.ratios, 2)) if self.ratios else ("", "")
        bounds = ("" if bound is None else f"<= {bound:g} {unit}" for bound in (self.must, self.aim))
        places = decimals(median(self.samples))
        middle = f"{median(self.samples):,.{places}f} {self.unit}"
        return [
            self.name, str(len(self.samples)), middle, spread(self.samples, places), *ratio, self.to, *bounds,
            self.verdict,
        ]  # fmt: skip


def compared(name: str, samples: Sequence[float], beside: Sequence[float], to: str, unit: str = "s") -> Figure:
    """Return a figure whose every sample is divided by what was measured in the same round."""
    return Figure(name, samples, unit, [one / other for one, other in zip(samples, beside, strict=True)], to)


def decimals(value: float) -> int:
    """Return how many places show three digits."""
    return next((places for places, least in ((0, 100.0), (1, 10.0), (2, 1.0)) if abs(value) >= least), 3)


def spread(values: Sequence[float], places: int) -> str:
    """Return the smallest and the largest."""
    return f"{min(values):,.{places}f} - {max(values):,.{places}f}"


def plain(figures: Iterable[Figure]) -> str:
    """Draw the figures in columns."""
    rows = [[*HEADINGS], *(figure.cells() for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def markdown(figures: Iterable[Figure]) -> str:
    """Draw the figures as a Markdown table."""
    rows = [[*HEADINGS], ["---"] * len(HEADINGS), *(figure.cells() for figure in figures)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
