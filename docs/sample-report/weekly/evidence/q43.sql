-- q43, behind retried, order-intake
-- about the invocations of q43-invocations.csv
SELECT count(*) AS invocations, count(DISTINCT stream) AS environments, count(DISTINCT request_id) AS requests,
       count(end_time) / nullif(count(DISTINCT epoch_us(end_time) // 300000000), 0) AS per_five_minutes
FROM invocations WHERE function = 'order-intake' AND end_time >= make_timestamp(1773014334770000)::TIMESTAMPTZ
