"""Charts as SVG: no script, no style attribute, and every value escaped by the one function that writes elements."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from infra.console.text import count, plain

WIDTH: Final = 640
LABEL_WIDTH: Final = 200  # before horizontal bars
ROW_HEIGHT: Final = 20
MOST_POINTS: Final = 600  # of a line: more are not seen


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a stacked bar.

    Args:
        name: in words.
        value: not negative.
        colour: 1 to 6, a class of the style sheet.
    """

    name: str
    value: float
    colour: int


def element(name: str, *content: object, **attributes: object) -> Markup:
    """An element of SVG or HTML; texts are escaped, elements are taken as they are.

    Args:
        name: of the element.
        content: what is in it.
        attributes: `text_anchor` stands for `text-anchor`, `class_` for `class`; a float has one decimal.
    """
    written = "".join(
        f' {escape(key.rstrip("_").replace("_", "-"))}="{escape(_number(value))}"' for key, value in attributes.items()
    )
    return Markup(f"<{escape(name)}{written}>{''.join(map(escape, content))}</{escape(name)}>")  # noqa: S704 (escaped)


def spark(values: Sequence[float], title: str, *, length: int) -> Markup:
    """A line of the newest values, the newest at the right.

    Args:
        values: oldest first.
        title: for who does not see it.
        length: values that fill the width.
    """
    width, height = 160, 36
    most = max([*values, 1.0])
    start = length - len(values)
    points = " ".join(
        f"{(start + at) / max(1, length - 1) * width:.1f},{height - 2 - value / most * (height - 6):.1f}"
        for at, value in enumerate(values)
    )
    axis = element("line", class_="axis", x1=0, y1=height - 1, x2=width, y2=height - 1)
    return _picture(title, width, height, [axis, element("polyline", class_="l1", points=points)])


def bar(share: float, title: str) -> Markup:
    """How much of something is used, 1 being all of it."""
    width, height = 120, 12
    used = min(1.0, max(0.0, share)) * width
    ground = element("rect", class_="ground", width=width, height=height)
    return _picture(title, width, height, [ground, element("rect", class_=_fullness(share), width=used, height=height)])


def stack(title: str, parts: Sequence[Part]) -> Markup:
    """A bar of parts, and a list of them with their numbers; the parts add up to the whole."""
    height, total, at = 34, sum(part.value for part in parts), 0.0
    drawn = [element("rect", class_="ground", width=WIDTH, height=height)]
    for part in parts:
        width = part.value / total * WIDTH if total else 0.0
        if part.value:
            drawn.append(element("rect", class_=f"c{part.colour}", x=at, width=max(width, 1.0), height=height))
        at += width
    label = f"{title}: " + ", ".join(f"{part.name} {count(part.value)}" for part in parts)
    legend = _legend((part.colour, f"{part.name}: {count(part.value)}") for part in parts)
    return _picture(label, WIDTH, height, drawn) + legend


def bars(labels: Sequence[object], values: Sequence[float | None], title: str) -> Markup:
    """Horizontal bars, a label before each and its number behind."""
    most = max([abs(value) for value in values if value is not None] or [1.0]) or 1.0
    drawn = []
    for at, (label, value) in enumerate(zip(labels, values, strict=True)):
        y = at * ROW_HEIGHT
        width = 0.0 if value is None else abs(value) / most * (WIDTH - LABEL_WIDTH - 100)
        colour = "c5" if value is not None and value < 0 else "c1"
        drawn += [
            element("text", plain(label, 28), x=LABEL_WIDTH - 10, y=y + 14, text_anchor="end"),
            element("rect", class_=colour, x=LABEL_WIDTH, y=y + 2, width=width, height=ROW_HEIGHT - 4),
            element("text", "NULL" if value is None else count(value), x=LABEL_WIDTH + 6 + width, y=y + 14),
        ]
    return _picture(title, WIDTH, max(1, len(values)) * ROW_HEIGHT, drawn)


def lines(title: str, series: Sequence[tuple[str, Sequence[float]]], first: str, last: str) -> Markup:
    """Lines over one axis of time, each to its own scale, with the highest value in the legend."""
    height, drawn, legend = 180, [], []
    for number, (name, values) in enumerate(series, 1):
        most = max([*values, 0.0]) or 1.0
        step = WIDTH / max(1, len(values) - 1)
        kept = range(0, len(values), max(1, len(values) // MOST_POINTS))
        points = " ".join(
            f"{at * step:.1f},{height - 4 - max(0.0, values[at]) / most * (height - 12):.1f}" for at in kept
        )
        drawn.append(element("polyline", class_=f"l{number}", points=points))
        legend.append((number, f"{name}: at most {count(max([*values, 0.0]))}"))
    drawn.append(element("line", class_="axis", x1=0, y1=height - 2, x2=WIDTH, y2=height - 2))
    drawn += _ends(first, last, 0, height + 14)
    return _picture(title, WIDTH, height + 18, drawn) + _legend(legend)


def heat(title: str, rows: Sequence[tuple[str, Sequence[float]]], columns: Sequence[str]) -> Markup:
    """A field for each row and column, the fuller the darker; 1 is full.

    Args:
        title: for who does not see it.
        rows: a name, and a value for each column.
        columns: their names.
    """
    left, drawn = 130, []
    width = (WIDTH - left) / max(1, len(columns))
    for number, (name, values) in enumerate(rows):
        y = number * ROW_HEIGHT
        drawn.append(element("text", plain(name, 20), x=left - 10, y=y + 14, text_anchor="end"))
        for at, value in enumerate(values):
            tip = element("title", f"{name}, {columns[at]}: {value:.1%} full")
            place = {"x": left + at * width, "y": y + 1, "width": max(1.0, width - 1), "height": ROW_HEIGHT - 2}
            opacity = f"{min(1.0, 0.06 + value):.2f}"
            drawn.append(element("rect", tip, class_=_fullness(value), fill_opacity=opacity, **place))
    height = len(rows) * ROW_HEIGHT
    drawn += _ends(columns[0], columns[-1], left, height + 14) if columns else []
    return _picture(title, WIDTH, height + 18, drawn)


def _number(value: object) -> object:
    return f"{value:.1f}" if isinstance(value, float) else value


def _picture(title: str, width: int, height: int, drawn: Iterable[Markup]) -> Markup:
    size = {"viewBox": f"0 0 {width} {height}", "width": width, "height": height}
    return element("svg", *drawn, role="img", aria_label=title, **size)


def _legend(entries: Iterable[tuple[int, str]]) -> Markup:
    def mark(colour: int) -> Markup:
        square = element("rect", class_=f"c{colour}", width=10, height=10)
        return element("svg", square, width=10, height=10, aria_hidden="true")

    return element("ul", *(element("li", mark(colour), " ", text) for colour, text in entries), class_="legend")


def _ends(first: str, last: str, left: int, y: int) -> list[Markup]:
    return [
        element("text", first, class_="quiet", x=left, y=y),
        element("text", last, class_="quiet", x=WIDTH, y=y, text_anchor="end"),
    ]


def _fullness(share: float) -> str:
    return "c5" if share > 0.8 else "c2" if share > 0.6 else "c1"
