-- All days of a sensor are one partition, the newest first.
CREATE TABLE IF NOT EXISTS daily_readings (
  sensor text,
  day date,
  low decimal,
  high decimal,
  samples bigint,
  updated timestamp,
  note text,
  PRIMARY KEY (sensor, day)
) WITH CLUSTERING ORDER BY (day DESC);
