CREATE TABLE IF NOT EXISTS visits (
  id VARCHAR(64),
  page VARCHAR,
  seconds NUMBER(10, 0),
  revenue NUMBER(12, 2),
  visited TIMESTAMP_TZ(3),
  properties VARIANT,
  PRIMARY KEY (id)
);
