CREATE SCHEMA IF NOT EXISTS app;

CREATE TABLE IF NOT EXISTS app.events (
  id uuid PRIMARY KEY,
  kind text NOT NULL,
  at timestamptz,
  payload jsonb,
  received timestamptz NOT NULL DEFAULT now()
);
