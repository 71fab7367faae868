-- Events by the hour in which the pipeline accepted them, over the last seven days
SELECT date_trunc('hour', timestamp) AS accepted, count(*) AS events
FROM events
WHERE dt >= CAST(current_date - INTERVAL '6' DAY AS varchar)
GROUP BY 1
ORDER BY 1
