/** The kernel's reading of one packet's proof, by its test run: known answers, and packets that are nearly right. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { encodeOption, type ProvedPacket } from "../proof/option.ts";
import { exampleDatagram } from "../proof/testing/capture.ts";
import { DATAGRAM_EXAMPLE, EXAMPLE } from "../proof/testing/example.ts";
import { whyNoKernelTests } from "./testing/requirements.ts";

const BUILD = new URL("../../build/", import.meta.url);
const TOOL = fileURLToPath(new URL("proof-fuzz", BUILD));
const DATAGRAM_TOOL = fileURLToPath(new URL("datagram-fuzz", BUILD));
const PROBE = fileURLToPath(new URL("proof_probe.bpf.o", BUILD));
/** More by hand: `packages/agent/build/proof-fuzz packages/agent/build/proof_probe.bpf.o 1000000 SEED`, and `datagram-fuzz`. */
const RUNS = 200_000;

type Read = {
  readonly found: number;
  readonly mac: string;
  readonly rightMac: string;
  readonly word: number;
};

function readByKernel(packet: Buffer, tool = TOOL): Read {
  const key = Buffer.from(EXAMPLE.key).toString("hex");
  const said = execFileSync(tool, [PROBE, key, String(EXAMPLE.epoch), packet.toString("hex")]);
  return JSON.parse(said.toString()) as Read; // the tool's own format
}

/** The packet from its Ethernet header on, with these options. */
function frame(packet: ProvedPacket, options: Uint8Array): Buffer {
  const v4 = packet.source[10] === 0xff;
  const tcp = Buffer.alloc(20);
  tcp.writeUInt16BE(packet.sourcePort, 0);
  tcp.writeUInt16BE(packet.destinationPort, 2);
  tcp.writeUInt32BE(packet.sequence, 4);
  tcp.writeUInt32BE(packet.acknowledgement, 8);
  tcp.writeUInt8(((20 + options.length) / 4) << 4, 12);
  tcp.writeUInt8(packet.kind === "syn" ? 0x02 : 0x12, 13);
  const ip = Buffer.alloc(v4 ? 20 : 40);
  ip.writeUInt8(v4 ? 0x45 : 0x60, 0);
  ip.writeUInt8(6, v4 ? 9 : 6);
  const from = v4 ? 12 : 0;
  ip.set(packet.source.subarray(from), v4 ? 12 : 8);
  ip.set(packet.destination.subarray(from), v4 ? 16 : 24);
  const ethernet = Buffer.alloc(14);
  ethernet.writeUInt16BE(v4 ? 0x0800 : 0x86dd, 12);
  return Buffer.concat([ethernet, ip, tcp, options]);
}

describe.skipIf(whyNoKernelTests("proof-packets.test.ts"))("a packet's proof in the kernel", () => {
  const { packet, word, epoch, key, option } = EXAMPLE;
  const v6: ProvedPacket = {
    ...packet,
    source: Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i),
    destination: Uint8Array.from({ length: 16 }, (_, i) => 0xc0 + i),
  };
  const answer = { ...packet, kind: "syn-ack", acknowledgement: 0xfedcba98 } as const;

  test("is the documented example, byte for byte", () => {
    const read = readByKernel(frame(packet, Buffer.from(option, "hex")));
    expect(read).toMatchObject({ found: 1, mac: option.slice(16), rightMac: option.slice(16) });
  });

  test.each([
    ["a SYN over IPv6", v6],
    ["a SYN-ACK", answer],
    ["a SYN-ACK over IPv6", { ...v6, kind: "syn-ack", acknowledgement: 1 } as const],
  ])("is the reference's for %s", (_, one) => {
    const { mac, rightMac } = readByKernel(frame(one, encodeOption(word, one, epoch, key)));
    expect(rightMac).toBe(mac);
  });

  test("is found among other options, first, last and in the middle", () => {
    const proof = encodeOption(word, packet, epoch, key);
    const mss = [2, 4, 5, 0xb4];
    for (const options of [
      [...proof, ...mss],
      [...mss, ...proof],
      [...mss, 1, 1, ...proof, 1, 1],
    ])
      expect(readByKernel(frame(packet, Uint8Array.from(options))).found).toBe(1);
  });

  test("is the documented example behind a datagram, byte for byte", () => {
    const ethernet = Buffer.from("000000000000000000000000 0800".replace(" ", ""), "hex");
    const mac = DATAGRAM_EXAMPLE.surplus.slice(-16);
    const read = readByKernel(Buffer.concat([ethernet, exampleDatagram()]), DATAGRAM_TOOL);
    expect(read).toMatchObject({ found: 1, mac, rightMac: mac });
  });

  test.each([
    ["SYNs", TOOL],
    ["datagrams", DATAGRAM_TOOL],
  ])(`is read as another reader reads it in ${RUNS} %s that are nearly right`, (_, tool) => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const said = execFileSync(tool, [PROBE, String(RUNS), String(seed)]).toString();
    const { runs, found } = JSON.parse(said) as { readonly runs: number; readonly found: number };
    expect(runs).toBe(RUNS);
    // Both answers must be common, or the test says little.
    expect(Math.min(found, runs - found) / runs).toBeGreaterThan(0.1);
  });
});
