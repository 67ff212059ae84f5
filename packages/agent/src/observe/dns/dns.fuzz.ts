import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAnswers } from "./answers.ts";
import { decodeDnsMessage, TYPE_A, TYPE_AAAA, TYPE_CNAME } from "./message.ts";
import { createNameBook, TTL_SECONDS_MAX, TTL_SECONDS_MIN } from "./name-book.ts";
import { createStreams } from "./streams.ts";
import { encodeMessage, type TestRecord } from "./testing/encode.ts";

const label = fc.stringMatching(/^[a-z0-9_-]{1,12}$/);
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
const record: fc.Arbitrary<TestRecord> = fc.oneof(
  fc.record({
    type: fc.constant(TYPE_A),
    name,
    ttl: fc.nat(100_000),
    data: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  }),
  fc.record({
    type: fc.constant(TYPE_AAAA),
    name,
    ttl: fc.nat(100_000),
    data: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  }),
  fc.record({ type: fc.constant(TYPE_CNAME), name, ttl: fc.nat(100_000), data: name }),
);
const answer = fc.record({ id: fc.nat(0xffff), name, records: fc.array(record, { maxLength: 6 }) });

describe("a DNS message", () => {
  it("says after decoding what it said before encoding", () => {
    fc.assert(
      fc.property(answer, fc.boolean(), ({ id, name: asked, records }, compressed) => {
        const bytes = encodeMessage({ id, isAnswer: true, name: asked, type: TYPE_A, records, compressed });
        const message = decodeDnsMessage(bytes);
        expect(message).toMatchObject({ id, isAnswer: true, question: { name: asked, type: TYPE_A } });
        expect(message?.answers.map((one) => [one.name, one.ttlSeconds])).toEqual(
          records.map((one) => [one.name, one.ttl]),
        );
      }),
      { numRuns: 500 },
    );
  });

  it("of any bytes, or cut or changed anywhere, never throws and never gives more than it holds", () => {
    const changed = fc
      .tuple(answer, fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 8 }), fc.nat(400))
      .map(([{ id, name: asked, records }, changes, length]) => {
        const bytes = encodeMessage({
          id,
          isAnswer: true,
          name: asked,
          type: TYPE_A,
          records,
          compressed: true,
        });
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        return bytes.subarray(0, Math.max(length, 12));
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), changed), (bytes) => {
        const message = decodeDnsMessage(bytes);
        for (const one of message?.answers ?? []) {
          expect(one.name).toMatch(/^[a-z0-9_.-]*$/);
          expect(one.name.length).toBeLessThanOrEqual(253);
        }
        expect((message?.answers ?? []).length * 11).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("answers", () => {
  it("are believed only for the socket, id, type and name that asked", () => {
    const ask = { socketCookie: 7n, timeNs: 1n, name: "a.example", id: 5, type: TYPE_A };
    fc.assert(
      fc.property(
        fc.constantFrom(7n, 8n),
        fc.constantFrom(5, 6),
        fc.constantFrom("a.example", "b.example"),
        fc.constantFrom(TYPE_A, TYPE_AAAA),
        (socketCookie, id, asked, type) => {
          const answers = createAnswers();
          const question = encodeMessage({ ...ask, isAnswer: false, records: [] });
          answers.take({ socketCookie: ask.socketCookie, toResolver: true, timeNs: 1n, bytes: question });
          const records = [{ type: TYPE_A, name: asked, ttl: 9, data: new Uint8Array([10, 0, 0, 9]) }];
          const bytes = encodeMessage({ id, isAnswer: true, name: asked, type, records });
          const message = { socketCookie, toResolver: false, timeNs: 2n, bytes };
          const isOurs = socketCookie === 7n && id === 5 && asked === "a.example" && type === TYPE_A;
          expect(answers.take(message)).toHaveLength(isOurs ? 1 : 0);
          // Once.
          expect(answers.take(message)).toHaveLength(0);
        },
      ),
    );
  });
});

describe("a stream", () => {
  it("gives the same messages however it is cut, and with pieces that come twice", () => {
    const messages = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(
        messages,
        fc.array(fc.nat(1500), { maxLength: 10 }),
        fc.boolean(),
        fc.nat(0xffffffff),
        (sent, cuts, twice, first) => {
          const whole = Buffer.concat(
            sent.map((one) => Buffer.concat([Buffer.from([one.length >> 8, one.length & 255]), one])),
          );
          const places = [...new Set([0, ...cuts.filter((cut) => cut < whole.length), whole.length])].sort(
            (a, b) => a - b,
          );
          const take = createStreams();
          const got: Uint8Array[] = [];
          for (let i = 0; i + 1 < places.length; i++) {
            const [from = 0, to = 0] = [places[i], places[i + 1]];
            const piece = { key: "k", sequence: (first + from) | 0, bytes: whole.subarray(from, to) };
            got.push(...take(piece));
            if (twice) got.push(...take(piece));
          }
          expect(got.map((one) => Buffer.from(one))).toEqual(sent.map((one) => Buffer.from(one)));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("the name book", () => {
  it("keeps a name for its TTL, but a minute at least and an hour at most, and never shortens what was said", () => {
    const address = new Uint8Array(16).fill(1);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(10_000), fc.nat(200)), { minLength: 1, maxLength: 8 }), (said) => {
        const book = createNameBook((bytes) => Buffer.from(bytes).toString("hex"));
        let now = 0n;
        let until = 0n;
        for (const [ttlSeconds, pause] of said) {
          book.expire(now);
          book.add({ name: "a", address, ttlSeconds }, now);
          const kept = Math.min(Math.max(ttlSeconds, TTL_SECONDS_MIN), TTL_SECONDS_MAX);
          const next = now + BigInt(kept) * 1_000_000_000n;
          if (next > until || until <= now) until = next > until ? next : until;
          book.expire(until - 1n);
          expect(book.nameOf(address)).toBe("a");
          now += BigInt(pause) * 1_000_000_000n;
        }
        book.expire(until);
        expect(book.addresses()).toEqual([]);
      }),
    );
  });
});
