-- q144, behind uneven, user-authentication-service
-- about the invocations of q143-invocations.csv
WITH clusters AS (
  SELECT count(*) AS n, sum(duration_ms) AS y
  FROM invocations WHERE function = 'user-authentication-service' AND duration_ms > 60000.0 AND duration_ms IS NOT NULL GROUP BY coalesce(stream, request_id || position)
)
SELECT sum(y) / sum(n) AS mean, sum(n)::BIGINT AS n, count(*) AS clusters, sum(y) AS y,
       sum(y * y) AS yy, sum(y * n) AS yn, sum(n * n)::DOUBLE AS nn
FROM clusters
