import { describe } from "node:test";
import { startMariadb } from "../support/mariadb.js";
import { types } from "./mysql/types.js";

describe("MariaDB: what is peculiar to it", () => types(startMariadb));
