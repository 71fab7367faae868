// Parses SQL: a JSON object a line on standard input, {"dialect", "sql"}, and for each a line with its errors and tokens.
//   node parse.mjs FOLDER-WITH-node_modules
import { register } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// The package is written for bundlers: its modules import folders, and files without their ending.
const resolving = `export async function resolve(specifier, context, next) {
  for (const ending of ["", "/index.js", ".js"]) {
    try { return await next(specifier + ending, context); } catch (error) { if (ending === ".js") throw error; }
  }
}`;
register(`data:text/javascript,${encodeURIComponent(resolving)}`);

const { TrinoSQL, HiveSQL } = await import(pathToFileURL(`${process.argv[2]}/node_modules/dt-sql-parser/dist/index.js`));
const parsers = { trino: new TrinoSQL(), hive: new HiveSQL() };
console.error = () => {}; // ANTLR prints what validate() returns

for await (const line of createInterface({ input: process.stdin })) {
  const { dialect, sql } = JSON.parse(line);
  const parser = parsers[dialect];
  const errors = parser.validate(sql).map((error) => `${error.startLine}:${error.startColumn}: ${error.message}`);
  const tokens = parser.getAllTokens(sql).filter((token) => token.channel === 0).map((token) => [token.type, token.text]);
  const statements = (parser.splitSQLByStatement(sql) ?? []).length;
  console.log(JSON.stringify({ errors, statements, tokens }));
}
