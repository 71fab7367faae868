"""Athena's functions (engine 3), and what the local engine makes of each."""

from typing import Final

_EXACT: Final = """
    abs acos any_value arbitrary array_agg array_distinct array_intersect array_join array_max array_min
    array_position array_remove array_sort array_union arrays_overlap asin atan atan2 avg bitwise_and
    bitwise_not bitwise_or bitwise_xor bool_and bool_or cardinality ceil ceiling chr coalesce codepoint concat
    concat_ws contains corr cos cosh count count_if covar_pop covar_samp cume_dist date date_add date_diff
    date_format date_parse date_trunc day day_of_month day_of_week day_of_year degrees dense_rank dow doy e
    element_at every exp extract filter first_value flatten floor format_datetime from_base64 from_hex
    from_iso8601_date from_iso8601_timestamp from_unixtime from_utf8 geometric_mean greatest hamming_distance
    histogram hour if infinity is_finite is_infinite is_nan json_array_get json_array_length json_exists
    json_extract json_format json_parse json_query json_size lag
    last_day_of_month last_value lead least length levenshtein_distance listagg ln log log10 log2 lower lpad
    ltrim map map_entries map_from_entries map_keys map_values max max_by md5 millisecond min min_by
    minute mod month nan now nth_value ntile nullif parse_datetime percent_rank pi position pow power quarter
    radians rand random rank reduce regr_intercept regr_slope replace reverse round row_number rpad rtrim second
    sequence sha256 sign sin sinh slice split split_part sqrt starts_with stddev stddev_pop stddev_samp strpos
    substr substring sum tan tanh to_base64 to_hex to_unixtime to_utf8 transform translate trim truncate try
    upper url_decode url_extract_fragment url_extract_host url_extract_path url_extract_port
    url_extract_protocol url_extract_query uuid var_pop var_samp variance week width_bucket year
"""
_NOT_HERE: Final = """
    all_match any_match approx_most_frequent approx_set array_except at_timezone bar beta_cdf bit_count
    bitwise_and_agg bitwise_left_shift bitwise_or_agg bitwise_right_shift bitwise_right_shift_arithmetic
    bitwise_xor_agg checksum color combinations cosine_similarity crc32 current_timezone empty_approx_set format
    format_number from_base from_base32 from_base64url from_big_endian_32 from_big_endian_64
    from_geojson_geometry from_ieee754_32 from_ieee754_64 from_iso8601_timestamp_nanos from_unixtime_nanos
    great_circle_distance hash_counts hmac_md5 hmac_sha1 hmac_sha256 hmac_sha512 human_readable_seconds
    intersection_cardinality inverse_beta_cdf inverse_normal_cdf is_json_scalar jaccard_index json_array
    json_array_contains json_object luhn_check make_set_digest map_filter map_union map_zip_with merge
    merge_set_digest multimap_agg multimap_from_entries murmur3 ngrams none_match normal_cdf normalize
    numeric_histogram parse_data_size parse_duration parse_presto_data_size qdigest_agg quantile_at_value
    reduce_agg regexp_position render repeat rgb sha1 sha512 shuffle soundex split_to_map split_to_multimap
    spooky_hash_v2_32 spooky_hash_v2_64 st_area st_astext st_contains st_distance st_geometryfromtext
    st_intersects st_point tdigest_agg timestamp_objectid timezone_hour timezone_minute to_base32 to_base64url
    to_big_endian_32 to_big_endian_64 to_geojson_geometry to_ieee754_32 to_ieee754_64 to_iso8601 to_milliseconds
    to_spherical_geography transform_keys transform_values trim_array url_extract_parameter value_at_quantile
    values_at_quantiles week_of_year wilson_interval_lower wilson_interval_upper with_timezone word_stem
    xxhash64 year_of_week yow zip zip_with
"""
EXACT: Final = frozenset(_EXACT.split())  # the same answer; each has an example in the tests
DIFFERS: Final = {  # an answer, with a difference
    "map_agg": "a key with two values is an error",
    "json_extract_scalar": "a fraction is read as double: `1.50` is `1.5`; whole numbers keep every digit",
    "json_value": "a fraction is read as double: `1.50` is `1.5`; whole numbers keep every digit",
    "approx_distinct": "another estimate, with about the same error",
    "approx_percentile": "another estimate",
    "cbrt": "the last digit may differ: `cbrt(27)` is 3.0000000000000004",
    "regexp_count": "RE2 syntax, as above",
    "regexp_extract": "RE2 syntax, as above",
    "regexp_extract_all": "RE2 syntax, as above",
    "regexp_like": "RE2 syntax: no look-around and no back references",
    "regexp_replace": "RE2 syntax, as above; groups are `\\1`, not `$1`",
    "regexp_split": "RE2 syntax, as above",
    "to_base": "letters are capitals: `to_base(255, 16)` is `FF`",
    "typeof": "names are DuckDB's: `INTEGER` for `integer`",
    "url_encode": "a space is `%20`, not `+`",
}
NOT_HERE: Final = frozenset(_NOT_HERE.split())  # Athena has them, the local engine does not
