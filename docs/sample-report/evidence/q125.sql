-- q125, behind application-error of user-authentication-service (supported)
-- about the invocations of q125-invocations.csv
WITH groups AS (
  SELECT fingerprint, count(*) AS k FROM invocations WHERE function = 'user-authentication-service' AND outcome IN ('error', 'crash', 'init_failure') GROUP BY fingerprint
)
SELECT max(k) AS k, sum(k)::BIGINT AS n FROM groups
