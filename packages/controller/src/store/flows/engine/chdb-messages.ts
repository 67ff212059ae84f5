import type { SqlParameters } from "./engine.ts";

/** What the controller asks of the chDB child. */
export type ChdbRequest = { readonly id: number } & (
  | { readonly kind: "query"; readonly sql: string; readonly parameters: SqlParameters }
  | { readonly kind: "command"; readonly sql: string }
  | {
      readonly kind: "insert";
      readonly table: string;
      readonly columns: readonly string[];
      readonly rows: Uint8Array;
    }
  | { readonly kind: "close" }
);

/** What the child answers; `ready` comes once, before everything else. */
export type ChdbReply =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "done"; readonly id: number; readonly text: string }
  | { readonly kind: "error"; readonly id: number; readonly message: string };
