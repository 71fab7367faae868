-- Properties whose values did not fit their columns over the last seven days, with an event for each
SELECT m.property, count(*) AS events, min(timestamp) AS first_event, max(timestamp) AS last_event,
  max_by(request_id, timestamp) AS latest_request_id
FROM events
CROSS JOIN UNNEST(CAST(json_parse(_mismatches) AS array(varchar))) AS m(property)
WHERE dt >= CAST(current_date - INTERVAL '6' DAY AS varchar) AND _mismatches IS NOT NULL
GROUP BY m.property
ORDER BY events DESC, m.property
