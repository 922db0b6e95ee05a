"""The functions that a caller's SQL may call; what is not listed does not exist for it.

Left out on purpose: whatever reads files, settings, the catalog or the clock of the session's owner; whatever runs
text as SQL; whatever sleeps; and whatever can make a value of any size out of a short argument, because DuckDB
neither counts nor interrupts that (``repeat('x', 2000000000)`` holds a thread for 13 s and 2 GB past every limit).
Functions that take a lambda are left out for the same reason. What the others may make is in ``sql.growth``.
"""

from __future__ import annotations

_OPERATORS = """
+ - * / // % ** ^ @ & | ~ << >> xor ! !__postfix || = != <> < <= > >= <@ @> <-> <=> -> ->> && ^@ ~~ !~~ ~~* !~~* ~~~
like_escape not_like_escape ilike_escape not_ilike_escape
"""
_MATH = """
abs acos acosh add asin asinh atan atan2 atanh bit_count cbrt ceil ceiling cos cosh cot degrees divide even exp fdiv
floor fmod gamma gcd greatest greatest_common_divisor isfinite isinf isnan lcm least least_common_multiple lgamma ln
log log10 log2 mod multiply nextafter pi pow power radians random round round_even roundbankers sign signbit sin sinh
sqrt subtract tan tanh trunc
"""
_TEXT = """
array_to_string ascii bit_length char_length character_length chr concat concat_ws contains ends_with format_bytes
formatreadabledecimalsize formatreadablesize from_hex hash hex instr jaccard lcase left len length lower ltrim md5
octet_length ord position prefix regexp_escape regexp_extract regexp_extract_all regexp_full_match regexp_matches
regexp_replace regexp_split_to_array replace reverse right rtrim sha256 split split_part starts_with str_split
str_split_regex string_split string_split_regex string_to_array strip_accents strlen strpos substr substring suffix
to_hex translate trim ucase unicode upper url_decode url_encode parse_filename parse_dirname parse_path overlay
pg_size_pretty parse_formatted_bytes
"""
_TIME = """
age ago century current_date current_localtime current_localtimestamp date_add date_diff date_part date_sub date_trunc
datediff datepart datesub datetrunc day dayname dayofmonth dayofweek dayofyear days_in_month decade epoch epoch_ms
epoch_ns epoch_us era get_current_time get_current_timestamp hour isodow isoyear julian last_day make_date make_time
make_timestamp make_timestamp_ms make_timestamp_ns make_timestamptz microsecond millennium millisecond minute month
monthname nanosecond normalized_interval now quarter second strftime strptime time_bucket timezone timezone_hour
timezone_minute to_centuries to_days to_decades to_hours to_microseconds to_millennia to_milliseconds to_minutes
to_months to_quarters to_seconds to_timestamp to_weeks to_years today transaction_timestamp try_strptime week weekday
weekofyear year yearweek
"""
_LOGIC = "coalesce error_if_null if ifnull isnull nullif typeof constant_or_null switch grouping grouping_id"
_NESTED = """
array_aggr array_aggregate array_append array_cat array_concat array_contains array_distinct array_extract array_has
array_has_all array_has_any array_indexof array_intersect array_length array_pop_back array_pop_front array_position
array_prepend array_push_back array_push_front array_reverse array_reverse_sort array_select array_slice array_sort
array_unique array_value array_where array_zip cardinality element_at flatten list_aggr list_aggregate list_any_value
list_append list_approx_count_distinct list_avg list_bool_and list_bool_or list_cat list_concat list_contains
list_count list_distinct list_element list_entropy list_extract list_first list_has list_has_all list_has_any
list_histogram list_indexof list_intersect list_kurtosis list_last list_mad list_max list_median list_min list_mode
list_pack list_position list_prepend list_product list_reverse list_reverse_sort list_select list_sem list_skewness
list_slice list_sort list_stddev_pop list_stddev_samp list_string_agg list_sum list_unique list_value list_var_pop
list_var_samp list_where list_zip map map_concat map_contains map_contains_entry map_contains_value map_entries
map_extract map_extract_value map_from_entries map_keys map_values row struct_concat struct_contains struct_extract
struct_extract_at struct_has struct_insert struct_keys struct_pack struct_position struct_update struct_values unnest
unpivot_list generate_subscripts range generate_series
"""
_JSON = """
from_json json json_array json_array_length json_contains json_exists json_extract json_extract_path
json_extract_path_text json_extract_string json_group_array json_group_object json_keys json_object json_quote
json_type json_valid json_value row_to_json to_json array_to_json
"""
_IDENTITY = "gen_random_uuid uuid uuidv4 uuidv7 version_compare"
_AGGREGATES = """
any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_max_nulls_last arg_min
arg_min_null arg_min_nulls_last argmax argmin array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count count_if
count_star countif covar_pop covar_samp entropy favg first fsum geomean geometric_mean group_concat histogram
histogram_exact kahan_sum kurtosis kurtosis_pop last list listagg mad max max_by mean median min min_by mode
product quantile quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx
regr_sxy regr_syy sem skewness stddev stddev_pop stddev_samp string_agg sum sum_no_overflow sumkahan
var_pop var_samp variance wavg weighted_avg
"""
_WINDOWS = """
cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank rank_dense row_number fill
"""
# Made by us, in ``sql.macros``.
_MACROS = "rate increase delta"
_ORDERS = "time_key"

ALLOWED = frozenset(
    name
    for group in (
        _OPERATORS,
        _MATH,
        _TEXT,
        _TIME,
        _LOGIC,
        _NESTED,
        _JSON,
        _IDENTITY,
        _AGGREGATES,
        _WINDOWS,
        _MACROS,
        _ORDERS,
    )
    for name in group.split()
)
_NUMBER_AGGREGATES = """
avg bit_and bit_or bit_xor bool_and bool_or corr count count_if count_star countif covar_pop covar_samp entropy favg
fsum geomean geometric_mean kahan_sum kurtosis kurtosis_pop mean product regr_avgx regr_avgy regr_count
regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy sem skewness stddev stddev_pop stddev_samp sum
sum_no_overflow sumkahan var_pop var_samp variance wavg weighted_avg approx_count_distinct
"""
# Which make one value of one row's values.
SCALARS = frozenset(f"{_OPERATORS} {_MATH} {_TEXT} {_LOGIC}".split())
# Whose values are of one size whatever they are given.
NUMBERS = frozenset(f"{_OPERATORS} {_MATH} {_WINDOWS} {_NUMBER_AGGREGATES} {_MACROS}".split())
TIMES = frozenset(_TIME.split())
ALLOWED_IN_FROM = frozenset({"range", "generate_series", "unnest"})

# Allowed only with a constant of at most this much in the given place, and never inside one another.
BOUNDED = {"repeat": 1, "lpad": 1, "rpad": 1}
BOUNDED_COUNT = 1000
