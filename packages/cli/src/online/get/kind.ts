import type { Api } from "../../server/api.ts";

/** What can narrow a question; each kind uses those that make sense for it. */
export type GetOptions = {
  readonly since?: string;
  readonly workload?: string;
  readonly verdict?: string;
  readonly limit: number;
};

/** `leftOut`: what the controller has and did not list, as a sentence; null where that is nothing. */
export type Listed<T> = { readonly items: readonly T[]; readonly leftOut: string | null };

/** What the controller answered: values for programs, and the same printed for people. */
export type Answer = Listed<unknown> & { readonly print: (nowMs: number) => Promise<void> };

/** One kind of thing that `ringwall get` shows. */
export type Kind = {
  readonly ask: (api: Api, options: GetOptions) => Promise<Answer>;
  /** Told where there is nothing: what to type to get some. */
  readonly empty: string;
};

/** Makes a kind of how to ask and how to print, which share the type of the items. */
export function defineKind<T>(kind: {
  readonly ask: (api: Api, options: GetOptions) => Promise<readonly T[] | Listed<T>>;
  readonly print: (items: readonly T[], nowMs: number) => Promise<void>;
  readonly empty: string;
}): Kind {
  return {
    empty: kind.empty,
    ask: async (api, options) => {
      const answer = await kind.ask(api, options);
      const { items, leftOut } = "leftOut" in answer ? answer : { items: answer, leftOut: null };
      return { items, leftOut, print: (nowMs) => kind.print(items, nowMs) };
    },
  };
}
