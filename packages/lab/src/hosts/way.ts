import { runToEnd, type Service } from "./process.ts";

const NFT_MS_MAX = 10_000;

/** The bridge between the hosts, as somebody who owns it can set it up: by a rule that every frame it forwards meets. */
export class Way {
  readonly #router: Service;

  constructor(router: Service) {
    this.#router = router;
  }

  /** `statement` in nft(8)'s words, in place of the one before. */
  async set(statement: string): Promise<void> {
    await this.clear();
    const chain = `chain c {\ntype filter hook forward priority -300\n${statement}\n}`;
    await this.#nft(`table bridge way {\n${chain}\n}\n`);
  }

  async clear(): Promise<void> {
    await this.#nft("table bridge way\ndelete table bridge way\n");
  }

  async #nft(script: string): Promise<void> {
    const argv = ["nsenter", `--target=${this.#router.pid}`, "--net", "nft", "-f", "-"];
    const ended = await runToEnd(argv, NFT_MS_MAX, script);
    if (ended.code !== 0) throw new Error(`nft on the way: ${ended.stderr.trim()}\n${script}`);
  }
}
