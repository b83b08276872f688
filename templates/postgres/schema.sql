CREATE TABLE IF NOT EXISTS {{quotedTable}} (
  -- {{columns}}
);
