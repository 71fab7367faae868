-- What could not be written or converted, by reason, over the last seven days
SELECT
  'table' AS bound_for, stage, error.type AS reason, count(*) AS records, min(failed_at) AS first, max(failed_at) AS last,
  max_by(error.message, failed_at) AS latest_message
FROM dead_letters
WHERE dt >= CAST(current_date - INTERVAL '6' DAY AS varchar)
GROUP BY stage, error.type
UNION ALL
SELECT
  'lake', error_type, coalesce(errorcode, lasterrorcode), count(*), min(dt || ' ' || hour || ':00'),
  max(dt || ' ' || hour || ':00'), max_by(coalesce(errormessage, lasterrormessage), attemptendingtimestamp)
FROM firehose_errors
WHERE dt >= CAST(current_date - INTERVAL '6' DAY AS varchar)
GROUP BY error_type, coalesce(errorcode, lasterrorcode)
ORDER BY records DESC
