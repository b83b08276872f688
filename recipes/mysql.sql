-- The key is compared byte by byte (utf8mb4_bin), as Redis compares keys: customer:ada and customer:Ada are two rows.
CREATE TABLE IF NOT EXISTS customers (
  id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  name VARCHAR(100) NOT NULL,
  email VARCHAR(200),
  since DATE,
  balance DECIMAL(12, 2) NOT NULL,
  active BOOLEAN NOT NULL,
  updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
);
