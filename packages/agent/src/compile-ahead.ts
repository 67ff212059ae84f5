// Reads all code of the agent once, so that Node.js keeps it compiled (NODE_COMPILE_CACHE): an agent that has to compile
// its own code also has to load the type stripper, and keeps 25 MB of it for as long as it runs. `bin/ringwall` calls this.
await import("./agent-process.ts");
