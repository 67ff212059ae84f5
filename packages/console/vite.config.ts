import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { isMockScenario, startMockState } from "./mock/scenarios.ts";
import { mockHandler } from "./mock/server.ts";

/** Development talks to the mock API in the same process; RINGWALL_MOCK names the scenario. */
function mockApi(): Plugin {
  const wanted = process.env["RINGWALL_MOCK"] ?? "three-tier";
  return {
    name: "ringwall-mock-api",
    apply: "serve",
    configureServer(server) {
      if (!isMockScenario(wanted)) throw new Error(`RINGWALL_MOCK=${wanted}: no such scenario`);
      const handle = mockHandler(startMockState(wanted, Date.now()));
      server.middlewares.use((request, response, next) => {
        if (!handle(request, response)) next();
      });
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), mockApi()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2022",
    // The console's policy is strict: nothing inline, not even small pictures as data URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
  },
  worker: { format: "es" },
  server: { host: "127.0.0.1", port: 7482, strictPort: true },
});
