/** For `node --import`: whoever loads oracledb gets the double that stands beside this file. */
import { register } from "node:module";

const double = new URL("./oracledb-module.ts", import.meta.url).href;
const hook = `export const resolve = (name, context, next) => next(name === "oracledb" ? ${JSON.stringify(double)} : name, context);`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
