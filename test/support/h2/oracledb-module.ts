/** The double of the driver as a module, in place of oracledb: over the H2 at this port. */
import { openH2 } from "../h2.js";
import { oracledbOnH2 } from "./oracledb.js";

const {
  WBSYNC_TEST_H2_PORT: port,
  WBSYNC_TEST_H2_USER: user = "",
  WBSYNC_TEST_H2_PASSWORD: password = "",
} = process.env;

export default oracledbOnH2({ connect: () => openH2(Number(port)) }, { user, password });
