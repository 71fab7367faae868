-- One slice of one hour: each event once, in the order of time. archive/compaction/athena.py fills the braces.
--
-- Copies of an event differ in what is null where the event schema changed between two deliveries: arbitrary takes a
-- value that is not null. The numbers are the values of archive.compaction.copies.Origin: the least of a key's copies decides.
SELECT {merged}
FROM (
  SELECT {columns}, 1 AS origin FROM events_compacted
  WHERE dt = '{dt}' AND hour = '{hour}' AND timestamp_micros >= {first} AND timestamp_micros < {end}
  UNION ALL
  SELECT {columns}, 3 AS origin FROM events_landing
  WHERE dt = '{dt}' AND hour = '{hour}' AND timestamp_micros >= {first} AND timestamp_micros < {end}
) o
LEFT JOIN (
  SELECT timestamp_micros AS key_micros, request_id AS key_id, min(origin) AS origin
  FROM (
    SELECT timestamp_micros, request_id, 0 AS origin FROM events_compacted
    WHERE dt = '{earlier_dt}' AND hour = '{earlier_hour}' AND timestamp_micros >= {first} AND timestamp_micros < {end}
    UNION ALL
    SELECT timestamp_micros, request_id, 2 AS origin FROM events_compacted
    WHERE dt = '{later_dt}' AND hour = '{later_hour}' AND timestamp_micros >= {first} AND timestamp_micros < {end}
  )
  GROUP BY timestamp_micros, request_id
) n ON n.key_micros = o.timestamp_micros AND n.key_id = o.request_id
GROUP BY timestamp_micros, request_id
HAVING min(o.origin) < coalesce(min(n.origin), 4)
ORDER BY timestamp_micros, request_id
