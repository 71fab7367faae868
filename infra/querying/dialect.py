"""Athena's dialect on DuckDB: what is rewritten, and what is refused because Athena refuses it or DuckDB lacks it."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify_columns import qualify_columns
from sqlglot.optimizer.qualify_tables import qualify_tables

from infra.querying.functions import DIFFERS, EXACT, NOT_HERE
from infra.querying.sql_error import at_name

MACROS: Final = Path(__file__).with_name("macros.sql").read_text(encoding="utf-8")
_KNOWN: Final = EXACT | DIFFERS.keys()
# What may stand before a parenthesis and is not a function.
_WORDS_TEXT: Final = """
    all and any array as between bigint by case cast char cross cube current_date current_timestamp decimal
    distinct double else except exists extract filter from full grouping group having if in inner integer
    intersect interval is join lateral left like limit map not on or over partition position real right rollup
    row select set sets some substring then time timestamp trim try_cast union unnest using values varchar
    varbinary when where with within localtimestamp fetch first smallint tinyint boolean date json percent order
    offset recursive
"""
_WORDS: Final = frozenset(_WORDS_TEXT.split())
_DECIMAL: Final = re.compile(r"[+-]?(\d+)\.(\d+)")
_JODA: Final = {
    "yyyy": "%Y", "y": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m", "dd": "%d", "d": "%-d",
    "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S", "SSS": "%g",
    "a": "%p", "EEEE": "%A", "EEE": "%a", "E": "%a", "D": "%-j", "DDD": "%j", "Z": "%z",
}  # fmt: skip
_DATE_UNITS: Final = frozenset({"DAY", "WEEK", "MONTH", "QUARTER", "YEAR"})
_TEXTS: Final = (exp.DType.VARCHAR, exp.DType.TEXT, exp.DType.CHAR)


def refuse_missing(sql: str) -> None:
    """Refuse the functions of Athena that the local engine does not have.

    Raises:
        infra.querying.sql_error.QueryFailed: pointing at the name.
    """
    for name in _called(sql):
        if name.lower() in NOT_HERE:
            raise at_name(sql, name, f"Athena has {name.lower()}, the engine on this machine does not")


def refuse_unknown(sql: str, statement: exp.Expr) -> None:
    """Refuse the functions that Athena does not have.

    Raises:
        infra.querying.sql_error.QueryFailed: pointing at the name.
    """
    others = _WORDS | {alias.name.lower() for alias in statement.find_all(exp.TableAlias)}
    for name in _called(sql):
        if name.lower() not in _KNOWN and name.lower() not in others:
            raise at_name(sql, name, f"Athena has no function {name.lower()}")


def _called(sql: str) -> Iterator[str]:
    """The names before an opening parenthesis."""
    for token, following in itertools.pairwise(sqlglot.tokenize(sql, read="athena")):
        is_name = re.fullmatch(r"[A-Za-z_]\w*", token.text) and token.token_type.name not in {"STRING", "NUMBER"}
        if is_name and following.token_type.name == "L_PAREN":
            yield token.text


def refuse_operators(sql: str, statement: exp.Expr, columns: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse operators and mixtures of types that Athena refuses.

    Args:
        sql: as it was given.
        statement: the same, parsed.
        columns: of each table, their types.

    Raises:
        infra.querying.sql_error.QueryFailed: pointing at the place.
    """
    node: Any
    for node in statement.find_all(exp.JSONExtract, exp.JSONExtractScalar):
        if "only_json_types" in node.args:
            operator = "->>" if isinstance(node, exp.JSONExtractScalar) else "->"
            raise at_name(sql, operator, f"Athena has no operator {operator}: use json_extract_scalar or json_extract")
    typed = _annotated(statement, columns)
    for node in typed.find_all(exp.DPipe):
        if {_family(node.left), _family(node.right)} == {"varchar", "number"}:
            raise at_name(sql, "||", "Athena joins no number to a text with ||: cast it to varchar")
    for node in typed.find_all(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In):
        others = [node.args.get("expression"), node.args.get("low"), node.args.get("high"), *node.expressions]
        for other in filter(None, others):
            _refuse_comparison(sql, node.this, other)


def _refuse_comparison(sql: str, left: exp.Expr, right: exp.Expr) -> None:
    one, other = sorted((_family(left), _family(right)))
    if "" in {one, other} or one == other or {one, other} == {"date", "timestamp"}:
        return
    if other == "varchar" and one in {"date", "timestamp"}:
        one, other = (other, one) if _family(left) == "varchar" and isinstance(left, exp.Column) else (one, other)
    elif {one, other} == {"number", "varchar"}:
        one, other = other, one
    named = left if isinstance(left, exp.Column) else right
    raise at_name(sql, named.name, f"Athena compares no {one} with a {other}: cast one of them")


def _annotated(statement: exp.Expr, columns: Mapping[str, Mapping[str, str]]) -> exp.Expr:
    """The statement with types where they follow from the tables; without where it cannot be understood so."""
    schema: dict[str, Any] = {table: dict(types) for table, types in columns.items()}
    try:
        qualified = qualify_columns(qualify_tables(statement.copy()), schema, expand_stars=False)
        return annotate_types(qualified, schema, dialect="athena")
    except Exception:  # noqa: BLE001 (DuckDB judges what this cannot)
        return annotate_types(statement.copy(), dialect="athena")


def _family(node: exp.Expr) -> str:
    """The kind of a value's type; empty where it is not known."""
    kind = node.type.this if node.type is not None else None
    if kind in _TEXTS:
        return "varchar"
    if kind in exp.DataType.NUMERIC_TYPES:
        return "number"
    if kind in {exp.DType.DATE, exp.DType.DATE32}:
        return "date"
    return "timestamp" if kind in exp.DataType.TEMPORAL_TYPES else ""


def rewritten(sql: str, statement: exp.Expr, database: str) -> exp.Expr:
    """The statement with what sqlglot's translation leaves to DuckDB's own rules written out.

    Raises:
        infra.querying.sql_error.QueryFailed: a function's argument is not one that the local engine takes.
    """
    for table in statement.find_all(exp.Table):
        if table.db == database:
            table.set("db", None)
    return statement.transform(lambda node: _rewritten(sql, node))


def _rewritten(sql: str, node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Anonymous):
        return _BY_NAME.get(node.name.lower(), _as_it_is)(sql, node)
    return _BY_KIND.get(type(node), _as_it_is)(sql, node)


def _as_it_is(_sql: str, node: exp.Expr) -> exp.Expr:
    return node


def _decimal(_sql: str, node: exp.Expr) -> exp.Expr:
    """`decimal` without digits: as many as the literal has, or the most and none behind the point."""
    if not isinstance(node, exp.DataType) or node.this != exp.DType.DECIMAL or node.expressions:
        return node
    value = node.parent.this if isinstance(node.parent, exp.Cast) else None
    if isinstance(value, exp.Literal) and (digits := _DECIMAL.fullmatch(value.name)):
        return exp.DataType.build(f"decimal({len(digits[1] + digits[2])}, {len(digits[2])})")
    return exp.DataType.build("decimal(38, 0)")


def _at_time_zone(_sql: str, node: exp.Expr) -> exp.Expr:
    """The time of day in the zone; Athena takes a timestamp without a zone to be in UTC, DuckDB to be in that zone."""
    node.set("this", exp.cast(node.this, exp.DType.TIMESTAMPTZ, dialect="duckdb"))
    return node


def _date_diff(_sql: str, node: exp.Expr) -> exp.Expr:
    """Whole units between two moments; DuckDB's date_diff counts the borders between them."""
    unit = exp.Literal.string(str(node.args["unit"].name).lower())
    return exp.Anonymous(this="date_sub", expressions=[unit, node.expression, node.this])


def _of_a_date(_sql: str, node: exp.Expr) -> exp.Expr:
    """A date stays a date."""
    operand = node.this
    is_date = isinstance(operand, exp.Cast) and operand.to.this == exp.DType.DATE
    unit = str(node.args["unit"].name).upper()
    if not (is_date or isinstance(operand, exp.CurrentDate | exp.Date)) or unit not in _DATE_UNITS:
        return node
    return exp.Cast(this=node, to=exp.DataType.build("date"))


def _json_value(sql: str, node: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="spillway_json_value", expressions=[node.this, _lax(sql, node.args["path"])])


def _json_query(sql: str, node: exp.Expr) -> exp.Expr:
    if not node.args.get("json_query"):
        return node
    return exp.Anonymous(this="spillway_json_query", expressions=[node.this, _lax(sql, node.expression)])


def _json_exists(sql: str, node: exp.Expr) -> exp.Expr:
    text, path = node.expressions
    return exp.Anonymous(this="json_exists", expressions=[text, _lax(sql, path)])


def _lax(sql: str, path: exp.Expr) -> exp.Expr:
    if not isinstance(path, exp.Literal) or not path.name.startswith("lax $"):
        raise at_name(sql, path.name, "the engine on this machine takes only 'lax $…' paths of JSON")
    return exp.Literal.string(path.name.removeprefix("lax "))


def _slice(_sql: str, node: exp.Expr) -> exp.Expr:
    """The third argument is a length; DuckDB's is the last place."""
    start = node.args["start"]
    last = exp.Sub(this=exp.Add(this=start.copy(), expression=node.args["end"]), expression=exp.Literal.number(1))
    return exp.Anonymous(this="list_slice", expressions=[node.this, start, last])


def _millisecond(_sql: str, node: exp.Expr) -> exp.Expr:
    return exp.Paren(this=exp.Mod(this=node.copy(), expression=exp.Literal.number(1000)))


def _format_datetime(sql: str, node: exp.Expr) -> exp.Expr:
    moment, pattern = node.expressions
    return exp.Anonymous(this="strftime", expressions=[moment, _strftime(sql, pattern)])


def _parse_datetime(sql: str, node: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="strptime", expressions=[node.this, _strftime(sql, node.args["format"])])


def _strftime(sql: str, pattern: exp.Expr) -> exp.Expr:
    """A pattern of Joda as one of strftime."""
    if not isinstance(pattern, exp.Literal):
        raise at_name(sql, pattern.name, "the engine on this machine takes a pattern written out, not a column")
    result = ""
    for found in re.finditer(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']", pattern.name):
        if found[1] is not None:
            result += (found[1].replace("''", "'") or "'").replace("%", "%%")
        elif found[2] is None:
            result += found[0].replace("%", "%%")
        elif found[0] in _JODA:
            result += _JODA[found[0]]
        else:
            raise at_name(sql, pattern.name, f"the engine on this machine does not know {found[0]!r} in a pattern")
    return exp.Literal.string(result)


_Rewriting = Callable[[str, exp.Expr], exp.Expr]
_BY_NAME: Final[dict[str, _Rewriting]] = {
    "json_exists": _json_exists,
    "millisecond": _millisecond,
    "format_datetime": _format_datetime,
}
_BY_KIND: Final[dict[type[exp.Expr], _Rewriting]] = {
    exp.DataType: _decimal,
    exp.AtTimeZone: _at_time_zone,
    exp.DateDiff: _date_diff,
    exp.DateTrunc: _of_a_date,
    exp.DateAdd: _of_a_date,
    exp.JSONValue: _json_value,
    exp.JSONExtract: _json_query,
    exp.ArraySlice: _slice,
    exp.ParseDatetime: _parse_datetime,
}
