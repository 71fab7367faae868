-- Functions of Athena that DuckDB does not have, in its own.
CREATE MACRO e() AS 2.718281828459045e0;
CREATE MACRO nan() AS 'nan'::DOUBLE;
CREATE MACRO infinity() AS 'inf'::DOUBLE;
CREATE MACRO is_finite(x) AS isfinite(x::DOUBLE);
CREATE MACRO is_infinite(x) AS isinf(x::DOUBLE);
CREATE MACRO width_bucket(x, low, high, n) AS CASE WHEN low < high
  THEN CASE WHEN x < low THEN 0 WHEN x >= high THEN n + 1 ELSE floor((x - low) * n / (high - low))::BIGINT + 1 END
  ELSE CASE WHEN x > low THEN 0 WHEN x <= high THEN n + 1 ELSE floor((low - x) * n / (low - high))::BIGINT + 1 END END;
CREATE MACRO codepoint(x) AS unicode(x);
CREATE MACRO hamming_distance(a, b) AS hamming(a, b);
CREATE MACRO map_agg(k, v) AS map_from_entries(list_distinct(list({'k': k, 'v': v}) FILTER (WHERE k IS NOT NULL)));
CREATE MACRO every(x) AS bool_and(x);
CREATE MACRO array_union(a, b) AS list_distinct(list_concat(a, b));
CREATE MACRO arrays_overlap(a, b) AS list_has_any(a, b);
CREATE MACRO url_extract_protocol(url) AS nullif(regexp_extract(url, '^([a-zA-Z][a-zA-Z0-9+.-]*):', 1), '');
CREATE MACRO url_extract_host(url) AS nullif(regexp_extract(url, '^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)', 1), '');
CREATE MACRO url_extract_port(url) AS try_cast(nullif(regexp_extract(url, '^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?(?:\[[^\]]*\]|[^/?#:]*):([0-9]+)', 1), '') AS BIGINT);
CREATE MACRO url_extract_path(url) AS regexp_extract(url, '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*([^?#]*)', 1);
CREATE MACRO url_extract_query(url) AS regexp_extract(url, '^[^?#]*\?([^#]*)', 1);
CREATE MACRO url_extract_fragment(url) AS regexp_extract(url, '#(.*)$', 1);
CREATE MACRO spillway_json_value(text, path) AS CASE WHEN json_type(text, path) IN ('OBJECT', 'ARRAY', 'NULL') THEN NULL ELSE json_extract_string(text, path) END;
CREATE MACRO spillway_json_query(text, path) AS CASE WHEN json_type(text, path) IN ('OBJECT', 'ARRAY') THEN json_extract(text, path)::VARCHAR ELSE NULL END;
CREATE MACRO json_array_get(text, n) AS json_extract(text, n::BIGINT)::VARCHAR;
CREATE MACRO json_size(text, path) AS CASE json_type(text, path) WHEN 'ARRAY' THEN json_array_length(text, path) WHEN 'OBJECT' THEN len(json_keys(text, path)) ELSE 0 END::BIGINT;
