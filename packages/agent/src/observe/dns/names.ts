import type { NamedAddress } from "@ringwall/policy/lower";
import type { DnsPacket, KernelDns } from "../../kernel/dns.ts";
import { formatAddress } from "../../plan/print.ts";
import { parseAddress } from "../addresses.ts";
import { type AnswerCounts, createAnswers } from "./answers.ts";
import { createNameBook } from "./name-book.ts";
import type { NameStore } from "./name-store.ts";
import { createStreams } from "./streams.ts";

const UDP = 17;

export type NamesParts = {
  readonly dns: KernelDns;
  readonly bootNs: () => bigint;
  readonly readResolvers: () => Promise<readonly string[]>;
  readonly store: NameStore;
  /** Something is known that was not, or no longer: resolves when the kernel judges by it. */
  readonly onChange: () => Promise<void>;
  /** Whether any rule in force goes by names: whether a SYN may have to wait for an answer to be taken in. */
  readonly matters: () => boolean;
};

/** What the configured resolvers said lately: the one place where names and addresses meet. */
export type Names = {
  /** Takes up what an agent before this one knew, and whose answers count. */
  readonly start: () => Promise<void>;
  /** Whose answers count. */
  readonly resolvers: () => readonly string[];
  readonly addresses: () => readonly NamedAddress[];
  readonly nameOf: (address: Uint8Array) => string | undefined;
  readonly take: (packets: readonly DnsPacket[]) => Promise<void>;
  /** Forgets what has expired. */
  readonly expire: () => Promise<void>;
  /** Reads the configuration again. */
  readonly refreshResolvers: () => Promise<void>;
  /** The policy in force is another one: whether names matter may have changed. */
  readonly policyChanged: () => void;
  readonly counts: () => Readonly<AnswerCounts>;
};

export function createNames(parts: NamesParts): Names {
  const { dns } = parts;
  const book = createNameBook(formatAddress);
  const answers = createAnswers();
  const streams = createStreams();
  let takenNs = 0n;
  let resolvers: readonly string[] = [];
  let tail: Promise<void> = Promise.resolve();

  /** Messages in a packet: one by UDP; by TCP those that it completes. */
  function messagesOf(packet: DnsPacket): readonly Uint8Array[] {
    if (packet.proto === UDP) return [packet.bytes];
    const key = `${packet.socketCookie} ${packet.toResolver}`;
    return streams({ key, sequence: packet.sequence, bytes: packet.bytes });
  }

  async function take(packets: readonly DnsPacket[]): Promise<void> {
    let changed = false;
    for (const packet of packets) {
      for (const bytes of messagesOf(packet)) {
        const { socketCookie, toResolver, timeNs } = packet;
        for (const resolved of answers.take({ socketCookie, toResolver, timeNs, bytes }))
          changed = book.add(resolved, parts.bootNs()) || changed;
      }
    }
    const last = packets.at(-1)?.timeNs ?? takenNs;
    if (changed) await parts.onChange();
    takenNs = last;
    tellTaken();
    if (changed) await parts.store.save(book.dump());
  }

  async function refreshResolvers(): Promise<void> {
    resolvers = await parts.readResolvers();
    dns.setResolvers(resolvers.flatMap((text) => parseAddress(text) ?? []));
  }

  function tellTaken(): void {
    dns.setTaken(parts.matters() ? takenNs : null);
  }

  return {
    addresses: book.addresses,
    nameOf: book.nameOf,
    counts: answers.counts,
    policyChanged: tellTaken,
    take: (packets) => {
      tail = tail.then(() => take(packets));
      const done = tail;
      tail = tail.catch(() => undefined);
      return done;
    },
    expire: async () => {
      if (!book.expire(parts.bootNs())) return;
      await parts.onChange();
      await parts.store.save(book.dump());
    },
    refreshResolvers,
    resolvers: () => resolvers,
    start: async () => {
      book.load(await parts.store.load());
      book.expire(parts.bootNs());
      await refreshResolvers();
    },
  };
}
