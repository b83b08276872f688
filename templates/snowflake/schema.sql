-- Snowflake does not enforce the primary key: wbsync keeps it by MERGE, and asks that it is declared.
CREATE TABLE IF NOT EXISTS {{quotedTable}} (
  -- {{columns}}
);
