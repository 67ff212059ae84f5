import { runToEnd, type Service } from "./process.ts";

const NFT_MS_MAX = 10_000;

/** IPv4 addresses. */
export type Translation = {
  readonly source: string;
  readonly outside: string;
  readonly virtual: string;
  readonly destination: string;
};

/**
 * The bridge between the hosts, as somebody who owns it can set it up: by a rule that every frame it forwards meets, or by
 * addresses that it translates in what it routes.
 */
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

  /** Who asks for `virtual` reaches `destination`, and what `source` so sends comes from `outside`. */
  async translate({ source, outside, virtual, destination }: Translation): Promise<void> {
    await this.clear();
    const before = `chain b {\ntype nat hook prerouting priority -100\nip daddr ${virtual} dnat to ${destination}\n}`;
    const behind = `ip saddr ${source} ip daddr ${destination} snat to ${outside}`;
    const after = `chain a {\ntype nat hook postrouting priority 100\n${behind}\n}`;
    await this.#nft(`table ip way {\n${before}\n${after}\n}\n`);
  }

  async clear(): Promise<void> {
    for (const family of ["bridge", "ip"])
      await this.#nft(`table ${family} way\ndelete table ${family} way\n`);
  }

  async #nft(script: string): Promise<void> {
    const argv = ["nsenter", `--target=${this.#router.pid}`, "--net", "nft", "-f", "-"];
    const ended = await runToEnd(argv, NFT_MS_MAX, script);
    if (ended.code !== 0) throw new Error(`nft on the way: ${ended.stderr.trim()}\n${script}`);
  }
}
