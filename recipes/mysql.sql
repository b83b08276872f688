-- The key is compared character by character (utf8mb4_bin): customer:ada and customer:Ada are two rows, as they are two keys in Redis.
-- Blanks at its end are all that this collation does not see, so a key that ends in one becomes a dead letter.
CREATE TABLE IF NOT EXISTS customers (
  id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  email VARCHAR(200),
  since DATE,
  balance DECIMAL(12, 2) NOT NULL,
  active BOOLEAN NOT NULL,
  updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
);
