"""The words of SQL that are offered and coloured: keywords, and the functions that people want first."""

from __future__ import annotations

from nagare.model.sql_functions import FUNCTIONS, SqlFunction

# Offered, in the order of a statement.
OFFERED = (
    "select", "distinct", "from", "join", "left join", "asof join", "using", "on", "where", "and", "or", "not", "in", "like", "ilike",
    "between", "is null", "is not null", "group by", "group by all", "having", "qualify", "order by", "desc", "asc", "nulls last",
    "limit", "offset", "union all", "with", "as", "case", "when", "then", "else", "end", "over", "partition by", "filter", "interval",
    "explain", "pivot", "unpivot",
)  # fmt: skip
_FURTHER_WORDS = """
inner outer right full cross lateral natural semi anti except intersect exists any some true false null cast try_cast rows range preceding
following unbounded current row window recursive materialized values rollup cube grouping sets analyze escape similar collate positional
first last nulls sample tablesample
"""
KEYWORDS = frozenset({word for phrase in OFFERED for word in phrase.split()} | frozenset(_FURTHER_WORDS.split()))
# What may not be the name that a table gets in a statement.
NO_ALIAS = KEYWORDS - {"first", "last", "current", "row", "end"}

_FURTHER = (
    SqlFunction("avg", "value", "mean of the group"),
    SqlFunction("count", "*", "rows of the group; count(value) leaves nulls out"),
    SqlFunction("max", "value", "the greatest of the group"),
    SqlFunction("min", "value", "the least of the group"),
    SqlFunction("sum", "value", "sum of the group"),
    SqlFunction("stddev", "value", "how far values lie from their mean"),
    SqlFunction("arg_max", "value, by", "value of the row in which `by` is greatest"),
    SqlFunction("arg_min", "value, by", "value of the row in which `by` is least"),
    SqlFunction("approx_count_distinct", "value", "about how many different values"),
    SqlFunction("any_value", "value", "one value of the group that is not null"),
    SqlFunction("string_agg", "text, ', '", "texts of the group as one"),
    SqlFunction("regr_slope", "y, x", "slope of the line through the points of the group"),
    SqlFunction("corr", "y, x", "how alike two columns move, from -1 to 1"),
    SqlFunction("round", "value, 3", "value with so many digits"),
    SqlFunction("coalesce", "value, other", "the first that is not null"),
    SqlFunction("nullif", "value, 0", "null where the two are equal: a divisor that is safe"),
    SqlFunction("greatest", "value, other", "the greatest of its arguments"),
    SqlFunction("least", "value, other", "the least of its arguments"),
    SqlFunction("abs", "value", "value without its sign"),
    SqlFunction("date_trunc", "'hour', ts", "begin of the hour, day or the like"),
    SqlFunction("date_diff", "'second', ts, now()", "how many such units lie between two times"),
    SqlFunction("epoch", "ts", "seconds since 1970"),
    SqlFunction("epoch_ms", "ts", "milliseconds since 1970"),
    SqlFunction("strftime", "ts, '%H:%M'", "time as text"),
    SqlFunction("now", "", "this moment"),
    SqlFunction("row_number", "", "place within the window: row_number() over (partition by … order by …)"),
    SqlFunction("lag", "value", "value of the row before, over a window"),
    SqlFunction("lead", "value", "value of the row after, over a window"),
    SqlFunction("rank", "", "place within the window; equal rows share it"),
    SqlFunction("lower", "text", "text in small letters"),
    SqlFunction("upper", "text", "text in capitals"),
    SqlFunction("length", "text", "how many letters"),
    SqlFunction("split_part", "text, '/', 1", "one part of a text"),
    SqlFunction("starts_with", "text, 'web'", "whether a text begins so"),
    SqlFunction("regexp_matches", "text, '^web'", "whether a text holds the pattern"),
    SqlFunction("regexp_extract", "text, '(\\d+)', 1", "the part of a text that matches"),
    SqlFunction("json_extract_string", "json, '$.name'", "a text out of JSON"),
)
OFFERED_FUNCTIONS: tuple[SqlFunction, ...] = (
    *FUNCTIONS,
    *(one for one in _FURTHER if one.name not in {known.name for known in FUNCTIONS}),
)
