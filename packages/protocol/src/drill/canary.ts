/** Which end's kernel is to refuse. */
export type End = "sender" | "receiver";

/** What an attempt needs of the host beyond what every user has. */
export type Need = "root" | "python3" | "user-namespaces";

/** One attempt of the drill: a row of the bypass list. */
export type Canary = {
  readonly id: string;
  /** What it tries, in words for the table. */
  readonly tries: string;
  readonly end: End;
  readonly proto: "tcp" | "udp";
  readonly needs: readonly Need[];
  /** Null: every kernel refuses it. Else why some can't, and what an attacker needs for it. */
  readonly open: Open | null;
  readonly run: Run;
};

export type Open = {
  /** The hosts' features (`capabilities.ts`, `proof`, `datagram-proof`) of which each closes it; empty where nothing here does. */
  readonly closedBy: readonly string[];
  /** What somebody must hold to do it. */
  readonly needs: string;
  readonly why: string;
};

export type Run =
  /** `ringwall-canary NAME`; `unprivileged`: as nobody. */
  | { readonly program: "canary"; readonly attempt: string; readonly unprivileged: boolean }
  /** The allowed program itself: shows that the way is open. */
  | { readonly program: "decoy" }
  /** python3, as `how` says. */
  | { readonly program: "python"; readonly how: PythonForm };

export const pythonForms = [
  "decoy",
  "other-script",
  "inline",
  "stdin",
  "forge-arguments",
  "module-path",
  "home",
  "swap-file",
  "swap-folder",
  "take-mount-away",
] as const;
export type PythonForm = (typeof pythonForms)[number];
