-- q42, behind uneven-environments, stock-sync
-- about the invocations of q42-invocations.csv
SELECT count(*) AS invocations, count(DISTINCT stream) AS environments,
       count(end_time) / nullif(count(DISTINCT epoch_us(end_time) // 300000000), 0) AS per_five_minutes
FROM invocations WHERE function = 'stock-sync'
