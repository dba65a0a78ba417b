// The official MCP client asks a team, in alternation with a claude that Node asks over pipes:
// node sdk_loop.mjs FOLDER_WITH_NODE_MODULES
// stdin:  {"command":…, "args":[…], "env":{…}, "team":…, "text":…, "claude":[PROGRAM, …], "warmup":…, "rounds":…}
// stdout: {"sdk":[microseconds, …], "pipe":[microseconds, …]}
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(process.argv[2] + "/");
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");

const plan = JSON.parse(readFileSync(0, "utf8"));
const client = new Client({ name: "iris-bench", version: "1.0.0" });
await client.connect(new StdioClientTransport({ command: plan.command, args: plan.args, env: plan.env }));

const claude = spawn(plan.claude[0], plan.claude.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
const lines = createInterface({ input: claude.stdout });
let onLine = () => {};
lines.on("line", (text) => onLine(JSON.parse(text)));
const tell = (line, type) => new Promise((resolve) => {
  onLine = (said) => said.type === type && resolve(said);
  claude.stdin.write(JSON.stringify(line) + "\n");
});
await tell({ type: "control_request", request_id: "bench", request: { subtype: "initialize" } }, "control_response");

const wanted = `ECHO: ${plan.text}`;
const ways = {
  sdk: async () => {
    const { content } = await client.callTool({
      name: "send_message", arguments: { toTeam: plan.team, message: plan.text } });
    return content[0].text;
  },
  pipe: async () => {
    const message = { role: "user", content: plan.text };
    return (await tell({ type: "user", message, uuid: randomUUID() }, "result")).result;
  },
};
const micros = { sdk: [], pipe: [] };
for (let round = -plan.warmup; round < plan.rounds; ++round) {
  for (const [name, ask] of Object.entries(ways)) {
    const begun = process.hrtime.bigint();
    const answer = await ask();
    if (answer !== wanted) throw new Error(`${name}: ${answer}`);
    if (round >= 0) micros[name].push(Number(process.hrtime.bigint() - begun) / 1000);
  }
}
console.log(JSON.stringify(micros));
claude.kill();
await client.close();
