CREATE TABLE IF NOT EXISTS products (
  sku text PRIMARY KEY,
  title text NOT NULL,
  price numeric(10, 2),
  stock integer NOT NULL
);
