-- Each event once: from the compacted files where an hour is compacted, from what Firehose delivered where not yet.
--
-- Both halves ask compacted_hours the same question, and compare with the query's own start: a query that runs while an
-- hour is being compacted sees the hour in one of the two, whole. The second half joins the hours that are open, a few
-- rows, instead of leaving out those that are not: so the engine knows which partitions of events_landing to read before
-- it reads one (docs/decisions/compaction.md). timestamp stands in the window's key for a condition on it to pass below.
SELECT {columns}, c.dt, c.hour
FROM events_compacted c
JOIN compacted_hours h ON h.dt = c.dt AND h.hour = c.hour
WHERE from_iso8601_timestamp(h.visible_from) <= current_timestamp
UNION ALL
SELECT {columns}, c.dt, c.hour
FROM (
  SELECT l.*, row_number() OVER (PARTITION BY l.dt, l.hour, l.timestamp, l.timestamp_micros, l.request_id) AS copy
  FROM events_landing l
  JOIN (
    SELECT date_format(day, '%Y-%m-%d') AS dt, lpad(CAST(h AS varchar), 2, '0') AS hour
    FROM UNNEST(sequence(DATE '{first_day}', current_date, INTERVAL '1' DAY)) AS days(day)
    CROSS JOIN UNNEST(sequence(0, 23)) AS hours(h)
    EXCEPT
    SELECT dt, hour FROM compacted_hours WHERE from_iso8601_timestamp(visible_from) <= current_timestamp
  ) o ON o.dt = l.dt AND o.hour = l.hour
) c
WHERE c.copy = 1
