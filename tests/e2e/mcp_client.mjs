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
// Of progress and an answer that arrive in one read the SDK handles the answer first, and complains of the progress.
// Whether progress came behind its answer is looked at here, on the wire.
const raceOfTheSdk = "Received a progress notification for an unknown token";
client.onerror = (error) => error.message.startsWith(raceOfTheSdk) || console.error(error);
const transport = new StdioClientTransport({ command: plan.command, args: plan.args, env: plan.env });
await client.connect(transport);
const handle = transport.onmessage;
const answered = new Set();
transport.onmessage = (message, extra) => {
  if (message.method === undefined) answered.add(message.id);
  else if (answered.has(message.params?.progressToken)) console.error("progress behind its answer:", message);
  handle(message, extra);
};

const progress = [];
const results = [];
const { tools } = await client.listTools();
for (const call of plan.calls) {
  results.push(await client.callTool(call, undefined, { onprogress: (one) => progress.push(one) }));
}
console.log(JSON.stringify({ server: client.getServerVersion(), tools, results, progress }));
await client.close();
