-- One slice of one hour: each event once, in the order of time. Braces are filled by archive/compaction/athena.py.
SELECT {columns}
FROM (
  SELECT {columns}, row_number() OVER (PARTITION BY timestamp_micros, request_id) AS copy
  FROM (
    SELECT {columns} FROM events_compacted
    WHERE dt = '{dt}' AND hour = '{hour}' AND timestamp_micros >= {first} AND timestamp_micros < {end}
    UNION ALL
    SELECT {columns} FROM events_landing
    WHERE dt = '{dt}' AND hour = '{hour}' AND timestamp_micros >= {first} AND timestamp_micros < {end}
  )
)
WHERE copy = 1
ORDER BY timestamp_micros, request_id
