"""The page Query: SQL over the lake, its result as a table or a chart, and as a file."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, Response, render_template, request
from markupsafe import Markup

from infra.console import svg
from infra.console.console import Console
from infra.querying import chart, output
from infra.querying.result import Result
from infra.querying.running import running
from infra.querying.saved import saved_queries
from infra.querying.sql_error import QueryFailed

ROWS: Final = 200  # on the page; an export has all
MAX_PAGE_CHARACTERS: Final = 100_000  # of all values; fewer rows are shown where they are long
CELL_CHARACTERS: Final = 200
FIRST: Final = "SELECT * FROM events ORDER BY timestamp DESC LIMIT 20"
FORMS: Final = ("table", "chart")
_PLACE: Final = re.compile(r"line (\d+), column (\d+): ")
_CHUNK: Final = 256 * 1024


def register(blueprint: Blueprint, console: Console) -> None:
    """Add the page's routes."""

    @blueprint.get("/query")
    def query() -> str:
        return _page(sql=FIRST, parameters="", form="table")

    @blueprint.post("/query")
    def query_run() -> str:
        asked = _asked()
        try:
            with running(console.environment, asked["sql"], _parameters(asked), ROWS) as (result, spent):
                shown = _shown(result, asked["form"])
                return _page(**asked, **shown, spent=spent(), count=result.count, has_more=result.has_more)
        except (QueryFailed, chart.NotDrawable) as error:
            return _page(**asked, error=str(error), place=_PLACE.match(str(error)))

    @blueprint.post("/query/export/<kind>")
    def query_export(kind: str) -> Response | str:
        asked = _asked()
        folder = tempfile.TemporaryDirectory(prefix="spillway-export-")
        path = Path(folder.name) / f"result.{'parquet' if kind == 'parquet' else 'csv'}"
        try:
            with running(console.environment, asked["sql"], _parameters(asked)) as (result, _):
                if path.suffix == ".parquet":
                    output.write_parquet(result, path)
                else:
                    with path.open("w", encoding="utf-8", newline="") as file:
                        output.write_csv(result, file, formulas=False)
        except QueryFailed as error:
            folder.cleanup()
            return _page(**asked, error=str(error), place=_PLACE.match(str(error)))
        except BaseException:
            folder.cleanup()
            raise
        media_type = "application/vnd.apache.parquet" if path.suffix == ".parquet" else "text/csv; charset=utf-8"
        headers = {"Content-Disposition": f'attachment; filename="spillway-{path.name}"'}
        return Response(_sent(path, folder), headers=headers, content_type=media_type)


def _page(**values: Any) -> str:
    return render_template("query.html", saved=saved_queries(), cell_characters=CELL_CHARACTERS, **values)


def _asked() -> dict[str, str]:
    """The fields of the form; browsers send line ends as CR LF."""
    fields = request.form
    form = fields.get("form", "table")
    return {
        "sql": fields.get("sql", "").replace("\r\n", "\n"),
        "parameters": fields.get("parameters", "").replace("\r\n", "\n"),
        "form": form if form in FORMS else "table",
    }


def _parameters(asked: dict[str, str]) -> list[str]:
    return asked["parameters"].split("\n") if asked["parameters"] else []


def _shown(result: Result, form: str) -> dict[str, Any]:
    """The rows as a table or a chart, as many as a page takes."""
    if form == "chart":
        series = chart.series_of(result.table())
        return {"chart": _drawn(series), "title": series.title}
    rows: list[list[Any]] = []
    size = 0
    for row in result.rows():
        size += sum(min(CELL_CHARACTERS, len(str(value))) + 40 for value in row)
        if size > MAX_PAGE_CHARACTERS:
            return {"names": result.names, "rows": rows, "cut_rows": len(rows)}
        rows.append(row)
    return {"names": result.names, "rows": rows}


def _drawn(series: chart.Series) -> Markup:
    if len(series.labels) <= chart.MAX_BARS:
        return svg.bars(series.labels, series.values, series.title)
    values = [value or 0.0 for value in series.values]
    return svg.lines(series.title, [(series.value, values)], str(series.labels[0]), str(series.labels[-1]))


def _sent(path: Path, folder: tempfile.TemporaryDirectory[str]) -> Iterator[bytes]:
    """A file's bytes; it is deleted after the last, or when the client is gone."""
    with folder, path.open("rb") as file:
        while part := file.read(_CHUNK):
            yield part
