-- Each event once: from the compacted files where an hour is compacted, from what Firehose delivered where not yet.
--
-- Both halves put the same question to compacted_hours, and compare with the query's own start: a query that runs while
-- an hour is being compacted sees the hour in one of the two, whole (docs/decisions/compaction.md).
SELECT {columns}, c.dt, c.hour
FROM events_compacted c
JOIN compacted_hours h ON h.dt = c.dt AND h.hour = c.hour
WHERE from_iso8601_timestamp(h.visible_from) <= current_timestamp
UNION ALL
SELECT {columns}, c.dt, c.hour
FROM (
  SELECT l.*, row_number() OVER (PARTITION BY l.dt, l.hour, l.timestamp_micros, l.request_id) AS copy
  FROM events_landing l
  LEFT JOIN compacted_hours h ON h.dt = l.dt AND h.hour = l.hour
    AND from_iso8601_timestamp(h.visible_from) <= current_timestamp
  WHERE h.visible_from IS NULL
) c
WHERE c.copy = 1
