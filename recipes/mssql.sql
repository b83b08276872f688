-- Keys in Redis are told apart by every byte: so is this column, where others take "a1" for "A1".
CREATE TABLE invoices (
  number nvarchar(40) COLLATE Latin1_General_BIN2 PRIMARY KEY,
  customer nvarchar(100),
  total decimal(12, 2),
  paid bit NOT NULL,
  due date,
  sent datetimeoffset(3),
  note nvarchar(max)
);
