import { outageTests } from "./database-outage.js";

outageTests("mysql", "MariaDB");
