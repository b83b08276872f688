-- A schema of Oracle has no IF NOT EXISTS before 23ai.
CREATE TABLE invoices (
  customer_no NUMBER(10),
  invoice_no NUMBER(10),
  customer VARCHAR2(200 CHAR),
  total NUMBER(12, 2),
  issued DATE,
  paid TIMESTAMP(3) WITH TIME ZONE,
  note CLOB,
  PRIMARY KEY (customer_no, invoice_no)
);
