-- Where one event went, by its request id (the parameter): delivered, compacted, failed; over the last seven days
WITH wanted AS (SELECT CAST(? AS varchar) AS request_id)
SELECT 'accepted' AS what, min(timestamp) AS at, min(e.request_id) AS request_id, NULL AS detail
FROM events e JOIN wanted w ON e.request_id = w.request_id
WHERE dt >= CAST(current_date - INTERVAL '6' DAY AS varchar)
HAVING count(*) > 0
UNION ALL
SELECT 'in the lake', CAST("$file_modified_time" AS timestamp), l.request_id, "$path"
FROM events_landing l JOIN wanted w ON l.request_id = w.request_id
WHERE dt >= CAST(current_date - INTERVAL '6' DAY AS varchar)
UNION ALL
SELECT 'compacted', CAST("$file_modified_time" AS timestamp), c.request_id, "$path"
FROM events_compacted c JOIN wanted w ON c.request_id = w.request_id
WHERE dt >= CAST(current_date - INTERVAL '6' DAY AS varchar)
UNION ALL
SELECT 'dead letter', CAST(from_iso8601_timestamp(d.failed_at) AS timestamp), w.request_id,
  d.stage || ': ' || d.error.type || ': ' || d.error.message
FROM dead_letters d JOIN wanted w
  ON strpos(from_utf8(from_base64(d.data)), '"request_id":"' || w.request_id || '"') > 0
WHERE dt >= CAST(current_date - INTERVAL '6' DAY AS varchar)
UNION ALL
SELECT 'Firehose error', CAST(from_unixtime(f.attemptendingtimestamp / 1e3) AS timestamp), w.request_id,
  coalesce(f.errorcode, f.lasterrorcode) || ': ' || coalesce(f.errormessage, f.lasterrormessage)
FROM firehose_errors f JOIN wanted w
  ON strpos(from_utf8(from_base64(f.rawdata)), '"request_id":"' || w.request_id || '"') > 0
WHERE dt >= CAST(current_date - INTERVAL '6' DAY AS varchar)
ORDER BY at
