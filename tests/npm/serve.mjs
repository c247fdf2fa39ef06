// Asks `wireproto serve` for each case of cases.json with each client, and prints what is not as it should be, a line each.
import assert from "assert";
import fs from "fs";
import { clients } from "./clients.mjs";

const { address, cases } = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const at = (_, key) => ({ baseURL: key == "messages" ? address : `${address}/v1` });
const tally = {};

async function verdict(read, one) {
  let got;
  try {
    got = await read(one);
  } catch (error) {
    // A slip of a client in its own code is no report of an error.
    return one.kind == "good" || error instanceof TypeError ? `raised ${error?.stack ?? JSON.stringify(error)}` : "raised";
  }
  if (one.kind == "bad") return `a silent success: ${JSON.stringify(got)}`;
  const { calls, text, cut } = got;
  // What was cut has no call that could be run; how much of its text is shown is the client's affair.
  const said = one.kind == "cut" ? { calls, cut } : { calls, text, cut };
  const wanted = one.kind == "cut" ? { calls: [], cut: true } : { calls: one.calls, text: one.text, cut: false };
  try {
    assert.deepStrictEqual(said, wanted);
  } catch {
    return `read ${JSON.stringify(got)}`;
  }
  return "right";
}

for (const one of cases) {
  for (const [who, read] of Object.entries(clients(at))) {
    const found = await verdict(read, one);
    const count = (tally[who] ??= { right: 0, raised: 0, wrong: 0 });
    const known = found == "right" || found == "raised";
    count[known ? found : "wrong"] += 1;
    if (!known) console.log(JSON.stringify({ case: one.model, who, found: found.slice(0, 600) }));
  }
}
console.log(JSON.stringify({ tally }));
