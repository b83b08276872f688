CREATE TABLE IF NOT EXISTS {{quotedTable}} (
  -- {{columns}}
) DEFAULT CHARACTER SET utf8mb4;
