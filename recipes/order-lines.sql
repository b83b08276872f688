CREATE TABLE IF NOT EXISTS order_lines (
  customer_id INTEGER NOT NULL,
  line_no INTEGER NOT NULL,
  article TEXT NOT NULL,
  quantity INTEGER NOT NULL,
  price NUMERIC NOT NULL,
  total NUMERIC NOT NULL,
  tags TEXT,
  PRIMARY KEY (customer_id, line_no)
);
