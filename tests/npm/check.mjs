// Reads the answers of answers.json with each client, and prints what differs from what was decoded, a line each.
import assert from "assert";
import fs from "fs";
import { clients } from "./clients.mjs";

const BODIES = { "messages-v1": "messages" };
const answering = (body) => async () => new Response(body, { headers: { "content-type": "text/event-stream" } });
const at = (answer, key) => ({ baseURL: "http://test.local", fetch: answering(answer[BODIES[key] ?? key]) });

const tally = {};
for (const answer of JSON.parse(fs.readFileSync(process.argv[2], "utf8"))) {
  for (const [who, read] of Object.entries(clients(at))) {
    const count = (tally[who] ??= { right: 0, raised: 0, wrong: 0 });
    try {
      const got = await read({ model: "m", ...answer });
      // Chat Completions has no reasoning: one client keeps the last delta of what it does not know, another nothing.
      if (who.endsWith("openai chat") && answer.reasoning.endsWith(got.reasoning)) got.reasoning = answer.reasoning;
      const { calls, text, reasoning, cut } = answer;
      assert.deepStrictEqual(got, { calls, text, reasoning, cut });
      count.right += 1;
    } catch (error) {
      if (answer.cut && !(error instanceof assert.AssertionError)) {
        count.raised += 1;
        continue;
      }
      count.wrong += 1;
      console.log(JSON.stringify({ id: answer.id, step: answer.step, who, error: String(error.message).slice(0, 600) }));
    }
  }
}
console.log(JSON.stringify({ tally }));
