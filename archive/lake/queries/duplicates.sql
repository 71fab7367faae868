-- Events that were delivered more than once in an hour, over the last seven days; the view events has one copy of each
SELECT dt, hour, sum(copies) AS delivered, count(*) AS events, sum(copies) - count(*) AS duplicates
FROM (
  SELECT dt, hour, timestamp_micros, request_id, count(*) AS copies
  FROM events_landing
  WHERE dt >= CAST(current_date - INTERVAL '6' DAY AS varchar)
  GROUP BY dt, hour, timestamp_micros, request_id
)
GROUP BY dt, hour
HAVING sum(copies) > count(*)
ORDER BY dt, hour
