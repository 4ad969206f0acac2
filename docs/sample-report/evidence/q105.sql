-- q105, behind slow, user-authentication-service
-- q105, behind uneven, user-authentication-service
-- about the invocations of q105-invocations.csv
WITH clusters AS (
  SELECT count(*) AS n, count(*) FILTER (duration_ms > 60000.0) AS k0
  FROM invocations WHERE function = 'user-authentication-service' AND duration_ms IS NOT NULL
  GROUP BY coalesce(stream, request_id || position)
)
SELECT sum(n)::BIGINT AS n, count(*) AS clusters, sum(n * n)::DOUBLE AS nn,
       sum(k0)::BIGINT AS k0, sum(k0 * k0)::DOUBLE AS kk0, sum(k0 * n)::DOUBLE AS kn0
FROM clusters
