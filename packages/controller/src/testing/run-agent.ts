// An agent that listens, as a process of its own, for tests that hang it: `ADDRESS TOKEN`; prints a line when it is told something.
import { enrollAgent } from "./test-agent.ts";

const [url = "", token = ""] = process.argv.slice(2);
const { client, workload } = await enrollAgent(url, token, "hanging");
for await (const _ of client.subscribe({ workload, version: "test" })) process.stdout.write("told\n");
