import { outageTests } from "./database-outage.js";

outageTests("postgres", "PostgreSQL");
