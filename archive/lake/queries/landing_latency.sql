-- From acceptance to the object in S3, in seconds, by hour of arrival over the last seven days
SELECT
  dt,
  hour,
  count(*) AS events,
  approx_percentile(seconds, 0.5) AS median_seconds,
  approx_percentile(seconds, 0.99) AS p99_seconds,
  max(seconds) AS longest_seconds
FROM (
  SELECT dt, hour, date_diff('millisecond', timestamp, CAST("$file_modified_time" AS timestamp)) / 1e3 AS seconds
  FROM events_landing
  WHERE dt >= CAST(current_date - INTERVAL '6' DAY AS varchar)
)
GROUP BY dt, hour
ORDER BY dt, hour
