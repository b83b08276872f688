-- CQL, for cqlsh. The first column of the primary key (or those in inner parentheses) says which node a row is on.
CREATE TABLE IF NOT EXISTS {{quotedTable}} (
  -- {{columns}}
);
