-- q59, behind application-error of order-intake (supported)
-- about the invocations of q59-invocations.csv
WITH clusters AS (
  SELECT count(*) AS n, count(*) FILTER (outcome IN ('error', 'crash') AND NOT (coalesce(request_id IN (
    SELECT request_id FROM events
    WHERE function = 'order-intake' AND time >= make_timestamp(1773014334770000)::TIMESTAMPTZ AND kind IN ('warning', 'error', 'fault') AND request_id IS NOT NULL
      AND regexp_matches(message, '(?i)throttl(ing|ed)|provisionedthroughputexceeded|toomanyrequests|too many requests|rate exceeded|requestlimitexceeded|bandwidthlimitexceeded|limitexceededexception|slow ?down\b|requestthrottled|\b(status|code|http)\D{0,12}429\b') AND NOT contains(lower(message), 'task timed out')
  ), false)) AND NOT (coalesce(request_id IN (
    SELECT request_id FROM events
    WHERE function = 'order-intake' AND time >= make_timestamp(1773014334770000)::TIMESTAMPTZ AND kind IN ('warning', 'error', 'fault') AND request_id IS NOT NULL
      AND regexp_matches(message, '(?i)\be(socket)?timedout\b|\b(read|connect|connection|socket|request|gateway|operation) ?time(d ?)?out|timeout ?(error|exception)\b|timed out|deadline ?exceeded|did not answer|due to a timeout|taskcanceled') AND NOT contains(lower(message), 'task timed out')
  ), false))) AS k0
  FROM invocations WHERE function = 'order-intake' AND end_time >= make_timestamp(1773014334770000)::TIMESTAMPTZ AND outcome <> 'unknown'
  GROUP BY coalesce(stream, request_id || position)
)
SELECT sum(n)::BIGINT AS n, count(*) AS clusters, sum(n * n)::DOUBLE AS nn,
       sum(k0)::BIGINT AS k0, sum(k0 * k0)::DOUBLE AS kk0, sum(k0 * n)::DOUBLE AS kn0
FROM clusters
