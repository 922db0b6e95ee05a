"""How large a function's value may become, from how large its arguments may be: numbers for ``sql.extent`` to add up.

DuckDB counts the memory of its tables, sorts, joins and aggregates, and stops them at a deadline. It neither counts nor
stops what one call makes of one row: ``replace`` can turn one long text into one of any length. So every function that
a caller may call has a rule here; a name without one is taken to make eight times its arguments.
"""

from __future__ import annotations

from nagare.metrics.sql.functions import NUMBERS, TIMES

# What one value is reckoned to hold, in bytes: a number or time, and a cell of a stored column.
FIXED = 16
CELL = 256
# Made by an aggregate from any number of rows: DuckDB counts it while it is made, and a copy no more.
HUGE = 2**40
# A constant that is multiplied with every match, or between every two values.
LITERAL_LIMIT = 64
PATTERN_LIMIT = 256
SERIES_LIMIT = 1000

_MEASURES = """
length len char_length character_length strlen octet_length bit_length array_length list_count list_sum list_avg
list_min list_max list_contains list_has array_contains array_has list_position list_indexof array_position
array_indexof cardinality typeof count count_if countif approx_count_distinct count_star generate_subscripts
= <> < <= > >= isnull map_contains error_if_null
"""
# Looks at a value as large as can be, in one pass and without a copy.
MEASURES = frozenset(_MEASURES.split())
_PASSES = """
coalesce ifnull if nullif greatest least any_value arbitrary first last min max arg_max arg_max_null
arg_max_nulls_last arg_min arg_min_null arg_min_nulls_last argmax argmin max_by min_by mode first_value last_value
lag lead nth_value list_extract list_element array_extract element_at map_extract_value list_first list_last
unnest struct_extract struct_extract_at constant_or_null time_key
"""
# Hands one of its arguments on as it is.
PASSES = frozenset(_PASSES.split())
_AGGREGATES_OF_ROWS = """
string_agg group_concat listagg list array_agg histogram histogram_exact approx_top_k json_group_array
json_group_object
"""
# Makes one value of many rows. The number is the place of a count that must be a small constant.
AGGREGATES_OF_ROWS = frozenset(_AGGREGATES_OF_ROWS.split())
COUNTED = {
    "approx_top_k": 1, "min": 1, "max": 1, "arg_min": 2, "arg_max": 2, "argmin": 2, "argmax": 2, "min_by": 2,
    "max_by": 2, "arg_min_null": 2, "arg_max_null": 2, "arg_min_nulls_last": 2, "arg_max_nulls_last": 2,
}  # fmt: skip
SERIES = frozenset({"range", "generate_series"})

# The place of an argument that must be a short constant, because the value grows by it again and again.
SHORT = {"replace": 2, "regexp_replace": 2, "array_to_string": 1, "list_string_agg": 1, "concat_ws": 0, "strftime": 1}
_PATTERNS = """
regexp_matches regexp_full_match regexp_replace regexp_extract regexp_extract_all regexp_split_to_array
string_split_regex str_split_regex
"""
# The place of a pattern: a constant, so that it is compiled once and cannot be a slow one.
PATTERNS = dict.fromkeys(_PATTERNS.split(), 1)
_JSON_PATHS = """
-> ->> json_extract json_extract_path json_extract_path_text json_extract_string json_value json_exists json_type
json_keys json_array_length
"""
JSON_PATHS = dict.fromkeys(_JSON_PATHS.split(), 1)

# Times the sum of the arguments.
_FACTORS = {
    1: """
    || concat substr substring left right ltrim rtrim trim reverse lower lcase list_value list_pack array_value row
    struct_pack struct_insert struct_concat struct_update map map_concat map_from_entries map_entries map_keys map_values
    map_extract list_concat list_cat array_concat array_cat list_append array_append array_push_back list_prepend
    array_prepend array_push_front list_sort array_sort list_reverse_sort array_reverse_sort list_reverse array_reverse
    flatten list_zip array_zip -> ->> json_extract json_extract_path json_extract_path_text json_extract_string json_value
    regexp_extract split_part list_slice array_slice switch date_trunc parse_filename parse_dirname overlay nullif
    quantile quantile_cont quantile_disc approx_quantile mad median
    """,
    4: "upper ucase translate strip_accents url_decode chr hex to_hex from_hex url_encode regexp_escape",
    17: """
    string_split str_split split string_to_array string_split_regex str_split_regex regexp_split_to_array
    regexp_extract_all parse_path
    """,
}
FACTORS = {name: factor for factor, names in _FACTORS.items() for name in names.split()}
UNKNOWN_FACTOR = 8
_TEXT_OF_FIXED_SIZE = """
md5 sha256 hash ascii ord unicode contains starts_with ends_with prefix suffix position instr strpos format_bytes
formatreadablesize formatreadabledecimalsize pg_size_pretty parse_formatted_bytes regexp_matches regexp_full_match
jaccard json_valid json_exists json_type json_contains json_array_length like_escape not_like_escape ilike_escape
not_ilike_escape ~~ !~~ ~~* !~~* ~~~ ^@ <@ @> && <-> <=> list_has_all list_has_any array_has_all array_has_any
array_unique list_unique grouping grouping_id gen_random_uuid uuid uuidv4 uuidv7 version_compare
map_contains_entry map_contains_value struct_contains struct_has struct_position
"""
FIXED_SIZE = (NUMBERS | TIMES | frozenset(_TEXT_OF_FIXED_SIZE.split())) - {"strftime", "||", "->", "->>"}
