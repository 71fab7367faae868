-- Who sends most: the twenty addresses and programs with the most events over the last seven days
SELECT
  source_ip,
  user_agent,
  count(*) AS events,
  sum(length(payload)) AS payload_characters,
  min(timestamp) AS first_event,
  max(timestamp) AS last_event
FROM events
WHERE dt >= CAST(current_date - INTERVAL '6' DAY AS varchar)
GROUP BY source_ip, user_agent
ORDER BY events DESC, source_ip, user_agent
LIMIT 20
