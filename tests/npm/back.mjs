// Has the AI SDK go on after a call, and prints what it sends: a line of JSON for each API.
import fs from "fs";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { jsonSchema, stepCountIs, streamText, tool } from "ai";

globalThis.AI_SDK_LOG_WARNINGS = false;
const bodies = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));

async function second(api, make, options) {
  const seen = [];
  const fetch = async (_, init) => {
    seen.push(JSON.parse(init.body));
    const body = bodies[api][seen.length - 1];
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
  const execute = async () => "done";
  const inputSchema = jsonSchema({ type: "object", additionalProperties: true });
  const tools = { f: tool({ inputSchema, execute }) };
  const result = streamText({ model: make(fetch), prompt: "x", tools, stopWhen: stepCountIs(2), ...options });
  for await (const part of result.fullStream) if (part.type == "error") throw part.error;
  return seen[1];
}

const kept = { providerOptions: { openai: { store: false, include: ["reasoning.encrypted_content"] } } };
const apis = {
  messages: [(fetch) => createAnthropic({ apiKey: "x", fetch })("claude-sonnet-4-5"), {}],
  responses: [(fetch) => createOpenAI({ apiKey: "x", fetch }).responses("gpt-5"), kept],
};
for (const [api, [make, options]] of Object.entries(apis)) {
  console.log(JSON.stringify([api, await second(api, make, options)]));
}
