CREATE TABLE {{quotedTable}} (
  -- {{columns}}
);
