"""What a row of the benchmark found, as a table and as JSON."""

import dataclasses
import json
import statistics


@dataclasses.dataclass
class Figure:
    """The values that several runs gave."""

    values: list

    @property
    def median(self):
        return statistics.median(self.values)

    def text(self, digits):
        return f"{self.median:.{digits}f}"

    def range_text(self, digits):
        low, high = min(self.values), max(self.values)
        return f"{self.median:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


@dataclasses.dataclass
class Row:
    """One line: ours, beside it that of the floor or of what the row names,
    if there is one, and the limit.

    With a floor the limit is one on the ratio, pair by pair; without, on the
    value itself. No limit: the row is there to be read.
    """

    name: str
    unit: str
    ours: list
    floor: list = None
    limit: float = None
    limit_on: str = "ratio"
    digits: int = 2

    @property
    def ratios(self):
        if not self.floor or not all(self.floor):
            return None
        return [o / f for o, f in zip(self.ours, self.floor)]

    @property
    def judged(self):
        """The figure that the limit is held against."""
        on_ratio = self.limit_on == "ratio" and self.ratios
        return Figure(self.ratios if on_ratio else self.ours)

    @property
    def verdict(self):
        if self.limit is None:
            return ""
        return "ok" if self.judged.median <= self.limit else "MISSED"

    def cells(self):
        ratios = Figure(self.ratios).range_text(2) if self.ratios else "-"
        limit = "-"
        if self.limit is not None:
            on_ratio = self.limit_on == "ratio" and self.ratios
            limit = f"{self.limit:g}" + (" x" if on_ratio else "")
        return [
            self.name,
            self.unit,
            Figure(self.floor).text(self.digits) if self.floor else "-",
            Figure(self.ours).range_text(self.digits),
            ratios,
            limit,
            self.verdict,
        ]

    def as_json(self):
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": self.ours,
            "floor": self.floor,
            "ratios": self.ratios,
            "judged": self.judged.median,
            "limit": self.limit,
            "verdict": self.verdict or None,
        }


HEADS = ["row", "unit", "beside", "fcgi-sse", "ratio", "limit", ""]


def table_text(rows):
    """Columns as wide as they need to be; figures are medians (min-max)."""
    lines = [HEADS] + [row.cells() for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADS))]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths)).rstrip()
        for line in lines
    )


def json_write(path, rows, broken):
    found = {"rows": [row.as_json() for row in rows], "broken": broken}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(found, file, indent=1)
        file.write("\n")
