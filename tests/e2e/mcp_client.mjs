// The official MCP client, as a program: node mcp_client.mjs FOLDER_WITH_NODE_MODULES
// stdin:  {"command":…, "args":[…], "env":{…}, "calls":[{"name":…, "arguments":{…}}, …]}
// stdout: {"server":…, "tools":[…], "results":[…], "progress":[…]}; the calls are made one by one.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.argv[2] + "/");
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");

const plan = JSON.parse(readFileSync(0, "utf8"));
const client = new Client({ name: "iris-test", version: "1.0.0" });
client.onerror = (error) => console.error(error);
await client.connect(new StdioClientTransport({ command: plan.command, args: plan.args, env: plan.env }));

const progress = [];
const results = [];
const { tools } = await client.listTools();
for (const call of plan.calls) {
  results.push(await client.callTool(call, undefined, { onprogress: (one) => progress.push(one) }));
}
console.log(JSON.stringify({ server: client.getServerVersion(), tools, results, progress }));
await client.close();
