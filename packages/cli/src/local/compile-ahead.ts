// Reads the code that `ringwall agent run` and its start need, so that Node.js keeps it compiled; see the agent's own.
import "../main.ts";
import "./agent.ts";
import "./agent-run.ts";
