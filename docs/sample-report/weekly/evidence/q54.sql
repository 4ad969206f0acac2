-- q54, behind cold-start of order-intake (supported)
-- about the invocations of q54-invocations.csv
SELECT count(*) AS n, sum(billed_ms) AS billed,
       sum(init_ms) FILTER (abs(billed_ms - ceil(duration_ms + init_ms)) <= 1) AS init
FROM invocations WHERE function = 'order-intake' AND end_time >= make_timestamp(1773014334770000)::TIMESTAMPTZ AND billed_ms IS NOT NULL
